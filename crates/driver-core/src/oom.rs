//! Tells people of processes that the kernel killed for lack of memory, when it happens and not only at the end.

use std::future::Future;

use tokio::sync::broadcast::error::RecvError;

use crate::exit::TaskExit;
use crate::ports::ContainerEvent;
use crate::task::Task;

/// Waits for the task's end and tells meanwhile. The daemon's event says when to look; the cgroup's own counter says
/// what happened.
pub(crate) async fn telling(task: &Task, end: impl Future<Output = TaskExit>) -> TaskExit {
    let mut events = task.context.ports.events();
    let mut told = Told(task.state.oom_kills_before);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            exit = &mut end => {
                if exit.oom_killed {
                    told.tell(task, task.cgroup.oom_kills().unwrap_or(u64::MAX));
                }
                return exit;
            }
            event = events.recv() => event,
        };
        match event {
            Ok(ContainerEvent::Oom(id)) if id != task.container => {}
            Ok(ContainerEvent::Oom(_)) | Err(RecvError::Lagged(_)) => {
                told.tell(task, task.cgroup.oom_kills().unwrap_or_default());
            }
            Ok(ContainerEvent::Exit(_)) => {}
            Err(RecvError::Closed) => return end.await,
        }
    }
}

/// The kills that people know of.
struct Told(u64);

impl Told {
    fn tell(&mut self, task: &Task, kills: u64) {
        if kills > self.0 {
            self.0 = kills;
            task.event("A process of the task was killed for lack of memory");
        }
    }
}
