//! The life of one task, over all its starts.

use crate::ending::Ending;
use crate::engine::driver::{DriverFault, TaskDriver};
use crate::engine::restart::{Decision, End, RestartTracker};
use crate::jobfile::{JobKind, Task};
use crate::screen::{Screen, TaskChange};
use nomad_host::driver::TaskExit;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The time from a stop that was carried out to the news of the end. It is over only when the
/// driver has lost sight of the task.
const END_LIMIT: Duration = Duration::from_secs(30);

/// The time that a start has to come to its end after the order to kill. A container is made and
/// started well within it; a download is not waited for.
const START_GRACE: Duration = Duration::from_secs(10);

/// What a task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Run,
    Stop,
    Kill,
}

/// What is told about a task while it lives.
pub(super) enum Report {
    Pending,
    Running,
    Dead { failed: bool },
}

/// A task's whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) ending: Ending,
    pub(super) to_running: Option<Duration>,
    pub(super) restarts: u32,
}

pub(super) struct TaskRunner<D> {
    pub(super) driver: Arc<D>,
    pub(super) task: Task,
    pub(super) kind: JobKind,
    pub(super) screen: Arc<dyn Screen>,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) report: Box<dyn Fn(Report) + Send + Sync>,
}

/// How one start ended.
enum Attempt {
    Ended(End, Ending),
    Stopped(Ending),
}

impl<D: TaskDriver> TaskRunner<D> {
    pub(super) async fn run(mut self) -> Life {
        let mut tracker = RestartTracker::new(self.task.restart, self.kind, self.task.stage, Instant::now());
        let mut life = Life { ending: Ending::NotStarted, to_running: None, restarts: 0 };
        loop {
            let (end, ending) = match self.attempt(&mut life).await {
                Attempt::Stopped(ending) => {
                    life.ending = ending;
                    (self.report)(Report::Dead { failed: false });
                    return life;
                }
                Attempt::Ended(end, ending) => (end, ending),
            };
            life.ending = ending;
            match tracker.after(end, Instant::now(), rand::random()) {
                Decision::Done => {
                    (self.report)(Report::Dead { failed: false });
                    return life;
                }
                Decision::Failed(reason) => {
                    self.show(TaskChange::Failed(reason));
                    (self.report)(Report::Dead { failed: true });
                    return life;
                }
                Decision::Again { delay, next_interval } => {
                    self.show(TaskChange::Restarting { delay, next_interval });
                    (self.report)(Report::Pending);
                    tokio::select! {
                        () = tokio::time::sleep(delay) => life.restarts += 1,
                        () = ordered(&mut self.orders, Order::Stop) => {
                            (self.report)(Report::Dead { failed: false });
                            return life;
                        }
                    }
                }
            }
        }
    }

    fn show(&self, change: TaskChange) {
        self.screen.task(&self.task.name, change);
    }

    async fn attempt(&mut self, life: &mut Life) -> Attempt {
        if *self.orders.borrow() > Order::Run {
            return Attempt::Stopped(life.ending);
        }
        let begun = Instant::now();
        self.show(TaskChange::Starting);
        let mut orders = self.orders.clone();
        let started = tokio::select! {
            started = self.driver.start(&self.task) => started,
            () = overdue(&mut orders) => {
                self.show(TaskChange::Abandoned);
                return Attempt::Stopped(Ending::Lost);
            }
        };
        if let Err(fault) = started {
            let recoverable = fault.recoverable;
            self.show(TaskChange::NotStarted(chain(&fault)));
            return match *self.orders.borrow() {
                Order::Run => Attempt::Ended(End::NotStarted { recoverable }, Ending::Lost),
                Order::Stop | Order::Kill => Attempt::Stopped(Ending::Lost),
            };
        }
        let took = begun.elapsed();
        life.to_running = life.to_running.or(Some(took));
        self.show(TaskChange::Running { took });
        (self.report)(Report::Running);
        self.until_end().await
    }

    async fn until_end(&mut self) -> Attempt {
        let mut orders = self.orders.clone();
        let (waited, stopped) = tokio::select! {
            waited = self.driver.wait(&self.task) => (waited, false),
            () = ordered(&mut orders, Order::Stop) => (self.end_task().await, true),
        };
        if let Err(fault) = self.driver.destroy(&self.task).await {
            self.show(TaskChange::Fault(chain(&fault)));
        }
        let ending = match waited {
            Ok(exit) => {
                self.show(TaskChange::Exited(exit));
                if stopped { Ending::Stopped(exit) } else { Ending::Exited(exit) }
            }
            Err(fault) => {
                self.show(TaskChange::Fault(chain(&fault)));
                Ending::Lost
            }
        };
        match ending {
            _ if stopped => Attempt::Stopped(ending),
            Ending::Exited(exit) => Attempt::Ended(End::Exited(exit), ending),
            _ => Attempt::Ended(End::NotStarted { recoverable: false }, ending),
        }
    }

    /// Stops the task and waits for its end; an order to kill overtakes a stop that takes its time.
    async fn end_task(&self) -> Result<TaskExit, DriverFault> {
        let mut orders = self.orders.clone();
        self.show(TaskChange::Stopping);
        let stopped = tokio::select! {
            biased;
            () = ordered(&mut orders, Order::Kill) => self.driver.kill(&self.task).await,
            stopped = self.driver.stop(&self.task) => stopped,
        };
        if let Err(fault) = stopped {
            self.show(TaskChange::Fault(chain(&fault)));
            // It may have ended meanwhile; if not, what cannot be asked to end is ended.
            if let Err(fault) = self.driver.kill(&self.task).await {
                self.show(TaskChange::Fault(chain(&fault)));
            }
        }
        match tokio::time::timeout(END_LIMIT, self.driver.wait(&self.task)).await {
            Ok(waited) => waited,
            Err(_) => Err(DriverFault::lasting("its end was not confirmed")),
        }
    }
}

/// Returns when the order is at least `wanted`; never, when no more orders come.
async fn ordered(orders: &mut watch::Receiver<Order>, wanted: Order) {
    if orders.wait_for(|order| *order >= wanted).await.is_err() {
        std::future::pending().await
    }
}

/// Returns when a start has gone on for its time after the order to kill.
async fn overdue(orders: &mut watch::Receiver<Order>) {
    ordered(orders, Order::Kill).await;
    tokio::time::sleep(START_GRACE).await;
}

fn chain(fault: &DriverFault) -> String {
    crate::chain::chain(fault.source.as_ref())
}
