//! Stops and destructions of tasks whose image does not come.

use std::time::{Duration, Instant};

use e2e::trickle::Trickle;
use e2e::world::Setup;
use e2e::{environment, leftovers, test_with, wait};
use nomad_host::driver::TaskExit;

use super::{PROMPT, Security, others_run};

#[test]
fn a_stop_or_destruction_ends_a_start_that_waits_for_its_image_and_another_task_goes_on() {
    for security in [Security::Strict, Security::Default] {
        let word = if security == Security::Strict { "strict" } else { "default" };
        test_with(Setup::own_daemon().and("security", word), async |world| {
            let registry = Trickle::of("busybox-gzip").await;
            let begin = async |name: &str| {
                let setup = world.task(name).reference(&registry.reference()).shell("echo runs");
                let (config, logs) = setup.prepare().await.unwrap();
                let (driver, wanted) = (world.driver(), config.clone());
                let start = tokio::spawn(async move { driver.start_task(&wanted).await });
                (config, start, logs)
            };
            let (stopped, start_of_stopped, _stopped_logs) = begin("stopped").await;
            wait::limited("the pull", registry.asked()).await;
            let (destroyed, start_of_destroyed, _destroyed_logs) = begin("destroyed").await;
            let waits = world.task("waits").reference(&registry.reference()).shell("echo runs");
            let waits = tokio::spawn(waits.start());
            // A start that waits for another one's pull asks the registry for nothing that could be seen.
            wait::until_true("all of them are under way", || {
                ["stopped", "destroyed", "waits"].iter().all(|name| under_way(world, name))
            })
            .await;
            let begun = Instant::now();
            let driver = world.driver();
            let stop = driver.stop_task(&stopped.id, Duration::from_secs(1), "");
            wait::limited("StopTask", stop).await.unwrap();
            // Of a task that has never been there nothing is left to destroy.
            let _unknown = wait::limited("DestroyTask", driver.destroy_task(&destroyed.id, true)).await;
            for start in [start_of_stopped, start_of_destroyed] {
                let error = wait::limited("the end of the start", start).await.unwrap().unwrap_err();
                assert!(error.to_string().contains("was stopped before it had started"), "{error}");
            }
            assert!(begun.elapsed() < PROMPT * environment::patience(), "{:?}", begun.elapsed());
            assert!(!waits.is_finished(), "the other task has lost its pull");
            others_run(world).await;
            registry.let_go();
            let (exit, output) = waits.await.unwrap().finish().await;
            assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(0), "runs\n"));
            assert_eq!(registry.times(), 1, "the pull was begun anew");
        });
    }
}

/// Whether the start of a task has its directory.
fn under_way(world: &e2e::World, name: &str) -> bool {
    world.state_dir().join("tasks").join(format!("{name}-{}", world.alloc().id)).exists()
}

#[test]
fn a_start_that_nobody_waits_for_any_more_leaves_nothing() {
    test_with(Setup::own_daemon().and("security", "strict"), async |world| {
        let registry = Trickle::of("busybox-gzip").await;
        let setup = world.task("web").reference(&registry.reference()).shell("echo runs");
        let (config, _logs) = setup.prepare().await.unwrap();
        let (driver, wanted) = (world.driver(), config.clone());
        let start = tokio::spawn(async move { driver.start_task(&wanted).await });
        wait::limited("the pull", registry.asked()).await;
        let _unknown = wait::limited("DestroyTask", world.driver().destroy_task(&config.id, true)).await;
        start.await.unwrap().unwrap_err();
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert_eq!(left, [""; 0]);
        wait::until_true("the pull has ended", || world.ctr(&["content", "active"]).lines().count() <= 1)
            .await;
        // The next start of the same task is a start like any other.
        registry.let_go();
        let again = world.task("web").reference(&registry.reference()).shell("echo runs").start().await;
        assert_eq!(again.finish().await.1.stdout_text(), "runs\n");
    });
}

#[test]
fn under_strict_a_job_waits_no_longer_for_its_image_than_the_operator_says() {
    let setup = Setup::own_daemon().and("security", "strict").and("image_pull_timeout", "2s");
    test_with(setup, async |world| {
        let registry = Trickle::of("busybox-gzip").await;
        let web = || world.task("web").reference(&registry.reference()).shell("true");
        let text = web().option("image_pull_timeout", "24h").refusal().await;
        assert!(text.contains("image_pull_timeout") && text.contains("2s"), "{text}");
        let begun = Instant::now();
        let error = web().try_start().await.unwrap_err();
        assert!(begun.elapsed() < PROMPT * environment::patience(), "{:?}: {error}", begun.elapsed());
    });
}
