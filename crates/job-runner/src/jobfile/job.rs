//! The whole file: variables, the job, and the group that is run.

use crate::expr::Scope;
use crate::jobfile::block::{Entry, Reading};
use crate::jobfile::env;
use crate::jobfile::group::{self, Surroundings};
use crate::jobfile::inputs::Inputs;
use crate::jobfile::model::{Job, JobKind};
use crate::jobfile::network::PortSource;
use crate::jobfile::variables;
use crate::jobfile::vocabulary;
use crate::source::Source;
use crate::source::error::{JobFileError, Problem};
use nomad_host::alloc::JobIdentity;

/// Reads one group of a job, with everything evaluated.
///
/// # Errors
/// The first fault, with file, line and the line itself.
pub fn read_job(source: &Source, inputs: &Inputs, ports: &mut dyn PortSource) -> Result<Job, JobFileError> {
    let reading = Reading::new(source);
    let mut job = read(&reading, inputs, ports)?;
    job.warnings = reading.into_warnings();
    Ok(job)
}

fn read(reading: &Reading<'_>, inputs: &Inputs, ports: &mut dyn PortSource) -> Result<Job, JobFileError> {
    let file = Entry::file(reading);
    file.check(&vocabulary::FILE)?;
    let mut scope = Scope::new(reading.source.directory());
    variables::read(&file, &mut scope, &inputs.variables)?;
    let job = file.block("job")?.ok_or_else(|| file.missing("job"))?;
    job.check(&vocabulary::JOB)?;
    job.require_label()?;
    let kind = read_kind(&job, &scope)?;
    let job_id = job.get(&scope, "id")?.unwrap_or_else(|| job.label.clone());
    let region = job.get(&scope, "region")?.unwrap_or_else(|| "global".to_owned());
    let datacenter = read_datacenter(&job, &scope)?;
    let group = choose_group(&job, inputs.group.as_deref())?;
    group.require_label()?;
    let identity = JobIdentity {
        job_name: job.get(&scope, "name")?.unwrap_or_else(|| job_id.clone()),
        job_id,
        group: group.label.clone(),
        namespace: job.get(&scope, "namespace")?.unwrap_or_else(|| "default".to_owned()),
        region,
        datacenter,
        node_id: inputs.node.id.clone(),
        node_name: inputs.node.name.clone(),
    };
    inputs.node.bind(&mut scope, &identity.datacenter, &identity.region);
    let meta = env::read(&job, "meta", &mut scope, false)?;
    let around = Surroundings { kind, identity: &identity, inputs, meta };
    let group = group::read(&group, &scope, around, ports)?;
    Ok(Job { identity, kind, group, warnings: Vec::new() })
}

fn read_kind(job: &Entry<'_>, scope: &Scope) -> Result<JobKind, JobFileError> {
    match job.get::<String>(scope, "type")?.as_deref() {
        Some("batch" | "sysbatch") => Ok(JobKind::Batch),
        None | Some("service" | "system") => Ok(JobKind::Service),
        Some(other) => Err(job.refuse("type", other, "it is batch, service, system or sysbatch")),
    }
}

/// The first that is a name and not a pattern.
fn read_datacenter(job: &Entry<'_>, scope: &Scope) -> Result<String, JobFileError> {
    let names: Vec<String> = job.get(scope, "datacenters")?.unwrap_or_default();
    let name = names.into_iter().find(|name| !name.contains('*'));
    Ok(name.unwrap_or_else(|| "dc1".to_owned()))
}

/// A task that stands in the job itself is a group of its own.
fn choose_group<'a>(job: &Entry<'a>, asked: Option<&str>) -> Result<Entry<'a>, JobFileError> {
    let mut groups = job.blocks("group");
    if groups.is_empty() && !job.blocks("task").is_empty() {
        let problem = Problem::Unsupported {
            name: "task".to_owned(),
            reason: "put the task into a `group` block".to_owned(),
        };
        return Err(job.blocks("task").remove(0).error(problem));
    }
    let names = || job.blocks("group").into_iter().map(|group| group.label).collect();
    let position = match asked {
        Some(asked) => groups.iter().position(|group| group.label == asked),
        None if groups.is_empty() => return Err(job.missing("group")),
        None => (groups.len() == 1).then_some(0),
    };
    match position {
        Some(position) => Ok(groups.swap_remove(position)),
        None => Err(JobFileError::Group { asked: asked.map(str::to_owned), groups: names() }),
    }
}
