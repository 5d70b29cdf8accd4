//! The course of a run.

use crate::chain::chain;
use crate::engine::{GroupReport, run_group};
use crate::jobfile::Job;
use crate::screen::{LineScreen, Screen, Summary, SummaryRow};
use crate::session::error::RunError;
use crate::session::interrupts::Interrupts;
use crate::session::live::LiveDriver;
use crate::session::options::RunOptions;
use crate::session::plugin::Plugin;
use crate::session::prepare::{self, Ready};
use crate::session::stats::MemoryPeaks;
use crate::session::{leftovers, plugin_config};
use nomad_host::alloc::{AllocError, AllocatedPort, Allocation};
use nomad_host::plugin::PluginProcess;
use nomad_host::state::{RunDir, StateDir};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use uuid::Uuid;

/// The exit code of a run that gave none of a task.
const FAILURE: i32 = 1;

/// Signals count from here in exit codes.
const SIGNAL_BASE: i32 = 128;

/// The time that tasks of the runtime have to end after everything is done.
const RUNTIME_GRACE: Duration = Duration::from_secs(1);

/// Runs a job file on this machine and shows everything on standard output. Returns the exit code
/// of the process: the task's, 128 and the signal after an interrupt, or 1 with one clear error.
pub fn run(options: &RunOptions) -> i32 {
    let plain = LineScreen::stdout(Vec::new());
    let alloc_id = Uuid::new_v4().to_string();
    let node_id = StateDir::new(&options.state_dir).node_id();
    let result = prepare::job(options, alloc_id.clone(), node_id).and_then(|job| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(RunError::Runtime)?;
        let code = runtime.block_on(run_job(options, job, alloc_id));
        runtime.shutdown_timeout(RUNTIME_GRACE);
        code
    });
    match result {
        Ok(code) => code,
        Err(RunError::Interrupted(signal)) => {
            plain.note("interrupted before anything was started");
            SIGNAL_BASE + signal
        }
        Err(error) => {
            plain.error(&chain(&error));
            FAILURE
        }
    }
}

async fn run_job(options: &RunOptions, job: Job, alloc_id: String) -> Result<i32, RunError> {
    let names = job.group.tasks.iter().map(|task| task.name.clone()).collect();
    let screen: Arc<dyn Screen> = Arc::new(LineScreen::stdout(names));
    let mut interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
    let first_signal = interrupts.first();
    job.warnings.iter().for_each(|warning| screen.warning(&warning.to_string()));
    let config = plugin_config::read(options)?;
    let plugin = prepare::plugin_options(options, &screen);
    let state = StateDir::new(&options.state_dir);
    leftovers::remove(&state, &plugin, screen.as_ref()).await;
    let place = prepare::place(options, &config);
    let run = block_in_place(|| state.begin(&alloc_id, &job.identity.node_id, &place))?;
    let plugin = plugin.socket_dir(run.path());
    let process = match PluginProcess::start(plugin.clone()).await {
        Ok(process) => process,
        Err(error) => {
            close(&run, screen.as_ref());
            return Err(error.into());
        }
    };
    let ready = tokio::select! {
        ready = prepare::ready(options, process.driver(), config, &job, screen.as_ref()) => ready,
        _ = interrupts.wishes.recv() => Err(RunError::Interrupted(first_signal.load(Ordering::Relaxed))),
    };
    let ready = ready.and_then(|ready| Ok((ready, block_in_place(|| allocation(&state, &job, alloc_id))?)));
    let (Ready { config, plans }, alloc) = match ready {
        Ok(ready) => ready,
        Err(error) => {
            process.shutdown().await;
            close(&run, screen.as_ref());
            return Err(error);
        }
    };
    let begun = Instant::now();
    announce(&job, &alloc, screen.as_ref());
    let live = Arc::new(LiveDriver {
        plugin: Plugin::new(plugin, config, process, screen.clone()),
        alloc,
        network: job.group.network.clone(),
        plans,
        run,
        screen: screen.clone(),
        peaks: MemoryPeaks::default(),
        running: Mutex::new(HashMap::new()),
    });
    let tasks = job.group.tasks;
    let report = run_group(tasks, job.kind, live.clone(), screen.clone(), interrupts.wishes).await;
    let exit_code = match report.interrupted {
        true => SIGNAL_BASE + first_signal.load(Ordering::Relaxed),
        false => report.exit_code(),
    };
    end(&live, screen.as_ref()).await;
    screen.summary(&summary(&report, &live.peaks, begun.elapsed(), exit_code));
    Ok(exit_code)
}

fn allocation(state: &StateDir, job: &Job, id: String) -> Result<Allocation, AllocError> {
    let root = state.allocs().join(&id);
    let made = Allocation::create_for(&state.allocs(), id, job.identity.clone());
    // What was made before a failure goes with it; the failure is what is shown.
    let mut alloc = made.inspect_err(|_| drop(std::fs::remove_dir_all(root)))?;
    alloc.ports = job.group.network.ports.iter().map(|port| port.allocated.clone()).collect();
    Ok(alloc)
}

/// Nothing is left of the run but its directory.
fn close(run: &RunDir, screen: &dyn Screen) {
    if let Err(error) = block_in_place(|| run.close()) {
        screen.warning(&chain(&error));
    }
}

fn announce(job: &Job, alloc: &Allocation, screen: &dyn Screen) {
    let identity = &job.identity;
    screen.note(&format!("job {}, group {}, allocation {}", identity.job_id, identity.group, alloc.id));
    for AllocatedPort { label, value, host_ip, .. } in &alloc.ports {
        screen.note(&format!("port {label} is {host_ip}:{value}"));
    }
}

/// Ends the plugin and removes what is on disk. What could not be destroyed is left to the next run.
async fn end(live: &LiveDriver, screen: &dyn Screen) {
    let left = block_in_place(|| live.run.tasks()).map_or(true, |tasks| !tasks.is_empty());
    live.plugin.end(left).await;
    if left {
        screen.warning("not everything could be removed; the next run cleans it up");
        return;
    }
    match block_in_place(|| live.alloc.remove()) {
        Ok(()) => close(&live.run, screen),
        Err(error) => screen.warning(&chain(&error)),
    }
}

fn summary(report: &GroupReport, peaks: &MemoryPeaks, took: Duration, exit_code: i32) -> Summary {
    let rows = report.tasks.iter().map(|task| SummaryRow {
        task: task.name.clone(),
        ending: task.ending,
        to_running: task.to_running,
        peak_memory: peaks.of(&task.name),
        restarts: task.restarts,
    });
    Summary { rows: rows.collect(), took, exit_code }
}
