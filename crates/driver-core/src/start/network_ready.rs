//! NetworkReady: the spec is planned from image, snapshot and host, and the container record and task are made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use linux_host::cgroup::Placement;
use linux_host::{rootfs, users};

use super::common::Common;
use super::created::Created;
use super::snapshot;
use crate::error::DriverError;
use crate::node::labels;
use crate::ports::{ContainersError, Image, NewContainer, Rootfs, Stdio};
use crate::running::lifecycle::{Event, Step, Thing};
use crate::start::network_files::NetworkFiles;
use crate::start::plan::{self, Facts};
use crate::start::staging::Staged;

pub(super) struct NetworkReady {
    pub(super) common: Common,
    pub(super) image: Image,
    pub(super) files: NetworkFiles,
    pub(super) staged: Staged,
    pub(super) rootfs: Rootfs,
}

impl NetworkReady {
    pub(super) async fn create(self) -> Result<Created, DriverError> {
        let common = &self.common;
        let (placement, command, pid) = common.step(Step::Create, self.make()).await?;
        // Shim and runtime have opened what was staged.
        let id = common.id.clone();
        common.context.on_files(move |files| files.unstage(&id)).await?;
        common.on(Event::Released(Thing::Staged))?;
        common.event("Container created");
        let Self { common, image, .. } = self;
        Ok(Created { common, image, placement, command, pid })
    }

    /// Gives where its processes are accounted, the program's name, and the first process's id.
    async fn make(&self) -> Result<(Placement, String, u32), DriverError> {
        let Self { common, image, files, staged, rootfs } = self;
        let facts = facts(common, image, (files.clone(), staged), rootfs).await?;
        let placement = facts.placement.clone();
        let plan = plan::plan(&common.spec, image, facts, &common.admitted)?;
        let command = plan.args.first().cloned().unwrap_or_default();
        let spec = oci_builder::build(plan)
            .map_err(|error| DriverError::host("the task can not be specified")(error.into()))?;
        let stdio = staged.stdio();
        let pid = match make(common, image, rootfs, &spec, &stdio).await {
            Err(ContainersError::AlreadyExists { .. }) => {
                let rootfs = snapshot::replace(common, image).await?;
                make(common, image, &rootfs, &spec, &stdio).await
            }
            other => other,
        };
        let pid = pid.map_err(|error| error.of_program(&command))?;
        Ok((placement, command, pid))
    }
}

/// The container record and the task in it; gives the process id.
async fn make(
    common: &Common,
    image: &Image,
    rootfs: &Rootfs,
    spec: &oci_builder::Spec,
    stdio: &Stdio,
) -> Result<u32, ContainersError> {
    let ports = &common.context.ports;
    let new = NewContainer {
        id: common.id.clone(),
        image: image.name.clone(),
        labels: labels::of_task(&common.spec),
        spec: spec.clone(),
    };
    ports.create_container(new).await?;
    ports.create_task(&common.id, rootfs, stdio).await
}

/// Everything impure that the plan needs.
async fn facts(
    common: &Common,
    image: &Image,
    (files, staged): (NetworkFiles, &Staged),
    rootfs: &Rootfs,
) -> Result<Facts, DriverError> {
    let user = if common.spec.user.is_empty() { image.user.clone() } else { common.spec.user.clone() };
    let volumes: Vec<PathBuf> = image.volumes.iter().map(PathBuf::from).collect();
    let scratch = common.context.files.task(&common.id).join("rootfs");
    let mounts = rootfs.mounts.iter().map(|mount| rootfs::RootfsMount {
        kind: mount.kind.clone(),
        source: mount.source.clone(),
        options: mount.options.clone(),
    });
    let mounts: Vec<_> = mounts.collect();
    let (spec, context) = (common.spec.clone(), Arc::clone(&common.context));
    let (alloc_logs, mounts_of_job) = (staged.alloc_logs.clone(), staged.mounts.clone());
    let resolved = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&scratch).map_err(DriverError::file("cannot make", &scratch))?;
        Ok(Facts {
            user: resolve_user(&user, &mounts, &scratch)?,
            volumes: make_volumes(&volumes, &mounts, &scratch)?,
            files,
            alloc_logs,
            mounts: mounts_of_job,
            placement: plan::placement(&context, &spec)?,
            mode: context.mode(),
            swap: plan::swap_accounting(&context),
            node_mhz: context.node.total_mhz,
        })
    });
    resolved.await.map_err(|_| DriverError::Interrupted("the look-up of the user"))?
}

fn resolve_user(
    user: &str,
    mounts: &[rootfs::RootfsMount],
    scratch: &Path,
) -> Result<users::ResolvedUser, DriverError> {
    let files = rootfs::read_files(mounts, scratch, &["/etc/passwd", "/etc/group"])
        .map_err(|error| DriverError::host("the image's files cannot be read")(error.into()))?;
    let mut files = files.into_iter().map(Option::unwrap_or_default);
    let (passwd, group) = (files.next().unwrap_or_default(), files.next().unwrap_or_default());
    users::resolve(user, &passwd, &group).map_err(|error| DriverError::host("user")(error.into()))
}

/// The directories that the image declares as volumes. As with docker they exist in every container.
fn make_volumes(
    volumes: &[PathBuf],
    mounts: &[rootfs::RootfsMount],
    scratch: &Path,
) -> Result<Vec<PathBuf>, DriverError> {
    if volumes.is_empty() {
        return Ok(Vec::new());
    }
    rootfs::make_directories(mounts, scratch, volumes)
        .map_err(|error| DriverError::host("the image's volumes cannot be made")(error.into()))
}
