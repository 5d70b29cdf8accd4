//! What a client sees of a task: state, usage, events.

use std::time::{Duration, SystemTime};

use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{Task, World, test, test_with};
use nomad_host::driver::{Subscription, TaskEvent, TaskExit, TaskPhase, TaskStats};

const SECOND: Duration = Duration::from_secs(1);

async fn next<T: 'static>(stream: &mut Subscription<T>) -> T {
    limited("the next message", stream.next()).await.unwrap().expect("the stream goes on")
}

async fn stats(world: &World, task: &Task, interval: Duration) -> Subscription<TaskStats> {
    limited("TaskStats", world.driver().task_stats(task.id(), interval)).await.unwrap()
}

#[test]
fn a_running_and_an_ended_task_are_described() {
    test(async |world| {
        let before = SystemTime::now();
        let mut task =
            world.task("web").shell("trap 'exit 5' TERM; echo ready; sleep 1000 & wait").start().await;
        task.printed("ready").await;
        let seen = task.inspect().await;
        assert_eq!((seen.id.as_str(), seen.name.as_str()), (task.id(), "web"));
        assert_eq!((seen.phase, seen.exit), (TaskPhase::Running, TaskExit::default()));
        let started = seen.started_at.unwrap();
        let slack = Duration::from_millis(5);
        assert!(started + slack >= before && started <= SystemTime::now() + slack);
        let pid: u32 = seen.attributes["pid"].parse().unwrap();
        assert!(std::fs::exists(format!("/proc/{pid}")).unwrap());
        task.stop(Duration::from_secs(3600), "").await.unwrap();
        let ended = task.inspect().await;
        assert_eq!((ended.phase, ended.exit), (TaskPhase::Exited, TaskExit::code(5)));
        assert_eq!(ended.started_at, Some(started));
        assert!(ended.completed_at.unwrap() + slack >= started);
    });
}

#[test]
fn the_first_sample_comes_promptly_and_is_complete() {
    test(async |world| {
        let script = "a=$(head -c 8000000 /dev/zero | tr '\\0' x); echo ready; sleep 1000; echo ${#a}";
        let mut task = world.task("web").shell(script).start().await;
        task.printed("ready").await;
        // Of an hourly stream only the first sample can come within the limit.
        let mut stream = stats(world, &task, Duration::from_secs(3600)).await;
        let sample = next(&mut stream).await;
        assert_eq!(sample.id, task.id());
        assert!(sample.timestamp.is_some());
        let usage = sample.agg_resource_usage.unwrap();
        let memory = usage.memory.unwrap();
        assert!(memory.usage > 8_000_000 && memory.rss > 8_000_000, "{memory:?}");
        assert!(memory.usage < 300 << 20 && !memory.measured_fields.is_empty(), "{memory:?}");
        let cpu = usage.cpu.unwrap();
        assert!(!cpu.measured_fields.is_empty(), "{cpu:?}");
    });
}

#[test]
fn a_busy_task_is_seen_to_be_busy_and_an_idle_one_idle() {
    test(async |world| {
        let busy = world.task("busy").shell("while :; do :; done").start().await;
        let idle = world.task("idle").shell("sleep 1000").start().await;
        let until_seen = async |task: &Task, is_so: fn(f64) -> bool| {
            let mut stream = stats(world, task, SECOND).await;
            next(&mut stream).await;
            loop {
                let cpu = next(&mut stream).await.agg_resource_usage.unwrap().cpu.unwrap();
                assert!(cpu.percent < 130.0, "it has one core at most: {cpu:?}");
                if is_so(cpu.percent) {
                    return cpu.total_ticks;
                }
            }
        };
        // Other tests run beside this one, so the busy one has some share of a core; both have begun with a start.
        let (busy, _) = tokio::join!(
            limited("a busy task", until_seen(&busy, |percent| percent > 5.0)),
            limited("an idle task", until_seen(&idle, |percent| percent < 2.0))
        );
        assert!(busy > 0.0, "{busy}");
    });
}

#[test]
fn samples_go_on_until_the_task_ends_and_the_stream_with_it() {
    test(async |world| {
        let mut task =
            world.task("web").shell("trap 'exit 0' TERM; echo ready; sleep 1000 & wait").start().await;
        task.printed("ready").await;
        let mut stream = stats(world, &task, Duration::from_millis(50)).await;
        let mut times = Vec::new();
        for _ in 0..5 {
            let time = next(&mut stream).await.timestamp.unwrap();
            times.push((time.seconds, time.nanos));
        }
        assert!(times.is_sorted() && times.first() != times.last(), "{times:?}");
        task.stop(Duration::from_secs(3600), "").await.unwrap();
        while limited("the end of the stream", stream.next()).await.unwrap().is_some() {}
    });
}

#[test]
fn the_operators_interval_wins_over_the_clients() {
    test_with(Setup::config("stats_interval", "50ms"), async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let mut stream = stats(world, &task, Duration::from_secs(3600)).await;
        for _ in 0..3 {
            next(&mut stream).await;
        }
    });
}

async fn until_told(events: &mut Subscription<TaskEvent>, text: &str) -> Vec<TaskEvent> {
    let mut seen = Vec::new();
    loop {
        let event = next(events).await;
        let found = event.message.contains(text);
        seen.push(event);
        if found {
            return seen;
        }
    }
}

#[test]
fn the_steps_of_a_tasks_life_are_told_with_its_names() {
    test(async |world| {
        let mut events = limited("TaskEvents", world.driver().task_events()).await.unwrap();
        let task = world.task("web").shell("exit 3").start().await;
        let told = until_told(&mut events, "exited with code 3").await;
        for event in &told {
            assert_eq!((event.task_id.as_str(), event.task_name.as_str()), (task.id(), "web"), "{event:?}");
            assert_eq!(event.alloc_id, world.alloc().id);
            assert!(event.timestamp.is_some() && !event.message.is_empty());
        }
        let at = |text: &str| told.iter().position(|event| event.message.contains(text)).unwrap();
        assert!(at("created") < at("started") && at("started") < at("exited"), "{told:#?}");
        assert_eq!(task.wait().await, TaskExit::code(3));
    });
}

#[test]
fn a_death_for_want_of_memory_is_told() {
    test(async |world| {
        let mut events = limited("TaskEvents", world.driver().task_events()).await.unwrap();
        let script = "a=0123456789abcdef; while :; do a=$a$a; done";
        let _task = world.task("web").shell(script).with(|task| task.memory_mb(24)).start().await;
        let told = until_told(&mut events, "signal 9").await;
        assert!(told.iter().any(|event| event.message.contains("memory")), "{told:#?}");
    });
}
