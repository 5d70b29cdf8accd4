//! Created: shim and runtime have made the task, its first program has not run. The wait is armed, then it starts.

use std::sync::Arc;
use std::time::SystemTime;

use linux_host::cgroup::{self, CgroupError, Cpuset, Placement, TaskCgroup};

use super::common::Common;
use crate::error::DriverError;
use crate::ports::Image;
use crate::running::lifecycle::Step;
use crate::running::monitor::{self, Armed};
use crate::running::state::TaskState;
use crate::running::task::Task;

pub(super) struct Created {
    pub(super) common: Common,
    pub(super) image: Image,
    pub(super) placement: Placement,
    pub(super) command: String,
    pub(super) pid: u32,
}

impl Created {
    pub(super) async fn start(self) -> Result<Arc<Task>, DriverError> {
        let (task, armed) = self.common.step(Step::Start, self.run()).await?;
        task.event("Container started");
        monitor::watch(Arc::clone(&task), armed, task.state.oom_kills_before);
        Ok(task)
    }

    /// Starts the program, with the wait for its end armed.
    async fn run(&self) -> Result<(Arc<Task>, Armed), DriverError> {
        self.join_cpuset()?;
        let task = self.task()?;
        let armed = monitor::arm(&task);
        if let Err(error) = self.common.context.ports.start_task(&self.common.id).await {
            armed.abort();
            return Err(error.of_program(&self.command).into());
        }
        Ok((task, armed))
    }

    fn join_cpuset(&self) -> Result<(), DriverError> {
        if let Cpuset::MoveInto(dir) = &self.placement.cpuset {
            let cores = &self.common.spec.resources.cpuset_cpus;
            let reserved = self.placement.reserved_cpuset().filter(|_| !cores.is_empty());
            let ready = reserved.map_or(Ok(()), |own| cgroup::set_cpus(own, cores));
            match ready.and_then(|()| cgroup::join(dir, self.pid)) {
                // A client's path may name a cpuset that it did not make; the task keeps its own then.
                Err(CgroupError::Gone { path }) => {
                    tracing::warn!(task = %self.common.spec.id, ?path, "the client's cpuset does not exist");
                }
                joined => joined
                    .map_err(|error| DriverError::host("the task can not join its cpuset")(error.into()))?,
            }
        }
        Ok(())
    }

    fn task(&self) -> Result<Arc<Task>, DriverError> {
        let Common { context, spec, id, life, .. } = &self.common;
        let cgroup = TaskCgroup::new(context.cgroups.clone(), &self.placement.cgroups_path);
        let state = TaskState {
            cgroup: self.placement.cgroups_path.clone(),
            cpuset_dir: match &self.placement.cpuset {
                Cpuset::MoveInto(dir) => dir.clone(),
                Cpuset::WithTask => std::path::PathBuf::new(),
            },
            oom_kills_before: cgroup.oom_kills().unwrap_or_default(),
            stop_signal: self.image.stop_signal.clone(),
            image_digest: self.image.digest.clone(),
            ..TaskState::of_process(context, id, &spec.identity, self.pid, SystemTime::now())?
        };
        Ok(Task::new(Arc::clone(context), spec.id.clone(), spec.identity.clone(), state, Arc::clone(life)))
    }
}
