//! Recovery over a daemon in memory: whose container it is, and what happens when nobody tells in time.

use std::sync::Arc;
use std::time::Duration;

use crate::request::ids::TaskId;

use crate::request::task::TaskSpec;
use crate::testing::base::{Base, Connect};
use crate::testing::fake::FakePort;
use crate::{Driver, DriverError, NodeCpu, Phase, PluginConfig, TaskEvent, TaskHandle};

struct Host {
    port: Arc<FakePort>,
    dir: Base,
}

impl Host {
    fn new() -> Self {
        let host = Self { port: Arc::new(FakePort::new()), dir: Base::new() };
        for sub in ["alloc/logs", "local", "secrets"] {
            std::fs::create_dir_all(host.dir.path().join(sub)).unwrap();
        }
        host
    }

    /// A process of the driver.
    fn driver(&self) -> Driver {
        self.driver_with(PluginConfig::default())
    }

    fn driver_with(&self, config: PluginConfig) -> Driver {
        let driver = Driver::new(Arc::new(Connect(self.port.clone())));
        let config = PluginConfig { state_dir: self.dir.path().join("state"), ..config };
        driver.configure(config, NodeCpu::default()).unwrap();
        driver
    }

    /// A process of the driver that was told to use file systems again, after the host has been started anew and the
    /// client has given up the task that ran before.
    async fn after_reboot(&self, config: PluginConfig) -> Driver {
        let mut handle = self.task().await;
        self.port.lose(&handle.state.container_id());
        handle.state.boot_id = "an earlier one".to_owned();
        std::fs::remove_dir_all(self.dir.path().join("state")).unwrap();
        let driver = self.driver_with(config);
        let refused = driver.recover_task(handle.id.clone(), handle.state).await.unwrap_err();
        assert!(matches!(refused, DriverError::Rebooted(_)), "{refused}");
        driver.destroy_task(&handle.id, true).await.unwrap();
        driver
    }

