//! Whole groups over a driver that follows a script, with the clock under control.

use super::*;
use crate::ending::Ending;
use crate::jobfile::{ConfigPlaces, JobKind, Place, RestartMode, RestartPolicy, Stage, Task};
use crate::screen::{Screen, Summary, TaskChange};
use expect_test::{Expect, expect};
use nomad_host::alloc::TaskResources;
use nomad_host::driver::TaskExit;
use nomad_host::logs::TaskLine;
use nomad_proto::cty::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// What one start of a task comes to.
#[derive(Clone, Copy)]
enum Play {
    /// Runs so many milliseconds and exits.
    Exits(u64, i32),
    /// Runs until it is stopped, which takes so many milliseconds.
    Stays(u64),
    /// Cannot be started.
    Refuses { recoverable: bool },
    /// Its start takes so many milliseconds, then it stays.
    Slow(u64),
    /// Cannot be waited for.
    Vanishes,
}

#[derive(Default)]
struct Actor {
    script: VecDeque<Play>,
    now: Option<Play>,
    stopped: Arc<Notify>,
}

/// Plays the scripts and writes down every call.
#[derive(Default)]
struct Script {
    actors: Mutex<HashMap<String, Actor>>,
    calls: Mutex<Vec<String>>,
}

impl Script {
    fn note(&self, text: String) {
        self.calls.lock().unwrap().push(text);
    }

    fn now(&self, task: &Task) -> (Play, Arc<Notify>) {
        let actors = self.actors.lock().unwrap();
        let actor = &actors[&task.name];
        (actor.now.unwrap(), actor.stopped.clone())
    }
}

impl TaskDriver for Script {
    async fn start(&self, task: &Task) -> Result<(), DriverFault> {
        let play = {
            let mut actors = self.actors.lock().unwrap();
            let actor = actors.get_mut(&task.name).unwrap();
            let play = actor.script.pop_front().expect("one more start than the script has");
            actor.now = Some(play);
            play
        };
        if let Play::Slow(milliseconds) = play {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        match play {
            Play::Refuses { recoverable } => {
                self.note(format!("{} refused", task.name));
                Err(DriverFault { source: "no such image".into(), recoverable })
            }
            _ => {
                self.note(format!("{} started", task.name));
                Ok(())
            }
        }
    }

    async fn wait(&self, task: &Task) -> Result<TaskExit, DriverFault> {
        let (play, stopped) = self.now(task);
        match play {
            Play::Exits(milliseconds, code) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok(TaskExit::code(code))
            }
            Play::Vanishes => Err(DriverFault::lasting("the plugin is gone")),
            _ => {
                stopped.notified().await;
                stopped.notify_one();
                Ok(TaskExit { code: 143, signal: 15, oom_killed: false })
            }
        }
    }

