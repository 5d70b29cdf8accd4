//! `shm_size`: how large `/dev/shm` may grow.

use oci_spec::runtime::Mount;

use crate::{BuildError, size};

/// What Docker and containerd give: 64 MiB.
pub const DEFAULT_SHM_BYTES: u64 = 64 * 1024 * 1024;

const SHM: &str = "/dev/shm";

/// Sets the size of the baseline's `/dev/shm`. A mount of the task at that place has a size of its own.
pub(crate) fn apply(mounts: &mut [Mount], bytes: u64) -> Result<(), BuildError> {
    if bytes == 0 {
        // tmpfs(5): a size of 0 is no limit at all.
        return Err(BuildError::Range { option: "shm_size", value: bytes, accepted: "1 byte and more" });
    }
    for mount in mounts.iter_mut().filter(|mount| mount.destination().as_os_str() == SHM) {
        let options = mount.options().iter().flatten().cloned().chain([size::tmpfs_option(bytes)]).collect();
        mount.set_options(Some(options));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{check, refused};

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
    fn no_size_would_be_no_limit_and_is_refused() {
        refused(
            |plan| plan.shm_size_bytes = 0,
            expect!["shm_size is out of range: 0 (accepted: 1 byte and more)"],
        );
    }
}
