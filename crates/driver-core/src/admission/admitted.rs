//! An admitted task: what policy and host give to it, looked at before anything is made.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use linux_host::{cdi, staged};
use oci_builder::{Device, Mount, Privilege, Seccomp};

use super::cdi::{CdiEdits, Extras};
use super::log_directory::{self, LogDirectory};
use super::mounts::{self, AdmittedMount};
use super::rules::Rules;
use super::{DeviceGrant, Grant, check, check_available, devices, seccomp};
use crate::error::DriverError;
use crate::node::context::Context;
use crate::node::host;
use crate::request::task::TaskSpec;

/// A task's grant and what it needs of the host. The objects behind mounts are held until they are handed on.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) grant: Grant,
    pub(crate) devices: Vec<Device>,
    /// What comes with devices of the Container Device Interface.
    pub(crate) extras: Extras,
    pub(crate) seccomp: Seccomp,
    /// The job's mounts.
    pub(crate) mounts: Vec<AdmittedMount>,
    /// Host volumes, CSI volumes and mounts of device plugins.
    pub(crate) volumes: Vec<Mount>,
    /// Where the log directory is seen in the container beside `/alloc/logs`.
    pub(crate) log_places: Vec<PathBuf>,
}

impl Admitted {
    /// The failure of a start, as what it comes from where a source has gone since it was checked.
    pub(crate) fn explain(&self, cause: DriverError) -> DriverError {
        mounts::explain(&self.mounts, cause)
    }

    /// Holds the task against the operator's rules and the host. Blocking, as long as a path of the job does.
    pub(crate) fn of(context: &Context, spec: &TaskSpec) -> Result<Self, DriverError> {
        let grant = check(
            spec,
            Rules { config: &context.config, host: context.host, allow_caps: context.allow_caps },
        )?;
        check_available(spec, &host::available(&context.cgroups)?)?;
        let mut nodes = match grant.privilege {
            Privilege::Confined => Vec::new(),
            Privilege::Privileged => devices::host_devices()?,
        };
        let mut names: Vec<&cdi::Name> = Vec::new();
        for device in &grant.devices {
            match device {
                DeviceGrant::Node(request) => nodes.extend(devices::job_device(request)?),
                DeviceGrant::Cdi(name) => names.push(name),
            }
        }
        let CdiEdits { devices, extras } = CdiEdits::find(&cdi::DIRECTORIES.map(Path::new), &names)?;
        // A specification has the last word on its nodes, also where a privileged task has all of the host's.
        nodes.retain(|node| !devices.iter().any(|device| device.path == node.path));
        nodes.extend(devices);
        for device in &spec.devices {
            nodes.extend(devices::device_nodes(device)?);
        }
        let seccomp = seccomp::filter(&grant.filter, context.host)?;
        let mounts = grant.mounts.iter().map(AdmittedMount::of).collect::<Result<_, _>>()?;
        let volumes = spec.mounts.iter().map(mounts::volume).collect();
        let mut admitted =
            Self { grant, devices: nodes, extras, seccomp, mounts, volumes, log_places: Vec::new() };
        admitted.protect_logs(&LogDirectory::of(&spec.dirs)?)?;
        Ok(admitted)
    }

    /// Keeps the log directory read-only in every mount.
    fn protect_logs(&mut self, logs: &LogDirectory) -> Result<(), DriverError> {
        let mut seen = Vec::new();
        for AdmittedMount { mount, object, is_allocation } in &mut self.mounts {
            let place = match object {
                Some(object) => logs.protect(mount, object.as_fd(), *is_allocation)?,
                None => None,
            };
            seen.push((mount.destination.clone(), place));
        }
        for mount in self.volumes.iter_mut().chain(&mut self.extras.mounts) {
            // One that is not there is refused by the runtime, in its words.
            let object = mount.source().and_then(|source| staged::object_at(source).ok());
            let place = match object {
                Some(object) => logs.protect(mount, object.as_fd(), false)?,
                None => None,
            };
            seen.push((mount.destination.clone(), place));
        }
        self.log_places = log_directory::places(&seen);
        Ok(())
    }
}
