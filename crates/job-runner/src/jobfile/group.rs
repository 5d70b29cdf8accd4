//! `group`: the tasks that run together, and what they share.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::env;
use crate::jobfile::inputs::Inputs;
use crate::jobfile::model::{Group, JobKind, Stage};
use crate::jobfile::network::{self, PortSource};
use crate::jobfile::restart;
use crate::jobfile::services;
use crate::jobfile::task::{self, TaskSurroundings};
use crate::jobfile::vocabulary;
use crate::source::error::{JobFileError, Problem};
use nomad_host::alloc::{AllocatedPort, JobIdentity};
use std::collections::BTreeMap;

/// What a group takes from the job.
pub(super) struct Surroundings<'a> {
    pub(super) kind: JobKind,
    pub(super) identity: &'a JobIdentity,
    pub(super) inputs: &'a Inputs,
    pub(super) meta: BTreeMap<String, String>,
}

pub(super) fn read(
    entry: &Entry<'_>,
    scope: &Scope,
    around: Surroundings<'_>,
    ports: &mut dyn PortSource,
) -> Result<Group, JobFileError> {
    entry.check(&vocabulary::GROUP)?;
    services::check(entry)?;
    let mut scope = scope.clone();
    if let Some(count) = entry.get::<u32>(&scope, "count")?
        && count != 1
    {
        entry.reading.warn(entry.span_of("count"), format!("the group runs once instead of {count} times"));
    }
    let network = network::read(entry, &scope, ports)?;
    let mut meta = around.meta;
    meta.extend(env::read(entry, "meta", &mut scope, false)?);
    let inherited = restart::read(entry, &scope, restart::default_for(around.kind))?;
    let allocated: Vec<AllocatedPort> = network.ports.iter().map(|port| port.allocated.clone()).collect();
    let mut tasks = Vec::new();
    for block in entry.blocks("task") {
        let around = TaskSurroundings {
            identity: around.identity,
            inputs: around.inputs,
            ports: &allocated,
            meta: &meta,
            restart: inherited,
        };
        let task = task::read(&block, &scope, &around)?;
        if tasks.iter().any(|other: &crate::jobfile::model::Task| other.name == task.name) {
            let name = format!("task \"{}\"", task.name);
            return Err(block.error(Problem::Repeated { name, within: entry.title.clone() }));
        }
        if task.leader && tasks.iter().any(|other| other.leader) {
            let problem = Problem::Repeated { name: "leader".into(), within: entry.title.clone() };
            return Err(block.reading.source.error(block.span_of("leader"), problem));
        }
        tasks.push(task);
    }
    if tasks.iter().all(|task| task.stage != Stage::Main) {
        return Err(entry.missing("task without a lifecycle block"));
    }
    Ok(Group { tasks, network })
}
