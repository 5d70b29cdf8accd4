//! Tells people of processes that the kernel killed for lack of memory, when it happens and not only at the end.

use std::future::Future;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::node::back_off::BackOff;
use crate::ports::ContainerEvent;
use crate::request::ids::ContainerId;
use crate::running::exit::TaskExit;
use crate::running::task::Task;

/// Waits for the task's end and tells meanwhile of kills beyond those that are known. The daemon's event says when to
/// look; the cgroup's own counter says what happened.
pub(crate) async fn telling(task: &Task, known: u64, end: impl Future<Output = TaskExit>) -> TaskExit {
    let (mut events, mut connection) = (task.context.ports.events(), task.context.ports.connection());
    let mut told = Told(known);
    // containerd begins to watch a task only when it runs already.
    let (mut looks, mut back_off) = (LOOKS, BackOff::default());
    tokio::pin!(end);
    loop {
        tokio::select! {
            exit = &mut end => {
                if exit.oom_killed {
                    told.tell(task, task.cgroup.oom_kills().unwrap_or(u64::MAX));
                }
                return exit;
            }
            hinted = hint(&mut events, &task.container) => match hinted {
                true => (looks, back_off) = (LOOKS, BackOff::default()),
                false => return end.await,
            },
            // While it was away nobody gave hints.
            changed = connection.changed() => match changed {
                Ok(()) => (looks, back_off) = (LOOKS, BackOff::default()),
                Err(_) => return end.await,
            },
            () = back_off.pause(), if looks > 0 => looks -= 1,
        }
        if told.tell(task, task.cgroup.oom_kills().unwrap_or_default()) {
            looks = 0;
        }
    }
}

/// Returns when there is reason to look, with false when there will be none any more.
async fn hint(events: &mut Receiver<ContainerEvent>, container: &ContainerId) -> bool {
    loop {
        match events.recv().await {
            Ok(ContainerEvent::Oom(id)) if id == *container => return true,
            Ok(ContainerEvent::Oom(_) | ContainerEvent::Exit(_)) => {}
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

/// How often the counter is looked at after a start or an event: the kernel tells of the want of memory before it kills, and of the
/// kill it tells nobody.
const LOOKS: u32 = 6;

/// The kills that people know of.
struct Told(u64);

impl Told {
    fn tell(&mut self, task: &Task, kills: u64) -> bool {
        let more = kills > self.0;
        if more {
            self.0 = kills;
            task.event("A process of the task was killed for lack of memory");
        }
        more
    }
}
