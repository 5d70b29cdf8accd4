//! The daemon as a process of this host: its PATH, its executable, the files that it sees.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use crate::grpc::daemon::Daemon;

/// Where the daemon looks for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DaemonHost {
    /// The daemon's own root directory: it may have mounts of its own.
    root: PathBuf,
    /// The directories of its PATH.
    path: Vec<PathBuf>,
    /// The directory of its executable, where it also looks.
    beside: PathBuf,
}

impl DaemonHost {
    /// The process that listens at the daemon's socket; none when it can not be seen from here (another pid
    /// namespace, no permission, no daemon).
    pub(crate) async fn of(daemon: &Daemon) -> Option<Self> {
        let socket =
            tokio::time::timeout(daemon.timeout(), UnixStream::connect(daemon.address())).await.ok()?.ok()?;
        let pid = socket.peer_cred().ok()?.pid().filter(|pid| *pid > 0)?;
        let process = PathBuf::from(format!("/proc/{pid}"));
        let environment = tokio::fs::read(process.join("environ")).await.ok()?;
        let executable = tokio::fs::read_link(process.join("exe")).await.ok()?;
        Some(Self {
            root: process.join("root"),
            path: path_of(&environment),
            beside: executable.parent()?.to_path_buf(),
        })
    }

    /// Its directory of /proc.
    pub(crate) fn process(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    /// A directory of the daemon's by a path of this process; none for a relative one.
    pub(crate) fn seen_from_here(&self, directory: &Path) -> Option<PathBuf> {
        Some(self.root.join(directory.strip_prefix("/").ok()?))
    }

    /// Whether the daemon finds a program of this name.
    pub(crate) fn finds(&self, program: &str) -> bool {
        self.finds_in_path(program) || self.is_executable(&self.beside.join(program))
    }

    /// Whether the daemon's children find a program of this name.
    pub(crate) fn finds_in_path(&self, program: &str) -> bool {
        self.program(program).is_some()
    }

    /// A program that the daemon's children find, by its path as they see it.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|directory| directory.join(name)).find(|path| self.is_executable(path))
    }

    /// Whether the daemon can execute this absolute path.
    pub(crate) fn is_executable(&self, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix("/") else { return false };
        let metadata = std::fs::metadata(self.root.join(relative));
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    }

    /// The daemon's PATH, for people.
    pub(crate) fn path(&self) -> String {
        let path = std::env::join_paths(&self.path).unwrap_or_default();
        format!("containerd's PATH ({})", path.to_string_lossy())
    }

    /// The other place where the daemon looks, for people.
    pub(crate) fn beside(&self) -> impl std::fmt::Display + '_ {
        self.beside.display()
    }
}

/// The absolute directories of PATH in an environment of `NAME=value` strings that end with NUL.
fn path_of(environment: &[u8]) -> Vec<PathBuf> {
    let value = environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"PATH="));
    let value: OsString = value.map(|value| OsStr::from_bytes(value).to_owned()).unwrap_or_default();
    std::env::split_paths(&value).filter(|directory| directory.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_read_from_the_environment_of_the_process() {
        let environment = b"HOME=/root\0PATH=/usr/bin:bin::/opt/bin\0NOTPATH=/x\0";
        assert_eq!(path_of(environment), [PathBuf::from("/usr/bin"), PathBuf::from("/opt/bin")]);
        assert!(path_of(b"HOME=/root\0").is_empty());
    }

    #[test]
    fn a_program_is_looked_for_in_the_root_of_the_daemon() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("usr/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("containerd-shim-runc-v2"), "").unwrap();
        let host = DaemonHost {
            root: root.path().to_path_buf(),
            path: vec!["/usr/local/bin".into(), "/usr/bin".into()],
            beside: "/opt".into(),
        };
        assert!(!host.finds("containerd-shim-runc-v2"), "it is not executable");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join("containerd-shim-runc-v2"), executable).unwrap();
        assert!(host.finds("containerd-shim-runc-v2"));
        assert!(!host.finds("containerd-shim-runsc-v1"));
        assert!(!host.is_executable(Path::new("usr/bin/containerd-shim-runc-v2")), "a relative path is none");
    }
}