    async fn stop(&self, task: &Task) -> Result<(), DriverFault> {
        self.note(format!("{} stop", task.name));
        let (play, stopped) = self.now(task);
        if let Play::Stays(milliseconds) = play {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        stopped.notify_one();
        Ok(())
    }

    async fn kill(&self, task: &Task) -> Result<(), DriverFault> {
        self.note(format!("{} kill", task.name));
        self.now(task).1.notify_one();
        Ok(())
    }

    async fn destroy(&self, task: &Task) -> Result<(), DriverFault> {
        self.note(format!("{} destroyed", task.name));
        Ok(())
    }
}

/// Drops everything.
struct Blank;

impl Screen for Blank {
    fn task(&self, _: &str, _: TaskChange) {}
    fn line(&self, _: &TaskLine) {}
    fn note(&self, _: &str) {}
    fn warning(&self, _: &str) {}
    fn error(&self, _: &str) {}
    fn summary(&self, _: &Summary) {}
}

fn task(name: &str, stage: Stage, attempts: u32) -> Task {
    let place = Place { path: "job.hcl".into(), line: 1, text: String::new() };
    Task {
        name: name.into(),
        driver: "fake".into(),
        place: place.clone(),
        stage,
        leader: false,
        user: String::new(),
        config: Value::Nil,
        config_places: ConfigPlaces { block: place, options: BTreeMap::new() },
        env: BTreeMap::new(),
        meta: BTreeMap::new(),
        resources: TaskResources::default(),
        cores: 0,
        restart: RestartPolicy {
            attempts,
            interval: Duration::from_secs(3600),
            delay: Duration::from_secs(15),
            mode: RestartMode::Fail,
        },
        kill_signal: String::new(),
        kill_timeout: Duration::from_secs(5),
        logs: None,
        files: Vec::new(),
    }
}

struct Run {
    calls: String,
    report: GroupReport,
}

/// Plays a group; each moment of `interrupts` is in milliseconds.
async fn play(tasks: Vec<(Task, &[Play])>, interrupts: &[u64]) -> Run {
    let stage = Arc::new(Script::default());
    for (task, script) in &tasks {
        let actor = Actor { script: script.iter().copied().collect(), ..Actor::default() };
        stage.actors.lock().unwrap().insert(task.name.clone(), actor);
    }
    let tasks = tasks.into_iter().map(|(task, _)| task).collect();
    let (sender, receiver) = mpsc::unbounded_channel();
    let moments = interrupts.to_vec();
    tokio::spawn(async move {
        let begun = tokio::time::Instant::now();
        for moment in moments {
            tokio::time::sleep_until(begun + Duration::from_millis(moment)).await;
            let _ = sender.send(());
        }
    });
    let report = run_group(tasks, JobKind::Batch, stage.clone(), Arc::new(Blank), receiver).await;
    let calls = stage.calls.lock().unwrap().join("\n");
    Run { calls, report }
}

fn check(run: &Run, code: i32, expected: &Expect) {
    expected.assert_eq(&run.calls);
    assert_eq!(run.report.exit_code(), code);
}

#[tokio::test(start_paused = true)]
async fn a_batch_task_gives_the_run_its_exit_code() {
    let run = play(vec![(task("main", Stage::Main, 0), &[Play::Exits(10, 7)])], &[]).await;
    check(
        &run,
        7,
        &expect![[r#"
        main started
        main destroyed"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_runs_from_before_the_main_task_until_after_it() {
    let tasks = vec![
        (task("server", Stage::PrestartSidecar, 0), [Play::Stays(5)].as_slice()),
        (task("client", Stage::Main, 0), &[Play::Exits(10, 0)]),
        (task("last", Stage::Poststop, 0), &[Play::Exits(1, 0)]),
    ];
    let run = play(tasks, &[]).await;
    check(
        &run,
        0,
        &expect![[r#"
        server started
        client started
        client destroyed
        server stop
        server destroyed
        last started
        last destroyed"#]],
    );
    assert_eq!(
        run.report.tasks[0].ending,
        Ending::Stopped(TaskExit { code: 143, signal: 15, oom_killed: false })
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_task_is_started_again_until_its_attempts_are_used_up() {
    let script = [Play::Exits(1, 2), Play::Exits(1, 2), Play::Exits(1, 4)];
    let run = play(vec![(task("main", Stage::Main, 2), &script)], &[]).await;
    check(
        &run,
        4,
        &expect![[r#"
        main started
        main destroyed
        main started
        main destroyed
        main started
        main destroyed"#]],
    );
    assert_eq!(run.report.tasks[0].restarts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_started_ends_the_run_with_1() {
    let refuses = [Play::Refuses { recoverable: false }];
    let tasks = vec![
        (task("main", Stage::Main, 3), refuses.as_slice()),
        (task("other", Stage::Main, 3), &[Play::Stays(0)]),
    ];
    let run = play(tasks, &[]).await;
    check(
        &run,
        1,
        &expect![[r#"
        main refused
        other started
        other stop
        other destroyed"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_may_go_away_is_tried_again() {
    let script = [Play::Refuses { recoverable: true }, Play::Exits(1, 0)];
    let run = play(vec![(task("main", Stage::Main, 3), &script)], &[]).await;
    check(
        &run,
        0,
        &expect![[r#"
        main refused
        main started
        main destroyed"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_prestart_task_gives_the_code_and_the_main_task_never_starts() {
    let tasks = vec![
        (task("init", Stage::Prestart, 0), [Play::Exits(1, 9)].as_slice()),
        (task("main", Stage::Main, 0), &[]),
    ];
    let run = play(tasks, &[]).await;
    check(
        &run,
        9,
        &expect![[r#"
        init started
        init destroyed"#]],
    );
    assert_eq!(run.report.tasks[1].ending, Ending::NotStarted);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_stops_main_tasks_then_sidecars_and_poststop_still_runs() {
    let tasks = vec![
        (task("server", Stage::PrestartSidecar, 0), [Play::Stays(5)].as_slice()),
        (task("client", Stage::Main, 3), &[Play::Stays(50)]),
        (task("last", Stage::Poststop, 0), &[Play::Exits(1, 0)]),
    ];
    let run = play(tasks, &[100]).await;
    check(
        &run,
        0,
        &expect![[r#"
        server started
        client started
        client stop
        client destroyed
        server stop
        server destroyed
        last started
        last destroyed"#]],
    );
    assert!(run.report.interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_second_interrupt_kills_what_takes_its_time_and_still_cleans_up() {
    let tasks = vec![
        (task("server", Stage::PrestartSidecar, 0), [Play::Stays(5)].as_slice()),
        (task("client", Stage::Main, 3), &[Play::Stays(60_000)]),
        (task("last", Stage::Poststop, 0), &[]),
    ];
    let run = play(tasks, &[100, 200]).await;
    let mut calls: Vec<_> = run.calls.lines().collect();
    calls.sort_unstable();
    expect![[r#"
        client destroyed
        client kill
        client started
        client stop
        server destroyed
        server kill
        server started"#]]
    .assert_eq(&calls.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_during_a_start_stops_the_task_once_it_runs() {
    let run = play(vec![(task("main", Stage::Main, 0), &[Play::Slow(500)])], &[100]).await;
    check(
        &run,
        0,
        &expect![[r#"
        main started
        main stop
        main destroyed"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_second_interrupt_a_start_is_waited_for_a_little_longer() {
    let run = play(vec![(task("main", Stage::Main, 0), &[Play::Slow(5_000)])], &[100, 200]).await;
    check(
        &run,
        0,
        &expect![[r#"
        main started
        main kill
        main destroyed"#]],
    );
    let run = play(vec![(task("main", Stage::Main, 0), &[Play::Slow(60_000)])], &[100, 200]).await;
    check(&run, 0, &expect![""]);
    assert_eq!(run.report.tasks[0].ending, Ending::Lost);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_pause_before_a_restart() {
    let begun = tokio::time::Instant::now();
    let run = play(vec![(task("main", Stage::Main, 3), &[Play::Exits(1, 5)])], &[100]).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(100));
    assert_eq!(run.report.tasks[0].ending, Ending::Exited(TaskExit::code(5)));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_ends_takes_the_others_with_it_and_gives_the_code() {
    let mut leader = task("leader", Stage::Main, 0);
    leader.leader = true;
    let tasks = vec![
        (task("follower", Stage::Main, 0), [Play::Stays(1)].as_slice()),
        (leader, &[Play::Exits(10, 0)]),
    ];
    let run = play(tasks, &[]).await;
    check(
        &run,
        0,
        &expect![[r#"
        follower started
        leader started
        leader destroyed
        follower stop
        follower destroyed"#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_stopped_leaves_the_code_to_the_task_that_failed() {
    let mut leader = task("leader", Stage::Main, 0);
    leader.leader = true;
    let tasks = vec![
        (leader, [Play::Stays(1)].as_slice()),
        (task("follower", Stage::Main, 0), &[Play::Exits(10, 6)]),
    ];
    assert_eq!(play(tasks, &[]).await.report.exit_code(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_lost_is_destroyed_and_fails_the_run() {
    let run = play(vec![(task("main", Stage::Main, 3), &[Play::Vanishes])], &[]).await;
    check(
        &run,
        1,
        &expect![[r#"
        main started
        main destroyed"#]],
    );
    assert_eq!(run.report.tasks[0].ending, Ending::Lost);
}
