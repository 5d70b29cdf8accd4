//! The options of a task: the `config` block of a job file.

mod table;

use driver_core::request::options::{
    DeviceOption, DockerMountOption, MountOption, NetworkMode, ResolverFile, TaskOptions,
};

use super::auth;
use super::reader::{OptionError, Reader, TextOrBlock};

pub use table::OPTIONS;

/// Decodes a task's configuration, cty msgpack as clients send it.
///
/// # Errors
/// [`OptionError`] for the first option that cannot be taken.
pub fn decode(bytes: &[u8]) -> Result<TaskOptions, OptionError> {
    read(&mut Reader::new(bytes)?)
}

fn read(reader: &mut Reader) -> Result<TaskOptions, OptionError> {
    let image = reader.name("image")?;
    let (host_network, network_mode) = network(reader)?;
    let options = TaskOptions {
        image: String::new(),
        image_pull_timeout: reader.duration("image_pull_timeout")?,
        auth: auth::of_task(&mut reader.block("auth")?)?,
        command: reader.filled("command")?,
        args: reader.texts("args")?,
        entrypoint: reader.text_or_texts("entrypoint")?,
        cwd: under_names(reader, &WORKING_DIRECTORY)?,
        hostname: reader.text("hostname")?.unwrap_or_default(),
        host_network,
        network_mode,
        host_dns: match reader.flag("host_dns")? {
            Some(false) => ResolverFile::Image,
            Some(true) | None => ResolverFile::Host,
        },
        extra_hosts: reader.texts("extra_hosts")?,
        privileged: reader.flag("privileged")?.unwrap_or_default(),
        cap_add: reader.texts("cap_add")?,
        cap_drop: reader.texts("cap_drop")?,
        pid_mode: reader.text("pid_mode")?.unwrap_or_default(),
        ipc_mode: reader.text("ipc_mode")?.unwrap_or_default(),
        uts_mode: reader.text("uts_mode")?.unwrap_or_default(),
        userns_mode: under_names(reader, &USER_NAMESPACE)?.unwrap_or_default(),
        seccomp: reader.flag("seccomp")?,
        seccomp_profile: reader.text("seccomp_profile")?.unwrap_or_default(),
        devices: reader.texts_or_blocks("devices")?.into_iter().map(device).collect::<Result<_, _>>()?,
        mounts: mounts(reader)?,
        readonly_rootfs: reader.flag("readonly_rootfs")?.unwrap_or_default(),
        sysctl: reader.map("sysctl")?,
        shm_size: reader.size("shm_size")?.unwrap_or_default(),
        pids_limit: reader.number("pids_limit")?.unwrap_or_default(),
        file_limit: reader.number("file_limit")?.unwrap_or_default(),
        cpuset_cpus: reader.text("cpuset_cpus")?.unwrap_or_default(),
        cpuset_mems: reader.text("cpuset_mems")?.unwrap_or_default(),
    };
    let accepted = "the name of an image, such as \"redis:7\"";
    let image = image.ok_or(OptionError::Missing { option: "image", accepted })?;
    Ok(TaskOptions { image, ..options })
}

/// The names of one option, and the sentence for a job that has two of them which differ.
struct Names(&'static [&'static str], &'static str);

const WORKING_DIRECTORY: Names = Names(
    &["cwd", "work_dir", "working_dir"],
    "cwd, work_dir and working_dir are names of one option: set one of them",
);
const USER_NAMESPACE: Names =
    Names(&["userns_mode", "userns"], "userns_mode and userns are names of one option: set one of them");

/// One option that has several names; an empty text under one of them is none.
fn under_names(reader: &mut Reader, names: &Names) -> Result<Option<String>, OptionError> {
    let Names(names, accepted) = names;
    let mut set = None;
    for name in *names {
        let Some(value) = reader.filled(name)? else { continue };
        if set.as_ref().is_some_and(|earlier| *earlier != value) {
            return Err(reader.refused(name, accepted));
        }
        set = Some(value);
    }
    Ok(set)
}

