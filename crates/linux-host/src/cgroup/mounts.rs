//! Which cgroup hierarchies are mounted, and where.

use std::path::{Path, PathBuf};

use super::CgroupError;
use crate::mountinfo;

/// Where every runtime expects the hierarchies.
const ROOT: &str = "/sys/fs/cgroup";

/// Which hierarchy the controllers are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// One hierarchy per controller (also the hybrid layout).
    V1,
    /// The unified hierarchy.
    V2,
}

/// A controller that this crate reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// CPU weight and bandwidth.
    Cpu,
    /// CPU time.
    Cpuacct,
    /// CPU placement.
    Cpuset,
    /// Freezing.
    Freezer,
    /// Memory.
    Memory,
    /// Number of processes.
    Pids,
}

/// The mounted hierarchies of this mount namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupMounts {
    mode: CgroupMode,
    mounts: Vec<(Controller, PathBuf)>,
    unified: Option<PathBuf>,
}

impl CgroupMounts {
    /// Reads `/proc/self/mountinfo`.
    ///
    /// # Errors
    /// [`CgroupError::NotMounted`], [`CgroupError::Io`].
    pub fn read() -> Result<Self, CgroupError> {
        let path = Path::new("/proc/self/mountinfo");
        let text = std::fs::read(path).map_err(super::error::io("read", path))?;
        Self::parse(&text)
    }

    /// The same from the text of a mountinfo file (see [`mountinfo`]).
    ///
    /// # Errors
    /// [`CgroupError::NotMounted`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, CgroupError> {
        let mut mounts: Vec<(Controller, PathBuf)> = Vec::new();
        let mut unified = None;
        for mount in mountinfo::parse(text.as_ref()) {
            match mount.kind.as_str() {
                "cgroup2" if unified.is_none() => unified = Some(mount.point),
                "cgroup" => {
                    for controller in mount.super_options.split(',').filter_map(Controller::from_name) {
                        if mounts.iter().all(|&(known, _)| known != controller) {
                            mounts.push((controller, mount.point.clone()));
                        }
                    }
                }
                _ => {}
            }
        }
        let mode = match &unified {
            Some(point) if point == Path::new(ROOT) || mounts.is_empty() => CgroupMode::V2,
            _ if mounts.is_empty() => return Err(CgroupError::NotMounted),
            _ => CgroupMode::V1,
        };
        Ok(Self { mode, mounts, unified })
    }

    /// Which hierarchy the controllers are on.
    pub fn mode(&self) -> CgroupMode {
        self.mode
    }

    /// Mount point of the hierarchy that has `controller`: on v2 always the unified one.
    pub fn controller(&self, controller: Controller) -> Option<&Path> {
        match self.mode {
            CgroupMode::V2 => self.unified.as_deref(),
            CgroupMode::V1 => {
                self.mounts.iter().find(|&&(known, _)| known == controller).map(|(_, point)| point.as_path())
            }
        }
    }

    /// Whether the kernel counts swap per cgroup.
    ///
    /// On v1 the root has the file. On v2 it has not, so a child that has a memory controller is asked; without
    /// one the kernel counts swap exactly when it has any (`/proc/swaps` exists).
    pub fn swap_accounting(&self) -> bool {
        let Some(root) = self.controller(Controller::Memory) else { return false };
        match self.mode {
            CgroupMode::V1 => root.join("memory.memsw.limit_in_bytes").exists(),
            CgroupMode::V2 => {
                let children = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
                let mut with_memory =
                    children.map(|child| child.path()).filter(|child| child.join("memory.max").exists());
                match with_memory.next() {
                    Some(child) => child.join("memory.swap.max").exists(),
                    None => Path::new("/proc/swaps").exists(),
                }
            }
        }
    }
}

impl CgroupMode {
    /// The mode of this host.
    ///
    /// # Errors
    /// As [`CgroupMounts::read`].
    pub fn detect() -> Result<Self, CgroupError> {
        Ok(CgroupMounts::read()?.mode())
    }
}

impl Controller {
    const ALL: [Self; 6] = [Self::Cpu, Self::Cpuacct, Self::Cpuset, Self::Freezer, Self::Memory, Self::Pids];

    /// The kernel's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Cpuset => "cpuset",
            Self::Freezer => "freezer",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|controller| controller.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
24 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 24 0:26 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,size=4096k,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
35 30 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
";
    const UNIFIED: &str = "\
24 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";

    #[test]
    fn the_hybrid_layout_is_v1_with_controllers_that_may_share_a_mount() {
        let mounts = CgroupMounts::parse(HYBRID).unwrap();
        assert_eq!(mounts.mode(), CgroupMode::V1);
        let together = Some(Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(mounts.controller(Controller::Cpu), together);
        assert_eq!(mounts.controller(Controller::Cpuacct), together);
        assert_eq!(mounts.controller(Controller::Memory), Some(Path::new("/sys/fs/cgroup/memory")));
        assert_eq!(mounts.controller(Controller::Freezer), None);
    }

    #[test]
    fn the_unified_hierarchy_has_every_controller() {
        let mounts = CgroupMounts::parse(UNIFIED).unwrap();
        assert_eq!(mounts.mode(), CgroupMode::V2);
        assert_eq!(mounts.controller(Controller::Freezer), Some(Path::new("/sys/fs/cgroup")));
    }

    #[test]
    fn one_old_hierarchy_beside_the_unified_one_changes_nothing() {
        let text = format!("{UNIFIED}40 24 0:40 / /run/old rw - cgroup cgroup rw,freezer\n");
        assert_eq!(CgroupMounts::parse(&text).unwrap().mode(), CgroupMode::V2);
    }

    #[test]
    fn a_host_without_cgroups_is_told() {
        let outcome = CgroupMounts::parse("24 1 254:1 / / rw - ext4 /dev/vda1 rw\nnonsense\n\n");
        assert!(matches!(outcome, Err(CgroupError::NotMounted)));
    }

    #[test]
    fn escaped_mount_points_are_read() {
        let text = "34 30 0:30 / /mnt/a\\040b\\134 rw - cgroup cgroup rw,memory\n";
        let mounts = CgroupMounts::parse(text).unwrap();
        assert_eq!(mounts.controller(Controller::Memory), Some(Path::new("/mnt/a b\\")));
    }

    #[test]
    fn a_mount_whose_name_is_no_text_changes_nothing() {
        let text = [b"40 24 0:40 / /mnt/\xff rw - tmpfs tmpfs rw\n", UNIFIED.as_bytes()].concat();
        assert_eq!(CgroupMounts::parse(text).unwrap().mode(), CgroupMode::V2);
    }

    #[test]
    fn this_host_has_a_readable_layout() {
        let mounts = CgroupMounts::read().unwrap();
        assert!(mounts.controller(Controller::Memory).unwrap().is_dir());
        assert_eq!(CgroupMode::detect().unwrap(), mounts.mode());
    }
}
