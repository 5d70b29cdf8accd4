//! Deaths during StartTask.

use std::collections::BTreeSet;

use e2e::host::Sleep;
use e2e::proxy::Point;
use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{Task, World, test_with};
use nomad_host::driver::{DriverError, TaskExit};

use super::*;

/// The outside calls of each step of the start, by the step's name in the driver's log.
const STEPS: [(&str, &[&str]); 5] = [
    ("Image", &["Images/Get"]),
    ("Rootfs", &["Leases/Create", "Snapshots/Prepare"]),
    ("Network", &[]),
    ("Create", &["Containers/Create", "Tasks/Create"]),
    ("Start", &["Tasks/Start", "Tasks/Wait"]),
];

/// The points of an undisturbed start.
async fn points_of_a_start(world: &World, script: &str) -> Vec<Point> {
    let (config, logs) = world.task("web").shell(script).prepare().await.unwrap();
    world.proxy().watch(None);
    let task = Task::start(world.shared(), config, logs).await.unwrap();
    let calls = world.proxy().calls();
    task.destroy(true).await.unwrap();
    points(&calls)
}

/// Begins a start that comes to the point.
async fn start_until(world: &World, point: &Point, script: &str) -> Begun {
    let (config, logs) = world.task("web").shell(script).prepare().await.unwrap();
    world.proxy().watch(Some(point.clone()));
    let shared = std::sync::Arc::clone(world.shared());
    let start = tokio::spawn(async move { Task::start(&shared, config, logs).await });
    limited(&format!("{point:?}"), world.proxy().held()).await;
    Begun(start)
}

struct Begun(tokio::task::JoinHandle<Result<Task, DriverError>>);

impl Begun {
    async fn outcome(self) -> Result<Task, DriverError> {
        limited("the end of the disturbed start", self.0).await.unwrap()
    }
}

#[test]
fn every_step_of_the_start_has_its_points() {
    test_with(Setup::default().proxied(), async |world| {
        let points = points_of_a_start(world, "sleep 1000").await;
        let methods: BTreeSet<&str> = points.iter().map(|point| point.method.as_str()).collect();
        let begun = |step: &str| world.logged(&format!("\"step\":\"{step}\""));
        for (step, calls) in STEPS {
            assert!(begun(step), "the driver does not begin the step {step}");
            for call in calls {
                assert!(methods.contains(call), "the step {step} does not call {call}: {methods:?}");
            }
        }
        let known: BTreeSet<String> = world.fields_logged("step");
        assert!(known.iter().all(|step| STEPS.iter().any(|(name, _)| name == step)), "{known:?}");
    });
}

#[test]
fn a_plugin_that_dies_at_any_call_of_a_start_is_no_obstacle_to_the_next() {
    test_with(Setup::default().proxied(), async |world| {
        let (mut bystander, sleep) = (Bystander::begin(world).await, Sleep::unique());
        let script = sleep.script();
        for point in points_of_a_start(world, &script).await {
            let begun = start_until(world, &point, &script).await;
            plugin_dies(world, &bystander).await;
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
        for point in points_of_a_start(world, &script).await {
            let begun = start_until(world, &point, &script).await;
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
