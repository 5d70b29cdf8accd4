//! A task's /etc/resolv.conf.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use crate::document::{self, DocumentError};

/// The host's resolver file.
const HOST: &str = "/etc/resolv.conf";
/// Where systemd-resolved lists the servers that its stub forwards to (systemd-resolved.service(8)).
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";

/// The parts of a resolv.conf that matter; everything else is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// Name servers in order.
    pub servers: Vec<String>,
    /// Search domains in order.
    pub searches: Vec<String>,
    /// Options in order.
    pub options: Vec<String>,
}

/// Which network a resolver file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The host's network: a resolver on a loopback address is reachable.
    HostNetwork,
    /// A network namespace of its own: it is not.
    OwnNetwork,
}

/// The largest file of a host that is read, in bytes; the C library itself uses three servers.
const HOST_MAX: u64 = 1024 * 1024;

impl ResolvConf {
    /// Parses the text of a resolv.conf as resolv.conf(5) says; the last `search` or `domain` line wins.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace().map(str::to_owned);
            match words.next().as_deref() {
                Some("nameserver") => conf.servers.extend(words.next()),
                Some("search") => conf.searches = words.collect(),
                Some("domain") => conf.searches = words.take(1).collect(),
                Some("options") => conf.options.extend(words),
                _ => {}
            }
        }
        conf
    }

    /// Reads the host's: for a network of its own, systemd-resolved's list of real servers when the host's file
    /// only names its stub, and never a loopback server. An absent file is an empty one.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn of_host(reach: Reach) -> Result<Self, DocumentError> {
        Self::from_files(Path::new(HOST), Path::new(RESOLVED), reach)
    }

    fn from_files(host: &Path, resolved: &Path, reach: Reach) -> Result<Self, DocumentError> {
        let conf = Self::read(host)?;
        if reach == Reach::HostNetwork {
            return Ok(conf);
        }
        let mut conf = if conf.only_loopback() {
            let real = Self::read(resolved)?;
            if real.servers.is_empty() { conf } else { real }
        } else {
            conf
        };
        conf.servers.retain(|server| !is_loopback(server));
        Ok(conf)
    }

    fn read(path: &Path) -> Result<Self, DocumentError> {
        match document::read(path, HOST_MAX) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.is_absent() => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn only_loopback(&self) -> bool {
        self.servers.iter().all(|server| is_loopback(server))
    }

    /// This one with its empty parts taken from `host`.
    pub fn or_from(self, host: Self) -> Self {
        let pick = |own: Vec<String>, host| if own.is_empty() { host } else { own };
        Self {
            servers: pick(self.servers, host.servers),
            searches: pick(self.searches, host.searches),
            options: pick(self.options, host.options),
        }
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let lines = [("search", &self.searches), ("options", &self.options)];
        // Writing to a string does not fail.
        for server in &self.servers {
            let _ = writeln!(text, "nameserver {server}");
        }
        for (keyword, words) in lines {
            if !words.is_empty() {
                let _ = writeln!(text, "{keyword} {}", words.join(" "));
            }
        }
        text
    }
}

fn is_loopback(server: &str) -> bool {
    let address = server.split_once('%').map_or(server, |(address, _zone)| address);
    address.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    const STUB: &str = "# stub\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n";

    fn of(host: Option<&str>, resolved: Option<&str>, reach: Reach) -> String {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().join("host"), dir.path().join("resolved")];
        for (path, text) in paths.iter().zip([host, resolved]) {
            if let Some(text) = text {
                std::fs::write(path, text).unwrap();
            }
        }
        ResolvConf::from_files(&paths[0], &paths[1], reach).unwrap().render()
    }

    #[test]
    fn comments_unknown_words_and_earlier_search_lines_are_dropped() {
        let text = "; old\n\tnameserver 10.0.0.2  # first\ndomain a\nsearch b c\nsortlist x\n\
                    nameserver fe80::1%eth0\nnameserver\noptions ndots:2\noptions rotate\n";
        expect![[r#"
            nameserver 10.0.0.2
            nameserver fe80::1%eth0
            search b c
            options ndots:2 rotate
        "#]]
        .assert_eq(&ResolvConf::parse(text).render());
    }

    #[test]
    fn the_host_network_uses_the_hosts_stub() {
        expect![[r#"
            nameserver 127.0.0.53
            search lan
            options edns0 trust-ad
        "#]]
        .assert_eq(&of(Some(STUB), Some("nameserver 10.0.0.2\n"), Reach::HostNetwork));
    }

    #[test]
    fn an_own_network_uses_the_servers_behind_the_stub() {
        expect![[r#"
            nameserver 10.0.0.2
            search corp
        "#]]
        .assert_eq(&of(Some(STUB), Some("nameserver 10.0.0.2\nsearch corp\n"), Reach::OwnNetwork));
    }

    #[test]
    fn a_loopback_server_is_left_out_of_an_own_network() {
        expect![[r#"
            nameserver 10.0.0.2
        "#]]
        .assert_eq(&of(Some("nameserver ::1\nnameserver 10.0.0.2\n"), None, Reach::OwnNetwork));
    }

    #[test]
    fn a_stub_with_nothing_behind_it_leaves_no_server() {
        expect![[r#"
            search lan
            options edns0 trust-ad
        "#]]
        .assert_eq(&of(Some(STUB), None, Reach::OwnNetwork));
    }

    #[test]
    fn a_host_without_a_file_has_no_servers() {
        expect![[""]].assert_eq(&of(None, None, Reach::HostNetwork));
    }

    #[test]
    fn a_resolver_file_is_read_in_any_encoding_and_not_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resolv.conf");
        std::fs::write(&path, b"# b\xfcro\nnameserver 10.0.0.2\n").unwrap();
        assert_eq!(ResolvConf::read(&path).unwrap().servers, ["10.0.0.2"]);
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(ResolvConf::read(&path), Err(DocumentError::TooLarge { .. })));
        assert!(matches!(ResolvConf::read(Path::new("/dev/zero")), Err(DocumentError::NotFile { .. })));
    }

    #[test]
    fn only_what_a_task_leaves_open_comes_from_the_host() {
        let task = ResolvConf { servers: vec!["1.1.1.1".into()], ..ResolvConf::default() };
        let host = ResolvConf::parse("nameserver 10.0.0.2\nsearch lan\noptions rotate\n");
        expect![[r#"
            nameserver 1.1.1.1
            search lan
            options rotate
        "#]]
        .assert_eq(&task.or_from(host).render());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            servers in prop::collection::vec("[0-9a-f.:%]{1,12}", 0..4),
            searches in prop::collection::vec("[a-z.-]{1,12}", 0..4),
            options in prop::collection::vec("[a-z:0-9]{1,12}", 0..4),
        ) {
            let conf = ResolvConf { servers, searches, options };
            prop_assert_eq!(ResolvConf::parse(&conf.render()), conf);
        }

        #[test]
        fn no_text_is_a_surprise(text in "\\PC{0,200}") {
            let once = ResolvConf::parse(&text);
            prop_assert_eq!(ResolvConf::parse(&once.render()), once);
        }
    }
}
