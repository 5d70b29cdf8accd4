//! From the driver's types to Nomad's messages. Every sub-message that a client reads is there.

use std::time::{Duration, SystemTime};

use driver_core::{
    CpuUsage, ExecResult, Fingerprint, HANDLE_VERSION, Health, MemorySample, Phase, TaskEvent, TaskExit,
    TaskStatus, TaskUsage,
};
use nomad_proto::pb::driver as pb;
use nomad_proto::pb::driver::driver_capabilities::{FsIsolation, MountConfigs};
use nomad_proto::pb::driver::fingerprint_response::HealthState;
use nomad_proto::pb::driver::network_isolation_spec::NetworkIsolationMode;
use nomad_proto::pb::driver::{cpu_usage, memory_usage};
use nomad_proto::pb::structs::{Attribute, attribute};
use prost_types::Timestamp;

/// Go's zero time, which clients take for "not yet", in seconds from the Unix epoch.
const GO_ZERO_TIME: i64 = -62_135_596_800;

/// What the driver can do.
pub(crate) fn capabilities(collects_logs: bool) -> pb::DriverCapabilities {
    use NetworkIsolationMode::{Group, Host, None, Task};
    pb::DriverCapabilities {
        send_signals: true,
        exec: true,
        fs_isolation: FsIsolation::Image.into(),
        network_isolation_modes: [Host, Group, Task, None].map(i32::from).to_vec(),
        must_create_network: false,
        mount_configs: MountConfigs::UnknownMounts.into(),
        disable_log_collection: !collects_logs,
        dynamic_workload_users: false,
    }
}

pub(crate) fn fingerprint(fingerprint: &Fingerprint) -> pb::FingerprintResponse {
    let text = |value: &String| Attribute {
        value: Some(attribute::Value::StringVal(value.clone())),
        unit: String::new(),
    };
    let health = match fingerprint.health {
        Health::Undetected => HealthState::Undetected,
        Health::Unhealthy => HealthState::Unhealthy,
        Health::Healthy => HealthState::Healthy,
    };
    pb::FingerprintResponse {
        attributes: fingerprint.attributes.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        health: health.into(),
        health_description: fingerprint.description.clone(),
        err: String::new(),
    }
}

/// The handle of a started task, with the client's own configuration in it: without that the client never
/// recovers the task. The job's options are left out: no recovery reads them, and there may be secrets in them.
pub(crate) fn handle(config: pb::TaskConfig, driver_state: Vec<u8>) -> pb::TaskHandle {
    pb::TaskHandle {
        version: HANDLE_VERSION,
        config: Some(pb::TaskConfig { msgpack_driver_config: Vec::new(), ..config }),
        state: pb::TaskState::Running.into(),
        driver_state,
    }
}

pub(crate) fn exit_result(exit: &TaskExit) -> pb::ExitResult {
    pb::ExitResult { exit_code: exit.code, signal: exit.signal, oom_killed: exit.oom_killed }
}

/// The answer to a wait; why a code was lost is shown to people beside the result.
pub(crate) fn wait(exit: &TaskExit) -> pb::WaitTaskResponse {
    pb::WaitTaskResponse { result: Some(exit_result(exit)), err: exit.lost.clone().unwrap_or_default() }
}

pub(crate) fn inspect(id: &str, status: TaskStatus) -> pb::InspectTaskResponse {
    let not_yet = Timestamp { seconds: GO_ZERO_TIME, nanos: 0 };
    let (state, completed_at, result) = match &status.phase {
        Phase::Running => (pb::TaskState::Running, not_yet, pb::ExitResult::default()),
        Phase::Exited(exit) | Phase::Destroyed(exit) => {
            (pb::TaskState::Exited, timestamp(exit.at), exit_result(exit))
        }
    };
    pb::InspectTaskResponse {
        task: Some(pb::TaskStatus {
            id: id.to_owned(),
            name: status.name,
            state: state.into(),
            started_at: Some(timestamp(status.started_at)),
            completed_at: Some(completed_at),
            result: Some(result),
        }),
        driver: Some(pb::TaskDriverStatus {
            attributes: status.attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }),
        network_override: None,
    }
}

pub(crate) fn exec(result: ExecResult) -> pb::ExecTaskResponse {
    pb::ExecTaskResponse {
        result: Some(exit_result(&result.exit)),
        stdout: result.stdout,
        stderr: result.stderr,
    }
}

pub(crate) fn event(event: TaskEvent) -> pb::DriverTaskEvent {
    pb::DriverTaskEvent {
        task_id: event.task_id.as_str().to_owned(),
        alloc_id: event.alloc_id,
        task_name: event.task,
        timestamp: Some(timestamp(event.at)),
        message: event.message,
        annotations: Default::default(),
    }
}

pub(crate) fn stats(id: &str, usage: &TaskUsage) -> pb::TaskStatsResponse {
    pb::TaskStatsResponse {
        stats: Some(pb::TaskStats {
            id: id.to_owned(),
            timestamp: Some(timestamp(usage.at)),
            agg_resource_usage: Some(pb::TaskResourceUsage {
                cpu: Some(cpu(&usage.cpu)),
                memory: Some(memory(&usage.memory)),
            }),
            resource_usage_by_pid: Default::default(),
        }),
    }
}

/// Fields whose counters the host has are named as measured; clients show no others.
fn cpu(usage: &CpuUsage) -> pb::CpuUsage {
    use cpu_usage::Fields;
    let counters = &usage.counters;
    let measured = [
        (Fields::SystemMode, counters.system_ns.is_some()),
        (Fields::UserMode, counters.user_ns.is_some()),
        (Fields::TotalTicks, counters.usage_ns.is_some()),
        (Fields::ThrottledPeriods, counters.throttled_periods.is_some()),
        (Fields::ThrottledTime, counters.throttled_ns.is_some()),
        (Fields::Percent, counters.usage_ns.is_some()),
    ];
    pb::CpuUsage {
        system_mode: usage.system_percent,
        user_mode: usage.user_percent,
        total_ticks: usage.ticks,
        throttled_periods: counters.throttled_periods.unwrap_or_default(),
        throttled_time: counters.throttled_ns.unwrap_or_default(),
        percent: usage.percent,
        measured_fields: names(measured),
    }
}

fn memory(sample: &MemorySample) -> pb::MemoryUsage {
    use memory_usage::Fields;
    let measured = [
        (Fields::Rss, sample.rss.is_some()),
        (Fields::Cache, sample.cache.is_some()),
        (Fields::MaxUsage, sample.max_usage.is_some()),
        (Fields::KernelUsage, sample.kernel_usage.is_some()),
        (Fields::KernelMaxUsage, sample.kernel_max_usage.is_some()),
        (Fields::Usage, sample.usage.is_some()),
        (Fields::Swap, sample.swap.is_some()),
    ];
    pb::MemoryUsage {
        rss: sample.rss.unwrap_or_default(),
        cache: sample.cache.unwrap_or_default(),
        max_usage: sample.max_usage.unwrap_or_default(),
        kernel_usage: sample.kernel_usage.unwrap_or_default(),
        kernel_max_usage: sample.kernel_max_usage.unwrap_or_default(),
        usage: sample.usage.unwrap_or_default(),
        swap: sample.swap.unwrap_or_default(),
        measured_fields: names(measured),
    }
}

fn names<F: Into<i32>, const N: usize>(fields: [(F, bool); N]) -> Vec<i32> {
    fields.into_iter().filter_map(|(field, measured)| measured.then(|| field.into())).collect()
}

fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
