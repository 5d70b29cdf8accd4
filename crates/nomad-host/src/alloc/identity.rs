//! The names that surround a task.

/// The job, group and node that an allocation belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobIdentity {
    /// The job's id.
    pub job_id: String,
    /// The job's name, mostly the same.
    pub job_name: String,
    /// The task group.
    pub group: String,
    /// The namespace.
    pub namespace: String,
    /// The region.
    pub region: String,
    /// The datacenter.
    pub datacenter: String,
    /// The node's id.
    pub node_id: String,
    /// The node's name.
    pub node_name: String,
}

impl Default for JobIdentity {
    /// A job `example` with a group `main` on a node `node`, everything else as Nomad has it by
    /// default.
    fn default() -> Self {
        Self {
            job_id: "example".into(),
            job_name: "example".into(),
            group: "main".into(),
            namespace: "default".into(),
            region: "global".into(),
            datacenter: "dc1".into(),
            node_id: "00000000-0000-0000-0000-000000000001".into(),
            node_name: "node".into(),
        }
    }
}
