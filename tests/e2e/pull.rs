//! Images out of a registry, and without it.

use e2e::proxy::{Edge, Point};
use e2e::registry::Endless;
use e2e::world::Setup;
use e2e::{Registry, World, host, test_with, wait};
use nomad_host::driver::TaskExit;

/// A world whose containerd has no image, and a registry.
fn with_registry(body: impl AsyncFnOnce(&World, Registry)) {
    with_registry_in(Setup::own_daemon(), body);
}

fn with_registry_in(setup: Setup, body: impl AsyncFnOnce(&World, Registry)) {
    test_with(setup, async |world| {
        let directory = world.directory();
        let registry = tokio::task::spawn_blocking(move || Registry::start(&directory)).await.unwrap();
        body(world, registry).await;
        let leases = world.ctr(&["leases", "list", "-q"]);
        assert_eq!(leases, "", "leases are left");
    });
}

async fn runs(world: &World, reference: &str) {
    let task = world.task("web").reference(reference).shell("echo runs; exit 3").start().await;
    let (exit, output) = task.finish().await;
    assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(3), "runs\n"));
}

fn assert_complete_and_unpacked(world: &World, reference: &str) {
    let said = world.ctr(&["images", "check", &format!("name=={reference}")]);
    let row = said.lines().find(|line| line.starts_with(reference)).expect(&said);
    assert!(row.contains("complete (") && row.trim_end().ends_with("true"), "{row}");
}

#[test]
fn layers_of_every_packing_are_pulled_complete_and_unpacked() {
    with_registry(async |world, registry| {
        for name in ["busybox", "busybox-gzip", "busybox-zstd", "busybox-layers"] {
            let reference = registry.push(name, &format!("team/{name}"), "1.0");
            runs(world, &reference).await;
            assert_complete_and_unpacked(world, &reference);
        }
    });
}

#[test]
fn of_an_index_this_machines_image_alone_is_pulled() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-index", "team/tool", "latest");
        runs(world, &reference).await;
        assert_complete_and_unpacked(world, &reference);
        assert_eq!(registry.requests("GET", "/blobs/"), 2, "one config and one layer");
        // Without a tag the latest one is meant.
        runs(world, reference.strip_suffix(":latest").unwrap()).await;
    });
}

#[test]
fn an_image_is_pulled_by_its_digest() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-gzip", "team/tool", "1.0");
        let digest = Registry::digest("busybox-gzip");
        let name = reference.strip_suffix(":1.0").unwrap();
        runs(world, &format!("{name}@{digest}")).await;
        runs(world, &format!("{reference}@{digest}")).await;
    });
}

#[test]
fn a_digest_that_the_registry_does_not_have_is_refused_for_good() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-gzip", "team/tool", "1.0");
        let missing = format!("sha256:{}", "0".repeat(64));
        let other = format!("{reference}@{missing}");
        let error = world.task("web").reference(&other).shell("true").try_start().await.unwrap_err();
        assert!(error.to_string().contains(&missing) && !error.is_recoverable(), "{error}");
    });
}

#[test]
fn an_image_that_is_there_needs_no_registry() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-gzip", "team/tool", "1.0");
        runs(world, &reference).await;
        let asked = registry.requests("GET", "") + registry.requests("HEAD", "");
        runs(world, &reference).await;
        assert_eq!(registry.requests("GET", "") + registry.requests("HEAD", ""), asked, "asked once more");
        registry.stop();
        runs(world, &reference).await;
        world.kill_plugin().await;
        world.start_plugin().await;
        runs(world, &reference).await;
    });
}

#[test]
fn starts_that_need_one_image_at_once_share_a_pull() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-gzip", "team/tool", "1.0");
        let starts = (0..5).map(|number| {
            let setup = world.task(&format!("task-{number}")).reference(&reference).shell("exit 3");
            async move { setup.start().await.wait().await }
        });
        let ends = wait::limited("all of them", futures::future::join_all(starts)).await;
        assert_eq!(ends, [TaskExit::code(3); 5]);
        assert_eq!(registry.requests("GET", "/blobs/"), 2, "one config and one layer");
    });
}

#[test]
fn layers_that_are_there_are_not_pulled_again() {
    with_registry(async |world, registry| {
        runs(world, &registry.push("busybox-gzip", "team/tool", "1.0")).await;
        let before = registry.requests("GET", "/blobs/");
        runs(world, &registry.push("busybox-gzip", "team/copy", "1.0")).await;
        assert_eq!(registry.requests("GET", "/blobs/"), before);
    });
}

