//! Tells people of processes that the kernel killed for lack of memory, when it happens and not only at the end.

use std::future::Future;

use tokio::sync::broadcast::error::RecvError;

use crate::back_off::BackOff;
use crate::exit::TaskExit;
use crate::ports::ContainerEvent;
use crate::task::Task;

/// Waits for the task's end and tells meanwhile. The daemon's event says when to look; the cgroup's own counter says
/// what happened.
pub(crate) async fn telling(task: &Task, end: impl Future<Output = TaskExit>) -> TaskExit {
    let mut events = task.context.ports.events();
    let mut told = Told(task.state.oom_kills_before);
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
            event = events.recv() => match event {
                Ok(ContainerEvent::Oom(id)) if id != task.container => continue,
                Ok(ContainerEvent::Oom(_)) | Err(RecvError::Lagged(_)) => {
                    (looks, back_off) = (LOOKS, BackOff::default());
                }
                Ok(ContainerEvent::Exit(_)) => continue,
                Err(RecvError::Closed) => return end.await,
            },
            () = back_off.pause(), if looks > 0 => looks -= 1,
        }
        if told.tell(task, task.cgroup.oom_kills().unwrap_or_default()) {
            looks = 0;
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
