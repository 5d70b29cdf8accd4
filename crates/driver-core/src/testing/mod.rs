//! A task and a daemon for tests.

pub(crate) mod base;
pub(crate) mod fake;
mod fake_tests;
pub(crate) mod world;

use crate::request::ids::TaskId;
use crate::request::options::TaskOptions;
use crate::request::task::{Identity, LogPaths, TaskSpec};

/// A task that policy accepts.
pub(crate) fn spec(task: &str) -> TaskSpec {
    TaskSpec {
        id: TaskId::new(format!("alloc-1/{task}/0")),
        identity: Identity { alloc_id: "alloc-1".into(), task: task.into(), ..Identity::default() },
        options: TaskOptions { image: "redis:7".into(), ..TaskOptions::default() },
        env: Default::default(),
        user: String::new(),
        resources: Default::default(),
        mounts: Vec::new(),
        devices: Vec::new(),
        dirs: Default::default(),
        logs: LogPaths::nowhere(),
        network: Default::default(),
        dns: Default::default(),
    }
}

/// A spec that says nothing but the command line.
pub(crate) fn oci_spec(args: &[&str]) -> oci_builder::Spec {
    let mut process = oci_builder::Process::default();
    process.set_args(Some(args.iter().map(|arg| (*arg).to_owned()).collect()));
    let mut spec = oci_builder::Spec::default();
    spec.set_process(Some(process));
    spec
}
