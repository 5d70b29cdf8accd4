//! What clients read of the driver's answers.

use driver_core::CpuSample;
use driver_core::request::ids::TaskId;

use super::*;

fn at(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(secs, 5)
}

fn exit(lost: Option<&str>) -> TaskExit {
    TaskExit { code: 137, signal: 9, oom_killed: true, at: at(9), lost: lost.map(str::to_owned) }
}

fn status(phase: Phase) -> TaskStatus {
    TaskStatus { name: "web".into(), phase, started_at: at(3), attributes: vec![("pid", "7".into())] }
}

#[test]
fn a_wait_always_has_its_result_and_tells_why_a_code_was_lost() {
    let expected = Some(pb::ExitResult { exit_code: 137, signal: 9, oom_killed: true });
    assert_eq!(wait(&exit(None)), pb::WaitTaskResponse { result: expected, err: String::new() });
    let lost = wait(&exit(Some("gone")));
    assert_eq!((lost.result, lost.err.as_str()), (expected, "gone"));
}

#[test]
fn an_inspection_has_all_of_its_parts_in_every_phase() {
    for (phase, state, completed) in [
        (Phase::Running, pb::TaskState::Running, GO_ZERO_TIME),
        (Phase::Exited(exit(None)), pb::TaskState::Exited, 9),
        (Phase::Destroyed(exit(None)), pb::TaskState::Exited, 9),
    ] {
        let answer = inspect("id", status(phase));
        let task = answer.task.unwrap();
        assert_eq!((task.id.as_str(), task.name.as_str(), task.state()), ("id", "web", state));
        assert_eq!(task.started_at, Some(Timestamp { seconds: 3, nanos: 5 }));
        assert_eq!(task.completed_at.unwrap().seconds, completed);
        assert!(task.result.is_some());
        assert_eq!(answer.driver.unwrap().attributes["pid"], "7");
    }
}

#[test]
fn a_sample_names_only_what_was_measured() {
    let counters = CpuSample { usage_ns: Some(1), throttled_ns: Some(4), ..CpuSample::default() };
    let cpu = CpuUsage { percent: 50.0, user_percent: 30.0, system_percent: 20.0, ticks: 1000.0, counters };
    let memory = MemorySample { rss: Some(1), usage: Some(2), swap: Some(0), ..MemorySample::default() };
    let sample = stats("id", &TaskUsage { at: at(1), cpu, memory }).stats.unwrap();
    assert_eq!((sample.id.as_str(), sample.timestamp.unwrap().seconds), ("id", 1));
    let usage = sample.agg_resource_usage.unwrap();
    let (cpu, memory) = (usage.cpu.unwrap(), usage.memory.unwrap());
    use cpu_usage::Fields as Cpu;
    use memory_usage::Fields as Memory;
    let fields: Vec<Cpu> = cpu.measured_fields().collect();
    assert_eq!(fields, [Cpu::TotalTicks, Cpu::ThrottledTime, Cpu::Percent]);
    assert_eq!((cpu.percent, cpu.total_ticks, cpu.throttled_time), (50.0, 1000.0, 4));
    let fields: Vec<Memory> = memory.measured_fields().collect();
    assert_eq!(fields, [Memory::Rss, Memory::Usage, Memory::Swap]);
    assert_eq!((memory.rss, memory.usage, memory.swap), (1, 2, 0));
}

#[test]
fn a_fingerprint_keeps_its_attributes_word_for_word() {
    let attributes = [("driver.containerd.containerd_version", "1.6.20"), ("driver.containerd.gone", "")];
    let answer = fingerprint(&Fingerprint {
        health: Health::Unhealthy,
        description: "no snapshotter".into(),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    });
    assert_eq!(
        (answer.health(), answer.health_description.as_str()),
        (HealthState::Unhealthy, "no snapshotter")
    );
    for (name, value) in attributes {
        assert_eq!(answer.attributes[name].value, Some(attribute::Value::StringVal(value.to_owned())));
    }
}

#[test]
fn an_event_is_routed_by_allocation_and_task() {
    let (task_id, message) = (TaskId::new("id"), "Started".to_owned());
    let answer = event(TaskEvent { task_id, alloc_id: "a".into(), task: "web".into(), at: at(2), message });
    assert_eq!(
        (answer.alloc_id.as_str(), answer.task_name.as_str(), answer.message.as_str()),
        ("a", "web", "Started")
    );
    assert_eq!(answer.timestamp.unwrap().seconds, 2);
}

#[test]
fn a_handle_carries_the_clients_configuration_without_the_jobs_options_and_a_version_that_is_not_zero() {
    let config = pb::TaskConfig { id: "id".into(), ..Default::default() };
    let sent = pb::TaskConfig { msgpack_driver_config: b"options".to_vec(), ..config.clone() };
    let handle = handle(sent, vec![1]);
    assert_eq!((handle.config.as_ref(), handle.driver_state.as_slice()), (Some(&config), &[1][..]));
    assert!(handle.version >= 1);
    assert_eq!(handle.state(), pb::TaskState::Running);
}

#[test]
fn files_are_those_of_the_image_and_every_network_mode_is_offered() {
    let capabilities = capabilities(true);
    assert!(!capabilities.disable_log_collection);
    assert_eq!(capabilities.fs_isolation(), FsIsolation::Image);
    assert!(capabilities.send_signals && capabilities.exec && !capabilities.must_create_network);
    assert_eq!(capabilities.network_isolation_modes, [0, 1, 2, 3]);
}
