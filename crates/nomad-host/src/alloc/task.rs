//! The configuration of one task, as a client hands it to a driver.

use crate::alloc::directory::{AllocError, Allocation};
use crate::alloc::environment::{TaskEnvironment, TaskResources};
use crate::driver::total_compute_mhz;
use crate::logs::{CollectedLogs, LineSink, LogError, LogPipes, LogSettings};
use nomad_proto::pb::driver as pb;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The path that a client gives when logging is off.
const NO_LOGS: &str = "/dev/null";

/// Begins with Nomad's defaults and becomes a [`pb::TaskConfig`]. It has no Debug: the environment may hold secrets.
#[derive(Clone)]
pub struct TaskBuilder<'a> {
    alloc: &'a Allocation,
    name: String,
    resources: TaskResources,
    meta: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    cpuset_cgroup: String,
    cpuset_cpus: String,
    rest: pb::TaskConfig,
}

impl Allocation {
    /// Makes a task's directories, where they do not exist yet, and begins its configuration.
    ///
    /// # Errors
    /// The name contains a slash or is a relative step, or a directory cannot be made.
    pub fn task(&self, name: &str) -> Result<TaskBuilder<'_>, AllocError> {
        self.make_task_dirs(name)?;
        Ok(TaskBuilder::new(self, name))
    }
}

impl<'a> TaskBuilder<'a> {
    fn new(alloc: &'a Allocation, name: &str) -> Self {
        Self {
            alloc,
            name: name.to_owned(),
            resources: TaskResources::default(),
            meta: BTreeMap::new(),
            env: BTreeMap::new(),
            cpuset_cgroup: String::new(),
            cpuset_cpus: String::new(),
            rest: pb::TaskConfig::default(),
        }
    }

    /// The encoded `config` block.
    #[must_use]
    pub fn config(mut self, encoded: Vec<u8>) -> Self {
        self.rest.msgpack_driver_config = encoded;
        self
    }

    /// One environment variable beside Nomad's own, which it may override.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The merged `meta` of job, group and task.
    #[must_use]
    pub fn meta(mut self, meta: BTreeMap<String, String>) -> Self {
        self.meta = meta;
        self
    }

