//! `shm_size`: how large `/dev/shm` may grow.

use oci_spec::runtime::Mount;

use crate::size;

/// What Docker and containerd give: 64 MiB.
pub const DEFAULT_SHM_BYTES: u64 = 64 * 1024 * 1024;

const SHM: &str = "/dev/shm";

/// Sets the size of the baseline's `/dev/shm`; 0 is no limit (tmpfs(5)) but that of the container's memory, to which
/// what is in it counts. A mount of the task at that place has a size of its own.
pub(crate) fn apply(mounts: &mut [Mount], bytes: u64) {
    for mount in mounts.iter_mut().filter(|mount| mount.destination().as_os_str() == SHM) {
        let options = mount.options().iter().flatten().cloned().chain([size::tmpfs_option(bytes)]).collect();
        mount.set_options(Some(options));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::check;

    #[test]
    fn the_size_is_the_mounts() {
        check(
            |plan| plan.shm_size_bytes = 128 << 20,
            expect![[r#"
            ~ mounts./dev/shm.options.4: "size=65536k" => "size=131072k"
        "#]],
        );
        check(
            |plan| plan.shm_size_bytes = 1_000_000,
            expect![[r#"
            ~ mounts./dev/shm.options.4: "size=65536k" => "size=1000000"
        "#]],
        );
    }

    #[test]
    fn no_size_is_no_limit() {
        check(
            |plan| plan.shm_size_bytes = 0,
            expect![[r#"
            ~ mounts./dev/shm.options.4: "size=65536k" => "size=0k"
        "#]],
        );
    }
}
