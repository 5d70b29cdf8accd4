//! A spec built for trial with all that the job decides, so that what no container can have is refused before there is
//! one.

use std::path::PathBuf;

use linux_host::cgroup::{self, CgroupMode, Placement};
use linux_host::users::ResolvedUser;
use oci_builder::{Plan, SwapAccounting};

use super::network_files::NetworkFiles;
use super::plan::{Facts, plan};
use crate::admission::Admitted;
use crate::ports::Image;
use crate::refusal::Refusal;
use crate::request::task::TaskSpec;

/// Builds the spec and drops it.
///
/// # Errors
/// What no container can have.
pub(super) fn build(spec: &TaskSpec, admitted: &Admitted) -> Result<(), Refusal> {
    oci_builder::build(draft(spec, admitted)?)?;
    Ok(())
}

/// A plan with what the job decides, and stand-ins for what is made or looked up only after the checks.
pub(super) fn draft(spec: &TaskSpec, admitted: &Admitted) -> Result<Plan, Refusal> {
    let stand_in = PathBuf::from("/");
    let hostname = if spec.options.hostname.is_empty() { "task" } else { &spec.options.hostname };
    let facts = Facts {
        user: ResolvedUser { uid: 0, gid: 0, additional_gids: Vec::new(), home: stand_in.clone() },
        files: NetworkFiles {
            hostname: hostname.to_owned(),
            hostname_file: stand_in.clone(),
            hosts: stand_in.clone(),
            resolv_conf: Some(stand_in.clone()),
        },
        alloc_logs: stand_in.clone(),
        mounts: admitted.mounts.iter().map(|mount| mount.with_source(stand_in.clone())).collect(),
        volumes: Vec::new(),
        placement: Placement { cgroups_path: PathBuf::from("/nomad/task"), cpuset: cgroup::Cpuset::WithTask },
        mode: CgroupMode::V2,
        swap: SwapAccounting::Missing,
        node_mhz: 0,
    };
    let image = Image { cmd: vec!["program".to_owned()], ..Image::default() };
    plan(spec, &image, facts, admitted)
}
