//! Memory and CPU of tasks as the kernel has them, and the client's own cgroups.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use e2e::cgroup::{self, value};
use e2e::host::Sleep;
use e2e::test;
use e2e::wait::until_true;
use linux_host::cgroup::{CgroupMode, CgroupMounts, Controller};
use nomad_host::alloc::TaskResources;

const MIB: u64 = 1024 * 1024;

/// The hard limit, or nothing when there is none.
fn memory_limit(pid: u32) -> Option<u64> {
    let text = value(pid, Controller::Memory, "memory.limit_in_bytes", "memory.max");
    // v1 writes "no limit" as a number near 2^63.
    text.parse().ok().filter(|bytes| *bytes < 1 << 60)
}

fn memory_reservation(pid: u32) -> Option<u64> {
    let text = value(pid, Controller::Memory, "memory.soft_limit_in_bytes", "memory.low");
    text.parse().ok().filter(|bytes| *bytes < 1 << 60)
}

fn resources(memory_mib: u32, memory_max_mib: i64) -> TaskResources {
    TaskResources { cpu_mhz: 100, memory_mib, memory_max_mib }
}

#[test]
fn memory_is_a_hard_limit() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").with(|task| task.memory_mb(48)).start().await;
        assert_eq!(memory_limit(task.pid().await), Some(48 * MIB));
    });
}

#[test]
fn swap_does_not_widen_the_limit() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").with(|task| task.memory_mb(48)).start().await;
        let directory = cgroup::directory_of(task.pid().await, Controller::Memory);
        let (file, limit) = match cgroup::mode() {
            CgroupMode::V1 => ("memory.memsw.limit_in_bytes", 48 * MIB),
            CgroupMode::V2 => ("memory.swap.max", 0),
        };
        match std::fs::read_to_string(directory.join(file)) {
            Ok(text) => assert_eq!(text.trim().parse(), Ok(limit)),
            // A kernel that does not account for swap has no such file.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    });
}

#[test]
fn memory_max_is_the_limit_and_memory_the_reservation() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000");
        let task = setup.with(|task| task.resources(resources(32, 96))).start().await;
        let pid = task.pid().await;
        assert_eq!((memory_limit(pid), memory_reservation(pid)), (Some(96 * MIB), Some(32 * MIB)));
    });
}

#[test]
fn memory_max_of_minus_one_is_no_limit() {
    test(async |world| {
        let setup = world.task("web").shell("sleep 1000");
        let task = setup.with(|task| task.resources(resources(32, -1))).start().await;
        let pid = task.pid().await;
        assert_eq!((memory_limit(pid), memory_reservation(pid)), (None, Some(32 * MIB)));
        let (file, off) = match cgroup::mode() {
            CgroupMode::V1 => ("memory.swappiness", "0\n"),
            CgroupMode::V2 => ("memory.swap.max", "0\n"),
        };
        // A kernel of version 2 that does not account for swap has no such file.
        let told = std::fs::read_to_string(cgroup::directory_of(pid, Controller::Memory).join(file));
        assert_eq!(told.as_deref().unwrap_or(off), off);
    });
}

#[test]
fn cpu_is_a_share_in_mhz() {
    test(async |world| {
        let small = world.task("small").shell("sleep 1000").with(|task| task.cpu_mhz(250)).start().await;
        let large = world.task("large").shell("sleep 1000").with(|task| task.cpu_mhz(1000)).start().await;
        let weight = async |task: &e2e::Task| {
            let text = value(task.pid().await, Controller::Cpu, "cpu.shares", "cpu.weight");
            text.parse::<u64>().unwrap()
        };
        let (small, large) = (weight(&small).await, weight(&large).await);
        match cgroup::mode() {
            CgroupMode::V1 => assert_eq!((small, large), (250, 1000)),
            CgroupMode::V2 => assert!(small > 0 && large > 2 * small, "{small} {large}"),
        }
    });
}

#[test]
fn a_task_without_a_hard_cpu_limit_may_use_the_whole_host() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let quota = value(task.pid().await, Controller::Cpu, "cpu.cfs_quota_us", "cpu.max");
        assert!(["-1", "max 100000"].contains(&quota.as_str()), "{quota}");
    });
}

#[test]
fn reserved_cores_are_the_only_ones() {
    test(async |world| {
        let setup = world.task("web").shell("grep Cpus_allowed_list /proc/self/status; sleep 1000");
        let mut task = setup.with(|task| task.cpuset_cpus("1")).start().await;
        task.printed("Cpus_allowed_list:\t1\n").await;
        assert_eq!(task.read("grep Cpus_allowed_list /proc/self/status").await, "Cpus_allowed_list:\t1\n");
        assert_eq!(value(task.pid().await, Controller::Cpuset, "cpuset.cpus", "cpuset.cpus"), "1");
    });
}

