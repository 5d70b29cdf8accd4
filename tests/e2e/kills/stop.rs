//! Deaths during StopTask.

use std::time::Duration;

use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{Task, World, test_with};
use nomad_host::driver::TaskExit;

use super::*;

/// Ignores SIGTERM, so that both calls of a stop are made.
const DEAF: &str = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
/// Half of it is a call's time to get as far as the proxy, after which the driver goes past containerd.
const TIMEOUT: Duration = Duration::from_secs(2);

async fn deaf(world: &World) -> Task {
    let mut task = start_again(world, DEAF).await;
    task.printed("ready").await;
    task
}

async fn points_of_a_stop(world: &World) -> Vec<Point> {
    let task = deaf(world).await;
    world.proxy().watch(None);
    task.stop(TIMEOUT, "SIGTERM").await.unwrap();
    let calls = world.proxy().calls();
    task.destroy(false).await.unwrap();
    assert_eq!(calls, ["Tasks/Kill", "Tasks/Kill"]);
    points(&calls)
}

/// Begins a stop that comes to the point.
async fn stop_until(world: &World, task: &Task, point: &Point) -> tokio::task::JoinHandle<bool> {
    world.proxy().watch(Some(point.clone()));
    let (driver, id) = (world.driver(), task.id().to_owned());
    let stop = tokio::spawn(async move { driver.stop_task(&id, TIMEOUT, "SIGTERM").await.is_ok() });
    limited(&format!("{point:?}"), world.proxy().held()).await;
    stop
}

fn killed() -> TaskExit {
    TaskExit { code: 137, signal: 9, oom_killed: false }
}

#[test]
fn a_plugin_that_dies_at_any_call_of_a_stop_finds_the_task_again_and_its_exact_end() {
    test_with(Setup::default().proxied(), async |world| {
        let mut bystander = Bystander::begin(world).await;
        for point in points_of_a_stop(world).await {
            let task = deaf(world).await;
            let stop = stop_until(world, &task, &point).await;
            plugin_dies(world, &bystander).await;
            assert!(!limited("the end of the disturbed stop", stop).await.unwrap(), "{point:?}");
            task.recover().await.unwrap();
            task.stop(TIMEOUT, "SIGTERM").await.unwrap();
            assert_eq!(task.wait().await, killed(), "{point:?}");
            task.destroy(false).await.unwrap();
            assert_eq!(left_of(world), Vec::<String>::new(), "after {point:?}");
        }
        bystander.is_untouched().await;
    });
}

#[test]
fn containerd_that_dies_at_any_call_of_a_stop_does_not_hold_it_up() {
    test_with(Setup::own_daemon().proxied(), async |world| {
        let mut bystander = Bystander::begin(world).await;
        for point in points_of_a_stop(world).await {
            let task = deaf(world).await;
            let stop = stop_until(world, &task, &point).await;
            containerd_dies(world);
            containerd_returns(world);
            assert!(limited("the end of the stop", stop).await.unwrap(), "{point:?}");
            assert_eq!(task.wait().await, killed(), "{point:?}");
            task.destroy(false).await.unwrap();
            assert_eq!(left_of(world), Vec::<String>::new(), "after {point:?}");
        }
        bystander.is_untouched().await;
    });
}
