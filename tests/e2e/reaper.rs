//! What is removed of tasks that nobody knows any more, and what is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use e2e::world::{Setup, World};
use e2e::{Task, TaskSetup, host, leftovers, test, test_with, wait};
use nomad_host::alloc::Allocation;
use nomad_proto::cty::Value;

use crate::kills::{owners, points};

/// Short times, by which nothing but the length of the test changes.
fn reaping(dry_run: bool) -> Setup {
    Setup::config("gc", [dangling(dry_run)])
}

fn dangling(dry_run: bool) -> (&'static str, Value) {
    let dangling = [
        ("period", Value::from("100ms")),
        ("creation_grace", Value::from("300ms")),
        ("dry_run", Value::from(dry_run)),
    ];
    ("dangling_containers", Value::from(dangling))
}

/// A sleeping task on the node of this test alone: reapers of tests beside it must not meet it.
fn sleeping(world: &World, alloc: &Arc<Allocation>) -> TaskSetup {
    let node = world.alloc().id.clone();
    world.task_in(alloc, "web").shell("sleep 1000").change(move |config| config.node_id = node)
}

/// A task in an allocation of its own.
async fn task(world: &World) -> (Arc<Allocation>, Task) {
    let alloc = world.allocation();
    let task = sleeping(world, &alloc).start().await;
    (alloc, task)
}

/// What is left of an allocation, wherever it is.
fn left(world: &World, alloc: &Allocation) -> Vec<String> {
    let mut left = leftovers::of(world.daemon(), &alloc.id, &world.state_dir());
    left.retain(|line| line.contains(&alloc.id));
    left
}

fn has_container(world: &World, alloc: &Allocation) -> bool {
    let container = format!("container {}", host::container_id(&alloc.id, "web"));
    left(world, alloc).contains(&container)
}

/// Waits until the reaper has removed all of an allocation.
async fn gone(world: &World, alloc: &Allocation) {
    wait::until("nothing of the allocation", async || left(world, alloc).is_empty().then_some(())).await;
}

async fn restart_plugin(world: &World) {
    world.kill_plugin().await;
    world.start_plugin().await;
}

#[test]
fn what_forgotten_tasks_left_goes_with_their_allocations_and_nothing_else_does() {
    test_with(reaping(false), async |world| {
        let ((first, _first), (second, _second), (held, _held)) =
            (task(world).await, task(world).await, task(world).await);
        let other = world.allocation();
        let on_other_node = sleeping(world, &other).change(|config| config.node_id = config.alloc_id.clone());
        let _on_other_node = on_other_node.start().await;
        let (image, foreign) = (world.daemon().image("busybox"), format!("foreign-{}", first.id));
        world.ctr(&["containers", "create", "--snapshotter", "overlayfs", &image, &foreign, "true"]);
        restart_plugin(world).await;
        let (known, known_task) = task(world).await;
        let (driver, id) = (world.driver(), known_task.id().to_owned());
        let waiting = tokio::spawn(async move { driver.wait_task(&id).await });
        let (abandoned, _abandoned) = task(world).await;
        for alloc in [&other, &known, &abandoned, &first] {
            alloc.remove().unwrap();
        }
        let of_first = async || left(world, &first).iter().all(|line| line.contains(&foreign)).then_some(());
        wait::until("only the foreign container", of_first).await;
        // When a later look has removed another one, all that the first look judged is done.
        second.remove().unwrap();
        gone(world, &second).await;
        // It runs, and this process has started it: but nobody waits for its end.
        gone(world, &abandoned).await;

        let kept = world.ctr(&["containers", "list", "--quiet"]);
        assert!(kept.lines().any(|line| line == foreign), "{kept}");
        world.ctr(&["containers", "delete", &foreign]);
        for alloc in [&held, &other, &known] {
            assert!(has_container(world, alloc), "{:?}", left(world, alloc));
        }
        assert!(!host::is_gone(known_task.pid().await));
        known_task.destroy(true).await.unwrap();
        waiting.await.unwrap().unwrap();
    });
}

#[test]
fn a_dry_run_tells_what_would_be_removed_and_removes_nothing() {
    test_with(reaping(true), async |world| {
        let ((first, _first), (second, _second)) = (task(world).await, task(world).await);
        restart_plugin(world).await;
        let _teaches_the_node = task(world).await;
        for alloc in [&first, &second] {
            alloc.remove().unwrap();
            wait::until_true("the line in the log", || {
                world.logged_of("a dangling container would be removed", &alloc.id)
            })
            .await;
        }
        assert!(has_container(world, &first) && has_container(world, &second));
    });
}

