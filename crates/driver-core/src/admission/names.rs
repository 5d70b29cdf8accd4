//! Names in the container: `hostname`, `extra_hosts` and the task's `user`.

use std::net::IpAddr;

use linux_host::hosts::HostEntry;
use linux_host::users;

use crate::refusal::Refusal;

pub(super) fn check_hostname(hostname: &str) -> Result<(), Refusal> {
    if hostname.is_empty() || oci_builder::check_hostname(hostname).is_ok() {
        return Ok(());
    }
    let accepted = "1 to 64 bytes of letters, digits, '-', '_' and '.' are accepted";
    Err(Refusal::new("hostname", hostname, accepted))
}

/// Whether the image has such a user is seen when there is an image.
pub(super) fn check_user(user: &str) -> Result<(), Refusal> {
    if user.is_empty() || users::is_user(user) {
        return Ok(());
    }
    let accepted =
        "\"user\" or \"user:group\" is accepted, each a name in the image or a number up to 2147483647";
    Err(Refusal::new("user", user, accepted))
}

/// The lines that a job adds to the hosts file.
pub(super) fn extra_hosts(hosts: &[String]) -> Result<Vec<HostEntry>, Refusal> {
    hosts.iter().map(|text| entry(text).ok_or_else(|| refused(text))).collect()
}

fn refused(text: &str) -> Refusal {
    if text.ends_with(":host-gateway") {
        let accepted = "there is no gateway of docker's here; an IPv4 or IPv6 address of the host is accepted, such \
                        as \"db:10.0.0.5\"";
        return Refusal::new("extra_hosts", text, accepted);
    }
    let accepted = "a name and an IPv4 or IPv6 address with a colon between them, such as \"db:10.0.0.5\", \
                    is accepted";
    Refusal::new("extra_hosts", text, accepted)
}

/// Reads `name:address`, the address of IPv6 also in brackets.
fn entry(text: &str) -> Option<HostEntry> {
    let (name, address) = text.split_once(':')?;
    let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = address.parse().ok()?;
    oci_builder::check_hostname(name).ok()?;
    Some(HostEntry { address, names: vec![name.to_owned()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match extra_hosts(&[text.to_owned()]) {
            Ok(entries) => entries.iter().map(|e| format!("{} {}", e.address, e.names.join(" "))).collect(),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn a_name_and_an_address_of_either_kind_are_a_line() {
        assert_eq!(read("db:10.0.0.5"), "10.0.0.5 db");
        assert_eq!(read("db.local:2001:db8::1"), "2001:db8::1 db.local");
        assert_eq!(read("db:[::1]"), "::1 db");
    }

    #[test]
    fn anything_else_would_not_be_one_line_and_is_refused() {
        expect_test::expect![[r#"extra_hosts = "db": a name and an IPv4 or IPv6 address with a colon between them, such as "db:10.0.0.5", is accepted"#]].assert_eq(&read("db"));
        expect_test::expect![[r#"extra_hosts = "host.docker.internal:host-gateway": there is no gateway of docker's here; an IPv4 or IPv6 address of the host is accepted, such as "db:10.0.0.5""#]].assert_eq(&read("host.docker.internal:host-gateway"));
        for text in ["", ":10.0.0.5", "db:", "db:host", "a b:10.0.0.5", "a\nb:10.0.0.5", "db:10.0.0.5\n::1 x"]
        {
            assert!(read(text).starts_with("extra_hosts = "), "{text}");
        }
    }

    #[test]
    fn a_user_has_the_form_of_one() {
        for user in ["", "root", "0", "root:0", "65534:nogroup", "domain user", "a-b.c_d$"] {
            assert_eq!(check_user(user), Ok(()));
        }
        expect_test::expect![[r#"user = "a:b:c": "user" or "user:group" is accepted, each a name in the image or a number up to 2147483647"#]].assert_eq(&check_user("a:b:c").unwrap_err().to_string());
        for user in ["-1", ":x", "x:", ":", "a:-1", "2147483648", "0:99999999999999999999", "a\0", "a\nb"] {
            assert!(check_user(user).is_err(), "{user:?}");
        }
    }

    #[test]
    fn the_longest_host_name_has_64_bytes() {
        assert!(check_hostname(&"a".repeat(64)).is_ok());
        assert!(check_hostname(&"a".repeat(65)).is_err());
        assert!(check_hostname("a b").is_err());
    }
}
