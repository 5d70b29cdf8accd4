//! How a registry is reached, and with whose credentials.

use driver_core::Credentials;

use super::super::reference::{DEFAULT_DOMAIN, Reference};

/// Other names of Docker Hub, as clients write them into `server_address`.
const DOCKER_HUB: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];

/// How a registry is reached: the place where mirrors, authorities and `hosts.toml` belong. Who reaches it otherwise than
/// another takes no part in that one's pulls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// Host of the registry, with its port if it has one.
    domain: String,
    /// Whether it speaks plain HTTP.
    plain_http: bool,
    /// What it gets when it asks.
    credentials: Option<Credentials>,
    /// The registries that the credentials at hand are for when none of them are for this one.
    kept_for: Vec<String>,
}

impl Access {
    /// The access to a reference's registry: with the first credentials that are for it, and without TLS on this host's
    /// own loopback addresses only, as other clients have it.
    pub(crate) fn to(reference: &Reference, credentials: &[Credentials]) -> Self {
        let domain = reference.domain();
        let chosen = credentials.iter().find(|credentials| is_for(credentials, domain));
        let kept_for = match chosen {
            Some(_) => Vec::new(),
            None => credentials.iter().map(|credentials| credentials.server().to_owned()).collect(),
        };
        Self {
            domain: domain.to_owned(),
            plain_http: is_loopback(domain),
            credentials: chosen.cloned(),
            kept_for,
        }
    }

    /// Whether the registry speaks plain HTTP.
    pub(super) fn is_plain_http(&self) -> bool {
        self.plain_http
    }

    /// Where the distribution protocol begins, with a slash at its end.
    pub(super) fn base(&self, image: &oci_client::Reference) -> String {
        let scheme = if self.plain_http { "http" } else { "https" };
        format!("{scheme}://{}/v2/", image.resolve_registry())
    }

    /// The address of an image's manifest.
    pub(super) fn manifest(&self, image: &oci_client::Reference) -> String {
        let version = image.digest().or(image.tag()).unwrap_or("latest");
        format!("{}{}/manifests/{version}", self.base(image), image.repository())
    }

    /// What the registry gets when it asks.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The registries that credentials were kept for instead of being sent to this one.
    pub(crate) fn kept_for(&self) -> &[String] {
        &self.kept_for
    }

    /// Whether credentials may travel to this address on the registry's word: over TLS, or within this host when the
    /// registry itself is reached so.
    pub(super) fn may_carry_credentials(&self, url: &reqwest::Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => self.plain_http && url.host_str().is_some_and(is_loopback),
            _ => false,
        }
    }

    /// The sentence for an image that the registry does not let this client have. Registries answer alike for what is
    /// not there and for what may not be seen.
    pub(super) fn denied(&self) -> String {
        let Self { domain, credentials, kept_for, .. } = self;
        match (credentials, kept_for.as_slice()) {
            (Some(credentials), _) => format!(
                "access denied: {domain} refuses user {:?}: the password is wrong, or the user may not have the image",
                credentials.user()
            ),
            (None, []) => "access denied: it does not exist, or needs credentials".to_owned(),
            (None, others) => format!(
                "access denied: it does not exist, or needs credentials; those in auth are for {} and were not sent to \
                 {domain}",
                others.join(" and ")
            ),
        }
    }
}

/// Whether credentials are for the registry of this name. Their server may be written as an address.
fn is_for(credentials: &Credentials, domain: &str) -> bool {
    let server = credentials.server();
    if server.is_empty() {
        return true;
    }
    let after_scheme = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = after_scheme.split('/').next().unwrap_or_default();
    one_name(host) == one_name(domain)
}

fn one_name(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if DOCKER_HUB.contains(&host.as_str()) { DEFAULT_DOMAIN.to_owned() } else { host }
}

/// Whether a host, with its port if it has one, is this machine by its very name.
fn is_loopback(domain: &str) -> bool {
    let host = match domain.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => domain,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(image: &str, credentials: &[Credentials]) -> Access {
        Access::to(&Reference::parse(image).unwrap(), credentials)
    }

    #[test]
    fn only_this_hosts_own_registries_are_asked_without_tls() {
        for domain in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(domain), "{domain}");
        }
        for domain in ["docker.io", "registry:5000", "10.0.0.1:5000", "localhost.example.com", "[fe80::1]:80"]
        {
            assert!(!is_loopback(domain), "{domain}");
        }
    }

    #[test]
    fn the_first_credentials_that_are_for_the_registry_are_sent_to_it() {
        let of = |user: &str, server: &str| Credentials::new(user, "secret", server);
        let user = |image: &str, credentials: &[Credentials]| {
            access(image, credentials).credentials().map(|chosen| chosen.user().to_owned())
        };
        let both = [of("task", ""), of("plugin", "")];
        assert_eq!(user("r.example.com/a", &both).as_deref(), Some("task"));
        let elsewhere = [of("task", "other.example.com"), of("plugin", "r.example.com:5000")];
        assert_eq!(user("r.example.com:5000/a", &elsewhere).as_deref(), Some("plugin"));
        assert_eq!(user("r.example.com/a", &elsewhere), None);
        assert_eq!(user("r.example.com.evil.org/a", &elsewhere), None);
        for hub in ["docker.io", "https://Index.docker.io/v1/", "registry-1.docker.io"] {
            for image in ["alice/tool", "registry-1.docker.io/alice/tool"] {
                assert_eq!(user(image, &[of("hub", hub)]).as_deref(), Some("hub"), "{hub} {image}");
            }
            assert_eq!(user("r.example.com/tool", &[of("hub", hub)]), None, "{hub}");
        }
    }

    #[test]
    fn a_refusal_says_whose_credentials_it_is_about_and_no_password() {
        let credentials = |server: &str| Credentials::new("alice", "hunter2", server);
        let told = [
            access("r.example.com/a", &[credentials("")]).denied(),
            access("r.example.com/a", &[]).denied(),
            access("r.example.com/a", &[credentials("s.example.com"), credentials("docker.io")]).denied(),
        ];
        expect_test::expect![[r#"
            access denied: r.example.com refuses user "alice": the password is wrong, or the user may not have the image
            access denied: it does not exist, or needs credentials
            access denied: it does not exist, or needs credentials; those in auth are for s.example.com and docker.io and were not sent to r.example.com"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn credentials_travel_over_tls_or_within_this_host() {
        let may = |image: &str, url: &str| {
            access(image, &[]).may_carry_credentials(&reqwest::Url::parse(url).unwrap())
        };
        assert!(may("r.example.com/a", "https://auth.example.com/token"));
        assert!(!may("r.example.com/a", "http://auth.example.com/token"));
        assert!(!may("r.example.com/a", "http://127.0.0.1:5001/token"));
        assert!(may("127.0.0.1:5000/a", "http://127.0.0.1:5001/token"));
        assert!(may("127.0.0.1:5000/a", "http://[::1]:5001/token"));
        assert!(!may("127.0.0.1:5000/a", "http://auth.example.com/token"));
        assert!(!may("127.0.0.1:5000/a", "ftp://127.0.0.1/token"));
    }
}