#[test]
fn what_a_cut_start_staged_goes_at_once_and_the_rest_with_its_allocation() {
    test_with(reaping(false), async |world| {
        let cut = world.allocation();
        let (config, _logs) = sleeping(world, &cut).prepare().await.unwrap();
        // Nobody reads these pipes: the runtime waits for a reader, and the start with it.
        for path in [&config.stdout_path, &config.stderr_path] {
            std::fs::remove_file(path).unwrap();
            linux_host::fifo::make(path.as_ref()).unwrap();
        }
        let driver = world.driver();
        let start = tokio::spawn(async move { driver.start_task(&config).await });
        wait::until("a shim that waits", async || {
            let shim = !host::processes_with(&host::container_id(&cut.id, "web")).is_empty();
            (has_container(world, &cut) && shim).then_some(())
        })
        .await;
        let is_staged = || left(world, &cut).iter().any(|line| line.starts_with("mount: "));
        assert!(is_staged());
        world.kill_plugin().await;
        assert!(start.await.unwrap().unwrap_err().is_disconnected());
        world.start_plugin().await;
        assert!(is_staged());
        let _teaches_the_node = task(world).await;
        wait::until_true("nothing staged", || !is_staged()).await;
        assert!(has_container(world, &cut));
        cut.remove().unwrap();
        gone(world, &cut).await;
    });
}

#[test]
fn what_a_start_that_was_cut_at_any_call_left_goes_with_its_allocation() {
    test_with(reaping(false).proxied(), async |world| {
        let (_, teaches_the_node) = task(world).await;
        world.proxy().watch(None);
        let (_, undisturbed) = task(world).await;
        let calls = world.proxy().calls();
        undisturbed.destroy(true).await.unwrap();
        let mut seen = BTreeSet::new();
        // The reaper lists, a start does not.
        for point in points(&calls).into_iter().filter(|point| !point.method.contains("/List")) {
            let cut = world.allocation();
            let (config, logs) = sleeping(world, &cut).prepare().await.unwrap();
            world.proxy().watch(Some(point.clone()));
            let driver = world.driver();
            let start = tokio::spawn(async move { driver.start_task(&config).await });
            wait::limited(&format!("{point:?}"), world.proxy().held()).await;
            world.kill_plugin().await;
            world.proxy().watch(None);
            let _cut_or_just_done = start.await.unwrap();
            drop(logs);
            seen.extend(owners::owned(&calls, &point, &left(world, &cut)));
            world.start_plugin().await;
            teaches_the_node.recover().await.unwrap();
            cut.remove().unwrap();
            gone(world, &cut).await;
        }
        assert_eq!(seen, owners::kinds(world), "what the reaper was seen to remove");
        assert!(!host::is_gone(teaches_the_node.pid().await));
    });
}

#[test]
fn a_root_file_system_that_no_container_was_made_for_goes_with_its_allocation() {
    test_with(reaping(false), async |world| {
        let (node, cut) = (world.alloc().id.clone(), world.allocation());
        let id = host::container_id(&cut.id, "web");
        let labels = [
            "nomad.driver=containerd-driver".to_owned(),
            format!("nomad.node_id={node}"),
            format!("nomad.alloc_dir={}", cut.root().display()),
        ];
        world.ctr(&["leases", "create", "--id", &id, &labels[0], &labels[1], &labels[2]]);
        world.ctr(&["snapshots", "--snapshotter", "overlayfs", "prepare", &id]);
        let _teaches_the_node = task(world).await;
        assert!(!left(world, &cut).is_empty());
        cut.remove().unwrap();
        gone(world, &cut).await;
    });
}

#[test]
fn a_task_of_a_killed_plugin_can_be_destroyed_without_being_recovered() {
    test(async |world| {
        let first = world.task("web").shell("sleep 1000").start().await;
        restart_plugin(world).await;
        let refused = first.destroy(false).await.unwrap_err().to_string();
        assert!(refused.contains("force"), "{refused}");
        first.destroy(true).await.unwrap();
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
        let unknown = first.destroy(true).await.unwrap_err().to_string();
        assert_eq!(unknown, "task not found for given id");
    });
}

#[test]
fn an_operator_who_keeps_containers_finds_that_of_an_ended_task_as_long_as_its_allocation() {
    test_with(Setup::config("gc", [("container", Value::from(false)), dangling(false)]), async |world| {
        let alloc = world.allocation();
        for code in [3, 4] {
            let script = format!("test ! -e /result && echo {code} > /result; exit {code}");
            let node = world.alloc().id.clone();
            let setup =
                world.task_in(&alloc, "web").shell(&script).change(move |config| config.node_id = node);
            let task = setup.start().await;
            assert_eq!(task.wait().await.code, code);
            task.destroy(false).await.unwrap();
            let no_task =
                async || left(world, &alloc).iter().all(|line| !line.contains("task")).then_some(());
            wait::until("the end of the shim", no_task).await;
            assert!(has_container(world, &alloc), "{:?}", left(world, &alloc));
        }
        alloc.remove().unwrap();
        gone(world, &alloc).await;
    });
}
