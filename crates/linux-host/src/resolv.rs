//! A task's /etc/resolv.conf.

use std::path::PathBuf;

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

/// The host's resolver file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("can not read {path:?}")]
pub struct ResolvError {
    /// The file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: std::io::Error,
}

impl ResolvConf {
    /// Parses the text of a resolv.conf as resolv.conf(5) says; the last `search` or `domain` line wins.
    pub fn parse(text: &str) -> Self {
        let _ = text;
        todo!()
    }

    /// Reads the host's: for a network of its own, systemd-resolved's list of real servers when the host's file
    /// only names its stub, and never a loopback server. An absent file is an empty one.
    ///
    /// # Errors
    /// [`ResolvError`].
    pub fn of_host(reach: Reach) -> Result<Self, ResolvError> {
        let _ = reach;
        todo!()
    }

    /// This one with its empty parts taken from `host`.
    pub fn or_from(self, host: Self) -> Self {
        let _ = host;
        self
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        todo!()
    }
}
