//! `resources`: CPU in MHz or cores, memory in MiB.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::vocabulary;
use crate::source::error::JobFileError;
use nomad_host::alloc::TaskResources;

/// The least that Nomad's server accepts, in MiB.
const LEAST_MEMORY_MIB: u32 = 10;

/// What Nomad counts reserved cores as: their share of all of this machine's.
fn mhz_of(cores: u32) -> u32 {
    let all = std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
    nomad_host::driver::total_compute_mhz() / all * cores
}

/// The resources, and the number of cores for the task alone.
pub(super) fn read(task: &Entry<'_>, scope: &Scope) -> Result<(TaskResources, u32), JobFileError> {
    let mut resources = TaskResources::default();
    let Some(block) = task.block("resources")? else { return Ok((resources, 0)) };
    block.check(&vocabulary::RESOURCES)?;
    let cpu: Option<u32> = block.get(scope, "cpu")?;
    let cores: u32 = block.get(scope, "cores")?.unwrap_or(0);
    if let (Some(cpu), 1..) = (cpu, cores) {
        return Err(block.refuse("cpu", cpu, "a task has either `cpu` or `cores`"));
    }
    resources.cpu_mhz = match cores {
        0 => cpu.unwrap_or(resources.cpu_mhz),
        cores => mhz_of(cores),
    };
    resources.memory_mib = block.get(scope, "memory")?.unwrap_or(resources.memory_mib);
    if resources.memory_mib < LEAST_MEMORY_MIB {
        return Err(block.refuse("memory", resources.memory_mib, "the least is 10 MiB"));
    }
    if let Some(max) = block.get::<i64>(scope, "memory_max")? {
        if max != -1 && max < i64::from(resources.memory_mib) {
            return Err(block.refuse("memory_max", max, "it is at least `memory`, or -1 for no limit"));
        }
        resources.memory_max_mib = max;
    }
    Ok((resources, cores))
}
