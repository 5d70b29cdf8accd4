//! The life of a task over a daemon in memory: what happens when things go away and come back.

use std::sync::Arc;
use std::time::Duration;

use crate::config::PluginConfig;
use crate::ports::{ConnectPort, ContainerEvent, ContainerPort, ContainersError, Execs, NewExec, Stdio};
use crate::spec::TaskSpec;
use crate::testing::fake::FakePort;
use crate::{Driver, DriverError, ExecRequest, NodeCpu, TaskEvent, TaskHandle, chain};

struct World {
    port: Arc<FakePort>,
    driver: Driver,
    events: tokio::sync::broadcast::Receiver<TaskEvent>,
    dir: tempfile::TempDir,
}

struct Connect(Arc<FakePort>);

impl ConnectPort for Connect {
    fn connect(&self, _: &PluginConfig, _: &str) -> Result<Arc<dyn ContainerPort>, ContainersError> {
        Ok(self.0.clone())
    }
}

impl World {
    fn new() -> Self {
        Self::over(FakePort::new())
    }

    fn over(port: FakePort) -> Self {
        let (port, dir) = (Arc::new(port), tempfile::tempdir().unwrap());
        for sub in ["alloc/logs", "web/local", "web/secrets"] {
            std::fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        let driver = driver(&port, &dir);
        Self { events: driver.events(), port, driver, dir }
    }

    fn spec(&self, args: &[&str]) -> TaskSpec {
        let mut spec = crate::testing::spec("web");
        spec.options.entrypoint = args.iter().map(|arg| (*arg).to_owned()).collect();
        spec.dirs.shared = self.dir.path().join("alloc");
        spec.dirs.local = self.dir.path().join("web/local");
        spec.dirs.secrets = self.dir.path().join("web/secrets");
        spec
    }

    async fn start(&self, args: &[&str]) -> TaskHandle {
        self.driver.start_task(self.spec(args)).await.unwrap()
    }

    /// Waits for the event with this text.
    async fn told(&mut self, text: &str) {
        while !self.events.recv().await.unwrap().message.contains(text) {}
    }
}

fn driver(port: &Arc<FakePort>, dir: &tempfile::TempDir) -> Driver {
    let driver = Driver::new(Arc::new(Connect(port.clone())));
    let config = PluginConfig { state_dir: dir.path().join("state"), ..PluginConfig::default() };
    driver.configure(config, NodeCpu::default()).unwrap();
    driver
}

const RUNS: &[&str] = &["sleep"];

#[tokio::test]
async fn an_exit_code_reaches_every_waiter_and_a_destroy_leaves_nothing() {
    let world = World::new();
    let handle = world.start(&["sh", "-c", "exit 42"]).await;
    let (one, two) = tokio::join!(world.driver.wait_task(&handle.id), world.driver.wait_task(&handle.id));
    assert_eq!((one.unwrap().code, two.unwrap().code), (42, 42));
    world.driver.destroy_task(&handle.id, false).await.unwrap();
    assert!(world.port.leftovers().is_empty());
    assert!(matches!(world.driver.wait_task(&handle.id).await, Err(DriverError::TaskNotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_no_exit_and_the_code_is_told_afterwards() {
    let mut world = World::new();
    let handle = world.start(RUNS).await;
    world.port.go_away();
    world.told("Lost the connection").await;
    world.port.come_back();
    world.told("Connected to containerd again").await;
    world.port.end(&handle.state.container_id(), 7);
    assert_eq!(world.driver.wait_task(&handle.id).await.unwrap().code, 7);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_while_the_daemon_is_away_keeps_its_code() {
    let mut world = World::new();
    let handle = world.start(RUNS).await;
    world.port.go_away();
    world.told("Lost the connection").await;
    world.port.end(&handle.state.container_id(), 3);
    world.port.come_back();
    assert_eq!(world.driver.wait_task(&handle.id).await.unwrap().code, 3);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_daemon_lost_has_not_ended_while_its_process_lives() {
    let mut world = World::new();
    let handle = world.start(RUNS).await;
    world.port.go_away();
    world.told("Lost the connection").await;
    world.port.lose(&handle.state.container_id());
    world.port.come_back();
    world.told("containerd has lost the task; its process runs on").await;
    assert_eq!(world.driver.inspect_task(&handle.id).unwrap().phase, crate::Phase::Running);
}

#[tokio::test]
async fn a_task_that_the_daemon_lost_can_be_stopped_and_destroyed() {
    let mut process = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let mut world = World::over(FakePort::of_process(process.id()));
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
    process.wait().unwrap();
}

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

/// Looks until it is so; on the paused clock, which only goes on while everything waits.
async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_a_dead_process_left_is_ended_by_whoever_recovers_its_task() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    let open = || ExecRequest { command: vec!["sleep".into()], tty: false, stdin: false };
    let session = world.driver.exec_session(&handle.id, open()).unwrap();
    until(|| world.port.running_execs(&container) == 1).await;

    world.port.go_away();
    let later = driver(&world.port, &world.dir);
    later.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    world.port.come_back();
    let dir = world.dir.path().join("state/tasks").join(container.as_str());
    let left = || {
        std::fs::read_dir(&dir)
            .unwrap()
            .flatten()
            .any(|entry| entry.path().to_string_lossy().contains("exec-"))
    };
    until(|| world.port.running_execs(&container) == 0 && !left()).await;
    drop(session);
}

#[tokio::test(start_paused = true)]
async fn an_exec_whose_start_the_daemons_absence_cut_is_ended_when_it_is_back() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    // The container's spec is asked for once; then only the exec itself meets the absence.
    let command = vec!["sh".into(), "exit 0".into()];
    world.driver.exec_task(&handle.id, command, Duration::ZERO).await.unwrap();
    world.port.go_away_after_execs_start();
    let error = world.driver.exec_task(&handle.id, vec!["sleep".into()], Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, DriverError::Containers(error) if error.is_lost()));
    assert_eq!(world.port.running_execs(&container), 1);
    world.port.come_back();
    until(|| world.port.running_execs(&container) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_was_never_started_is_removed_by_whoever_recovers_its_task() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    let dir = world.dir.path().join("state/tasks").join(container.as_str()).join("exec-1");
    std::fs::create_dir(&dir).unwrap();
    let process = crate::testing::oci_spec(RUNS).process().clone().unwrap();
    let exec_id = "exec-1".to_owned();
    let new = NewExec { container: container.clone(), exec_id, process, stdio: Stdio::default() };
    world.port.create_exec(new).await.unwrap();
    let later = driver(&world.port, &world.dir);
    later.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    until(|| world.port.running_execs(&container) == 0 && !dir.exists()).await;
}

#[tokio::test(start_paused = true)]
async fn an_exec_whose_shim_does_not_answer_is_asked_for_in_growing_pauses() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    world.port.close_execs(10);
    let begun = tokio::time::Instant::now();
    let command = vec!["sh".into(), "exit 3".into()];
    let result = world.driver.exec_task(&handle.id, command, Duration::ZERO).await.unwrap();
    assert_eq!(result.exit.code, 3);
    assert!(begun.elapsed() > Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_kill_for_lack_of_memory_is_told_from_the_counter_and_never_from_the_hint_alone() {
    let mut world = World::new();
    let handle = world.start(RUNS).await;
    world.port.hint(ContainerEvent::Oom(handle.state.container_id()));
    world.port.end(&handle.state.container_id(), 137);
    let exit = world.driver.wait_task(&handle.id).await.unwrap();
    assert_eq!((exit.code, exit.signal, exit.oom_killed), (137, 9, false));
    let mut told = Vec::new();
    while let Ok(event) = world.events.try_recv() {
        told.push(event.message);
    }
    assert!(!told.iter().any(|message| message.contains("memory")), "{told:?}");
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
async fn a_repeated_start_adopts_and_another_id_replaces_what_a_lost_destroy_left() {
    let world = World::new();
    let first = world.start(RUNS).await;
    assert_eq!(world.start(RUNS).await, first);
    let mut again = world.spec(RUNS);
    again.id = crate::ids::TaskId::new("alloc-1/web/1");
    let second = world.driver.start_task(again).await.unwrap();
    assert_eq!(second.state.container, first.state.container);
    assert!(matches!(world.driver.inspect_task(&first.id), Err(DriverError::TaskNotFound)));
    assert_eq!(world.driver.task_count(), 1);
}

#[tokio::test]
async fn a_container_that_a_dead_process_left_is_replaced() {
    let world = World::new();
    world.start(RUNS).await;
    let later = driver(&world.port, &world.dir);
    later.start_task(world.spec(RUNS)).await.unwrap();
    assert_eq!(world.port.leftovers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_leaves_nothing_and_says_whether_it_may_work_later() {
    let world = World::new();
    let error = world.driver.start_task(world.spec(&["/no/such/program"])).await.unwrap_err();
    assert_eq!(chain(&error), r#"command "/no/such/program" can not be run: no such file"#);
    assert!(!error.is_recoverable());
    assert!(world.port.leftovers().is_empty());
    assert!(std::fs::read_dir(world.dir.path().join("state/tasks")).unwrap().next().is_none());

    world.port.go_away();
    let error = world.driver.start_task(world.spec(RUNS)).await.unwrap_err();
    assert!(error.is_recoverable(), "{error}");
}

#[tokio::test]
async fn a_start_waits_for_a_daemon_that_is_away_for_a_moment() {
    let world = World::new();
    world.port.go_away();
    let (started, ()) = tokio::join!(world.driver.start_task(world.spec(RUNS)), async {
        tokio::task::yield_now().await;
        world.port.come_back();
    });
    started.unwrap();
}

#[tokio::test]
async fn a_start_that_comes_to_nothing_removes_what_an_earlier_one_left() {
    let world = World::new();
    world.start(RUNS).await;
    let later = driver(&world.port, &world.dir);
    let mut spec = world.spec(RUNS);
    spec.options.image = "missing".into();
    later.start_task(spec).await.unwrap_err();
    assert!(world.port.leftovers().is_empty());
}

#[tokio::test]
async fn a_destroy_that_the_daemons_absence_cuts_is_finished_when_it_is_back() {
    let world = World::new();
    let handle = world.start(&["sh", "-c", "exit 0"]).await;
    world.driver.wait_task(&handle.id).await.unwrap();
    world.port.go_away();
    let error = world.driver.destroy_task(&handle.id, true).await.unwrap_err();
    assert!(matches!(error, DriverError::Containers(error) if error.is_lost()));
    world.port.come_back();
    while world.driver.task_count() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(world.port.leftovers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ended_while_driver_and_daemon_were_away_is_recovered_with_its_code() {
    let world = World::new();
    let mut handle = world.start(RUNS).await;
    world.port.go_away();
    world.port.end(&handle.state.container_id(), 5);
    // No process has this start time.
    handle.state.pid_started += 1;
    let later = driver(&world.port, &world.dir);
    later.recover_task(handle.id.clone(), handle.state).await.unwrap();
    world.port.come_back();
    assert_eq!(later.wait_task(&handle.id).await.unwrap().code, 5);
}

#[tokio::test]
async fn recovery_takes_up_the_living_and_keeps_the_code_of_the_dead() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let later = driver(&world.port, &world.dir);
    later.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    later.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    world.port.end(&handle.state.container_id(), 9);
    assert_eq!(later.wait_task(&handle.id).await.unwrap().code, 9);

    let latest = driver(&world.port, &world.dir);
    latest.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    assert_eq!(latest.wait_task(&handle.id).await.unwrap().code, 9);
}

#[tokio::test]
async fn recovery_of_what_is_gone_is_refused() {
    let world = World::new();
    let mut handle = world.start(RUNS).await;
    world.driver.destroy_task(&handle.id, true).await.unwrap();
    handle.state.pid_started += 1;
    let later = driver(&world.port, &world.dir);
    let error = later.recover_task(handle.id.clone(), handle.state).await.unwrap_err();
    assert!(matches!(error, DriverError::Gone(_)), "{error}");
}

#[tokio::test]
async fn a_running_task_is_not_destroyed_without_force() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let error = world.driver.destroy_task(&handle.id, false).await.unwrap_err();
    assert!(matches!(error, DriverError::StillRunning(_)), "{error}");
    world.driver.destroy_task(&handle.id, true).await.unwrap();
}
