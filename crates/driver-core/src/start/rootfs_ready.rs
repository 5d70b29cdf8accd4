//! RootfsReady: the snapshot exists; the network that the task joins comes next.

use linux_host::namespace;

use super::common::Common;
use super::network_ready::NetworkReady;
use crate::error::DriverError;
use crate::ports::{Image, Rootfs};
use crate::request::task::GroupNetwork;
use crate::running::lifecycle::Step;
use crate::start::network_files::NetworkFiles;
use crate::start::staging::Staged;

pub(super) struct RootfsReady {
    pub(super) common: Common,
    pub(super) image: Image,
    pub(super) files: NetworkFiles,
    pub(super) staged: Staged,
    pub(super) rootfs: Rootfs,
}

impl RootfsReady {
    pub(super) async fn network(self) -> Result<NetworkReady, DriverError> {
        self.common.step(Step::Network, find(&self.common)).await?;
        let Self { common, image, files, staged, rootfs } = self;
        Ok(NetworkReady { common, image, files, staged, rootfs })
    }
}

/// The group's network is made by the client; a task must not start in another one by mistake.
async fn find(common: &Common) -> Result<(), DriverError> {
    match &common.spec.network {
        GroupNetwork::Namespace { path, .. } => namespace::check(path)
            .map_err(|error| DriverError::host("the group's network can not be joined")(error.into())),
        _ => Ok(()),
    }
}
