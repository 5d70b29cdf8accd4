//! `pid_mode`, `ipc_mode` and `uts_mode`: whose PID, IPC and UTS namespace a task is in (`linux.namespaces`).

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType, Mount};

use crate::namespace_entry;

/// Whose namespace of a kind a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceMode {
    /// A new one of its own.
    Own,
    /// The runtime's, which is the host's: its processes, its System V objects and `/dev/shm`, or its name.
    Host,
}

/// A mode that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{option}: {value:?} is not a mode \
     (accepted: \"host\", or \"private\" for a namespace of its own, as where it is left out)"
)]
pub struct NamespaceModeError {
    /// The option.
    pub option: &'static str,
    /// The value as it was given.
    pub value: String,
}

impl NamespaceMode {
    /// Reads an option: `host` in any case; empty or `private` is a namespace of the container's own. So is docker's
    /// and podman's `shareable` for IPC: that others could join is nothing that the container sees.
    ///
    /// # Errors
    /// [`NamespaceModeError`].
    pub fn from_option(option: &'static str, value: &str) -> Result<Self, NamespaceModeError> {
        match value.to_ascii_lowercase().as_str() {
            "" | "private" => Ok(Self::Own),
            "shareable" if option == "ipc_mode" => Ok(Self::Own),
            "host" => Ok(Self::Host),
            _ => Err(NamespaceModeError { option, value: value.to_owned() }),
        }
    }

    /// The entry for the spec; sharing the host's means having none.
    pub(crate) fn namespace(self, kind: LinuxNamespaceType) -> Option<LinuxNamespace> {
        match self {
            Self::Own => Some(namespace_entry::namespace(kind, None)),
            Self::Host => None,
        }
    }

    /// As the IPC mode: who is in the host's namespace shares its `/dev/shm`, too, where POSIX keeps what is shared.
    pub(crate) fn apply_to_shm(self, mounts: &mut [Mount]) {
        let options = ["rbind", "rprivate", "rw", "nosuid", "noexec", "nodev"].map(str::to_owned).to_vec();
        for mount in mounts.iter_mut().filter(|mount| mount.destination().as_os_str() == "/dev/shm") {
            if self == Self::Host {
                mount
                    .set_typ(Some("bind".to_owned()))
                    .set_source(Some("/dev/shm".into()))
                    .set_options(Some(options.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::NamespaceMode;
    use crate::testing::check;

    #[test]
    fn the_hosts_processes_are_the_absence_of_a_namespace_and_change_nothing_else() {
        check(
            |plan| plan.pid = NamespaceMode::Host,
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
    fn the_hosts_ipc_is_its_shared_memory_too() {
        check(
            |plan| plan.ipc = NamespaceMode::Host,
            expect![[r#"
            ~ linux.namespaces.1.type: "ipc" => "uts"
            ~ linux.namespaces.2.type: "uts" => "mount"
            ~ linux.namespaces.3.type: "mount" => "network"
            - linux.namespaces.4: {"type":"network"}
            ~ mounts./dev/shm.options.0: "nosuid" => "rbind"
            ~ mounts./dev/shm.options.1: "noexec" => "rprivate"
            ~ mounts./dev/shm.options.2: "nodev" => "rw"
            ~ mounts./dev/shm.options.3: "mode=1777" => "nosuid"
            ~ mounts./dev/shm.options.4: "size=65536k" => "noexec"
            + mounts./dev/shm.options.5: "nodev"
            ~ mounts./dev/shm.source: "shm" => "/dev/shm"
            ~ mounts./dev/shm.type: "tmpfs" => "bind"
        "#]],
        );
    }

    #[test]
    fn in_the_hosts_uts_namespace_the_name_is_the_hosts() {
        check(
            |plan| plan.uts = NamespaceMode::Host,
            expect![[r#"
            - hostname: "task"
            ~ linux.namespaces.2.type: "uts" => "mount"
            ~ linux.namespaces.3.type: "mount" => "network"
            - linux.namespaces.4: {"type":"network"}
        "#]],
        );
    }

    #[test]
    fn only_known_modes_are_taken() {
        let read = |value| NamespaceMode::from_option("ipc_mode", value);
        assert_eq!(read(""), Ok(NamespaceMode::Own));
        assert_eq!(read("private"), Ok(NamespaceMode::Own));
        assert_eq!(read("shareable"), Ok(NamespaceMode::Own));
        assert_eq!(read("Host"), Ok(NamespaceMode::Host));
        for (option, value) in [("ipc_mode", "none"), ("pid_mode", "shareable"), ("uts_mode", "shareable")] {
            assert!(NamespaceMode::from_option(option, value).is_err(), "{option} = {value}");
        }
        expect![[r#"ipc_mode: "container:a" is not a mode (accepted: "host", or "private" for a namespace of its own, as where it is left out)"#]].assert_eq(&read("container:a").unwrap_err().to_string());
    }
}
