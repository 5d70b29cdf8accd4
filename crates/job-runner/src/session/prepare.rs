//! Everything that can fail before the first task is started.

use crate::jobfile::{Inputs, Job, NodeFacts, Source, Task, VariableInput, read_job};
use crate::screen::Screen;
use crate::session::error::RunError;
use crate::session::live::TaskPlan;
use crate::session::load;
use crate::session::options::RunOptions;
use nomad_host::driver::{DriverClient, Health};
use nomad_host::plugin::{LogLevel, PluginOptions};
use nomad_host::ports::Ports;
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::{self, EvaluateError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The time a driver has to find what it runs tasks with.
const READY_LIMIT: Duration = Duration::from_secs(3);

/// Reads the job file with the values of the command line and the environment.
pub(super) fn job(options: &RunOptions, alloc_id: String, node_id: String) -> Result<Job, RunError> {
    let source = Source::read(&options.job)?;
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut variables = VariableInput::from_environment(environment);
    variables.extend(options.var_files.iter().cloned().map(VariableInput::File));
    for text in &options.variables {
        let input = VariableInput::from_argument(text).ok_or_else(|| RunError::Variable(text.clone()))?;
        variables.push(input);
    }
    let inputs = Inputs {
        group: options.group.clone(),
        variables,
        driver: options.driver.clone(),
        alloc_id,
        node: NodeFacts::local(node_id),
    };
    Ok(read_job(&source, &inputs, &mut Ports::new())?)
}

/// The plugin options by which the driver finds tasks again. Everything else may be a secret.
pub(super) fn place(options: &RunOptions, config: &Value) -> BTreeMap<String, String> {
    let set = |name: &String| Some((name.clone(), config.as_map()?.get(name)?.as_str()?.to_owned()));
    options.place_options.iter().filter_map(set).collect()
}

/// How the plugin is started: warnings and errors of its log are shown.
pub(super) fn plugin_options(options: &RunOptions, screen: &Arc<dyn Screen>) -> PluginOptions {
    let screen = screen.clone();
    PluginOptions::new(&options.binary).log(move |line| {
        if line.level >= LogLevel::Warn {
            let fields = line.fields.iter().filter(|(name, _)| !name.starts_with('@'));
            let fields: String = fields.map(|(name, value)| format!(" {name}={value}")).collect();
            screen.warning(&format!("driver: {}{fields}", line.message));
        }
    })
}

/// What the tasks of a job need of a plugin.
pub(super) struct Ready {
    /// The encoded plugin configuration.
    pub(super) config: Vec<u8>,
    pub(super) plans: HashMap<String, TaskPlan>,
}

/// Configures the plugin, holds every task's configuration against its schema, and imports
/// archives. Dropping the future at any point leaves nothing behind.
pub(super) async fn ready(
    options: &RunOptions,
    driver: DriverClient,
    config: Value,
    job: &Job,
    screen: &dyn Screen,
) -> Result<Ready, RunError> {
    let encoded = driver.configure(&config).await?;
    let plans = plan(&driver, &job.group.tasks).await?;
    let found = driver.wait_healthy(READY_LIMIT).await?;
    if found.health != Health::Healthy {
        let hint = options.not_ready_hint.clone();
        return Err(RunError::NotReady { description: found.description, hint });
    }
    load::load(options, &config, screen).await?;
    Ok(Ready { config: encoded, plans })
}

async fn plan(driver: &DriverClient, tasks: &[Task]) -> Result<HashMap<String, TaskPlan>, RunError> {
    let schema = driver.task_config_schema().await?;
    let mut free = available_cpus();
    let (wanted, available) = (tasks.iter().map(|task| task.cores).sum(), free.len());
    let mut plans = HashMap::new();
    for task in tasks {
        let complete = hclspec::evaluate(&schema, &task.config).map_err(|fault| RunError::TaskConfig {
            place: Box::new(task.config_places.of(path_of(&fault)).clone()),
            task: task.name.clone(),
            fault: Box::new(fault),
        })?;
        let config = cty::encode(&complete).map_err(|source| nomad_host::driver::DriverError::Encode {
            what: "task configuration",
            source,
        })?;
        let mut cpus = Vec::new();
        for _ in 0..task.cores {
            cpus.push(free.pop().ok_or(RunError::Cores { wanted, available })?.to_string());
        }
        plans.insert(task.name.clone(), TaskPlan { config, cpus: cpus.join(",") });
    }
    Ok(plans)
}

/// The path of the option that a fault is about.
fn path_of(fault: &EvaluateError) -> &str {
    match fault {
        EvaluateError::UnknownKey { key, .. }
        | EvaluateError::Missing { key }
        | EvaluateError::Type { key, .. }
        | EvaluateError::NoBlock { key, .. }
        | EvaluateError::Count { key, .. }
        | EvaluateError::Schema { key, .. }
        | EvaluateError::SchemaText { key, .. } => key,
    }
}

/// The processors that this process may use.
fn available_cpus() -> Vec<usize> {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect(),
        Err(_) => Vec::new(),
    }
}
