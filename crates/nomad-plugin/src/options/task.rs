//! The options of a task: the `config` block of a job file.

mod table;

use driver_core::options::{ResolverFile, TaskOptions};

use super::reader::{OptionError, Reader};

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
    let options = TaskOptions {
        image: String::new(),
        image_pull_timeout: reader.duration("image_pull_timeout")?,
        command: reader.text("command")?,
        args: reader.texts("args")?,
        entrypoint: reader.text_or_texts("entrypoint")?,
        cwd: reader.text("cwd")?,
        hostname: reader.text("hostname")?.unwrap_or_default(),
        host_network: reader.flag("host_network")?.unwrap_or_default(),
        host_dns: match reader.flag("host_dns")? {
            Some(false) => ResolverFile::Image,
            Some(true) | None => ResolverFile::Host,
        },
        extra_hosts: reader.texts("extra_hosts")?,
        privileged: reader.flag("privileged")?.unwrap_or_default(),
        cap_add: reader.texts("cap_add")?,
        cap_drop: reader.texts("cap_drop")?,
        pid_mode: reader.text("pid_mode")?.unwrap_or_default(),
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

#[cfg(test)]
mod tests;
