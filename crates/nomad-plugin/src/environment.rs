//! What the host tells a plugin by environment variables.

use std::env;
use std::path::PathBuf;

use nomad_proto::handshake::{COOKIE_KEY, COOKIE_VALUE, ENV_SOCKET_DIR, ENV_SOCKET_GROUP};

/// Where sockets go when the environment names no other directory.
const DEFAULT_DIR: &str = "/tmp";

/// How this process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launch {
    /// By a plugin host: serve.
    Host,
    /// With a cookie that is not Nomad's.
    WrongCookie,
    /// By a person: there is no cookie.
    Person,
}

/// The host's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// How this process was started.
    pub launch: Launch,
    /// Directories for the socket, most wanted first.
    pub socket_dirs: Vec<PathBuf>,
    /// The group that may connect, by name or number.
    pub socket_group: Option<String>,
}

impl Environment {
    /// Reads this process's environment.
    pub fn of_process() -> Self {
        Self::read(|key| env::var_os(key).and_then(|value| value.into_string().ok()))
    }

    fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let filled = |key| get(key).filter(|value| !value.is_empty());
        let launch = match filled(COOKIE_KEY) {
            Some(cookie) if cookie == COOKIE_VALUE => Launch::Host,
            Some(_) => Launch::WrongCookie,
            None => Launch::Person,
        };
        let dirs = [filled(ENV_SOCKET_DIR), filled("TMPDIR"), Some(DEFAULT_DIR.to_owned())];
        Self {
            launch,
            socket_dirs: dirs.into_iter().flatten().map(PathBuf::from).collect(),
            socket_group: filled(ENV_SOCKET_GROUP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Environment {
        Environment::read(|key| pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn only_the_exact_cookie_makes_a_plugin_launch() {
        assert_eq!(read(&[]).launch, Launch::Person);
        assert_eq!(read(&[(COOKIE_KEY, "")]).launch, Launch::Person);
        assert_eq!(read(&[(COOKIE_KEY, "x")]).launch, Launch::WrongCookie);
        assert_eq!(read(&[(COOKIE_KEY, COOKIE_VALUE)]).launch, Launch::Host);
    }

    #[test]
    fn the_hosts_directory_comes_before_tmpdir_and_tmp() {
        let all = read(&[("TMPDIR", "/b"), (ENV_SOCKET_DIR, "/a"), (ENV_SOCKET_GROUP, "nomad")]);
        assert_eq!(all.socket_dirs, ["/a", "/b", "/tmp"].map(PathBuf::from));
        assert_eq!(all.socket_group.as_deref(), Some("nomad"));
        assert_eq!(read(&[("TMPDIR", "")]).socket_dirs, [PathBuf::from("/tmp")]);
    }
}
