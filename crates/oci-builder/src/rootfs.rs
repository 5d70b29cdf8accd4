//! The root file system (`root`).

use std::path::PathBuf;

use oci_spec::runtime::Root;

use crate::{Access, BuildError, check};

/// Where the runtime finds the root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rootfs {
    /// Path of the root; relative to the bundle (containerd's shims mount it at `rootfs`) or absolute.
    pub path: PathBuf,
    /// Whether the container may write to it.
    pub access: Access,
}

pub(crate) fn root(rootfs: Rootfs) -> Result<Root, BuildError> {
    let Rootfs { path, access } = rootfs;
    check::text_path("rootfs", &path)?;
    let mut root = Root::default();
    root.set_path(path).set_readonly(match access {
        Access::ReadOnly => Some(true),
        Access::ReadWrite => Some(false),
    });
    Ok(root)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::Access;
    use crate::testing::check;

    #[test]
    fn the_root_can_be_elsewhere_and_read_only() {
        check(
            |plan| {
                plan.rootfs.path = "/elsewhere".into();
                plan.rootfs.access = Access::ReadOnly;
            },
            expect![[r#"
                + mounts./run: {"options":["nosuid","strictatime","mode=755","size=65536k","tmpcopyup"],"source":"tmpfs","type":"tmpfs"}
                ~ order of mounts: /proc /dev /sys /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup => /proc /dev /sys /run /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
                ~ root.path: "rootfs" => "/elsewhere"
                ~ root.readonly: false => true
            "#]],
        );
    }
}