    /// The user, by name or number, as the job file has it.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.rest.user = user.into();
        self
    }

    /// CPU in MHz.
    #[must_use]
    pub fn cpu_mhz(mut self, cpu_mhz: u32) -> Self {
        self.resources.cpu_mhz = cpu_mhz;
        self
    }

    /// Memory in MiB.
    #[must_use]
    pub fn memory_mb(mut self, memory_mib: u32) -> Self {
        self.resources.memory_mib = memory_mib;
        self
    }

    /// CPU and memory at once.
    #[must_use]
    pub fn resources(mut self, resources: TaskResources) -> Self {
        self.resources = resources;
        self
    }

    /// Reserved cores, such as `0,2`.
    #[must_use]
    pub fn cpuset_cpus(mut self, cpus: impl Into<String>) -> Self {
        self.cpuset_cpus = cpus.into();
        self
    }

    /// The cgroup that the client made or reserved for the task.
    #[must_use]
    pub fn cgroup(mut self, path: impl Into<String>) -> Self {
        self.cpuset_cgroup = path.into();
        self
    }

    /// A mount that the client asks for: a volume or a device plugin's.
    #[must_use]
    pub fn mount(mut self, mount: pb::Mount) -> Self {
        self.rest.mounts.push(mount);
        self
    }

    /// A device that the client asks for.
    #[must_use]
    pub fn device(mut self, device: pb::Device) -> Self {
        self.rest.devices.push(device);
        self
    }

    /// The group's `dns` block.
    #[must_use]
    pub fn dns(mut self, dns: impl Into<pb::DnsConfig>) -> Self {
        self.rest.dns = Some(dns.into());
        self
    }

    /// The network that the client made for the group.
    #[must_use]
    pub fn network(mut self, isolation: pb::NetworkIsolationSpec) -> Self {
        self.rest.network_isolation_spec = Some(isolation);
        self
    }

    /// Names the log pipes.
    #[must_use]
    pub fn logs(mut self, pipes: &LogPipes) -> Self {
        self.rest.stdout_path = pipes.stdout().display().to_string();
        self.rest.stderr_path = pipes.stderr().display().to_string();
        self
    }

    /// Opens log pipes whose lines go to `sink`, and finishes the configuration.
    ///
    /// # Errors
    /// A pipe cannot be made or opened.
    pub fn with_log_sink(self, sink: LineSink) -> Result<(pb::TaskConfig, LogPipes), LogError> {
        let pipes = LogPipes::open(&self.alloc.logs(), &self.name, sink, LogSettings::default())?;
        Ok((self.logs(&pipes).build(), pipes))
    }

    /// Opens log pipes whose bytes are collected, and finishes the configuration.
    ///
    /// # Errors
    /// A pipe cannot be made or opened.
    pub fn with_logs(self) -> Result<(pb::TaskConfig, CollectedLogs), LogError> {
        let logs = CollectedLogs::open(&self.alloc.logs(), &self.name)?;
        Ok((self.logs(logs.pipes()).build(), logs))
    }

    /// The finished configuration, with a task id of its own: `<alloc>/<task>/<random>`.
    pub fn build(self) -> pb::TaskConfig {
        let environment = TaskEnvironment {
            alloc_id: &self.alloc.id,
            identity: &self.alloc.identity,
            ports: &self.alloc.ports,
            task: &self.name,
            resources: self.resources,
            meta: &self.meta,
        };
        let mut env = environment.build();
        env.extend(self.env.clone());
        let resources = Some(self.wire_resources());
        let identity = self.alloc.identity.clone();
        let mut config = pb::TaskConfig {
            id: format!("{}/{}/{}", self.alloc.id, self.name, short_random()),
            name: self.name,
            env,
            resources,
            alloc_dir: self.alloc.root().display().to_string(),
            alloc_id: self.alloc.id.clone(),
            task_group_name: identity.group,
            job_id: identity.job_id,
            job_name: identity.job_name,
            namespace: identity.namespace,
            node_id: identity.node_id,
            node_name: identity.node_name,
            ..self.rest
        };
        for path in [&mut config.stdout_path, &mut config.stderr_path] {
            if path.is_empty() {
                NO_LOGS.clone_into(path);
            }
        }
        config
    }

    fn wire_resources(&self) -> pb::Resources {
        let TaskResources { cpu_mhz, memory_mib, memory_max_mib } = self.resources;
        let limit_mib = i64::from(memory_mib).max(memory_max_mib);
        let ports = self.alloc.ports.iter().map(|port| pb::PortMapping {
            label: port.label.clone(),
            value: port.value.into(),
            to: port.to.into(),
            host_ip: port.host_ip.clone(),
        });
        pb::Resources {
            allocated_resources: Some(pb::AllocatedTaskResources {
                cpu: Some(pb::AllocatedCpuResources { cpu_shares: cpu_mhz.into() }),
                memory: Some(pb::AllocatedMemoryResources {
                    memory_mb: memory_mib.into(),
                    memory_max_mb: memory_max_mib,
                }),
                networks: Vec::new(),
            }),
            linux_resources: Some(pb::LinuxResources {
                cpu_shares: cpu_mhz.into(),
                memory_limit_bytes: limit_mib * 1024 * 1024,
                cpuset_cpus: self.cpuset_cpus.clone(),
                cpuset_cgroup: self.cpuset_cgroup.clone(),
                percent_ticks: f64::from(cpu_mhz) / f64::from(total_compute_mhz().max(1)),
                ..Default::default()
            }),
            ports: ports.collect(),
        }
    }
}

/// Nomad's invocation id: eight hexadecimal digits.
fn short_random() -> String {
    let mut id = Uuid::new_v4().simple().to_string();
    id.truncate(8);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_carries_ids_directories_and_limits() {
        let base = tempfile::tempdir().unwrap();
        let alloc = Allocation::create(base.path()).unwrap();
        let task = alloc.task("web").unwrap().memory_mb(64).cpu_mhz(200).env("A", "b").user("1000").build();
        assert!(task.id.starts_with(&format!("{}/web/", alloc.id)), "{}", task.id);
        assert_eq!(task.alloc_dir, alloc.root().display().to_string());
        assert_eq!((task.env["A"].as_str(), task.env["NOMAD_TASK_NAME"].as_str()), ("b", "web"));
        assert_eq!((task.stdout_path.as_str(), task.stderr_path.as_str()), ("/dev/null", "/dev/null"));
        let linux = task.resources.unwrap().linux_resources.unwrap();
        assert_eq!((linux.memory_limit_bytes, linux.cpu_shares), (64 << 20, 200));
    }

    #[test]
    fn every_start_has_an_id_of_its_own() {
        let base = tempfile::tempdir().unwrap();
        let alloc = Allocation::create(base.path()).unwrap();
        let builder = alloc.task("web").unwrap();
        assert_ne!(builder.clone().build().id, builder.build().id);
    }
}
