//! The port's containers, over records, tasks and the watcher.

use std::collections::BTreeMap;

use async_trait::async_trait;
use driver_core::ports::{
    Connection, ContainerRecord, Containers, ContainersError, Exit, Image, NewContainer, Rootfs, Stdio,
    Survey, TaskState,
};
use driver_core::request::ids::ContainerId;
use oci_builder::Spec;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::health;
use crate::objects::container;
use crate::objects::purge;
use crate::objects::rootfs;
use crate::objects::task;

#[async_trait]
impl Containers for Backend {
    fn connection(&self) -> watch::Receiver<Connection> {
        self.watcher().connection()
    }

    fn oom_hints(&self, id: &ContainerId) -> watch::Receiver<u64> {
        self.watcher().oom_hints(id)
    }

    async fn survey(&self) -> Result<Survey, ContainersError> {
        let features = self.features().await?;
        Ok(health::survey(&self.daemon, &features, &self.runtime, &self.snapshotter, &self.state_dir).await?)
    }

    async fn prepare_rootfs(
        &self,
        id: &ContainerId,
        image: &Image,
        labels: &BTreeMap<String, String>,
    ) -> Result<Rootfs, ContainersError> {
        Ok(rootfs::prepare(&self.daemon, &self.snapshotter, id, image, labels).await?)
    }

    async fn reuse_rootfs(
        &self,
        id: &ContainerId,
        image: &Image,
        labels: &BTreeMap<String, String>,
    ) -> Result<Option<Rootfs>, ContainersError> {
        Ok(rootfs::reuse(&self.daemon, &self.snapshotter, id, image, labels).await?)
    }

    async fn create_container(&self, new: NewContainer) -> Result<(), ContainersError> {
        let features = self.features().await?;
        container::create(&self.daemon, &features, &self.snapshotter, new).await
    }

    async fn create_task(
        &self,
        id: &ContainerId,
        rootfs: &Rootfs,
        stdio: &Stdio,
    ) -> Result<u32, ContainersError> {
        task::create(&self.daemon, id.as_str(), rootfs, stdio).await
    }

    async fn start_task(&self, id: &ContainerId) -> Result<(), ContainersError> {
        task::start(&self.daemon, id.as_str(), "").await?;
        Ok(())
    }

    async fn wait_task(&self, id: &ContainerId) -> Result<Exit, ContainersError> {
        Ok(task::wait(&self.daemon, id.as_str(), "").await?)
    }

    async fn keep_exit(&self, id: &ContainerId) -> Result<(), ContainersError> {
        let features = self.features().await?;
        Ok(container::keep_exit(&self.daemon, &features, id.as_str()).await?)
    }

    async fn task_state(&self, id: &ContainerId) -> Result<TaskState, ContainersError> {
        Ok(task::state(&self.daemon, id.as_str()).await?)
    }

    async fn task_stdio(&self, id: &ContainerId) -> Result<Stdio, ContainersError> {
        Ok(task::stdio(&self.daemon, id.as_str()).await?)
    }

    async fn kill_task(&self, id: &ContainerId, signal: i32, all: bool) -> Result<(), ContainersError> {
        Ok(task::kill(&self.daemon, id.as_str(), "", signal, all).await?)
    }

    async fn end_task(&self, id: &ContainerId) -> Result<(), ContainersError> {
        Ok(task::remove(&self.daemon, id.as_str()).await.map(drop)?)
    }

    async fn purge(&self, id: &ContainerId) -> Result<(), ContainersError> {
        let features = self.features().await;
        Ok(purge::purge(&self.daemon, features, &self.snapshotter, id).await?)
    }

    async fn spec(&self, id: &ContainerId) -> Result<Spec, ContainersError> {
        container::spec(&self.daemon, id.as_str()).await
    }

    async fn find(&self, labels: &BTreeMap<String, String>) -> Result<Vec<ContainerRecord>, ContainersError> {
        Ok(container::find(&self.daemon, labels).await?)
    }
}
