//! Limits that need something of the host: a cgroup controller, a CPU, a memory node.

use linux_host::cgroup::{CgroupMode, Controller, Controllers};
use linux_host::id_list::IdList;

use crate::node::host::Available;
use crate::refusal::Refusal;
use crate::request::task::TaskSpec;

/// Refuses the first limit that nothing on the host could hold.
pub(crate) fn check_available(spec: &TaskSpec, available: &Available) -> Result<(), Refusal> {
    for (option, value, controller) in wanted(spec) {
        if !available.controllers.has(controller) {
            return Err(Refusal::new(option, value, missing(&available.controllers, controller)));
        }
    }
    let options = &spec.options;
    known("cpuset_cpus", &options.cpuset_cpus, &available.cpus, "CPUs that are online here")?;
    known("cpuset_mems", &options.cpuset_mems, &available.memory_nodes, "memory nodes of this host")
}

/// The limits of the task, as the job has them, and what each needs.
fn wanted(spec: &TaskSpec) -> Vec<(&'static str, String, Controller)> {
    let (options, resources) = (&spec.options, &spec.resources);
    let mut wanted = vec![("resources.cpu", resources.cpu_mhz.to_string(), Controller::Cpu)];
    for (option, number, controller) in [
        ("resources.memory", resources.memory_mb, Controller::Memory),
        ("resources.memory_max", resources.memory_max_mb, Controller::Memory),
        ("pids_limit", options.pids_limit, Controller::Pids),
    ] {
        if number > 0 {
            wanted.push((option, number.to_string(), controller));
        }
    }
    for (option, list) in [
        ("cpuset_cpus", &options.cpuset_cpus),
        ("cpuset_mems", &options.cpuset_mems),
        ("resources.cores", &resources.cpuset_cpus),
    ] {
        if !list.is_empty() {
            wanted.push((option, list.clone(), Controller::Cpuset));
        }
    }
    wanted
}

fn missing(controllers: &Controllers, controller: Controller) -> String {
    let name = controller.name();
    match controllers.mode() {
        CgroupMode::V1 => {
            format!("this limit needs the {name} controller of cgroup v1, which is not mounted")
        }
        CgroupMode::V2 => {
            format!("this limit needs the {name} controller, which is not in the host's cgroup.controllers")
        }
    }
}

/// What is no list at all is told by the spec's builder.
fn known(option: &'static str, list: &str, known: &IdList, what: &str) -> Result<(), Refusal> {
    match IdList::parse(list) {
        Some(wanted) if !known.covers(&wanted) => {
            Err(Refusal::new(option, list, format!("{known} is accepted, the {what}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use linux_host::cgroup::CgroupMounts;

    use super::*;
    use crate::testing::spec;

    fn v2(words: &str) -> Available {
        let mounts = CgroupMounts::parse("31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").unwrap();
        on(Controllers::of(&mounts, words))
    }

    fn v1(names: &str) -> Available {
        let line = format!("31 24 0:27 / /sys/fs/cgroup/all rw - cgroup cgroup rw,{names}\n");
        on(Controllers::of(&CgroupMounts::parse(&line).unwrap(), ""))
    }

    fn on(controllers: Controllers) -> Available {
        let list = |text| IdList::parse(text).unwrap();
        Available { controllers, cpus: list("0-3,6"), memory_nodes: list("0") }
    }

    fn told(available: &Available, change: impl FnOnce(&mut TaskSpec)) -> String {
        let mut spec = spec("web");
        change(&mut spec);
        check_available(&spec, available)
            .map_or_else(|refusal| refusal.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn a_limit_whose_controller_is_missing_names_it() {
        let (no_pids, bare) = (v1("cpu,cpuset,memory"), v2("cpu io"));
        let told = [
            told(&no_pids, |spec| spec.options.pids_limit = 40),
            told(&no_pids, |spec| spec.options.pids_limit = 0),
            told(&bare, |spec| spec.options.pids_limit = 40),
            told(&bare, |spec| spec.resources.memory_mb = 256),
            told(&bare, |spec| spec.resources.memory_max_mb = 512),
            told(&bare, |spec| spec.options.cpuset_cpus = "0".into()),
            told(&bare, |spec| spec.options.cpuset_mems = "0".into()),
            told(&bare, |spec| spec.resources.cpuset_cpus = "1,2".into()),
            told(&v2("memory"), |spec| spec.resources.cpu_mhz = 500),
            told(&bare, |_| {}),
        ];
        expect_test::expect![[r#"
            pids_limit = "40": this limit needs the pids controller of cgroup v1, which is not mounted
            accepted
            pids_limit = "40": this limit needs the pids controller, which is not in the host's cgroup.controllers
            resources.memory = "256": this limit needs the memory controller, which is not in the host's cgroup.controllers
            resources.memory_max = "512": this limit needs the memory controller, which is not in the host's cgroup.controllers
            cpuset_cpus = "0": this limit needs the cpuset controller, which is not in the host's cgroup.controllers
            cpuset_mems = "0": this limit needs the cpuset controller, which is not in the host's cgroup.controllers
            resources.cores = "1,2": this limit needs the cpuset controller, which is not in the host's cgroup.controllers
            resources.cpu = "500": this limit needs the cpu controller, which is not in the host's cgroup.controllers
            accepted"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn cpus_and_nodes_that_the_host_does_not_have_are_refused_with_those_it_has() {
        let all = v2("cpuset cpu memory pids");
        let cpus = |list: &str| told(&all, |spec| spec.options.cpuset_cpus = list.to_owned());
        let nodes = told(&all, |spec| spec.options.cpuset_mems = "0-1".into());
        let told = [cpus("0-3,6"), cpus("1"), cpus("4"), cpus("0-6"), cpus("no list"), nodes];
        expect_test::expect![[r#"
            accepted
            accepted
            cpuset_cpus = "4": 0-3,6 is accepted, the CPUs that are online here
            cpuset_cpus = "0-6": 0-3,6 is accepted, the CPUs that are online here
            accepted
            cpuset_mems = "0-1": 0 is accepted, the memory nodes of this host"#]]
        .assert_eq(&told.join("\n"));
    }
}
