//! What the kernel says of a process: its cgroups and their files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use linux_host::cgroup::{CgroupMode, CgroupMounts, Controller};
use nomad_host::alloc::TaskCgroups;

/// The host's cgroup version.
pub fn mode() -> CgroupMode {
    CgroupMounts::read().unwrap().mode()
}

/// The path of a process in the hierarchy of a controller, as `/proc/<pid>/cgroup` has it. On v2 all
/// controllers share one.
pub fn path_of(pid: u32, controller: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let wanted = match mode() {
        CgroupMode::V1 => controller,
        CgroupMode::V2 => "",
    };
    let line = text.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|name| name == wanted).then(|| path.to_owned())
    });
    line.unwrap_or_else(|| panic!("process {pid} is in no cgroup of {controller}: {text}"))
}

/// The directory of a process in the hierarchy of a controller.
pub fn directory_of(pid: u32, controller: Controller) -> PathBuf {
    let mounts = CgroupMounts::read().unwrap();
    let mount = mounts.controller(controller).unwrap();
    mount.join(path_of(pid, name(controller)).trim_start_matches('/'))
}

/// The trimmed content of a file of a process's cgroup: `v1` on the first version, `v2` on the second.
pub fn value(pid: u32, controller: Controller, v1: &str, v2: &str) -> String {
    let file = match mode() {
        CgroupMode::V1 => v1,
        CgroupMode::V2 => v2,
    };
    let path = directory_of(pid, controller).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim().to_owned()
}

fn name(controller: Controller) -> &'static str {
    match controller {
        Controller::Cpu => "cpu",
        Controller::Cpuacct => "cpuacct",
        Controller::Cpuset => "cpuset",
        Controller::Freezer => "freezer",
        Controller::Memory => "memory",
        Controller::Pids => "pids",
    }
}

/// Where the hierarchies are mounted.
fn hierarchies() -> BTreeSet<PathBuf> {
    let mounts = CgroupMounts::read().unwrap();
    let controllers =
        [Controller::Cpu, Controller::Cpuacct, Controller::Cpuset, Controller::Freezer, Controller::Memory];
    controllers
        .into_iter()
        .filter_map(|controller| mounts.controller(controller))
        .map(Path::to_owned)
        .collect()
}

/// How many files of cgroups whose path contains `part` a process has open, but for the one with the kills for lack of
/// memory: the driver looks into it for a moment now and then, whoever reads the usage.
pub fn open_files(pid: u32, part: &str) -> usize {
    let passing = match mode() {
        CgroupMode::V1 => "memory.oom_control",
        CgroupMode::V2 => "memory.events",
    };
    let hierarchies = hierarchies();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    // Another one may have been closed meanwhile.
    let files = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    files
        .filter(|file| hierarchies.iter().any(|mount| file.starts_with(mount)))
        .filter(|file| file.to_string_lossy().contains(part) && !file.ends_with(passing))
        .count()
}

/// The directories of tasks, in any hierarchy, whose name contains `part`.
pub fn directories_with(part: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for mount in hierarchies() {
        let mut open = vec![mount.join("nomad"), mount.join("nomad.slice")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if entry.file_name().to_string_lossy().contains(part) {
                        found.push(entry.path());
                    }
                    open.push(entry.path());
                }
            }
        }
    }
    found
}

/// The cgroups that a client makes for a task. Those that all tasks share stay as long as the host runs, as a
/// client's do: a test that removed them would pull them from under another.
pub fn of_client(alloc_id: &str, task: &str) -> TaskCgroups {
    static SHARED: OnceLock<TaskCgroups> = OnceLock::new();
    SHARED.get_or_init(|| {
        let cgroups = TaskCgroups::create("shared", "shared").unwrap();
        // Of the second version the name has an ending.
        let is_own = |path: &&PathBuf| {
            ["shared.shared", "shared.shared.scope"].iter().any(|name| path.ends_with(name))
        };
        let own = cgroups.directories().iter().rev().filter(is_own);
        own.for_each(|path| fs::remove_dir(path).unwrap());
        cgroups
    });
    TaskCgroups::create(alloc_id, task).unwrap()
}
