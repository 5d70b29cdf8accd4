//! Runs all tasks of a group.

use crate::ending::Ending;
use crate::engine::coordinator::{Action, Cause, Coordinator, Member, State};
use crate::engine::driver::TaskDriver;
use crate::engine::task::{Life, Order, Report, TaskRunner};
use crate::jobfile::{JobKind, Stage, Task};
use crate::screen::{Screen, TaskChange};
use nomad_host::driver::TaskExit;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How one task of the group went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskReport {
    /// Its name.
    pub name: String,
    /// When it ran.
    pub stage: Stage,
    /// How it ended.
    pub ending: Ending,
    /// Whether that counts as a failure.
    pub failed: bool,
    /// From the first start to running.
    pub to_running: Option<Duration>,
    /// How often it was started again.
    pub restarts: u32,
}

/// How the group went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReport {
    /// In the order of the file.
    pub tasks: Vec<TaskReport>,
    /// Whether it was interrupted.
    pub interrupted: bool,
    leader: Option<usize>,
}

impl GroupReport {
    /// The exit code of the whole run: that of the task that failed first in the order of the
    /// file, main tasks before others; that of a leader that ended by itself goes before; else 0. A task that
    /// could not be started counts as 1.
    pub fn exit_code(&self) -> i32 {
        let code = |task: &TaskReport| match task.ending.exit() {
            Some(TaskExit { code: 0, .. }) if task.failed => 1,
            Some(exit) => exit.code,
            None => 1,
        };
        let main = |task: &&TaskReport| task.stage == Stage::Main;
        let failed = |task: &&TaskReport| task.failed;
        let leader = self.leader.and_then(|position| self.tasks.get(position));
        let decisive = leader
            .filter(|task| matches!(task.ending, Ending::Exited(_)))
            .or_else(|| self.tasks.iter().filter(main).find(failed))
            .or_else(|| self.tasks.iter().find(failed));
        decisive.map_or(0, code)
    }
}

/// What the tasks tell.
enum Update {
    Report(usize, Report),
    Interrupt,
}

/// Runs the group until every task is dead. Each message on `interrupts` is a wish to stop; the
/// second one ends everything at once.
pub async fn run_group<D: TaskDriver>(
    tasks: Vec<Task>,
    kind: JobKind,
    driver: Arc<D>,
    screen: Arc<dyn Screen>,
    interrupts: mpsc::UnboundedReceiver<()>,
) -> GroupReport {
    let members = tasks.iter().map(|task| Member { stage: task.stage, leader: task.leader }).collect();
    let (updates, inbox) = mpsc::unbounded_channel();
    let group = Group {
        coordinator: Coordinator::new(members),
        states: vec![State::Pending; tasks.len()],
        orders: tasks.iter().map(|_| watch::channel(Order::Run).0).collect(),
        lives: JoinSet::new(),
        tasks,
        kind,
        driver,
        screen,
        updates,
    };
    group.run(inbox, interrupts).await
}

/// Reports a task as failed when its life ends without a word, so that the group does not wait for
/// it for ever. After a proper report it changes nothing.
struct ReportedDead {
    updates: mpsc::UnboundedSender<Update>,
    position: usize,
}

impl Drop for ReportedDead {
    fn drop(&mut self) {
        let _ = self.updates.send(Update::Report(self.position, Report::Dead { failed: true }));
    }
}

struct Group<D> {
    tasks: Vec<Task>,
    kind: JobKind,
    coordinator: Coordinator,
    states: Vec<State>,
    orders: Vec<watch::Sender<Order>>,
    lives: JoinSet<(usize, Life)>,
    driver: Arc<D>,
    screen: Arc<dyn Screen>,
    updates: mpsc::UnboundedSender<Update>,
}

impl<D: TaskDriver> Group<D> {
    async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Update>,
        mut interrupts: mpsc::UnboundedReceiver<()>,
    ) -> GroupReport {
        let mut open = true;
        loop {
            // One round may bring about states that ask for the next.
            loop {
                let actions = self.coordinator.next(&self.states);
                if actions.is_empty() {
                    break;
                }
                actions.into_iter().for_each(|action| self.carry_out(action));
            }
            if self.states.iter().all(|state| matches!(state, State::Dead { .. })) {
                break;
            }
            let update = tokio::select! {
                update = inbox.recv() => update,
                interrupt = interrupts.recv(), if open => {
                    open = interrupt.is_some();
                    interrupt.map(|()| Update::Interrupt)
                }
            };
            match update {
                Some(Update::Report(position, _)) if matches!(self.states[position], State::Dead { .. }) => {}
                Some(Update::Report(position, report)) => {
                    self.states[position] = match report {
                        Report::Pending => State::Pending,
                        Report::Running => State::Running,
                        Report::Dead { failed } => State::Dead { failed },
                    };
                }
                Some(Update::Interrupt) => self.coordinator.interrupt(),
                None => {}
            }
        }
        self.report().await
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Start(position) => self.start(position),
            Action::Stop(position, cause) => {
                self.screen.task(&self.tasks[position].name, TaskChange::StopAsked(self.reason(cause)));
                self.orders[position].send_replace(Order::Stop);
            }
            Action::Kill(position) => {
                self.orders[position].send_replace(Order::Kill);
            }
            Action::Skip(position) => self.states[position] = State::Dead { failed: false },
        }
    }

    fn start(&mut self, position: usize) {
        let updates = self.updates.clone();
        let runner = TaskRunner {
            driver: self.driver.clone(),
            task: self.tasks[position].clone(),
            kind: self.kind,
            screen: self.screen.clone(),
            orders: self.orders[position].subscribe(),
            report: Box::new(move |report| {
                // The receiver lives as long as the group.
                let _ = updates.send(Update::Report(position, report));
            }),
        };
        let guard = ReportedDead { updates: self.updates.clone(), position };
        self.lives.spawn(async move {
            let life = runner.run().await;
            drop(guard);
            (position, life)
        });
    }

    fn reason(&self, cause: Cause) -> String {
        match cause {
            Cause::Failed(position) => format!("task `{}` has failed", self.tasks[position].name),
            Cause::LeaderDone(position) => format!("the leader `{}` has ended", self.tasks[position].name),
            Cause::MainDone => "the main tasks have ended".to_owned(),
            Cause::Interrupted => "interrupted".to_owned(),
        }
    }

    async fn report(mut self) -> GroupReport {
        let mut lives =
            vec![Life { ending: Ending::NotStarted, to_running: None, restarts: 0 }; self.tasks.len()];
        while let Some(joined) = self.lives.join_next().await {
            if let Ok((position, life)) = joined {
                lives[position] = life;
            }
        }
        let interrupted = self.coordinator.cause() == Some(Cause::Interrupted);
        let leader = self.tasks.iter().position(|task| task.leader);
        let tasks =
            self.tasks.into_iter().zip(lives).zip(self.states).map(|((task, life), state)| TaskReport {
                name: task.name,
                stage: task.stage,
                ending: life.ending,
                failed: state == State::Dead { failed: true },
                to_running: life.to_running,
                restarts: life.restarts,
            });
        GroupReport { tasks: tasks.collect(), interrupted, leader }
    }
}
