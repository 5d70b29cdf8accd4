//! On a kernel that lacks some of the controllers that limits need.

use std::time::Duration;

use e2e::cgroup::value;
use e2e::wait::limited;
use e2e::{TaskSetup, World, test};
use linux_host::cgroup::Controller;

/// What limits a task with it is refused for.
fn refused(world: &World) -> [(&'static str, TaskSetup); 4] {
    let task = |name: &str| world.task(name).shell("true");
    [
        (r#"pids_limit = "40": this limit needs the pids"#, task("many").option("pids_limit", 40)),
        (r#"cpuset_cpus = "0": this limit needs the cpuset"#, task("cpus").option("cpuset_cpus", "0")),
        (r#"cpuset_mems = "0": this limit needs the cpuset"#, task("mems").option("cpuset_mems", "0")),
        (
            r#"resources.cores = "0": this limit needs the cpuset"#,
            task("cores").with(|task| task.cpuset_cpus("0")),
        ),
    ]
}

#[test]
#[ignore = "the kernel must lack cpuset and pids, as it does in a guest of the tier cgroup2"]
fn what_needs_a_missing_controller_is_refused_by_its_name_and_all_else_works() {
    test(async |world| {
        for (begin, setup) in refused(world) {
            let told = setup.refusal().await;
            let end = " controller, which is not in the host's cgroup.controllers";
            assert_eq!(told, format!("{begin}{end}"));
        }
        let left = e2e::leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert_eq!(left, Vec::<String>::new());

        let setup = world.task("web").shell("sleep 1000").with(|task| task.memory_mb(48).cpu_mhz(500));
        let task = setup.start().await;
        let limit = value(task.pid().await, Controller::Memory, "memory.limit_in_bytes", "memory.max");
        assert_eq!(limit, (48 << 20).to_string());
        let driver = world.driver();
        let stream = driver.task_stats(task.id(), Duration::from_secs(3600));
        let mut samples = limited("TaskStats", stream).await.unwrap();
        let sample = limited("a sample", samples.next()).await.unwrap().unwrap();
        assert!(sample.agg_resource_usage.unwrap().memory.unwrap().usage > 0);
        assert_eq!(task.read("echo fine").await, "fine\n");
        world.kill_plugin().await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        task.stop(Duration::from_secs(1), "").await.unwrap();
        assert_eq!(task.wait().await.signal, 9);
    });
}