    /// How many root file systems were made from an image so far.
    fn prepared(&self) -> usize {
        self.port.prepared.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn spec(&self, name: &str, run: u32) -> TaskSpec {
        let mut spec = crate::testing::spec(name);
        spec.id = TaskId::new(format!("alloc-1/{name}/{run}"));
        spec.options.entrypoint = vec!["sleep".to_owned()];
        spec.dirs.shared = self.dir.path().join("alloc");
        spec.dirs.local = self.dir.path().join("local");
        spec.dirs.secrets = self.dir.path().join("secrets");
        spec
    }

    /// A task that an earlier process of the driver started.
    async fn task(&self) -> TaskHandle {
        self.driver().start_task(self.spec("web", 0)).await.unwrap()
    }
}

async fn refusal(host: &Host, handle: TaskHandle) -> DriverError {
    let driver = host.driver();
    let refused = driver.recover_task(handle.id.clone(), handle.state).await.unwrap_err();
    assert!(matches!(driver.inspect_task(&handle.id), Err(DriverError::TaskNotFound)));
    refused
}

#[tokio::test]
async fn a_container_that_runs_another_process_is_not_taken_for_the_task() {
    let host = Host::new();
    let handle = host.task().await;
    let mut of_another_pid = handle.clone();
    of_another_pid.state.pid = 1;
    let text = refusal(&host, of_another_pid).await.to_string();
    let own = std::process::id();
    assert_eq!(
        text,
        format!(
            "container {} is of another task by now (pid {own} instead of 1); the task itself is gone",
            handle.state.container
        )
    );
    let mut of_another_start = handle;
    of_another_start.state.pid_started += 1;
    let refused = refusal(&host, of_another_start).await;
    assert!(matches!(refused, DriverError::Replaced { .. }), "{refused}");
}

#[tokio::test]
async fn a_start_time_that_nobody_could_read_leaves_the_pid() {
    let host = Host::new();
    let mut handle = host.task().await;
    handle.state.pid_started = 0;
    let driver = host.driver();
    driver.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    assert_eq!(driver.inspect_task(&handle.id).unwrap().phase, Phase::Running);
    handle.state.pid = 1;
    refusal(&host, handle).await;
}

#[tokio::test]
async fn the_exit_code_of_a_later_run_in_the_same_container_is_not_the_tasks() {
    let host = Host::new();
    let first = host.task().await;
    let second = host.driver().start_task(host.spec("web", 1)).await.unwrap();
    assert_eq!(first.state.container, second.state.container);
    host.port.end(&second.state.container_id(), 3);
    let refused = refusal(&host, first).await.to_string();
    assert!(refused.contains("alloc-1/web/1"), "{refused}");
    let driver = host.driver();
    driver.recover_task(second.id.clone(), second.state).await.unwrap();
    assert_eq!(driver.wait_task(&second.id).await.unwrap().code, 3);
}

#[tokio::test]
async fn a_task_of_an_earlier_boot_is_gone_and_its_next_run_replaces_what_is_left() {
    let host = Host::new();
    let mut handle = host.task().await;
    host.port.lose(&handle.state.container_id());
    handle.state.boot_id = "an earlier one".to_owned();
    std::fs::remove_dir_all(host.dir.path().join("state")).unwrap();
    let refused = refusal(&host, handle.clone()).await;
    assert!(matches!(refused, DriverError::Rebooted(_)), "{refused}");
    let driver = host.driver();
    let again = driver.start_task(host.spec("web", 0)).await.unwrap();
    assert_eq!(again.state.container, handle.state.container);
    driver.destroy_task(&again.id, true).await.unwrap();
    assert!(host.port.leftovers().is_empty());
}

#[tokio::test]
async fn a_task_of_an_earlier_boot_needs_no_daemon_to_be_gone() {
    let host = Host::new();
    let mut handle = host.task().await;
    handle.state.boot_id = "an earlier one".to_owned();
    host.port.go_away();
    assert!(matches!(refusal(&host, handle).await, DriverError::Rebooted(_)));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_shim_is_stuck_is_taken_up_unseen_and_holds_up_no_other() {
    let host = Host::new();
    let handle = host.task().await;
    let other = host.driver().start_task(host.spec("other", 0)).await.unwrap();
    host.port.hang(&handle.state.container_id());
    let driver = host.driver();
    let begin = tokio::time::Instant::now();
    driver.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    driver.recover_task(other.id.clone(), other.state.clone()).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(driver.inspect_task(&handle.id).unwrap().phase, Phase::Running);
    host.port.end(&handle.state.container_id(), 6);
    host.port.answer_again();
    assert_eq!(driver.wait_task(&handle.id).await.unwrap().code, 6);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_taken_up_unseen_and_is_gone_has_ended() {
    let host = Host::new();
    let mut handle = host.task().await;
    handle.state.pid_started += 1;
    host.port.go_away();
    let driver = host.driver();
    driver.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    assert_eq!(driver.inspect_task(&handle.id).unwrap().phase, Phase::Running);
    host.port.lose(&handle.state.container_id());
    host.port.come_back();
    let exit = driver.wait_task(&handle.id).await.unwrap();
    assert!(exit.lost.is_some_and(|reason| reason.contains("does not exist any more")));
}

/// How often events say that a task was taken up.
fn recoveries(events: &mut tokio::sync::broadcast::Receiver<TaskEvent>) -> usize {
    std::iter::from_fn(|| events.try_recv().ok()).filter(|event| event.message == "Recovered").count()
}

#[tokio::test(start_paused = true)]
async fn two_calls_at_once_take_a_task_up_once() {
    let host = Host::new();
    let handle = host.task().await;
    host.port.hang(&handle.state.container_id());
    let driver = host.driver();
    let mut events = driver.events();
    let recover = || driver.recover_task(handle.id.clone(), handle.state.clone());
    let (one, two, ()) = tokio::join!(recover(), recover(), async {
        // The clock goes on when both wait.
        tokio::time::sleep(Duration::from_millis(1)).await;
        host.port.answer_again();
    });
    one.unwrap();
    two.unwrap();
    assert_eq!((driver.task_count(), recoveries(&mut events)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_end_the_recovery() {
    let host = Host::new();
    let handle = host.task().await;
    host.port.hang(&handle.state.container_id());
    let driver = host.driver();
    let mut events = driver.events();
    let call = driver.recover_task(handle.id.clone(), handle.state.clone());
    assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    host.port.answer_again();
    while driver.task_count() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    driver.recover_task(handle.id.clone(), handle.state.clone()).await.unwrap();
    assert_eq!(recoveries(&mut events), 1);
}

fn recovers_stopped() -> PluginConfig {
    PluginConfig { recover_stopped: true, ..PluginConfig::default() }
}

fn tells_of_reuse(events: &mut tokio::sync::broadcast::Receiver<TaskEvent>) -> bool {
    std::iter::from_fn(|| events.try_recv().ok()).any(|event| event.message.starts_with("Reusing"))
}

#[tokio::test]
async fn the_file_system_of_before_a_reboot_is_used_again_once_by_the_same_task() {
    let host = Host::new();
    let driver = host.after_reboot(recovers_stopped()).await;
    assert_eq!(host.port.leftovers().len(), 1, "what is to be used again is kept");
    let mut events = driver.events();
    let again = driver.start_task(host.spec("web", 1)).await.unwrap();
    assert_eq!((host.prepared(), tells_of_reuse(&mut events)), (1, true));
    driver.destroy_task(&again.id, true).await.unwrap();
    assert!(host.port.leftovers().is_empty());
    driver.start_task(host.spec("web", 2)).await.unwrap();
    assert_eq!((host.prepared(), tells_of_reuse(&mut events)), (2, false));
}

#[tokio::test]
async fn it_is_used_again_when_the_client_destroys_nothing_before() {
    let host = Host::new();
    let mut handle = host.task().await;
    host.port.lose(&handle.state.container_id());
    handle.state.boot_id = "an earlier one".to_owned();
    let driver = host.driver_with(recovers_stopped());
    driver.recover_task(handle.id, handle.state).await.unwrap_err();
    driver.start_task(host.spec("web", 1)).await.unwrap();
    assert_eq!(host.prepared(), 1);
}

#[tokio::test]
async fn without_the_option_nothing_of_before_a_reboot_is_kept() {
    let host = Host::new();
    let driver = host.after_reboot(PluginConfig::default()).await;
    assert!(host.port.leftovers().is_empty());
    let mut events = driver.events();
    driver.start_task(host.spec("web", 1)).await.unwrap();
    assert_eq!((host.prepared(), tells_of_reuse(&mut events)), (2, false));
}

#[tokio::test]
async fn another_image_gets_a_file_system_of_its_own() {
    let host = Host::new();
    let driver = host.after_reboot(recovers_stopped()).await;
    let mut events = driver.events();
    let mut spec = host.spec("web", 1);
    spec.options.image = "redis:8".into();
    let again = driver.start_task(spec).await.unwrap();
    assert_eq!((host.prepared(), tells_of_reuse(&mut events)), (2, false));
    driver.destroy_task(&again.id, true).await.unwrap();
    assert!(host.port.leftovers().is_empty());
}

#[tokio::test]
async fn a_start_that_fails_or_is_refused_leaves_nothing_to_use_again() {
    let failing: fn(&mut TaskSpec) = |spec| spec.options.entrypoint = vec!["/no/such/program".into()];
    let without_image: fn(&mut TaskSpec) = |spec| spec.options.image = "missing".into();
    let refused: fn(&mut TaskSpec) = |spec| spec.options.privileged = true;
    for spoil in [failing, without_image, refused] {
        let host = Host::new();
        let config = PluginConfig { allow_privileged: false, ..recovers_stopped() };
        let driver = host.after_reboot(config).await;
        let mut spec = host.spec("web", 1);
        spoil(&mut spec);
        driver.start_task(spec).await.unwrap_err();
        assert!(host.port.leftovers().is_empty());
        driver.start_task(host.spec("web", 2)).await.unwrap();
        assert_eq!(host.prepared(), 2);
    }
}

#[tokio::test]
async fn a_container_with_a_recorded_exit_is_not_kept() {
    let host = Host::new();
    let mut handle = host.task().await;
    host.port.end(&handle.state.container_id(), 0);
    handle.state.boot_id = "an earlier one".to_owned();
    let driver = host.driver_with(recovers_stopped());
    driver.recover_task(handle.id.clone(), handle.state).await.unwrap_err();
    driver.destroy_task(&handle.id, true).await.unwrap();
    assert!(host.port.leftovers().is_empty());
}
