//! The sentences that people read in an allocation's status, to the letter.

use std::time::Duration;

use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{Registry, World, test, test_with};
use nomad_host::driver::{Subscription, TaskEvent, TaskExit};

const NEVER: Duration = Duration::from_secs(3600);
const OOM: &str = "A process of the task was killed for lack of memory";
/// Doubles a variable until the memory is used up.
const GREEDY: &str = "a=0123456789abcdef; while :; do a=$a$a; done";

async fn events(world: &World) -> Subscription<TaskEvent> {
    limited("TaskEvents", world.driver().task_events()).await.unwrap()
}

/// The sentences up to and with the last one.
async fn told_until(events: &mut Subscription<TaskEvent>, last: &str) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let event = limited(last, events.next()).await.unwrap().expect("the stream goes on");
        told.push(event.message);
        if told.last().is_some_and(|message| message == last) {
            return told;
        }
    }
}

#[test]
fn a_life_is_told_from_its_making_to_its_end() {
    test(async |world| {
        let mut events = events(world).await;
        let _task = world.task("web").shell("exit 3").start().await;
        let last = "Container exited with code 3";
        assert_eq!(told_until(&mut events, last).await, ["Container created", "Container started", last]);
    });
}

#[test]
fn an_end_by_a_signal_names_it() {
    test(async |world| {
        let mut events = events(world).await;
        let mut task = world.task("web").shell("echo ready; sleep 1000").start().await;
        task.printed("ready").await;
        task.signal("SIGKILL").await.unwrap();
        let told = told_until(&mut events, "Container was ended by signal 9").await;
        assert!(!told.iter().any(|message| message == OOM), "{told:?}");
    });
}

#[test]
fn a_pull_is_told_with_its_size_and_time() {
    test_with(Setup::own_daemon(), async |world| {
        let directory = world.directory();
        let registry = tokio::task::spawn_blocking(move || Registry::start(&directory)).await.unwrap();
        let reference = registry.push("busybox-gzip", "team/told", "1.0");
        let mut events = events(world).await;
        let task = world.task("web").reference(&reference).shell("exit 0").start().await;
        let told = told_until(&mut events, "Container exited with code 0").await;
        assert_eq!(told[0], format!("Pulling image {reference}"));
        let pulled = told[1].strip_prefix(&format!("Pulled image {reference} (")).expect(&told[1]);
        let (size, time) = pulled.strip_suffix(" s)").unwrap().split_once(" in ").unwrap();
        let (number, unit) = size.split_once(' ').unwrap();
        assert!(number.parse::<f64>().unwrap() > 0.0 && ["KiB", "MiB"].contains(&unit), "{size}");
        assert!(time.parse::<f64>().unwrap() >= 0.0, "{time}");
        assert_eq!(told.len(), 5, "{told:?}");
        task.destroy(true).await.unwrap();
        // What is there is not pulled again.
        let task = world.task("web").reference(&reference).shell("exit 1").start().await;
        let told = told_until(&mut events, "Container exited with code 1").await;
        assert_eq!(told[0], "Container created");
        task.destroy(true).await.unwrap();
    });
}

#[test]
fn a_childs_death_for_want_of_memory_is_told_while_the_task_goes_on() {
    test(async |world| {
        let mut events = events(world).await;
        let script = format!("trap 'exit 5' TERM; sh -c '{GREEDY}'; echo goes on; sleep 1000 & wait");
        let setup = world.task("web").shell(&script).with(|task| task.memory_mb(24));
        let mut task = setup.start().await;
        task.printed("goes on").await;
        told_until(&mut events, OOM).await;
        assert_eq!(task.inspect().await.exit, TaskExit::default(), "it runs");
        task.stop(NEVER, "SIGTERM").await.unwrap();
        let told = told_until(&mut events, "Container exited with code 5").await;
        assert!(!told.iter().any(|message| message == OOM), "told twice: {told:?}");
        assert_eq!(task.wait().await, TaskExit { oom_killed: true, ..TaskExit::code(5) });
    });
}

#[test]
fn the_first_processs_death_for_want_of_memory_is_told_once_before_its_end() {
    test(async |world| {
        let mut events = events(world).await;
        let _task = world.task("web").shell(GREEDY).with(|task| task.memory_mb(24)).start().await;
        let told = told_until(&mut events, "Container was ended by signal 9").await;
        assert_eq!(told.iter().filter(|message| *message == OOM).count(), 1, "{told:?}");
    });
}

#[test]
fn an_exit_with_137_is_not_told_as_a_want_of_memory() {
    test(async |world| {
        let mut events = events(world).await;
        let task = world.task("web").shell("exit 137").start().await;
        let told = told_until(&mut events, "Container was ended by signal 9").await;
        assert!(!told.iter().any(|message| message == OOM), "{told:?}");
        assert!(!task.wait().await.oom_killed);
    });
}

#[test]
fn a_recovery_is_told() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        world.kill_plugin().await;
        world.start_plugin().await;
        let mut events = events(world).await;
        task.recover().await.unwrap();
        assert_eq!(told_until(&mut events, "Recovered").await, ["Recovered"]);
    });
}

#[test]
fn containerds_absence_and_return_are_told() {
    test_with(Setup::own_daemon(), async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let mut events = events(world).await;
        world.daemon().kill();
        let lost = "Lost the connection to containerd; the task runs on";
        assert_eq!(told_until(&mut events, lost).await, [lost]);
        world.daemon().start();
        let found = "Connected to containerd again; the task is running";
        assert_eq!(told_until(&mut events, found).await, [found]);
        drop(task);
    });
}
