//! Which registry an image is from, and whose credentials are for it.

use driver_core::Credentials;

use super::super::reference::{DEFAULT_DOMAIN, Reference};

/// Other names of Docker Hub, as clients write them into `server_address`.
const DOCKER_HUB: [&str; 2] = ["index.docker.io", DOCKER_HUB_SERVER];
/// Docker Hub's server.
const DOCKER_HUB_SERVER: &str = "registry-1.docker.io";

/// Which registry is asked, and as whom. Who asks it otherwise than another takes no part in that one's pulls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// Host of the registry, with its port if it has one.
    domain: String,
    /// What it gets when it asks.
    credentials: Option<Credentials>,
    /// The registries that the credentials at hand are for when none of them are for this one.
    kept_for: Vec<String>,
}

impl Access {
    /// The access to a reference's registry, with the first credentials that are for it.
    pub(crate) fn to(reference: &Reference, credentials: &[Credentials]) -> Self {
        let domain = reference.domain();
        let chosen = credentials.iter().find(|credentials| is_for(credentials, domain));
        let kept_for = match chosen {
            Some(_) => Vec::new(),
            None => credentials.iter().map(|credentials| credentials.server().to_owned()).collect(),
        };
        Self { domain: domain.to_owned(), credentials: chosen.cloned(), kept_for }
    }

    /// Host of the server that speaks for the registry, with its port if it has one.
    pub(super) fn server(&self) -> &str {
        if self.domain == DEFAULT_DOMAIN { DOCKER_HUB_SERVER } else { &self.domain }
    }

    /// What the registry gets when it asks.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The registries that credentials were kept for instead of being sent to this one.
    pub(crate) fn kept_for(&self) -> &[String] {
        &self.kept_for
    }

    /// Whether a text may be shown: one that repeats the password is not.
    pub(super) fn may_show(&self, text: &str) -> bool {
        self.credentials.as_ref().is_none_or(|credentials| !text.contains(credentials.password()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn access(image: &str, credentials: &[Credentials]) -> Access {
        Access::to(&Reference::parse(image).unwrap(), credentials)
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
}
