//! Deaths during StartTask.

use e2e::host::Sleep;
use e2e::proxy::Point;
use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{Task, TaskSetup, World, test_with};
use nomad_host::driver::{DriverError, TaskExit};

use super::*;

/// The calls of an undisturbed start.
pub(super) async fn calls_of_a_start(world: &World, script: &str) -> Vec<String> {
    let (config, logs) = world.task("web").shell(script).prepare().await.unwrap();
    world.proxy().watch(None);
    let task = Task::start(world.shared(), config, logs).await.unwrap();
    let calls = world.proxy().calls();
    task.destroy(true).await.unwrap();
    calls
}

/// Begins a start that comes to the point.
pub(super) async fn start_until(world: &World, point: &Point, setup: TaskSetup) -> Begun {
    let (config, logs) = setup.prepare().await.unwrap();
    let id = config.id.clone();
    world.proxy().watch(Some(point.clone()));
    let shared = std::sync::Arc::clone(world.shared());
    let start = tokio::spawn(async move { Task::start(&shared, config, logs).await });
    limited(&format!("{point:?}"), world.proxy().held()).await;
    Begun { id, start }
}

/// A start that is held.
pub(super) struct Begun {
    /// Nomad's id of the task.
    pub(super) id: String,
    start: tokio::task::JoinHandle<Result<Task, DriverError>>,
}

impl Begun {
    pub(super) async fn outcome(self) -> Result<Task, DriverError> {
        limited("the end of the disturbed start", self.start).await.unwrap()
    }
}

#[test]
fn a_plugin_that_dies_at_any_call_of_a_start_is_no_obstacle_to_the_next() {
    test_with(Setup::default().proxied(), async |world| {
        let (mut bystander, sleep) = (Bystander::begin(world).await, Sleep::unique());
        let script = sleep.script();
        let calls = calls_of_a_start(world, &script).await;
        for point in points(&calls) {
            let begun = start_until(world, &point, world.task("web").shell(&script)).await;
            owners::owned(&calls, &point, &plugin_dies(world, &bystander).await);
            if let Err(error) = begun.outcome().await {
                assert!(error.is_disconnected(), "{point:?}: {error}");
            }
            let task = start_again(world, &script).await;
            e2e::wait::until_true("one process of the task", || sleep.processes().len() == 1).await;
            task.destroy(true).await.unwrap();
            assert_eq!(left_of(world), Vec::<String>::new(), "after {point:?}");
        }
        bystander.is_untouched().await;
    });
}

#[test]
fn containerd_that_dies_at_any_call_of_a_start_leaves_nothing_behind() {
    test_with(Setup::own_daemon().proxied(), async |world| {
        let (mut bystander, sleep) = (Bystander::begin(world).await, Sleep::unique());
        let script = sleep.script();
        for point in points(&calls_of_a_start(world, &script).await) {
            let begun = start_until(world, &point, world.task("web").shell(&script)).await;
            containerd_dies(world);
            match begun.outcome().await {
                Ok(task) => {
                    containerd_returns(world);
                    task.destroy(true).await.unwrap();
                }
                Err(error) => {
                    assert!(error.is_recoverable(), "{point:?}: {error}");
                    containerd_returns(world);
                }
            }
            nothing_is_left(world).await;
            assert!(!sleep.runs(), "after {point:?}");
        }
        let task = start_again(world, "exit 3").await;
        assert_eq!(task.wait().await, TaskExit::code(3));
        bystander.is_untouched().await;
    });
}
