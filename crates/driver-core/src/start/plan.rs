//! From a task, its image and the host's facts to the plan of its OCI spec. The facts come first; then all is pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use linux_host::cgroup::{self, CgroupMode, Placement};
use linux_host::users::ResolvedUser;
use oci_builder::{
    Access, Cgroup, CpuBandwidth, CpuResources, Mount, MountKind, NetworkNamespace, NomadMemory, PidsLimit,
    Plan, Resources, Rootfs, SwapAccounting, User, nomad_cpu_shares,
};

use crate::error::DriverError;
use crate::node::context::Context;

use crate::admission::{Admitted, Extras, Namespaces};
use crate::ports::Image;
use crate::refusal::Refusal;
use crate::request::task::{GroupNetwork, TaskSpec};
use crate::start::network_files::NetworkFiles;

/// Docker's default search path, for an image that has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the start has prepared for the task, and what the plan needs to know of the host.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) user: ResolvedUser,
    pub(crate) files: NetworkFiles,
    /// The staged `alloc/logs`.
    pub(crate) alloc_logs: PathBuf,
    /// The job's mounts, from what is handed on.
    pub(crate) mounts: Vec<Mount>,
    /// The image's volumes, which exist.
    pub(crate) volumes: Vec<PathBuf>,
    pub(crate) placement: Placement,
    pub(crate) mode: CgroupMode,
    pub(crate) swap: SwapAccounting,
    pub(crate) node_mhz: u64,
}

/// Where the task is accounted. Blocking.
pub(crate) fn placement(context: &Context, spec: &TaskSpec) -> Result<Placement, DriverError> {
    let identity = &spec.identity;
    let mut placement =
        cgroup::place(&context.cgroups, &spec.resources.cpuset_cgroup, &identity.alloc_id, &identity.task)
            .map_err(|error| DriverError::host("the task's cgroup")(error.into()))?;
    if !spec.options.cpuset_cpus.is_empty() || !spec.options.cpuset_mems.is_empty() {
        // The client's cpuset would take the place of the job's.
        placement.cpuset = cgroup::Cpuset::WithTask;
    }
    Ok(placement)
}

/// Whether memory and swap can be limited together here. Blocking.
pub(crate) fn swap_accounting(context: &Context) -> SwapAccounting {
    if context.cgroups.swap_accounting() { SwapAccounting::Available } else { SwapAccounting::Missing }
}

/// Joins everything to the plan of the container.
pub(crate) fn plan(
    spec: &TaskSpec,
    image: &Image,
    facts: Facts,
    admitted: &Admitted,
) -> Result<Plan, Refusal> {
    let Facts { user, files, alloc_logs, mounts: of_job, volumes: of_image, placement, mode, swap, node_mhz } =
        facts;
    let Admitted { grant, devices, extras, seccomp, mounts: _, volumes, log_places } = admitted;
    let Extras { env: of_devices, mounts: devices_mounts, hooks, gids } = extras;
    let Namespaces { pid, ipc, uts } = grant.namespaces;
    let options = &spec.options;
    Ok(Plan {
        args: args(spec, image)?,
        env: env(spec, image, &files.hostname).into_iter().chain(of_devices.clone()).collect(),
        cwd: cwd(spec, image),
        user: User { uid: user.uid, gid: user.gid, additional_gids: groups(user.additional_gids, gids) },
        network: network(spec),
        pid,
        ipc,
        uts,
        privilege: grant.privilege,
        capabilities: grant.capabilities,
        seccomp: seccomp.clone(),
        sysctl: options.sysctl.clone(),
        rlimits: grant.rlimits.clone(),
        shm_size_bytes: grant.shm_size_bytes,
        cgroup: Cgroup {
            mode: match mode {
                CgroupMode::V1 => oci_builder::CgroupMode::V1,
                CgroupMode::V2 => oci_builder::CgroupMode::V2,
            },
            path: placement.cgroups_path,
        },
        resources: Resources {
            cpu: CpuResources {
                shares: nomad_cpu_shares(spec.resources.cpu_mhz, node_mhz),
                bandwidth: CpuBandwidth::Unlimited,
                cpuset_cpus: match placement.cpuset {
                    _ if !grant.cpuset.cpus.is_empty() => grant.cpuset.cpus.clone(),
                    cgroup::Cpuset::WithTask => spec.resources.cpuset_cpus.clone(),
                    cgroup::Cpuset::MoveInto(_) => String::new(),
                },
                cpuset_mems: grant.cpuset.memory_nodes.clone(),
            },
            memory: NomadMemory {
                memory_mb: spec.resources.memory_mb,
                memory_max_mb: spec.resources.memory_max_mb,
            }
            .resources(swap),
            pids: PidsLimit::of_option(options.pids_limit),
        },
        writable_paths: of_image,
        mounts: mounts(spec, &files, (&alloc_logs, log_places), (of_job, volumes, devices_mounts)),
        hostname: files.hostname,
        rootfs: Rootfs { path: PathBuf::from("rootfs"), access: rootfs_access(spec) },
        devices: devices.clone(),
        hooks: hooks.clone(),
        annotations: BTreeMap::new(),
    })
}

