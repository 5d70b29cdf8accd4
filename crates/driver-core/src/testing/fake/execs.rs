//! Execs of the daemon in memory.

use std::sync::atomic::Ordering;

use async_trait::async_trait;

use super::{FakePort, Result, Run, lost, not_found};
use crate::ports::{ContainersError, Execs, Exit, NewExec};
use crate::request::ids::ContainerId;

impl FakePort {
    fn answered(&self, operation: &'static str) -> Result<()> {
        let fewer = |times: usize| times.checked_sub(1);
        match self.closed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer) {
            Ok(_) => Err(lost(operation)),
            Err(_) => Ok(()),
        }
    }
}

fn refused(operation: &'static str, reason: &str) -> ContainersError {
    ContainersError::Failed { operation, reason: reason.to_owned() }
}

#[async_trait]
impl Execs for FakePort {
    async fn create_exec(&self, new: NewExec) -> Result<()> {
        self.unstuck(&new.container).await;
        let mut kept = self.reached("create the exec")?;
        let kept = kept.get_mut(&new.container).filter(|kept| kept.task.is_some());
        let kept = kept.ok_or_else(|| not_found("create the exec", &new.exec_id))?;
        kept.execs.insert(new.exec_id, Run::new(self.pid, Some(&new.process), new.stdio));
        Ok(())
    }

    async fn start_exec(&self, id: &ContainerId, exec_id: &str) -> Result<u32> {
        let mut kept = self.reached("start the exec")?;
        self.started_execs.fetch_add(1, Ordering::Relaxed);
        let run = kept.get_mut(id).and_then(|kept| kept.execs.get_mut(exec_id));
        let started = run.ok_or_else(|| not_found("start the exec", exec_id))?.start("start the exec");
        if self.cut_exec.swap(false, Ordering::Relaxed) {
            self.go_away();
            started?;
            return Err(lost("start the exec"));
        }
        started?;
        Ok(self.pid)
    }

    async fn wait_exec(&self, id: &ContainerId, exec_id: &str) -> Result<Exit> {
        self.answered("wait")?;
        let run = self.reached("wait")?.get(id).and_then(|kept| kept.execs.get(exec_id).cloned());
        self.ended("wait", run, exec_id).await
    }

    async fn kill_exec(&self, id: &ContainerId, exec_id: &str, signal: i32) -> Result<()> {
        self.answered("kill")?;
        let kept = self.reached("kill")?;
        match kept.get(id).and_then(|kept| kept.execs.get(exec_id)) {
            Some(run) if !run.started => return Err(refused("kill", "process not created")),
            Some(run) => run.end(128 + signal.unsigned_abs()),
            None => {}
        }
        Ok(())
    }

    async fn resize_exec(&self, _: &ContainerId, _: &str, _: u32, _: u32) -> Result<()> {
        self.reached("resize").map(drop)
    }

    /// `cat` ends with its input.
    async fn close_exec_stdin(&self, id: &ContainerId, exec_id: &str) -> Result<()> {
        let kept = self.reached("close the input")?;
        let run = kept.get(id).and_then(|kept| kept.execs.get(exec_id));
        if let Some(run) = run.filter(|run| run.args == ["cat"]) {
            run.end(0);
        }
        Ok(())
    }

    async fn delete_exec(&self, id: &ContainerId, exec_id: &str) -> Result<()> {
        if let Some(kept) = self.reached("delete the exec")?.get_mut(id) {
            let runs = |run: &Run| run.started && run.ended.borrow().is_none();
            if kept.execs.get(exec_id).is_some_and(runs) {
                return Err(refused("delete the exec", "cannot delete a running process"));
            }
            kept.execs.remove(exec_id);
        }
        Ok(())
    }
}
