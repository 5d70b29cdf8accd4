//! Requested: nothing is made yet. The image, the driver's files and the log pipes are looked after side by side.

use super::common::Common;
use super::image_ready::ImageReady;
use crate::error::DriverError;
use crate::node::events::human_size;
use crate::node::labels;
use crate::ports::{Image, ImageRequest, Progress};
use crate::request::task::LogPaths;
use crate::running::lifecycle::Step;
use crate::start::network_files::NetworkFiles;
use crate::start::staging::Staged;

pub(super) struct Requested(Common);

impl Requested {
    pub(super) fn new(common: Common) -> Self {
        Self(common)
    }

    pub(super) async fn image(self) -> Result<ImageReady, DriverError> {
        let common = self.0;
        // Both end before a failure is unwound: a blocking thread goes on when its future is dropped, and would
        // stage what nobody removes.
        let work = async {
            let (image, files) = tokio::join!(resolve(&common), write_files(&common));
            Ok((image?, files?))
        };
        let (image, (files, staged)) = common.step(Step::Image, work).await?;
        Ok(ImageReady { common, image, files, staged })
    }
}

async fn resolve(common: &Common) -> Result<Image, DriverError> {
    let options = &common.spec.options;
    let request = ImageRequest {
        reference: options.image.clone(),
        timeout: common.admitted.grant.pull_timeout,
        credentials: [&options.auth, &common.context.config.auth].into_iter().flatten().cloned().collect(),
    };
    let tell = |progress: Progress| match progress {
        Progress::PullStarted { image } => common.event(format!("Pulling image {image}")),
        Progress::PullDone(report) => common.event(format!(
            "Pulled image {} ({} in {:.1} s)",
            report.image,
            human_size(report.bytes),
            report.took.as_secs_f32()
        )),
    };
    tokio::select! {
        image = common.context.ports.image(&request, &tell) => Ok(image?),
        () = common.starting.cancelled() => Err(DriverError::Cancelled(common.spec.id.to_string())),
    }
}

async fn write_files(common: &Common) -> Result<(NetworkFiles, Staged), DriverError> {
    let (state, id, mut spec) = (common.context.files.clone(), common.id.clone(), common.spec.clone());
    if common.context.config.disable_log_collection {
        // The client has made no pipes; the paths that it names all the same lead nowhere.
        spec.logs = LogPaths::nowhere();
    }
    let admitted = std::sync::Arc::clone(&common.admitted);
    let written = tokio::task::spawn_blocking(move || {
        state.prepare_task(&id, &labels::of_task(&spec))?;
        let staging = state.staging(&id);
        let staged = Staged::stage(&staging, &spec, &admitted.mounts)?;
        let grant = &admitted.grant;
        let files = NetworkFiles::write(&staging, &id, &spec, (grant.namespaces.uts, &grant.extra_hosts))?;
        Ok((files, staged))
    });
    written.await.map_err(|_| DriverError::Interrupted("the writing of the hosts file"))?
}
