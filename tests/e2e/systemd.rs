//! Beside systemd as the host's first program, which takes the cgroup tree for its own.

use std::process::Command;

use e2e::cgroup::{self, value};
use e2e::{Task, test};
use linux_host::cgroup::Controller;

/// What systemd does to the tree in a host's life: it reads its units again, and it hands controllers to a service
/// and takes them back when the service has ended.
fn systemd_goes_over_its_tree() {
    let properties =
        ["-pMemoryMax=64M", "-pCPUQuota=50%", "-pAllowedCPUs=0", "-pTasksMax=16", "-pIOWeight=50"];
    for arguments in [
        &[&["systemd-run", "--quiet", "--wait"], &properties[..], &["true"]].concat()[..],
        &["systemctl", "daemon-reload"],
        &["systemctl", "daemon-reexec"],
    ] {
        let output = Command::new(arguments[0]).args(&arguments[1..]).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Place and limits of a task.
async fn seen(task: &Task) -> Vec<String> {
    let pid = task.pid().await;
    let files = [
        (Controller::Memory, "memory.limit_in_bytes", "memory.max"),
        (Controller::Cpu, "cpu.shares", "cpu.weight"),
        (Controller::Cpuset, "cpuset.cpus", "cpuset.cpus"),
        (Controller::Pids, "pids.max", "pids.max"),
    ];
    let values = files.map(|(controller, v1, v2)| value(pid, controller, v1, v2));
    [cgroup::path_of(pid, "memory")].into_iter().chain(values).collect()
}

#[test]
#[ignore = "systemd must be the host's first program, as it is in the guest of the tier cgroup2"]
fn places_and_limits_stay_when_systemd_goes_over_its_tree() {
    test(async |world| {
        let cgroups = cgroup::of_client(&world.alloc().id, "in-share");
        let place = cgroups.cpuset_cgroup.clone();
        let limited = |name: &str| {
            let setup =
                world.task(name).shell("sleep 1000").option("pids_limit", 40).option("cpuset_cpus", "1");
            setup.with(|task| task.memory_mb(48).cpu_mhz(500))
        };
        let alone = limited("alone").start().await;
        let in_share = limited("in-share").with(move |task| task.cgroup(place)).start().await;
        let before = [seen(&alone).await, seen(&in_share).await];
        systemd_goes_over_its_tree();
        assert_eq!([seen(&alone).await, seen(&in_share).await], before);
        assert_eq!(alone.read("echo fine").await, "fine\n");
        world.kill_plugin().await;
        world.start_plugin().await;
        in_share.recover().await.unwrap();
        in_share.destroy(true).await.unwrap();
        cgroups.remove().unwrap();
    });
}