/// `host_network`, and the mode of docker and podman that says the same or names another network.
fn network(reader: &mut Reader) -> Result<(bool, NetworkMode), OptionError> {
    let accepted = "\"host\", \"bridge\" or \"none\" is accepted; \
                    every other network is that of the group's network block";
    let modes = [
        ("host", (true, NetworkMode::Unset)),
        ("bridge", (false, NetworkMode::Bridge)),
        ("none", (false, NetworkMode::None)),
        ("", (false, NetworkMode::Unset)),
    ];
    let (is_host, mode) = reader.word("network_mode", accepted, &modes)?.unwrap_or_default();
    match (reader.flag("host_network")?, is_host) {
        (Some(false), true) => {
            let accepted = "host_network = false says otherwise: leave one of the two out";
            Err(reader.refused("network_mode", accepted))
        }
        (flag, is_host) => Ok((flag.unwrap_or_default() || is_host, mode)),
    }
}

/// `mounts`, and docker's other name for it, in whose blocks a bind needs no options.
fn mounts(reader: &mut Reader) -> Result<Vec<MountOption>, OptionError> {
    let mut mounts: Vec<_> =
        reader.blocks("mounts")?.iter_mut().map(mount).collect::<Result<_, OptionError>>()?;
    for block in &mut reader.blocks("mount")? {
        let read = mount(block)?;
        mounts.push(MountOption { docker: Some(read.docker.unwrap_or_default()), ..read });
    }
    Ok(mounts)
}

fn device(device: TextOrBlock) -> Result<DeviceOption, OptionError> {
    match device {
        TextOrBlock::Text(text) => Ok(DeviceOption::Text(text)),
        TextOrBlock::Block(mut block) => device_block(&mut block),
    }
}

fn device_block(block: &mut Reader) -> Result<DeviceOption, OptionError> {
    Ok(DeviceOption::Parts {
        host_path: block.text("devices.host_path")?.unwrap_or_default(),
        container_path: block.text("devices.container_path")?.unwrap_or_default(),
        cgroup_permissions: block.text("devices.cgroup_permissions")?.unwrap_or_default(),
    })
}

fn mount(block: &mut Reader) -> Result<MountOption, OptionError> {
    Ok(MountOption {
        kind: block.text("mounts.type")?.unwrap_or_default(),
        source: block.text("mounts.source")?.unwrap_or_default(),
        target: block.text("mounts.target")?.unwrap_or_default(),
        options: block.texts("mounts.options")?,
        docker: docker_mount(block)?,
    })
}

/// Docker's keys; one of them makes the block docker's.
fn docker_mount(block: &mut Reader) -> Result<Option<DockerMountOption>, OptionError> {
    let keys = ["mounts.readonly", "mounts.bind_options", "mounts.tmpfs_options", "mounts.volume_options"];
    if !keys.map(|key| block.has(key)).contains(&true) {
        return Ok(None);
    }
    check_volume(&mut block.block("mounts.volume_options")?)?;
    let (tmpfs_size, tmpfs_mode) = tmpfs_options(&mut block.block("mounts.tmpfs_options")?)?;
    Ok(Some(DockerMountOption {
        readonly: block.flag("mounts.readonly")?.unwrap_or_default(),
        propagation: bind_options(&mut block.block("mounts.bind_options")?)?,
        tmpfs_size,
        tmpfs_mode,
    }))
}

/// The propagation.
fn bind_options(block: &mut Reader) -> Result<String, OptionError> {
    Ok(block.text("mounts.bind_options.propagation")?.unwrap_or_default())
}

/// The size and the mode.
fn tmpfs_options(block: &mut Reader) -> Result<(String, i64), OptionError> {
    let size = block.size("mounts.tmpfs_options.size")?.unwrap_or_default();
    Ok((size, block.number("mounts.tmpfs_options.mode")?.unwrap_or_default()))
}

/// A volume of docker's daemon can be more than a directory: what there is no such thing for is refused.
fn check_volume(block: &mut Reader) -> Result<(), OptionError> {
    block.flag("mounts.volume_options.no_copy")?;
    for (option, accepted) in [
        (
            "mounts.volume_options.labels",
            "no_copy alone is accepted: there is no volume that could have labels",
        ),
        (
            "mounts.volume_options.driver_config",
            "no_copy alone is accepted: volumes with drivers are Nomad's, as volume and volume_mount",
        ),
    ] {
        if block.has(option) {
            return Err(block.refused(option, accepted));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
