//! A task's /etc/hosts.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::document::{self, DocumentError};

/// One line of a hosts file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// The address.
    pub address: IpAddr,
    /// The names, the canonical one first.
    pub names: Vec<String>,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {path:?}")]
pub struct WriteError {
    /// What was attempted.
    pub operation: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: Errno,
}

/// What is in the host's own file, in any encoding; nothing where there is none. Blocking.
///
/// # Errors
/// [`DocumentError`].
pub fn of_host() -> Result<Option<Vec<u8>>, DocumentError> {
    read(Path::new("/etc/hosts"))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, DocumentError> {
    match document::read(path, HOST_MAX) {
        Err(error) if error.is_absent() => Ok(None),
        other => other.map(Some),
    }
}

/// The largest file of a host that is copied to its tasks, in bytes. Lists that block advertisements are the longest ones.
const HOST_MAX: u64 = 16 * 1024 * 1024;

/// The text of a hosts file: localhost, the ip6- names, then `own` (the task's host name and address), then
/// `extra`.
pub fn render(own: &[HostEntry], extra: &[HostEntry]) -> String {
    [LOCAL, &lines(own), &lines(extra)].concat()
}

/// What is in a hosts file, with further lines behind it.
pub fn append(content: impl Into<Vec<u8>>, entries: &[HostEntry]) -> Vec<u8> {
    let (mut content, lines) = (content.into(), lines(entries));
    if !content.is_empty() && !content.ends_with(b"\n") && !lines.is_empty() {
        content.push(b'\n');
    }
    content.extend(lines.into_bytes());
    content
}

fn lines(entries: &[HostEntry]) -> String {
    let mut text = String::new();
    for HostEntry { address, names } in entries {
        if !names.is_empty() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{address}\t{}", names.join(" "));
        }
    }
    text
}

/// What every hosts file begins with.
const LOCAL: &str = "127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
";

/// Writes `name` in `directory` whole or not at all, mode 0644, following no link.
///
/// # Errors
/// [`WriteError`].
pub fn write_file(directory: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<(), WriteError> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let path = directory.join(name);
    let fail = |operation| {
        let path = path.clone();
        move |source| WriteError { operation, path, source }
    };
    let mut parts = Path::new(name).components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        return Err(fail("name")(Errno::INVAL));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, directory, flags, Mode::empty()).map_err(fail("reach"))?;

    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let draft = format!(".{name}.{}.{number}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&directory, &draft, flags, READABLE).map_err(fail("create"))?;
    let outcome = fill(&file, content.as_ref())
        .map_err(fail("write"))
        .and_then(|()| rustix::fs::renameat(&directory, &draft, &directory, name).map_err(fail("replace")));
    if outcome.is_err() {
        remove_draft(rustix::fd::AsFd::as_fd(&directory), &draft);
    }
    outcome
}

const READABLE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::ROTH);

fn fill(file: &OwnedFd, mut rest: &[u8]) -> Result<(), Errno> {
    // The mode given at creation is cut by the umask.
    rustix::fs::fchmod(file, READABLE)?;
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(file, rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

fn remove_draft(directory: BorrowedFd<'_>, draft: &str) {
    if let Err(error) = rustix::fs::unlinkat(directory, draft, AtFlags::empty()) {
        tracing::warn!(draft, %error, "an unfinished file stays behind");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use expect_test::expect;

    use super::*;

    fn entry(address: &str, names: &[&str]) -> HostEntry {
        HostEntry {
            address: address.parse().unwrap(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn a_file_names_localhost_the_task_and_the_extra_hosts() {
        let own = [entry("172.26.64.5", &["web-1.example", "web-1"])];
        let extra = [entry("10.0.0.1", &["db"]), entry("2001:db8::1", &["db6"]), entry("10.0.0.2", &[])];
        expect![[r#"
            127.0.0.1	localhost
            ::1	localhost ip6-localhost ip6-loopback
            fe00::	ip6-localnet
            ff00::	ip6-mcastprefix
            ff02::1	ip6-allnodes
            ff02::2	ip6-allrouters
            172.26.64.5	web-1.example web-1
            10.0.0.1	db
            2001:db8::1	db6
        "#]]
        .assert_eq(&render(&own, &extra));
    }

    #[test]
    fn a_hosts_file_in_another_encoding_is_kept_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        assert_eq!(read(&path).unwrap(), None);
        std::fs::write(&path, b"10.0.0.9 b\xfcro").unwrap();
        let whole = append(read(&path).unwrap().unwrap(), &[entry("10.0.0.1", &["db"])]);
        write_file(dir.path(), "copy", &whole).unwrap();
        let copied = std::fs::read(dir.path().join("copy")).unwrap();
        assert_eq!(copied, b"10.0.0.9 b\xfcro\n10.0.0.1\tdb\n");
        assert_eq!(append(b"a\xff".as_slice(), &[entry("10.0.0.2", &[])]), b"a\xff");
    }

    #[test]
    fn a_hosts_file_that_never_ends_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(error, DocumentError::NotFile { kind: "a device", .. }), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path), Err(DocumentError::TooLarge { .. })));
    }

    #[test]
    fn a_file_is_replaced_whole_and_readable_by_all() {
        let dir = tempfile::tempdir().unwrap();
        write_file(dir.path(), "hosts", "a longer first text\n").unwrap();
        write_file(dir.path(), "hosts", "second\n").unwrap();
        let path = dir.path().join("hosts");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_link_in_the_place_of_the_file_is_replaced_and_its_target_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("shadow");
        std::fs::write(&target, "secret").unwrap();
        symlink(&target, dir.path().join("hosts")).unwrap();
        write_file(dir.path(), "hosts", "mine\n").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "secret");
        assert!(!std::fs::symlink_metadata(dir.path().join("hosts")).unwrap().is_symlink());
    }

    #[test]
    fn a_link_in_the_place_of_the_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        let error = write_file(&dir.path().join("link"), "hosts", "x").unwrap_err();
        assert_eq!((error.operation, error.source), ("reach", Errno::NOTDIR));
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["../hosts", "a/b", "..", ".", "", "/hosts"] {
            assert_eq!(write_file(dir.path(), name, "x").unwrap_err().operation, "name", "{name:?}");
        }
    }

    #[test]
    fn a_failed_write_leaves_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("hosts")).unwrap();
        assert_eq!(write_file(dir.path(), "hosts", "x").unwrap_err().operation, "replace");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
