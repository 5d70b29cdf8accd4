//! Whether the daemon sees what is mounted into a directory: the runtime gets its objects there.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use linux_host::mountinfo::{self, Mount};
use rustix::fs::{Mode, OFlags, open};

/// Why the daemon of this directory of /proc does not see what is mounted beneath `directory` from here. Nothing is
/// claimed of what can not be looked at.
pub(crate) fn problem(daemon: &Path, directory: &Path) -> Option<String> {
    let own = Path::new("/proc/self");
    let namespace = |process: &Path| std::fs::read_link(process.join("ns/mnt")).ok();
    if namespace(own)? == namespace(daemon)? {
        return None;
    }
    let table = |process: &Path| mountinfo::of_process(process).ok();
    let spreads = reaches(&table(own)?, &table(daemon)?, &existing(directory)?);
    (!spreads).then(|| {
        format!(
            "state_dir = {:?}: containerd is in a mount namespace of its own and does not see what is mounted there; a \
             directory on a mount that is shared with containerd's is accepted",
            directory.display().to_string()
        )
    })
}

/// The directory, or what there is of the way to it, through all links.
fn existing(directory: &Path) -> Option<PathBuf> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened = directory.ancestors().find_map(|ancestor| open(ancestor, flags, Mode::empty()).ok())?;
    std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).ok()
}

/// Whether what is mounted at `directory` in one table spreads to the mounts of the other (mount_namespaces(7)): the
/// mount below is in a peer group of which the other has a member or a follower.
fn reaches(own: &[Mount], other: &[Mount], directory: &Path) -> bool {
    let beneath = own.iter().filter(|mount| directory.starts_with(&mount.point));
    // Of several mounts at one place the last one is seen.
    let Some(mount) = beneath.max_by_key(|mount| mount.point.components().count()) else { return false };
    let Some(group) = mount.group("shared:") else { return false };
    other.iter().any(|mount| ["shared:", "master:"].iter().any(|tag| mount.group(tag) == Some(group)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{mountinfo, problem};

    const HOST: &str =
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n25 22 0:23 / /run rw shared:5 - tmpfs tmpfs rw\n";

    fn reaches(own: &str, other: &str, directory: &Path) -> bool {
        let [own, other] = [own, other].map(|text| mountinfo::parse(text.as_bytes()));
        super::reaches(&own, &other, directory)
    }

    #[test]
    fn mounts_spread_within_a_peer_group_and_to_its_followers() {
        let of_daemon = |run: &str| {
            format!("90 1 8:1 / / rw - ext4 /dev/sda1 rw\n91 90 0:23 / /run rw {run}- tmpfs tmpfs rw\n")
        };
        let run = Path::new("/run/driver");
        assert!(reaches(HOST, &of_daemon("shared:5 "), run));
        assert!(reaches(HOST, &of_daemon("shared:9 master:5 "), run));
        assert!(!reaches(HOST, &of_daemon(""), run));
        assert!(!reaches(HOST, &of_daemon("shared:9 "), run));
        assert!(!reaches(HOST, &of_daemon("shared:5 "), Path::new("/var/lib/driver")));
        assert!(!reaches(&of_daemon("master:5 "), HOST, run), "a follower's mounts stay with it");
    }

    #[test]
    fn the_last_mount_at_a_place_is_the_one_that_counts() {
        let covered = format!("{HOST}26 25 0:24 / /run rw - tmpfs tmpfs rw\n");
        assert!(!reaches(&covered, HOST, Path::new("/run/driver")));
    }

    #[test]
    fn a_process_of_this_namespace_sees_everything() {
        assert_eq!(problem(Path::new("/proc/self"), Path::new("/no/such")), None);
        assert_eq!(problem(Path::new("/no/such/process"), Path::new("/run")), None);
    }
}
