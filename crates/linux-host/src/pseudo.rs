//! File systems whose files the kernel makes up: some never end, some do something when they are read.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// Magic numbers (linux/magic.h, and the file systems' own sources) and names. Those of network file systems and FUSE are
/// not here: their files are real.
const FILE_SYSTEMS: [(u64, &str); 30] = [
    (0x0000_9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0x6265_6570, "configfs"),
    (0xcafe_4a11, "bpf"),
    (0x0000_1cd1, "devpts"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4341_5d53, "smackfs"),
    (0x5a3c_69f0, "apparmorfs"),
    (0xde5e_81e4, "efivarfs"),
    (0x6165_676c, "pstore"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x6e73_6673, "nsfs"),
    (0x5049_4446, "pidfs"),
    (0x5049_5045, "pipefs"),
    (0x534f_434b, "sockfs"),
    (0x0904_1934, "anon_inodefs"),
    (0x1980_0202, "mqueue"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6e66_7364, "nfsd"),
    (0x6573_5543, "fusectl"),
    (0x0765_5821, "resctrl"),
    (0x6c6f_6f70, "binder"),
    (0xabba_1974, "xenfs"),
    (0x0000_9fa2, "usbdevfs"),
    (0x0a64_7361, "functionfs"),
];

/// The name of the file system that an object is on, if it is one of these.
pub(crate) fn file_system_of(object: BorrowedFd<'_>) -> Result<Option<&'static str>, Errno> {
    let found = u64::try_from(rustix::fs::fstatfs(object)?.f_type).ok();
    Ok(FILE_SYSTEMS.iter().find(|(magic, _)| Some(*magic) == found).map(|(_, name)| *name))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn mounts_of_this_host_have_the_names_that_the_kernel_gives_them() {
        let mounts = crate::mountinfo::of_process(std::path::Path::new("/proc/self")).unwrap();
        let known: Vec<&str> = FILE_SYSTEMS.iter().map(|(_, name)| *name).collect();
        let mut seen = 0;
        for mount in mounts {
            // Another mount may be over it.
            let Ok(object) = crate::staged::object_at(&mount.point) else { continue };
            let found = file_system_of(object.as_fd()).unwrap();
            if known.contains(&mount.kind.as_str()) && found.is_some() {
                assert_eq!(found, Some(mount.kind.as_str()), "{:?}", mount.point);
                seen += 1;
            }
        }
        assert!(seen >= 2, "proc and sysfs at least");
    }

    #[test]
    fn a_file_system_with_files_of_users_is_none_of_them() {
        for path in ["/", "/dev/shm"] {
            let object = crate::staged::object_at(std::path::Path::new(path)).unwrap();
            assert_eq!(file_system_of(object.as_fd()).unwrap(), None, "{path}");
        }
    }
}
