//! Stops over a daemon in memory that passes signals on, or does not.

use std::time::Duration;

use super::DAEMON_PATIENCE;
use crate::chain;
use crate::testing::fake::FakePort;
use crate::testing::world::{RUNS, Sleeper, World, driver, until};

/// On the paused clock.
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_deaf_task_is_killed_at_the_timeout_and_parallel_stops_are_one() {
    let world = World::new();
    let handle = world.start(&["sleep", "deaf"]).await;
    let stop = || world.driver.stop_task(&handle.id, Duration::from_secs(600), "SIGUSR1");
    let (one, two) = tokio::join!(stop(), stop());
    one.unwrap();
    two.unwrap();
    let signals: Vec<_> = world.port.signals.lock().unwrap().iter().map(|(_, signal)| *signal).collect();
    assert_eq!(signals, [10, 9]);
    assert_eq!(world.driver.wait_task(&handle.id).await.unwrap().signal, 9);
    stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_grace_are_given_in_full_and_no_longer_than_they_are_needed() {
    let limit = Duration::from_secs(600);
    let world = World::new();
    let handle = world.start(&["sleep", "deaf"]).await;
    let begun = tokio::time::Instant::now();
    world.driver.stop_task(&handle.id, limit, "").await.unwrap();
    let took = begun.elapsed();
    assert!(took >= limit && took < limit + Duration::from_secs(1), "{took:?}");

    let world = World::new();
    let handle = world.start(&["sleep", "deaf"]).await;
    let container = handle.state.container_id();
    let begun = tokio::time::Instant::now();
    let (stopped, ()) = tokio::join!(world.driver.stop_task(&handle.id, limit, ""), async {
        tokio::time::sleep(limit / 2).await;
        world.port.end(&container, 3);
    });
    stopped.unwrap();
    let took = begun.elapsed();
    assert!(took >= limit / 2 && took < limit / 2 + Duration::from_secs(1), "{took:?}");
    assert_eq!(world.driver.wait_task(&handle.id).await.unwrap().code, 3);
}

#[tokio::test]
async fn a_stop_with_an_unknown_signal_is_refused_and_stops_nothing() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let error = world.driver.stop_task(&handle.id, Duration::from_secs(1), "SIGNOPE").await.unwrap_err();
    assert_eq!(error.to_string(), "invalid signal: SIGNOPE");
    assert!(world.port.signals.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_task_that_the_daemon_lost_can_be_stopped_and_destroyed() {
    let mut process = Sleeper::new();
    let mut world = World::over(FakePort::of_process(process.pid()));
    let handle = world.start(RUNS).await;
    world.port.go_away();
    world.told("Lost the connection").await;
    world.port.lose(&handle.state.container_id());
    world.port.come_back();
    world.told("containerd has lost the task; its process runs on").await;
    world.driver.stop_task(&handle.id, Duration::from_secs(600), "").await.unwrap();
    let exit = world.driver.wait_task(&handle.id).await.unwrap();
    assert_eq!(exit.lost.as_deref(), Some("containerd lost its exit code"));
    world.driver.destroy_task(&handle.id, false).await.unwrap();
    assert!(world.port.leftovers().is_empty());
    assert_eq!(process.killed_by().await, Some(15));
}

/// Stops a task of which its daemon tells the end only after the process has ended. Gives the signal that it ended of.
async fn past_the_daemon(
    args: &[&str],
    stuck: bool,
    timeout: Duration,
    is_sent_after: Duration,
) -> Option<i32> {
    let mut process = Sleeper::new();
    let world = World::over(FakePort::of_process(process.pid()));
    let handle = world.start(args).await;
    let container = handle.state.container_id();
    if stuck {
        world.port.hang(&container);
    }
    let (stopped, signal) = tokio::join!(world.driver.stop_task(&handle.id, timeout, ""), async {
        tokio::time::sleep(is_sent_after + Duration::from_millis(100)).await;
        let signal = process.killed_by().await;
        world.port.end(&container, 128 + signal.unwrap_or_default().unsigned_abs());
        signal
    });
    stopped.unwrap();
    signal
}

#[tokio::test(start_paused = true)]
async fn a_signal_that_a_stuck_shim_keeps_reaches_the_process_within_half_of_the_kill_timeout() {
    let (timeout, sent) = (Duration::from_secs(4), Duration::from_secs(2));
    assert_eq!(past_the_daemon(RUNS, true, timeout, sent).await, Some(15));
    let (timeout, sent) = (Duration::from_secs(600), DAEMON_PATIENCE);
    assert_eq!(past_the_daemon(RUNS, true, timeout, sent).await, Some(15));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_shim_is_stuck_is_killed_all_the_same() {
    let mut process = Sleeper::new();
    let world = World::over(FakePort::of_process(process.pid()));
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    world.port.hang(&container);
    let (destroyed, signal) = tokio::join!(world.driver.destroy_task(&handle.id, true), async {
        tokio::time::sleep(DAEMON_PATIENCE + Duration::from_millis(100)).await;
        let signal = process.killed_by().await;
        world.port.end(&container, 137);
        signal
    });
    destroyed.unwrap();
    assert_eq!(signal, Some(9));
    assert!(world.port.leftovers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kill_that_the_daemon_took_and_nothing_follows_is_done_without_it() {
    let timeout = Duration::from_secs(30);
    assert_eq!(past_the_daemon(&["frozen"], false, timeout, timeout + DAEMON_PATIENCE).await, Some(9));
}

#[tokio::test(start_paused = true)]
async fn a_signal_alone_goes_past_a_stuck_shim_too() {
    let mut process = Sleeper::new();
    let world = World::over(FakePort::of_process(process.pid()));
    let handle = world.start(RUNS).await;
    world.port.hang(&handle.state.container_id());
    world.driver.signal_task(&handle.id, "SIGINT").await.unwrap();
    assert_eq!(process.killed_by().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_running_task_that_is_destroyed_while_the_daemon_is_away_for_minutes_goes_when_it_is_back() {
    let mut process = Sleeper::new();
    let world = World::over(FakePort::of_process(process.pid()));
    let handle = world.start(RUNS).await;
    world.port.go_away();
    let error = world.driver.destroy_task(&handle.id, true).await.unwrap_err();
    assert_eq!(chain(&error), "task alloc-1/web/0 was killed; containerd has not confirmed its end yet");
    assert!(error.is_recoverable());
    assert_eq!(process.killed_by().await, Some(9));
    world.port.end(&handle.state.container_id(), 137);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.driver.task_count(), 1);
    world.port.come_back();
    tokio::time::timeout(HOUR, until(|| world.driver.task_count() == 0)).await.unwrap();
    assert!(world.port.leftovers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn why_a_cgroup_could_not_be_killed_is_told() {
    let process = Sleeper::new();
    let world = World::over(FakePort::of_process(process.pid()));
    let mut handle = world.start(RUNS).await;
    handle.state.cgroup = "/".into();
    let later = driver(&world.port, &world.dir);
    later.recover_task(handle.id.clone(), handle.state).await.unwrap();
    world.port.go_away();
    let error = later.destroy_task(&handle.id, true).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "task alloc-1/web/0 was killed; containerd has not confirmed its end yet: \"/\" is not the cgroup of a task"
    );
}