fn rootfs_access(spec: &TaskSpec) -> Access {
    if spec.options.readonly_rootfs { Access::ReadOnly } else { Access::ReadWrite }
}

/// `entrypoint` drops the image's CMD; `command` or `args` replace CMD behind the image's ENTRYPOINT. An entry point that
/// begins with an empty text is none, neither the job's nor the image's.
fn args(spec: &TaskSpec, image: &Image) -> Result<Vec<String>, Refusal> {
    let options = &spec.options;
    let own: Vec<String> = options.command.iter().chain(&options.args).cloned().collect();
    let (head, tail): (&[String], _) = match (options.entrypoint.first(), own.is_empty()) {
        (Some(first), _) if first.is_empty() => (&[], own),
        (Some(_), _) => (&options.entrypoint, own),
        (None, true) => (&image.entrypoint, image.cmd.clone()),
        (None, false) => (&image.entrypoint, own),
    };
    let args: Vec<String> = head.iter().cloned().chain(tail).collect();
    match args.first() {
        Some(first) if !first.is_empty() => Ok(args),
        _ if !options.entrypoint.is_empty() => Err(Refusal::new(
            "entrypoint",
            "",
            "without an entry point the program is that of command or args",
        )),
        _ => {
            let accepted =
                format!("image {} names no program of its own: set command or entrypoint", image.name);
            Err(Refusal::new("command", "", accepted))
        }
    }
}

fn env(spec: &TaskSpec, image: &Image, hostname: &str) -> Vec<(String, String)> {
    let defaults =
        [("PATH".to_owned(), DEFAULT_PATH.to_owned()), ("HOSTNAME".to_owned(), hostname.to_owned())];
    let of_image = image.env.iter().filter_map(|pair| pair.split_once('='));
    defaults
        .into_iter()
        .chain(of_image.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .chain(spec.env.0.clone())
        .collect()
}

fn cwd(spec: &TaskSpec, image: &Image) -> PathBuf {
    let of_image = Some(image.working_dir.as_str()).filter(|dir| !dir.is_empty());
    Path::new("/").join(spec.options.cwd.as_deref().or(of_image).unwrap_or("/"))
}

fn network(spec: &TaskSpec) -> NetworkNamespace {
    match &spec.network {
        GroupNetwork::Namespace { path, .. } => NetworkNamespace::Path(path.clone()),
        _ if spec.shares_host_network() => NetworkNamespace::Host,
        _ => NetworkNamespace::New,
    }
}

/// The user's groups and those that devices bring.
fn groups(mut groups: Vec<u32>, of_devices: &[u32]) -> Vec<u32> {
    for gid in of_devices {
        if !groups.contains(gid) {
            groups.push(*gid);
        }
    }
    groups
}

/// The allocation's directories, the driver's files, the job's mounts, the volumes that the client passes and what
/// comes with devices; the last one of a destination wins.
fn mounts(
    spec: &TaskSpec,
    files: &NetworkFiles,
    (alloc_logs, log_places): (&Path, &[PathBuf]),
    (of_job, volumes, of_devices): (Vec<Mount>, &[Mount], &[Mount]),
) -> Vec<Mount> {
    let dirs = &spec.dirs;
    let fixed = [
        bind(&dirs.shared, "/alloc", Access::ReadWrite),
        bind(alloc_logs, "/alloc/logs", Access::ReadOnly),
        bind(&dirs.local, "/local", Access::ReadWrite),
        bind(&dirs.secrets, "/secrets", Access::ReadWrite),
        bind(&files.hostname_file, "/etc/hostname", Access::ReadWrite),
        bind(&files.hosts, "/etc/hosts", Access::ReadWrite),
    ];
    let resolver = files.resolv_conf.as_deref().map(|path| bind(path, "/etc/resolv.conf", Access::ReadWrite));
    let all = fixed
        .into_iter()
        .chain(resolver)
        .chain(log_places.iter().map(|place| bind(alloc_logs, place, Access::ReadOnly)))
        .chain(of_job)
        .chain(volumes.iter().cloned())
        .chain(of_devices.iter().cloned());
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in all {
        mounts.retain(|earlier| earlier.destination != mount.destination);
        mounts.push(mount);
    }
    mounts
}

fn bind(source: &Path, destination: impl Into<PathBuf>, access: Access) -> Mount {
    let kind = MountKind::Bind { source: source.to_owned(), propagation: oci_builder::Propagation::Private };
    Mount { destination: destination.into(), kind, access, options: Vec::new() }
}

#[cfg(test)]
mod tests;
