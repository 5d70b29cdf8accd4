//! Tells people of processes that the kernel killed for lack of memory, when it happens and not only at the end.

use std::future::Future;

use crate::node::back_off::BackOff;
use crate::running::exit::TaskExit;
use crate::running::task::Task;

/// Waits for the task's end and tells meanwhile of kills beyond those that are known. The daemon's event says when to
/// look; the cgroup's own counter says what happened.
pub(crate) async fn telling(task: &Task, known: u64, end: impl Future<Output = TaskExit>) -> TaskExit {
    let ports = &task.context.ports;
    let (mut hints, mut connection) = (ports.oom_hints(&task.container), ports.connection());
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
            hinted = hints.changed() => match hinted {
                Ok(()) => (looks, back_off) = (LOOKS, BackOff::default()),
                Err(_) => return end.await,
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
