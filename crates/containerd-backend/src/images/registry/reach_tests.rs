//! Tests of what a registry may send this host to.

use super::*;

const OWN: &str = "192.0.2.7";

fn reach(registry: Place) -> Reach {
    Reach { registry, own: Arc::new([OWN.parse().unwrap()]) }
}

fn goes(registry: Place, host: &str) -> bool {
    reach(registry).check(&Url::parse(&format!("https://{host}/x")).unwrap()).is_ok()
}

const WITHIN: [&str; 10] = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0.0.0.0]",
    // The same, as browsers read addresses.
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
];
const ON_THE_LINK: [&str; 4] = ["169.254.169.254", "169.254.0.1", "[fe80::1]", "[::ffff:169.254.169.254]"];
const NOWHERE: [&str; 4] = ["224.0.0.1", "255.255.255.255", "[ff02::1]", "[::ffff:224.0.0.1]"];

#[test]
fn a_registry_elsewhere_sends_nobody_to_this_host_or_to_its_link() {
    for host in WITHIN.into_iter().chain(ON_THE_LINK).chain(NOWHERE).chain([OWN, "[::ffff:192.0.2.7]"]) {
        assert!(!goes(Place::Elsewhere, host), "{host}");
    }
    for host in ["192.0.2.8", "10.0.0.1", "[2001:db8::1]", "[fd00::1]", "storage.example.com"] {
        assert!(goes(Place::Elsewhere, host), "{host}");
    }
}

#[test]
fn a_registry_of_this_host_may_name_this_host() {
    for host in WITHIN.into_iter().chain([OWN]) {
        assert!(goes(Place::Loopback, host), "{host}");
    }
    for host in ON_THE_LINK.into_iter().chain(NOWHERE) {
        assert!(!goes(Place::Loopback, host), "{host}");
    }
}

#[test]
fn a_registry_at_an_interface_does_not_lead_further_into_this_host() {
    assert!(goes(Place::Interface, OWN));
    for host in WITHIN.into_iter().chain(ON_THE_LINK) {
        assert!(!goes(Place::Interface, host), "{host}");
    }
}

#[test]
fn a_registry_on_the_link_may_name_the_link() {
    for host in ON_THE_LINK {
        assert!(goes(Place::LinkLocal, host), "{host}");
    }
    for host in WITHIN.into_iter().chain(NOWHERE).chain([OWN]) {
        assert!(!goes(Place::LinkLocal, host), "{host}");
    }
}

fn dialled(registry: Place, host: &str, found: &[&str]) -> Result<Vec<String>, String> {
    let found = found.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0));
    let allowed = reach(registry).allowed(host, found).map_err(|error| error.to_string())?;
    Ok(allowed.iter().map(|address| address.ip().to_string()).collect())
}

#[test]
fn of_a_names_addresses_those_alone_are_dialled_that_may_be() {
    assert_eq!(
        dialled(Place::Elsewhere, "evil.example.com", &["203.0.113.5", "127.0.0.1", "169.254.169.254"]),
        Ok(vec!["203.0.113.5".to_owned()])
    );
    expect_test::expect!["evil.example.com (127.0.0.1), an address of this host"]
        .assert_eq(&dialled(Place::Elsewhere, "evil.example.com", &["127.0.0.1"]).unwrap_err());
    expect_test::expect!["evil.example.com (169.254.169.254), a link-local address"]
        .assert_eq(&dialled(Place::Loopback, "evil.example.com", &["169.254.169.254"]).unwrap_err());
}

#[test]
fn the_name_of_this_host_leads_nowhere_else() {
    assert_eq!(
        dialled(Place::Loopback, "localhost", &["203.0.113.5", "::1", "127.0.0.1"]),
        Ok(vec!["::1".to_owned(), "127.0.0.1".to_owned()])
    );
}

#[tokio::test]
async fn a_registrys_place_is_that_of_its_address() {
    for (host, expected) in [
        ("127.0.0.1", Place::Loopback),
        ("[::1]", Place::Loopback),
        ("localhost", Place::Loopback),
        ("0.0.0.0", Place::Loopback),
        ("169.254.1.1", Place::LinkLocal),
        ("203.0.113.1", Place::Elsewhere),
    ] {
        assert_eq!(Reach::of(Some(host)).await.registry, expected, "{host}");
    }
}

#[test]
fn only_this_hosts_own_names_are_loopback() {
    for domain in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "[::1]"] {
        assert!(is_loopback(without_port(domain)), "{domain}");
    }
    for domain in ["docker.io", "registry:5000", "10.0.0.1:5000", "localhost.example.com", "[fe80::1]:80"] {
        assert!(!is_loopback(without_port(domain)), "{domain}");
    }
}
