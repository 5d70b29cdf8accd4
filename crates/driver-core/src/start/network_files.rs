//! hostname, hosts and resolv.conf of a task: written by the driver and bound into the container.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use linux_host::hosts::{self, HostEntry};
use linux_host::resolv::{Reach, ResolvConf};
use linux_host::staged;
use oci_builder::NamespaceMode;

use crate::error::DriverError;
use crate::request::ids::ContainerId;
use crate::request::options::ResolverFile;
use crate::request::task::{GroupNetwork, TaskSpec};

/// The kernel's limit of a host name, in bytes.
const MAX_HOSTNAME: usize = 64;

/// What a task may add to its files, in bytes.
const SLACK: u64 = 256 * 1024;

/// The written files and the host name that is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkFiles {
    pub(crate) hostname: String,
    /// The file for `/etc/hostname`.
    pub(crate) hostname_file: PathBuf,
    /// The file for `/etc/hosts`.
    pub(crate) hosts: PathBuf,
    /// The file for `/etc/resolv.conf`; without one the image's own stays.
    pub(crate) resolv_conf: Option<PathBuf>,
}

impl NetworkFiles {
    /// Writes the files into a memory file system that is staged in `staging`. The task may write to them, so they are
    /// neither on the disk nor in the memory of `state_dir`.
    pub(crate) fn write(
        staging: &Path,
        id: &ContainerId,
        spec: &TaskSpec,
        (uts, extra_hosts): (NamespaceMode, &[HostEntry]),
    ) -> Result<Self, DriverError> {
        let hostname = match uts {
            NamespaceMode::Own => hostname(id, spec),
            NamespaceMode::Host => host_name()?,
        };
        let hosts = hosts_text(spec, &hostname, extra_hosts)?;
        let resolv_conf = if keeps_resolver_of_image(spec) { None } else { Some(resolv_text(spec)?) };
        let texts = [
            ("hostname", Some(format!("{hostname}\n").into_bytes())),
            ("hosts", Some(hosts)),
            ("resolv.conf", resolv_conf.map(String::into_bytes)),
        ];
        let failed = |error| DriverError::host("the task's network files cannot be written")(error);
        let bytes =
            texts.iter().filter_map(|(_, text)| text.as_ref()).map(|text| text.len() as u64).sum::<u64>();
        let dir = staged::scratch(staging, "files", bytes + SLACK).map_err(|error| failed(error.into()))?;
        for (name, text) in texts.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            hosts::write_file(&dir, name, text).map_err(|error| failed(error.into()))?;
        }
        Ok(Self {
            hostname_file: dir.join("hostname"),
            hosts: dir.join("hosts"),
            resolv_conf: texts[2].1.as_ref().map(|_| dir.join("resolv.conf")),
            hostname,
        })
    }
}

/// A `dns` block wins over `host_dns`, and so does the host's network with its own resolver.
fn keeps_resolver_of_image(spec: &TaskSpec) -> bool {
    let wanted = spec.options.host_dns == ResolverFile::Image && !spec.options.host_network;
    wanted && spec.dns.is_empty()
}

/// The host's own, as its UTS namespace has it.
fn host_name() -> Result<String, DriverError> {
    let path = Path::new("/proc/sys/kernel/hostname");
    let text = std::fs::read_to_string(path).map_err(DriverError::file("can not read", path))?;
    Ok(text.trim_end().to_owned())
}

/// The job's, else the group's own name where it has one, else the container's, cut to what the kernel takes.
fn hostname(id: &ContainerId, spec: &TaskSpec) -> String {
    let name = match &spec.network {
        _ if !spec.options.hostname.is_empty() => &spec.options.hostname,
        GroupNetwork::Namespace { hostname, .. } if !hostname.is_empty() => hostname,
        _ => id.as_str(),
    };
    let mut end = name.len().min(MAX_HOSTNAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].trim_end_matches(['-', '.', '_']).to_owned()
}