#[test]
fn reserved_cores_are_those_of_the_cgroup_that_the_client_made_for_them() {
    test(async |world| {
        let cores = SharedCores::make(world.directory().file_name().unwrap(), &world.alloc().id);
        let place = cores.reserve(&world.alloc().id);
        let cgroup = place.display().to_string();
        let setup = world.task("web").shell("sleep 1000");
        let task = setup.with(move |task| task.cgroup(cgroup).cpuset_cpus("1")).start().await;
        assert_eq!(task.read("grep Cpus_allowed_list /proc/1/status").await, "Cpus_allowed_list:\t1\n");
        assert_eq!(cgroup::directory_of(task.pid().await, Controller::Cpuset), place);
        task.destroy(true).await.unwrap();
        if cgroup::mode() == CgroupMode::V1 {
            std::fs::remove_dir(&place).unwrap();
        }
        std::fs::remove_dir(place.parent().unwrap()).unwrap();
        cores.remove();
    });
}

#[test]
fn a_task_goes_into_the_cgroups_that_the_client_made() {
    test(async |world| {
        let cgroups = cgroup::of_client(&world.alloc().id, "web");
        let place = cgroups.cpuset_cgroup.clone();
        let task = world.task("web").shell("sleep 1000").with(move |task| task.cgroup(place)).start().await;
        let pid = task.pid().await;
        let cpuset = cgroup::directory_of(pid, Controller::Cpuset);
        assert_eq!(cpuset.display().to_string(), cgroups.cpuset_cgroup);
        if cgroup::mode() == CgroupMode::V1 {
            let own = format!("/nomad/{}.web", world.alloc().id);
            for controller in ["freezer", "cpu", "memory"] {
                assert_eq!(cgroup::path_of(pid, controller), own);
            }
        }
        let of_task = || std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let sleep = Sleep::unique();
        let _session = task.session(&["sleep", sleep.seconds()], false).await;
        until_true("a command in the same cgroups", || {
            let of_command = sleep.processes().first().map(|pid| format!("/proc/{pid}/cgroup"));
            of_command.is_some_and(|path| std::fs::read_to_string(path).is_ok_and(|text| text == of_task()))
        })
        .await;
        task.destroy(true).await.unwrap();
        cgroups.remove().unwrap();
    });
}

/// A cpuset of a client with another parent than Nomad's usual one, and where a task's cgroup goes in it.
struct SharedCores {
    parent: PathBuf,
    share: PathBuf,
    place: PathBuf,
}

impl SharedCores {
    fn make(name: &OsStr, alloc_id: &str) -> Self {
        let mounts = CgroupMounts::read().unwrap();
        let mount = mounts.controller(Controller::Cpuset).unwrap();
        let parent = mount.join(name);
        let share = parent.join("share");
        for (directory, above) in [(&parent, mount), (&share, &parent)] {
            std::fs::create_dir(directory).unwrap();
            match cgroup::mode() {
                CgroupMode::V1 => {
                    for file in ["cpuset.cpus", "cpuset.mems"] {
                        std::fs::write(directory.join(file), std::fs::read(above.join(file)).unwrap())
                            .unwrap();
                    }
                }
                CgroupMode::V2 => {
                    std::fs::write(directory.join("cgroup.subtree_control"), "+cpuset +cpu +memory +pids")
                        .unwrap();
                }
            }
        }
        let place = match cgroup::mode() {
            CgroupMode::V1 => share.clone(),
            CgroupMode::V2 => share.join(format!("{alloc_id}.web.scope")),
        };
        Self { parent, share, place }
    }

    /// What the client makes for a task that has cores of its own: on v1 without CPUs, which are the driver's to write.
    fn reserve(&self, alloc_id: &str) -> PathBuf {
        let reserve = self.parent.join("reserve");
        std::fs::create_dir(&reserve).unwrap();
        let copy = |from: &Path, to: &Path, file: &str| {
            std::fs::write(to.join(file), std::fs::read(from.join(file)).unwrap()).unwrap();
        };
        match cgroup::mode() {
            CgroupMode::V1 => {
                let place = reserve.join(format!("{alloc_id}.web"));
                std::fs::create_dir(&place).unwrap();
                copy(&self.parent, &reserve, "cpuset.cpus");
                copy(&self.parent, &reserve, "cpuset.mems");
                copy(&reserve, &place, "cpuset.mems");
                place
            }
            CgroupMode::V2 => {
                std::fs::write(reserve.join("cgroup.subtree_control"), "+cpuset +cpu +memory +pids").unwrap();
                reserve.join(format!("{alloc_id}.web.scope"))
            }
        }
    }

    fn remove(&self) {
        std::fs::remove_dir(&self.share).unwrap();
        std::fs::remove_dir(&self.parent).unwrap();
    }
}

#[test]
fn the_clients_change_of_the_shared_cores_reaches_the_task() {
    test(async |world| {
        let cores = SharedCores::make(world.directory().file_name().unwrap(), &world.alloc().id);
        let place = cores.place.display().to_string();
        let task = world.task("web").shell("sleep 1000").with(move |task| task.cgroup(place)).start().await;
        std::fs::write(cores.share.join("cpuset.cpus"), "1").unwrap();
        assert_eq!(task.read("grep Cpus_allowed_list /proc/1/status").await, "Cpus_allowed_list:\t1\n");
        task.destroy(true).await.unwrap();
        cores.remove();
    });
}

#[test]
fn a_cgroup_outside_of_its_hierarchy_is_refused() {
    test(async |world| {
        let setup = world.task("web").shell("true").with(|task| task.cgroup("/etc/cgroup"));
        let text = setup.refusal().await;
        assert!(text.contains("/etc/cgroup"), "{text}");
    });
}
