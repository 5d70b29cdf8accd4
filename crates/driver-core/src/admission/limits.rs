//! Sizes and numbers: `shm_size`, `file_limit`, `cpuset_cpus`.

use std::collections::BTreeMap;

use oci_builder::{DEFAULT_SHM_BYTES, Limit, LimitKind, parse_size};

use crate::node::host::Host;
use crate::refusal::Refusal;
use crate::request::options::TaskOptions;
use crate::request::task::TaskSpec;

/// Bytes of `/dev/shm`; 0 is no limit, as with the Go driver and podman.
pub(super) fn shm_size(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() {
        return Ok(DEFAULT_SHM_BYTES);
    }
    parse_size(text).map_err(|reason| Refusal::Size { option: "shm_size", reason })
}

/// The limits of the task's processes.
pub(super) fn rlimits(options: &TaskOptions, host: Host) -> Result<BTreeMap<LimitKind, Limit>, Refusal> {
    match u64::try_from(options.file_limit) {
        Ok(0) | Err(_) => Ok(BTreeMap::new()),
        Ok(limit) if limit <= host.open_files => Ok([(LimitKind::OpenFiles, Limit::fixed(limit))].into()),
        Ok(limit) => {
            let accepted = format!("1 to {} is accepted, which is all that this host gives", host.open_files);
            Err(Refusal::new("file_limit", limit.to_string(), accepted))
        }
    }
}

/// CPUs by name and cores that Nomad reserves exclude each other.
pub(super) fn check_cpuset(spec: &TaskSpec) -> Result<(), Refusal> {
    let (wanted, reserved) = (&spec.options.cpuset_cpus, &spec.resources.cpuset_cpus);
    if wanted.is_empty() || reserved.is_empty() {
        return Ok(());
    }
    let accepted = format!(
        "Nomad has reserved cores {reserved} for the task; leave out cpuset_cpus, or cores in its resources"
    );
    Err(Refusal::new("cpuset_cpus", wanted.as_str(), accepted))
}
