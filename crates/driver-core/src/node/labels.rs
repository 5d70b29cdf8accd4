//! The labels by which a container is known to be a task of this driver.

use std::collections::BTreeMap;

use crate::request::task::{Identity, TaskSpec};

/// Marks every container of this driver.
pub const OWNER: &str = "nomad.driver";
/// The value of [`OWNER`].
pub const DRIVER: &str = "containerd-driver";
/// Nomad's task id.
pub const TASK_ID: &str = "nomad.task_id";
/// The allocation's id.
pub const ALLOC_ID: &str = "nomad.alloc_id";
/// The task's full name.
pub const TASK: &str = "nomad.task_name";
/// The node's id.
pub const NODE_ID: &str = "nomad.node_id";
/// The allocation's directory on the host.
pub const ALLOC_DIR: &str = "nomad.alloc_dir";

/// containerd's limit for key and value of a label together, in bytes.
const MAX_LABEL: usize = 4096;

/// Names and values.
pub(crate) type Labels = BTreeMap<String, String>;

/// The labels of all that is made for a task; values beyond containerd's limit are left out.
pub(crate) fn of_task(spec: &TaskSpec) -> Labels {
    let Identity { alloc_id, task, group, job_id, job_name, namespace, node_id, node_name } = &spec.identity;
    let alloc_dir = spec.dirs.alloc_root.to_str().unwrap_or_default();
    [
        (OWNER, DRIVER),
        (TASK_ID, spec.id.as_str()),
        (ALLOC_ID, alloc_id),
        (TASK, task),
        ("nomad.task_group", group),
        ("nomad.job_id", job_id),
        ("nomad.job_name", job_name),
        ("nomad.namespace", namespace),
        (NODE_ID, node_id),
        (ALLOC_DIR, alloc_dir),
        ("nomad.node_name", node_name),
    ]
    .into_iter()
    .filter(|(key, value)| !value.is_empty() && key.len() + value.len() <= MAX_LABEL)
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// What every container of this driver carries.
pub(crate) fn of_driver() -> Labels {
    Labels::from([(OWNER.to_owned(), DRIVER.to_owned())])
}

/// Whether all of `wanted` are among `labels`.
pub(crate) fn include(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
pub(crate) mod tests {
    use expect_test::expect;

    use super::*;

    /// A task with everything that becomes a label.
    pub(crate) fn placed() -> TaskSpec {
        let mut spec = crate::testing::spec("web");
        spec.identity = Identity {
            alloc_id: "3b7b3c9e".into(),
            task: "web".into(),
            group: "front".into(),
            job_id: "shop".into(),
            job_name: "the shop".into(),
            namespace: "default".into(),
            node_id: "n1".into(),
            node_name: "host-1".into(),
        };
        spec.dirs.alloc_root = "/var/lib/nomad/alloc/3b7b3c9e".into();
        spec
    }

    /// What other versions of the driver find containers by: neither the names nor what they mean may change.
    #[test]
    fn a_container_carries_what_recovery_and_reaper_of_any_version_ask_for() {
        let labels = of_task(&placed());
        let asked = [OWNER, TASK_ID, ALLOC_ID, TASK, NODE_ID, ALLOC_DIR];
        let lines = asked.map(|name| format!("{name} = {}\n", labels[name]));
        expect![[r#"
            nomad.driver = containerd-driver
            nomad.task_id = alloc-1/web/0
            nomad.alloc_id = 3b7b3c9e
            nomad.task_name = web
            nomad.node_id = n1
            nomad.alloc_dir = /var/lib/nomad/alloc/3b7b3c9e
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn an_empty_value_or_one_beyond_the_limit_of_containerd_is_no_label() {
        let mut spec = placed();
        spec.identity.node_name = String::new();
        spec.identity.job_name = "x".repeat(MAX_LABEL);
        let labels = of_task(&spec);
        assert!(!labels.contains_key("nomad.node_name") && !labels.contains_key("nomad.job_name"));
        assert_eq!(labels.len(), of_task(&placed()).len() - 2);
    }
}
