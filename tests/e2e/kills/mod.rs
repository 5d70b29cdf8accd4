//! Plugin and containerd killed at every outside call of StartTask, StopTask and DestroyTask, before it and after it.
//! The points are those that an undisturbed run shows, so that a new call is a new point by itself.

mod destroy;
mod exec;
pub(crate) mod owners;
mod pull;
mod start;
mod steps;
mod stop;

use e2e::proxy::{Edge, Point};
use e2e::wait::{limited, until};
use e2e::{Task, TaskSetup, World, leftovers};
use nomad_host::driver::{DriverError, TaskPhase};

use crate::counting::{counting_in, goes_on};

/// What is there of the task that is disturbed.
fn left_of(world: &World) -> Vec<String> {
    let alloc = &world.alloc().id;
    let left = leftovers::of(world.daemon(), alloc, &world.state_dir());
    left.into_iter().filter(|line| line.contains(alloc.as_str())).collect()
}

async fn nothing_is_left(world: &World) {
    until("nothing left of the task", async || left_of(world).is_empty().then_some(())).await;
}

/// Both sides of every call, each in its place.
pub(crate) fn points(calls: &[String]) -> Vec<Point> {
    let mut points = Vec::new();
    for (place, method) in calls.iter().enumerate() {
        let nth = calls[..place].iter().filter(|earlier| *earlier == method).count();
        for edge in [Edge::Before, Edge::After] {
            // A wait is answered by the end of the task, which is another story.
            if method != "Tasks/Wait" || edge == Edge::Before {
                points.push(Point { method: method.clone(), nth, edge });
            }
        }
    }
    points
}

/// A task of another allocation that nothing of all this may touch.
struct Bystander {
    task: Task,
    pid: u32,
}

impl Bystander {
    async fn begin(world: &World) -> Self {
        let task = counting_in(world, &world.allocation()).await;
        let pid = task.pid().await;
        Self { task, pid }
    }

    /// Takes it up in a new plugin, whose calls are all watched; returns when it has made its last one.
    async fn recover(&self, world: &World) {
        self.task.recover().await.unwrap();
        until("the wait of the task that was taken up", async || {
            world.proxy().calls().iter().any(|call| call == "Tasks/Wait").then_some(())
        })
        .await;
    }

    async fn is_untouched(&mut self) {
        goes_on(&mut self.task).await;
        let seen = self.task.inspect().await;
        assert_eq!((seen.phase, self.task.pid().await), (TaskPhase::Running, self.pid));
    }
}

/// Kills the plugin while the proxy holds one of its calls, and starts another one. Gives what there was of the task
/// in between.
async fn plugin_dies(world: &World, bystander: &Bystander) -> Vec<String> {
    world.kill_plugin().await;
    world.proxy().watch(None);
    let left = left_of(world);
    world.start_plugin().await;
    bystander.recover(world).await;
    left
}

/// Kills containerd while the proxy holds a call to it.
fn containerd_dies(world: &World) {
    world.daemon().kill();
    world.proxy().cut();
    world.proxy().watch(None);
}

fn containerd_returns(world: &World) {
    world.daemon().start();
    world.proxy().open();
}

/// Starts the task as a client does: again, as long as the driver says that it may work later.
async fn start_again(world: &World, script: &str) -> Task {
    start_again_as(|| world.task("web").shell(script)).await
}

async fn start_again_as(setup: impl Fn() -> TaskSetup) -> Task {
    until("a start that works", async || match setup().try_start().await {
        Ok(task) => Some(task),
        Err(error) => {
            assert!(error.is_recoverable(), "{error}");
            None
        }
    })
    .await
}

/// What a client does with a task whose destruction broke off: it takes it up, or destroys it by its id.
async fn recover_or_destroy(world: &World, task: &Task) {
    match task.recover().await {
        Ok(()) => task.destroy(true).await.unwrap(),
        Err(_gone) => {
            let unknown: Result<(), DriverError> =
                limited("DestroyTask", world.driver().destroy_task(task.id(), true)).await;
            assert!(unknown.is_ok() || unknown.unwrap_err().to_string().contains("task not found"));
        }
    }
}
