//! The life of a task over a daemon in memory: what happens when things go away and come back.

use std::time::Duration;

use crate::ports::{Execs, NewExec, Stdio};
use crate::testing::fake::FakePort;
use crate::testing::world::{RUNS, Sleeper, World, driver, until};
use crate::{DriverError, ExecInput, ExecOutput, ExecRequest, chain};

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
async fn the_return_is_told_though_nobody_has_noticed_the_absence_but_the_tasks_wait() {
    let mut world = World::new();
    let _handle = world.start(RUNS).await;
    world.port.go_away_unnoticed();
    world.told("Lost the connection").await;
    // The question for the task's state is lost as well.
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.port.come_back();
    world.told("Connected to containerd again").await;
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_a_daemon_whose_absence_nobody_has_noticed_yet() {
    let world = World::new();
    world.port.go_away_unnoticed();
    let start = world.driver.start_task(world.spec(RUNS));
    let (started, ()) = tokio::join!(start, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.port.come_back();
    });
    started.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_daemon_knows_again_when_it_ends_has_its_code() {
    let process = Sleeper::new();
    let mut world = World::over(FakePort::of_process(process.pid()));
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    world.port.go_away();
    world.told("Lost the connection").await;
    let task = world.port.lose(&container);
    world.port.come_back();
    world.told("containerd has lost the task; its process runs on").await;
    world.port.find_again(&container, task);
    world.port.end(&container, 7);
    drop(process);
    assert_eq!(world.driver.wait_task(&handle.id).await.unwrap().code, 7);
}

#[tokio::test(start_paused = true)]
async fn an_exec_whose_caller_gave_up_before_its_turn_is_never_started() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    world.port.hang(&container);
    let exec = || world.driver.exec_task(&handle.id, vec!["sleep".into()], Duration::from_secs(5));
    let given_up = futures::future::join_all((0..12).map(|_| exec())).await;
    assert!(given_up.iter().all(|given_up| matches!(given_up, Err(DriverError::ExecTimeout(_)))));
    world.port.answer_again();
    until(|| world.port.running_execs(&container) == 0 && !world.has_execs(&container)).await;
    assert_eq!(world.port.started_execs.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_the_absence_cut_does_not_touch_a_later_task_of_the_same_id() {
    let world = World::new();
    let spec = || world.spec(&["sh", "-c", "exit 0"]);
    let first = world.driver.start_task(spec()).await.unwrap();
    world.driver.wait_task(&first.id).await.unwrap();
    world.port.go_away();
    world.driver.destroy_task(&first.id, true).await.unwrap_err();
    let mut second = world.spec(RUNS);
    second.id = first.id.clone();
    let start = world.driver.start_task(second);
    let (started, ()) = tokio::join!(start, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.port.come_back();
    });
    started.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.driver.inspect_task(&first.id).unwrap().phase, crate::Phase::Running);
    assert_eq!(world.port.leftovers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_came_back_or_met_a_task_of_another_process_is_told_to_keep_its_end() {
    let mut world = World::new();
    let handle = world.start(RUNS).await;
    let kept = || world.port.kept_exits.lock().unwrap().len();
    assert_eq!(kept(), 0, "the start has written what it takes");
    let later = driver(&world.port, &world.dir);
    later.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    until(|| kept() == 1).await;
    world.port.go_away();
    world.told("Lost the connection").await;
    world.port.come_back();
    until(|| world.port.kept_exits.lock().unwrap().len() == 3).await;
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
    until(|| world.port.running_execs(&container) == 0 && !world.has_execs(&container)).await;
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
async fn the_end_of_an_execs_input_comes_through_though_the_daemon_is_away_just_then() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    let request = ExecRequest { command: vec!["cat".into()], tty: false, stdin: true };
    let mut session = world.driver.exec_session(&handle.id, request).unwrap();
    until(|| world.port.running_execs(&container) == 1).await;
    world.port.go_away();
    session.input.send(ExecInput::CloseStdin).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.port.come_back();
    let last = tokio::time::timeout(Duration::from_secs(3600), session.output.recv()).await.unwrap();
    assert!(matches!(&last, Some(ExecOutput::Exited(exit)) if exit.code == 0), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn why_an_exec_could_not_be_started_is_told_though_the_daemon_goes_away_over_its_removal() {
    let world = World::new();
    let handle = world.start(RUNS).await;
    let container = handle.state.container_id();
    world.port.go_away_after_execs_start();
    let command = vec!["/no/such/program".into()];
    let error = world.driver.exec_task(&handle.id, command, Duration::ZERO).await.unwrap_err();
    assert_eq!(chain(&error), r#"command "/no/such/program" can not be run: no such file"#);
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
    world.port.hint_at_lack_of_memory();
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
async fn a_repeated_start_adopts_and_another_id_replaces_what_a_lost_destroy_left() {
    let world = World::new();
    let first = world.start(RUNS).await;
    assert_eq!(world.start(RUNS).await, first);
    let mut again = world.spec(RUNS);
    again.id = crate::request::ids::TaskId::new("alloc-1/web/1");
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
    let dir = world.dir.path().join("state/tasks").join(handle.state.container.as_str());
    assert!(dir.join("labels.json").exists(), "nothing tells whose the container is");
    world.port.come_back();
    while world.driver.task_count() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(world.port.leftovers().is_empty() && !dir.exists());
}

#[tokio::test(start_paused = true)]
async fn of_a_start_that_the_daemons_absence_cut_nothing_stays_mounted_and_the_directory_goes_last() {
    let world = World::new();
    world.port.go_away();
    world.driver.start_task(world.spec(RUNS)).await.unwrap_err();
    let tasks = || std::fs::read_dir(world.dir.path().join("state/tasks")).unwrap().flatten();
    let left: Vec<_> = tasks().map(|entry| entry.path()).collect();
    assert_eq!(left.len(), 1);
    assert!(left[0].join("labels.json").exists() && !left[0].join("staged").exists());
    world.port.come_back();
    until(|| tasks().next().is_none()).await;
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
