//! `pid_mode`: the PID namespace (`linux.namespaces`, type pid).

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};

use crate::namespaces;

/// Which PID namespace a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PidNamespace {
    /// A new one, in which the task is process 1.
    New,
    /// The runtime's, which is the host's: the task sees every process of the host.
    Host,
}

/// A `pid_mode` that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pid_mode: {value:?} is not a mode (accepted: \"host\", or leave it out for a namespace of its own)")]
pub struct PidModeError {
    /// The value as it was given.
    pub value: String,
}

impl PidNamespace {
    /// Reads the option: `host` in any case; empty or `private` is a namespace of the container's own.
    ///
    /// # Errors
    /// [`PidModeError`].
    pub fn from_option(value: &str) -> Result<Self, PidModeError> {
        match value.to_ascii_lowercase().as_str() {
            "" | "private" => Ok(Self::New),
            "host" => Ok(Self::Host),
            _ => Err(PidModeError { value: value.to_owned() }),
        }
    }

    /// The entry for the spec; sharing the host's means having none.
    pub(crate) fn namespace(self) -> Option<LinuxNamespace> {
        match self {
            Self::New => Some(namespaces::namespace(LinuxNamespaceType::Pid, None)),
            Self::Host => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::PidNamespace;
    use crate::testing::check;

    #[test]
    fn the_hosts_processes_are_the_absence_of_a_namespace_and_change_nothing_else() {
        check(
            |plan| plan.pid = PidNamespace::Host,
            expect![[r#"
            ~ linux.namespaces.0.type: "pid" => "ipc"
            ~ linux.namespaces.1.type: "ipc" => "uts"
            ~ linux.namespaces.2.type: "uts" => "mount"
            ~ linux.namespaces.3.type: "mount" => "network"
            - linux.namespaces.4: {"type":"network"}
        "#]],
        );
    }

    #[test]
    fn only_known_modes_are_taken() {
        assert_eq!(PidNamespace::from_option(""), Ok(PidNamespace::New));
        assert_eq!(PidNamespace::from_option("private"), Ok(PidNamespace::New));
        assert_eq!(PidNamespace::from_option("Host"), Ok(PidNamespace::Host));
        expect![[r#"pid_mode: "container:a" is not a mode (accepted: "host", or leave it out for a namespace of its own)"#]].assert_eq(&PidNamespace::from_option("container:a").unwrap_err().to_string());
    }
}
