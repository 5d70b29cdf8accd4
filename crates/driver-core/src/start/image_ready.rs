//! ImageReady: the image is unpacked and the driver's files are written; the writable snapshot comes next.

use super::common::Common;
use super::rootfs_ready::RootfsReady;
use super::snapshot;
use crate::error::DriverError;
use crate::ports::Image;
use crate::running::lifecycle::Step;
use crate::start::network_files::NetworkFiles;
use crate::start::staging::Staged;

pub(super) struct ImageReady {
    pub(super) common: Common,
    pub(super) image: Image,
    pub(super) files: NetworkFiles,
    pub(super) staged: Staged,
}

impl ImageReady {
    pub(super) async fn rootfs(self) -> Result<RootfsReady, DriverError> {
        let Self { common, image, files, staged } = self;
        let rootfs = common.step(Step::Rootfs, snapshot::prepare(&common, &image)).await?;
        Ok(RootfsReady { common, image, files, staged, rootfs })
    }
}
