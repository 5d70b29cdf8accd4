//! The environment that a client gives a task whose driver isolates the file system with an image.

use crate::alloc::identity::JobIdentity;
use nomad_proto::pb::driver::DnsConfig;
use std::collections::BTreeMap;

/// A port of an allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocatedPort {
    /// Its label in the job file.
    pub label: String,
    /// The port on the host.
    pub value: u16,
    /// The port inside the network namespace, or 0 for the same.
    pub to: u16,
    /// The host's address.
    pub host_ip: String,
}

/// A group's `dns` block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dns {
    /// Addresses of name servers.
    pub servers: Vec<String>,
    /// Search domains.
    pub searches: Vec<String>,
    /// Resolver options.
    pub options: Vec<String>,
}

impl Dns {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.searches.is_empty() && self.options.is_empty()
    }
}

impl From<Dns> for DnsConfig {
    fn from(Dns { servers, searches, options }: Dns) -> Self {
        Self { servers, searches, options }
    }
}

/// What a task may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskResources {
    /// CPU in MHz.
    pub cpu_mhz: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The hard limit in MiB where it differs; 0 for none given, -1 for no limit at all.
    pub memory_max_mib: i64,
}

impl Default for TaskResources {
    /// Nomad's defaults.
    fn default() -> Self {
        Self { cpu_mhz: 100, memory_mib: 300, memory_max_mib: 0 }
    }
}

/// Builds a task's environment.
#[derive(Debug)]
pub struct TaskEnvironment<'a> {
    /// The allocation's id.
    pub alloc_id: &'a str,
    /// The job, group and node it belongs to.
    pub identity: &'a JobIdentity,
    /// The ports it was given.
    pub ports: &'a [AllocatedPort],
    /// The task's name.
    pub task: &'a str,
    /// What it may use.
    pub resources: TaskResources,
    /// The job's, group's and task's `meta`, merged.
    pub meta: &'a BTreeMap<String, String>,
}

impl TaskEnvironment<'_> {
    /// The `NOMAD_…` variables.
    pub fn build(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let mut set = |name: &str, value: &str| env.insert(name.to_owned(), value.to_owned());
        let (id, identity) = (self.alloc_id, self.identity);
        set("NOMAD_ALLOC_DIR", "/alloc");
        set("NOMAD_TASK_DIR", "/local");
        set("NOMAD_SECRETS_DIR", "/secrets");
        set("NOMAD_ALLOC_ID", id);
        set("NOMAD_SHORT_ALLOC_ID", id.get(..8).unwrap_or(id));
        set("NOMAD_ALLOC_NAME", &format!("{}.{}[0]", identity.job_id, identity.group));
        set("NOMAD_ALLOC_INDEX", "0");
        set("NOMAD_TASK_NAME", self.task);
        set("NOMAD_GROUP_NAME", &identity.group);
        set("NOMAD_JOB_ID", &identity.job_id);
        set("NOMAD_JOB_NAME", &identity.job_name);
        set("NOMAD_DC", &identity.datacenter);
        set("NOMAD_NAMESPACE", &identity.namespace);
        set("NOMAD_REGION", &identity.region);
        set("NOMAD_CPU_LIMIT", &self.resources.cpu_mhz.to_string());
        set("NOMAD_MEMORY_LIMIT", &self.resources.memory_mib.to_string());
        if self.resources.memory_max_mib != 0 {
            set("NOMAD_MEMORY_MAX_LIMIT", &self.resources.memory_max_mib.to_string());
        }
        for port in self.ports {
            port.add_to(&mut env);
        }
        for (key, value) in self.meta {
            for name in [key.to_uppercase(), key.clone()] {
                env.insert(clean(&format!("NOMAD_META_{name}")), value.clone());
            }
        }
        env
    }
}

impl AllocatedPort {
    fn add_to(&self, env: &mut BTreeMap<String, String>) {
        let host_port = self.value.to_string();
        let inner_port = if self.to == 0 { host_port.clone() } else { self.to.to_string() };
        let address = match self.host_ip.contains(':') {
            true => format!("[{}]:{host_port}", self.host_ip),
            false => format!("{}:{host_port}", self.host_ip),
        };
        for (prefix, value) in [
            ("NOMAD_ADDR_", &address),
            ("NOMAD_HOST_ADDR_", &address),
            ("NOMAD_IP_", &self.host_ip),
            ("NOMAD_HOST_IP_", &self.host_ip),
            ("NOMAD_PORT_", &inner_port),
            ("NOMAD_ALLOC_PORT_", &inner_port),
            ("NOMAD_HOST_PORT_", &host_port),
        ] {
            env.insert(clean(&format!("{prefix}{}", self.label)), value.clone());
        }
    }
}

/// Characters that a shell does not take in a name become underscores.
fn clean(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_task_is_told_its_names_directories_limits_and_ports() {
        let port = |label: &str, value, to| AllocatedPort {
            label: label.into(),
            value,
            to,
            host_ip: "127.0.0.1".into(),
        };
        let ports = [port("db-main", 20001, 0), port("web", 20002, 80)];
        let meta = BTreeMap::from([("team".to_owned(), "core".to_owned())]);
        let resources = TaskResources { memory_max_mib: 512, ..TaskResources::default() };
        let env = TaskEnvironment {
            alloc_id: "5f5a7d0c-0000-4000-8000-000000000000",
            identity: &JobIdentity::default(),
            ports: &ports,
            task: "redis",
            resources,
            meta: &meta,
        }
        .build();
        let lines: String = env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        expect![[r#"
            NOMAD_ADDR_db_main=127.0.0.1:20001
            NOMAD_ADDR_web=127.0.0.1:20002
            NOMAD_ALLOC_DIR=/alloc
            NOMAD_ALLOC_ID=5f5a7d0c-0000-4000-8000-000000000000
            NOMAD_ALLOC_INDEX=0
            NOMAD_ALLOC_NAME=example.main[0]
            NOMAD_ALLOC_PORT_db_main=20001
            NOMAD_ALLOC_PORT_web=80
            NOMAD_CPU_LIMIT=100
            NOMAD_DC=dc1
            NOMAD_GROUP_NAME=main
            NOMAD_HOST_ADDR_db_main=127.0.0.1:20001
            NOMAD_HOST_ADDR_web=127.0.0.1:20002
            NOMAD_HOST_IP_db_main=127.0.0.1
            NOMAD_HOST_IP_web=127.0.0.1
            NOMAD_HOST_PORT_db_main=20001
            NOMAD_HOST_PORT_web=20002
            NOMAD_IP_db_main=127.0.0.1
            NOMAD_IP_web=127.0.0.1
            NOMAD_JOB_ID=example
            NOMAD_JOB_NAME=example
            NOMAD_MEMORY_LIMIT=300
            NOMAD_MEMORY_MAX_LIMIT=512
            NOMAD_META_TEAM=core
            NOMAD_META_team=core
            NOMAD_NAMESPACE=default
            NOMAD_PORT_db_main=20001
            NOMAD_PORT_web=80
            NOMAD_REGION=global
            NOMAD_SECRETS_DIR=/secrets
            NOMAD_SHORT_ALLOC_ID=5f5a7d0c
            NOMAD_TASK_DIR=/local
            NOMAD_TASK_NAME=redis
        "#]]
        .assert_eq(&lines);
    }
}
