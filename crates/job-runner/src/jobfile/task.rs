//! `task`: one container, with everything evaluated.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::inputs::Inputs;
use crate::jobfile::model::{ConfigPlaces, RestartPolicy, Task};
use crate::jobfile::{config, env, lifecycle, logs, resources, restart, services, template, vocabulary};
use crate::source::error::{JobFileError, Problem};
use hcl::Value;
use hcl::edit::Span;
use hcl::edit::structure::Structure;
use nomad_host::alloc::{AllocatedPort, JobIdentity, TaskEnvironment};
use nomad_proto::cty;
use std::collections::BTreeMap;
use std::time::Duration;

/// Nomad's default.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// What a task takes from its group.
pub(super) struct TaskSurroundings<'a> {
    pub(super) identity: &'a JobIdentity,
    pub(super) inputs: &'a Inputs,
    pub(super) ports: &'a [AllocatedPort],
    pub(super) meta: &'a BTreeMap<String, String>,
    pub(super) restart: RestartPolicy,
}

pub(super) fn read(
    entry: &Entry<'_>,
    scope: &Scope,
    around: &TaskSurroundings<'_>,
) -> Result<Task, JobFileError> {
    entry.check(&vocabulary::TASK)?;
    services::check(entry)?;
    check_name(entry)?;
    let mut scope = scope.clone();
    let driver = read_driver(entry, &scope, &around.inputs.driver)?;
    let (resources, cores) = resources::read(entry, &scope)?;
    let mut meta = around.meta.clone();
    let runtime = |meta: &BTreeMap<String, String>| {
        TaskEnvironment {
            alloc_id: &around.inputs.alloc_id,
            identity: around.identity,
            ports: around.ports,
            task: &entry.label,
            resources,
            meta,
        }
        .build()
    };
    let bind_all = |scope: &mut Scope, values: &BTreeMap<String, String>| {
        values.iter().for_each(|(name, value)| scope.bind(name, value.as_str()));
    };
    bind_all(&mut scope, &runtime(&meta));
    meta.extend(env::read(entry, "meta", &mut scope, false)?);
    let mut known = runtime(&meta);
    bind_all(&mut scope, &known);
    bind_env(&mut scope, &known);
    let mut own_env = env::read(entry, "env", &mut scope, true)?;
    known.extend(own_env.clone());
    let (files, template_env) = template::read(entry, &scope, &known)?;
    bind_all(&mut scope, &template_env);
    known.extend(template_env.clone());
    own_env.extend(template_env);
    bind_env(&mut scope, &known);
    let (config, config_places) = read_config_block(entry, &scope)?;
    Ok(Task {
        name: entry.label.clone(),
        driver,
        place: entry.place(),
        stage: lifecycle::read(entry, &scope)?,
        leader: entry.get(&scope, "leader")?.unwrap_or(false),
        user: entry.get(&scope, "user")?.unwrap_or_default(),
        config,
        config_places,
        env: own_env,
        meta,
        resources,
        cores,
        restart: restart::read(entry, &scope, around.restart)?,
        kill_signal: entry.get(&scope, "kill_signal")?.unwrap_or_default(),
        kill_timeout: entry.get(&scope, "kill_timeout")?.unwrap_or(KILL_TIMEOUT),
        logs: logs::read(entry, &scope)?,
        files,
    })
}

fn read_config_block(entry: &Entry<'_>, scope: &Scope) -> Result<(cty::Value, ConfigPlaces), JobFileError> {
    let source = entry.reading.source;
    let Some(block) = entry.block("config")? else {
        let places = ConfigPlaces { block: entry.place(), options: BTreeMap::new() };
        return Ok((cty::Value::Map(cty::Map::new()), places));
    };
    let options = block.body().iter().map(|structure| {
        let name = match structure {
            Structure::Attribute(attribute) => attribute.key.as_str(),
            Structure::Block(inner) => inner.ident.as_str(),
        };
        (name.to_owned(), source.place(structure.span()))
    });
    let places = ConfigPlaces { block: block.place(), options: options.collect() };
    Ok((config::read_config(source, block.body(), scope)?, places))
}

/// `${env["NAME"]}`.
fn bind_env(scope: &mut Scope, known: &BTreeMap<String, String>) {
    let entries = known.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    scope.bind("env", Value::Object(entries.collect()));
}

fn read_driver(entry: &Entry<'_>, scope: &Scope, only: &str) -> Result<String, JobFileError> {
    let driver: String = entry.require(scope, "driver")?;
    match driver == only {
        true => Ok(driver),
        false => Err(entry.refuse("driver", driver, format!("`run` runs tasks of {only} alone"))),
    }
}

/// The name is a directory's name in the allocation.
fn check_name(entry: &Entry<'_>) -> Result<(), JobFileError> {
    entry.require_label()?;
    let name = entry.label.as_str();
    if name.contains(['/', '\\', '\0']) || [".", "..", "alloc"].contains(&name) {
        return Err(entry.error(Problem::Value {
            name: "task".into(),
            value: name.to_owned(),
            accepted: "the name is also a directory's name".into(),
        }));
    }
    Ok(())
}