#[test]
fn an_image_or_tag_that_does_not_exist_is_refused_for_good() {
    with_registry(async |world, registry| {
        registry.push("busybox-gzip", "team/tool", "1.0");
        for name in ["team/none:1.0", "team/tool:none"] {
            let reference = format!("{}/{name}", registry.address());
            let error = world.task("web").reference(&reference).shell("true").try_start().await.unwrap_err();
            assert!(error.to_string().contains(&reference) && !error.is_recoverable(), "{error}");
        }
    });
}

#[test]
fn an_image_for_another_machine_is_refused_for_good() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-foreign", "team/tool", "1.0");
        let error = world.task("web").reference(&reference).shell("true").try_start().await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&reference) && text.contains("no image for linux/") && !error.is_recoverable(),
            "{text}"
        );
    });
}

/// How much more memory the plugin may need for a registry that means harm, in KiB.
const ROOM_KIB: u64 = 32 << 10;

#[test]
fn a_registry_whose_answers_have_no_end_costs_little_memory() {
    test_with(Setup::own_daemon(), async |world| {
        let pid = world.plugin_pid();
        let before = host::status(pid, "VmHWM");
        let registry = Endless::start();
        let references = registry.references();
        for reference in &references {
            let error = world.task("web").reference(reference).shell("true").try_start().await.unwrap_err();
            assert!(error.to_string().contains(reference), "{error}");
        }
        // All at once, and for those with credentials.
        let starts = (0..4 * references.len()).map(|number| {
            let setup =
                world.task(&format!("task-{number}")).reference(&references[number % references.len()]);
            let auth = nomad_proto::cty::Value::from([("username", "alice"), ("password", "secret")]);
            async move { setup.shell("true").option("auth", auth).try_start().await.is_err() }
        });
        let refused = wait::limited("all of them", futures::future::join_all(starts)).await;
        assert!(refused.iter().all(|refused| *refused));
        let after = host::status(pid, "VmHWM");
        assert!(after < before + ROOM_KIB, "from {before} KiB to {after} KiB");
        assert_eq!(world.ctr(&["leases", "list", "-q"]), "");
        assert_eq!(world.ctr(&["content", "list", "-q"]), "");
    });
}

#[test]
fn a_pull_is_told_to_those_who_follow_the_task() {
    with_registry(async |world, registry| {
        let reference = registry.push("busybox-gzip", "team/tool", "1.0");
        let mut events = wait::limited("TaskEvents", world.driver().task_events()).await.unwrap();
        runs(world, &reference).await;
        let mut told = Vec::new();
        while !told.iter().any(|text: &String| text.contains("exited")) {
            told.push(wait::limited("an event", events.next()).await.unwrap().unwrap().message);
        }
        let pulled: Vec<&String> = told.iter().filter(|text| text.contains(&reference)).collect();
        assert!(pulled.len() >= 2, "{told:#?}");
    });
}

#[test]
fn a_pull_that_the_plugins_death_cut_is_finished_by_the_next() {
    let own = Setup::own_daemon().proxied();
    with_registry_in(own, async |world, registry| {
        let reference = registry.push("redis", "team/redis", "7");
        let driver = world.driver();
        let (config, logs) = world.task("web").reference(&reference).prepare().await.unwrap();
        // However fast the pull is, the start does not come to its end.
        let end = Point { method: "Containers/Create".to_owned(), nth: 0, edge: Edge::Before };
        world.proxy().watch(Some(end));
        let start = tokio::spawn(async move { driver.start_task(&config).await });
        wait::until_true("the pull has begun", || registry.requests("GET", "/manifests/") > 0).await;
        world.kill_plugin().await;
        assert!(start.await.unwrap().is_err());
        drop(logs);
        world.proxy().watch(None);
        world.start_plugin().await;
        let setup = world.task("web").reference(&reference).option("entrypoint", "/usr/bin/sh");
        let args = nomad_proto::cty::Value::List(vec!["-c".into(), "redis-server --version".into()]);
        let (exit, output) = setup.option("args", args).start().await.finish().await;
        assert_eq!(exit, TaskExit::code(0));
        assert!(output.stdout_text().contains("Redis server"), "{output:?}");
        assert_complete_and_unpacked(world, &reference);
        for lease in world.ctr(&["leases", "list", "-q"]).lines() {
            // The killed plugin's lease, which ends by itself.
            world.ctr(&["leases", "delete", lease]);
        }
    });
}
