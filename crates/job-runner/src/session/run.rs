//! The course of a run.

use crate::chain::chain;
use crate::engine::{GroupReport, run_group};
use crate::jobfile::Job;
use crate::screen::{LineScreen, Screen, Summary, SummaryRow};
use crate::session::error::RunError;
use crate::session::interrupts::Interrupts;
use crate::session::keeper::Keeper;
use crate::session::ledger::Ledger;
use crate::session::live::LiveDriver;
use crate::session::options::RunOptions;
use crate::session::prepare::{self, Ready};
use crate::session::stats::MemoryPeaks;
use crate::session::{keeper, leftovers, plugin_config};
use nomad_host::alloc::{AllocatedPort, Allocation};
use nomad_host::owner::OwnerStore;
use nomad_host::plugin::PluginProcess;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
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
    let result = prepare::job(options, alloc_id.clone()).and_then(|job| {
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
    let store = OwnerStore::open(&options.state_dir.join("owners"))?;
    leftovers::remove(&store, &plugin, screen.as_ref()).await;
    let ledger = Arc::new(Ledger::new(store.register()?, screen.clone()));
    let process = match PluginProcess::start(plugin.clone()).await {
        Ok(process) => process,
        Err(error) => {
            ledger.finish();
            return Err(error.into());
        }
    };
    keeper::record(&process, &ledger);
    let ready = tokio::select! {
        ready = prepare::ready(options, process.driver(), config, &job, &ledger, screen.as_ref()) => ready,
        _ = interrupts.wishes.recv() => Err(RunError::Interrupted(first_signal.load(Ordering::Relaxed))),
    };
    let ready = ready.and_then(|ready| Ok((ready, allocation(options, &job, alloc_id, &ledger)?)));
    let (Ready { config, plans }, alloc) = match ready {
        Ok(ready) => ready,
        Err(error) => {
            process.shutdown().await;
            ledger.finish();
            return Err(error);
        }
    };
    let begun = Instant::now();
    let keeper = Keeper::new(plugin, config, process, ledger.clone(), screen.clone());
    announce(&job, &alloc, screen.as_ref());
    let live = Arc::new(LiveDriver {
        keeper,
        alloc,
        network: job.group.network.clone(),
        plans,
        ledger: ledger.clone(),
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

/// Makes the allocation's directories and writes down where they are, the latter first.
fn allocation(options: &RunOptions, job: &Job, id: String, ledger: &Ledger) -> Result<Allocation, RunError> {
    let base = options.state_dir.join("allocs");
    let made = |source| nomad_host::alloc::AllocError::Io { operation: "make", path: base.clone(), source };
    std::fs::create_dir_all(&base).map_err(made)?;
    ledger.update(|record| record.alloc_dir = Some(base.join(&id)));
    let mut alloc = Allocation::create_for(&base, id, job.identity.clone())?;
    alloc.ports = job.group.network.ports.iter().map(|port| port.allocated.clone()).collect();
    Ok(alloc)
}

fn announce(job: &Job, alloc: &Allocation, screen: &dyn Screen) {
    let identity = &job.identity;
    screen.note(&format!("job {}, group {}, allocation {}", identity.job_id, identity.group, alloc.id));
    for AllocatedPort { label, value, host_ip, .. } in &alloc.ports {
        screen.note(&format!("port {label} is {host_ip}:{value}"));
    }
}

/// Ends the plugin and removes the allocation and the record. What could not be destroyed stays in
/// the record for the next run.
async fn end(live: &LiveDriver, screen: &dyn Screen) {
    let left = live.ledger.has_tasks();
    match left {
        // The driver is in the middle of something that nobody waits for any more.
        true => live.keeper.kill().await,
        false => live.keeper.shutdown().await,
    }
    if left {
        screen.warning("not everything could be removed; the next run cleans it up");
        return;
    }
    match live.alloc.remove() {
        Ok(()) => live.ledger.finish(),
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
