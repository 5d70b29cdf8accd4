//! Paths that stay writable under a read-only root, such as the volumes that an image declares.

use std::path::{Path, PathBuf};

use crate::{Access, BuildError, Mount, Rootfs, check};

/// Binds each path of the root over itself, which keeps it from becoming read-only with the root. Where a mount of the
/// task is at the path or above it, the mount is what counts.
pub(crate) fn mounts(
    rootfs: &Rootfs,
    paths: Vec<PathBuf>,
    of_task: &[Mount],
) -> Result<Vec<oci_spec::runtime::Mount>, BuildError> {
    if rootfs.access == Access::ReadWrite {
        return Ok(Vec::new());
    }
    let is_seen = |path: &PathBuf| !of_task.iter().any(|mount| path.starts_with(&mount.destination));
    paths.into_iter().filter(is_seen).map(|path| itself(rootfs, path)).collect()
}

fn itself(rootfs: &Rootfs, path: PathBuf) -> Result<oci_spec::runtime::Mount, BuildError> {
    check::absolute_path("writable path", &path)?;
    // Relative to the bundle, as the root itself is (OCI runtime spec, `mounts.source`).
    let source = rootfs.path.join(path.strip_prefix("/").unwrap_or(Path::new("")));
    let mut mount = oci_spec::runtime::Mount::default();
    mount
        .set_destination(path)
        .set_typ(Some("bind".to_owned()))
        .set_source(Some(source))
        .set_options(Some(["bind", "rw", "rprivate"].map(str::to_owned).to_vec()))
        .set_uid_mappings(None)
        .set_gid_mappings(None);
    Ok(mount)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::check;
    use crate::{Access, Mount, MountKind, Propagation};

    #[test]
    fn under_a_read_only_root_they_are_bound_over_themselves() {
        check(
            |plan| {
                plan.rootfs.access = Access::ReadOnly;
                plan.writable_paths = vec!["/data".into()];
            },
            expect![[r#"
                + mounts./data: {"options":["bind","rw","rprivate"],"source":"rootfs/data","type":"bind"}
                + mounts./run: {"options":["nosuid","strictatime","mode=755","size=65536k","tmpcopyup"],"source":"tmpfs","type":"tmpfs"}
                ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /run /data /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
                ~ root.readonly: false => true
            "#]],
        );
    }

    #[test]
    fn a_writable_root_needs_nothing() {
        check(|plan| plan.writable_paths = vec!["/data".into()], expect![]);
    }

    #[test]
    fn a_mount_of_the_task_at_the_path_or_above_it_counts() {
        check(
            |plan| {
                plan.rootfs.access = Access::ReadOnly;
                plan.writable_paths = vec!["/srv/data".into()];
                plan.mounts = vec![Mount {
                    destination: "/srv".into(),
                    kind: MountKind::Bind { source: "/host".into(), propagation: Propagation::Private },
                    access: Access::ReadWrite,
                    options: vec![],
                }];
            },
            expect![[r#"
                + mounts./run: {"options":["nosuid","strictatime","mode=755","size=65536k","tmpcopyup"],"source":"tmpfs","type":"tmpfs"}
                + mounts./srv: {"options":["rbind","rw","rprivate"],"source":"/host","type":"bind"}
                ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /run /srv /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
                ~ root.readonly: false => true
            "#]],
        );
    }
}