fn hosts_text(spec: &TaskSpec, hostname: &str, extra: &[HostEntry]) -> Result<Vec<u8>, DriverError> {
    if spec.shares_host_network() {
        return match hosts::of_host() {
            Ok(Some(content)) => Ok(hosts::append(content, extra)),
            Ok(None) => Ok(hosts::render(&[], extra).into_bytes()),
            Err(error) => Err(DriverError::host("the host's names cannot be read")(error.into())),
        };
    }
    let address = match &spec.network {
        GroupNetwork::Namespace { address, .. } => address.parse().ok(),
        _ => None,
    };
    let own = HostEntry {
        address: address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
        names: names(hostname),
    };
    Ok(hosts::render(&[own], extra).into_bytes())
}

/// A full host name and its short form, or the name alone.
fn names(hostname: &str) -> Vec<String> {
    let short = hostname.split_once('.').map(|(short, _)| short.to_owned()).filter(|short| !short.is_empty());
    std::iter::once(hostname.to_owned()).chain(short).collect()
}

/// The `dns` block, with what it leaves unset from the host.
fn resolv_text(spec: &TaskSpec) -> Result<String, DriverError> {
    let reach = if spec.shares_host_network() { Reach::HostNetwork } else { Reach::OwnNetwork };
    let host = ResolvConf::of_host(reach)
        .map_err(|error| DriverError::host("the host's resolver can not be read")(error.into()))?;
    let wanted = ResolvConf {
        servers: spec.dns.servers.clone(),
        searches: spec.dns.searches.clone(),
        options: spec.dns.options.clone(),
    };
    Ok(wanted.or_from(host).render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::spec;

    #[test]
    fn a_group_name_wins_over_the_containers_and_long_names_are_cut() {
        let id = ContainerId::existing("a".repeat(76));
        let mut task = spec("web");
        assert_eq!(hostname(&id, &task), "a".repeat(64));
        task.network = GroupNetwork::Namespace {
            path: "/run/netns/x".into(),
            hostname: "group-1".into(),
            address: "172.26.64.7".into(),
        };
        assert_eq!(hostname(&id, &task), "group-1");
        task.options.hostname = "own".into();
        assert_eq!(hostname(&id, &task), "own");
        let text = String::from_utf8(hosts_text(&task, "group-1", &[]).unwrap()).unwrap();
        assert!(text.contains("172.26.64.7"));
    }

    #[test]
    fn a_full_host_name_has_its_short_form_beside_it() {
        let text = String::from_utf8(hosts_text(&spec("web"), "app.shop.example", &[]).unwrap()).unwrap();
        assert!(text.ends_with("127.0.0.1\tapp.shop.example app\n"), "{text}");
        assert_eq!(names("app"), ["app"]);
    }

    #[test]
    fn further_hosts_follow_the_containers_own_and_the_hosts() {
        let extra = [HostEntry { address: "10.0.0.5".parse().unwrap(), names: vec!["db".to_owned()] }];
        let mut task = spec("web");
        let own = String::from_utf8(hosts_text(&task, "web-1", &extra).unwrap()).unwrap();
        assert!(own.ends_with("127.0.0.1\tweb-1\n10.0.0.5\tdb\n"), "{own}");
        task.options.host_network = true;
        let of_host = hosts_text(&task, "web-1", &extra).unwrap();
        assert!(of_host.ends_with(b"\n10.0.0.5\tdb\n"), "{of_host:?}");
    }

    #[test]
    fn the_images_resolver_file_stays_where_nothing_else_is_wanted() {
        let mut task = spec("web");
        assert!(!keeps_resolver_of_image(&task));
        task.options.host_dns = ResolverFile::Image;
        assert!(keeps_resolver_of_image(&task));
        task.dns.servers.push("10.0.0.1".into());
        assert!(!keeps_resolver_of_image(&task));
        task.dns.servers.clear();
        task.options.host_network = true;
        assert!(!keeps_resolver_of_image(&task));
    }

    #[test]
    fn allocated_ports_of_the_host_mean_the_hosts_network() {
        let mut task = spec("web");
        assert!(!task.shares_host_network());
        task.network = GroupNetwork::HostPorts;
        assert!(task.shares_host_network());
    }
}
