//! The plugin's socket: a name of its own, never open to others for a moment, removed in the end.
//!
//! It is bound in a directory that only this user can enter, gets its permissions there, and only then
//! moves to its place; so neither the process's umask nor its other threads matter.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nomad_proto::handshake::MAX_SOCKET_PATH;

use crate::environment::Environment;

/// The names of groups and their numbers, group(5).
const GROUPS: &str = "/etc/group";

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path would not fit into a socket address, in none of the directories.
    #[error("no directory for the plugin's socket has a path short enough: {}", .dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", "))]
    TooLong {
        /// The directories that were considered.
        dirs: Vec<PathBuf>,
    },
    /// No random name could be had.
    #[error("the kernel gave no random bytes for the socket's name")]
    Random(#[source] io::Error),
    /// A step failed.
    #[error("{operation} {}", .path.display())]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The host asked for a group that this system does not know.
    #[error("the socket's group {group:?} is neither a number nor in {GROUPS}")]
    Group {
        /// The group's name.
        group: String,
    },
}

/// A listening socket and its path.
#[derive(Debug)]
pub struct Socket {
    /// Where it is.
    pub path: PathBuf,
    /// The listener, not blocking.
    pub listener: UnixListener,
}

/// Makes a socket as the environment asks: mode 0600, or 0660 with the host's group.
///
/// # Errors
/// [`SocketError`]; nothing is left behind then.
pub fn bind(environment: &Environment) -> Result<Socket, SocketError> {
    let group = environment.socket_group.as_deref().map(group_id).transpose()?;
    let name = random_name()?;
    let final_name = format!("plugin{name}");
    let fits = |dir: &&PathBuf| dir.join(&final_name).as_os_str().len() <= MAX_SOCKET_PATH;
    let dir = environment
        .socket_dirs
        .iter()
        .find(fits)
        .ok_or_else(|| SocketError::TooLong { dirs: environment.socket_dirs.clone() })?;
    // Never longer than the final path, so that it fits as well.
    let staging = dir.join(format!(".{name}"));
    DirBuilder::new().mode(0o700).create(&staging).map_err(failed("cannot make the directory", &staging))?;
    let path = dir.join(final_name);
    let bound = bind_in(&staging, &path, group);
    let removed = fs::remove_dir(&staging).map_err(failed("cannot remove the directory", &staging));
    let listener = bound?;
    removed?;
    Ok(Socket { path, listener })
}

fn bind_in(staging: &Path, path: &Path, group: Option<u32>) -> Result<UnixListener, SocketError> {
    let staged = staging.join("s");
    let listener = UnixListener::bind(&staged).map_err(failed("cannot listen on", &staged))?;
    let placed = place(&listener, &staged, path, group);
    if placed.is_err() {
        remove(&staged);
    }
    placed.map(|()| listener)
}

fn place(listener: &UnixListener, staged: &Path, path: &Path, group: Option<u32>) -> Result<(), SocketError> {
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    if let Some(group) = group {
        chown(staged, None, Some(group)).map_err(failed("cannot change the group of", staged))?;
    }
    fs::set_permissions(staged, Permissions::from_mode(mode))
        .map_err(failed("cannot change the mode of", staged))?;
    listener.set_nonblocking(true).map_err(failed("cannot configure", staged))?;
    rustix::fs::renameat_with(
        rustix::fs::CWD,
        staged,
        rustix::fs::CWD,
        path,
        rustix::fs::RenameFlags::NOREPLACE,
    )
    .map_err(|error| failed("cannot move the socket to", path)(error.into()))
}

/// Removes the socket's file; that it is gone already is no matter.
pub fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "the plugin's socket could not be removed");
        }
        _ => {}
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError {
    let path = path.to_owned();
    move |source| SocketError::Io { operation, path, source }
}

fn random_name() -> Result<String, SocketError> {
    let mut bytes = [0_u8; 6];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())
        .map_err(|error| SocketError::Random(error.into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn group_id(group: &str) -> Result<u32, SocketError> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let file = Path::new(GROUPS);
    let groups = fs::read_to_string(file).map_err(failed("cannot read", file))?;
    find_group(&groups, group).ok_or_else(|| SocketError::Group { group: group.to_owned() })
}

fn find_group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)).flatten()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::environment::Launch;

    fn environment(dirs: &[&Path], group: Option<&str>) -> Environment {
        Environment {
            launch: Launch::Host,
            socket_dirs: dirs.iter().map(|dir| dir.to_path_buf()).collect(),
            socket_group: group.map(str::to_owned),
        }
    }

    #[test]
    fn the_socket_is_the_owners_alone_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let socket = bind(&environment(&[dir.path()], None)).unwrap();
        assert_eq!(fs::metadata(&socket.path).unwrap().mode() & 0o7777, 0o600);
        UnixStream::connect(&socket.path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        remove(&socket.path);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        remove(&socket.path);
    }

    #[test]
    fn a_group_may_connect_when_the_host_asks_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let own = fs::metadata(dir.path()).unwrap().gid();
        let socket = bind(&environment(&[dir.path()], Some(&own.to_string()))).unwrap();
        let found = fs::metadata(&socket.path).unwrap();
        assert_eq!((found.mode() & 0o7777, found.gid()), (0o660, own));
    }

    #[test]
    fn an_unknown_group_is_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let error = bind(&environment(&[dir.path()], Some("no such group"))).unwrap_err();
        assert!(matches!(error, SocketError::Group { .. }));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_path_that_does_not_fit_falls_back_to_the_next_directory() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("a".repeat(MAX_SOCKET_PATH));
        let socket = bind(&environment(&[&long, dir.path()], None)).unwrap();
        assert_eq!(socket.path.parent(), Some(dir.path()));
        let error = bind(&environment(&[&long], None)).unwrap_err();
        assert!(matches!(error, SocketError::TooLong { .. }));
    }

    #[test]
    fn the_longest_path_that_fits_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let room = MAX_SOCKET_PATH - dir.path().as_os_str().len() - "/plugin0123456789ab".len() - 1;
        let long = dir.path().join("a".repeat(room));
        fs::create_dir(&long).unwrap();
        let socket = bind(&environment(&[&long], None)).unwrap();
        assert_eq!(socket.path.as_os_str().len(), MAX_SOCKET_PATH);
        UnixStream::connect(&socket.path).unwrap();
    }

    #[test]
    fn groups_are_found_by_their_name() {
        let groups = "root:x:0:\nnomad:x:998:a,b\nbroken\n";
        assert_eq!(find_group(groups, "nomad"), Some(998));
        assert_eq!(find_group(groups, "broken"), None);
        assert_eq!(find_group(groups, "none"), None);
    }
}
