//! Which controllers a host has for limits.

use super::error::io;
use super::{CgroupError, CgroupMode, CgroupMounts, Controller};

/// Those that a limit of a task needs.
const OF_LIMITS: [Controller; 4] =
    [Controller::Cpu, Controller::Cpuset, Controller::Memory, Controller::Pids];

/// The controllers of a host: on v1 those that are mounted, on v2 those that the root has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controllers {
    mode: CgroupMode,
    present: Vec<Controller>,
}

impl CgroupMounts {
    /// The controllers of this host.
    ///
    /// # Errors
    /// [`CgroupError::Io`], on v2 alone.
    pub fn controllers(&self) -> Result<Controllers, CgroupError> {
        let names = match (self.mode(), self.controller(Controller::Memory)) {
            (CgroupMode::V2, Some(root)) => {
                let path = root.join("cgroup.controllers");
                std::fs::read_to_string(&path).map_err(io("read", &path))?
            }
            _ => String::new(),
        };
        Ok(Controllers::of(self, &names))
    }
}

impl Controllers {
    /// Those of hierarchies that are mounted so; on v2 the root's `cgroup.controllers` has these words.
    #[must_use]
    pub fn of(mounts: &CgroupMounts, words: &str) -> Self {
        let is_present = |controller: &Controller| match mounts.mode() {
            CgroupMode::V1 => mounts.controller(*controller).is_some(),
            CgroupMode::V2 => words.split_ascii_whitespace().any(|word| word == controller.name()),
        };
        Self { mode: mounts.mode(), present: OF_LIMITS.into_iter().filter(is_present).collect() }
    }

    /// Whether the host has one.
    #[must_use]
    pub fn has(&self, controller: Controller) -> bool {
        self.present.contains(&controller)
    }

    /// Which hierarchy they are on.
    #[must_use]
    pub fn mode(&self) -> CgroupMode {
        self.mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_v1_a_controller_is_there_when_its_hierarchy_is_mounted() {
        let text = "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                    32 24 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        let controllers = CgroupMounts::parse(text).unwrap().controllers().unwrap();
        assert_eq!(controllers.mode(), CgroupMode::V1);
        assert_eq!(controllers.present, [Controller::Cpu, Controller::Pids]);
    }

    #[test]
    fn on_v2_the_root_names_what_there_is() {
        let text = "31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let controllers = Controllers::of(&CgroupMounts::parse(text).unwrap(), "cpuset cpu io pids\n");
        assert_eq!(controllers.mode(), CgroupMode::V2);
        assert_eq!(controllers.present, [Controller::Cpu, Controller::Cpuset, Controller::Pids]);
        assert!(!controllers.has(Controller::Memory));
    }

    #[test]
    fn this_host_has_what_its_tasks_are_limited_with() {
        let controllers = CgroupMounts::read().unwrap().controllers().unwrap();
        assert!(controllers.has(Controller::Memory));
    }
}
