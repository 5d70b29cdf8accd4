//! Execs: further processes of a running task.

use async_trait::async_trait;
use containerd_client::services::v1::{
    CloseIoRequest, DeleteProcessRequest, ExecProcessRequest, ResizePtyRequest,
};
use driver_core::ports::{ContainersError, Execs, Exit, NewExec};
use driver_core::request::ids::ContainerId;

use crate::backend::Backend;
use crate::grpc::error::gone_is_fine;
use crate::grpc::wire;
use crate::objects::task;

#[async_trait]
impl Execs for Backend {
    async fn create_exec(&self, new: NewExec) -> Result<(), ContainersError> {
        let NewExec { container, exec_id, process, stdio } = new;
        let request = ExecProcessRequest {
            container_id: container.as_str().to_owned(),
            stdin: task::text(&stdio.stdin)?,
            stdout: task::text(&stdio.stdout)?,
            stderr: task::text(&stdio.stderr)?,
            terminal: stdio.terminal,
            spec: Some(wire::process(&process)?),
            exec_id,
        };
        let mut tasks = self.daemon.tasks();
        Ok(self.daemon.call("create the exec", container.as_str(), tasks.exec(request)).await?)
    }

    async fn start_exec(&self, id: &ContainerId, exec_id: &str) -> Result<u32, ContainersError> {
        Ok(task::start(&self.daemon, id.as_str(), exec_id).await?)
    }

    async fn wait_exec(&self, id: &ContainerId, exec_id: &str) -> Result<Exit, ContainersError> {
        Ok(task::wait(&self.daemon, id.as_str(), exec_id).await?)
    }

    async fn kill_exec(&self, id: &ContainerId, exec_id: &str, signal: i32) -> Result<(), ContainersError> {
        Ok(gone_is_fine(task::kill(&self.daemon, id.as_str(), exec_id, signal, false).await)?)
    }

    async fn resize_exec(
        &self,
        id: &ContainerId,
        exec_id: &str,
        width: u32,
        height: u32,
    ) -> Result<(), ContainersError> {
        let (container_id, exec_id) = (id.as_str().to_owned(), exec_id.to_owned());
        let request = ResizePtyRequest { container_id, exec_id, width, height };
        let mut tasks = self.daemon.tasks();
        Ok(self.daemon.call("resize the exec's terminal", id.as_str(), tasks.resize_pty(request)).await?)
    }

    async fn close_exec_stdin(&self, id: &ContainerId, exec_id: &str) -> Result<(), ContainersError> {
        let (container_id, exec_id) = (id.as_str().to_owned(), exec_id.to_owned());
        let request = CloseIoRequest { container_id, exec_id, stdin: true };
        let mut tasks = self.daemon.tasks();
        Ok(self.daemon.call("close the exec's input", id.as_str(), tasks.close_io(request)).await?)
    }

    async fn delete_exec(&self, id: &ContainerId, exec_id: &str) -> Result<(), ContainersError> {
        let (container_id, exec_id) = (id.as_str().to_owned(), exec_id.to_owned());
        let request = DeleteProcessRequest { container_id, exec_id };
        let mut tasks = self.daemon.tasks();
        let deleted = self.daemon.call("delete the exec", id.as_str(), tasks.delete_process(request)).await;
        Ok(gone_is_fine(deleted.map(drop))?)
    }
}
