//! Deaths during DestroyTask.

use e2e::host::Sleep;
use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{Task, World, test_with};

use super::*;

async fn points_of_a_destruction(world: &World, script: &str) -> Vec<Point> {
    let task = start_again(world, script).await;
    world.proxy().watch(None);
    task.destroy(true).await.unwrap();
    points(&world.proxy().calls())
}

/// Begins a destruction that comes to the point.
async fn destroy_until(world: &World, task: &Task, point: &Point) -> tokio::task::JoinHandle<bool> {
    world.proxy().watch(Some(point.clone()));
    let (driver, id) = (world.driver(), task.id().to_owned());
    let destroy = tokio::spawn(async move { driver.destroy_task(&id, true).await.is_ok() });
    limited(&format!("{point:?}"), world.proxy().held()).await;
    destroy
}

#[test]
fn a_plugin_that_dies_at_any_call_of_a_destruction_leaves_nothing_that_the_next_does_not_remove() {
    test_with(Setup::default().proxied(), async |world| {
        let (mut bystander, sleep) = (Bystander::begin(world).await, Sleep::unique());
        let script = sleep.script();
        for point in points_of_a_destruction(world, &script).await {
            let task = start_again(world, &script).await;
            let destroy = destroy_until(world, &task, &point).await;
            plugin_dies(world, &bystander).await;
            assert!(!limited("the end of the disturbed destruction", destroy).await.unwrap(), "{point:?}");
            recover_or_destroy(world, &task).await;
            assert_eq!(left_of(world), Vec::<String>::new(), "after {point:?}");
            assert!(!sleep.runs(), "after {point:?}");
        }
        bystander.is_untouched().await;
    });
}

#[test]
fn containerd_that_dies_at_any_call_of_a_destruction_is_waited_for() {
    test_with(Setup::own_daemon().proxied(), async |world| {
        let (mut bystander, sleep) = (Bystander::begin(world).await, Sleep::unique());
        let script = sleep.script();
        for point in points_of_a_destruction(world, &script).await {
            let task = start_again(world, &script).await;
            let destroy = destroy_until(world, &task, &point).await;
            containerd_dies(world);
            containerd_returns(world);
            let _told_or_finished_later = limited("the end of the destruction", destroy).await.unwrap();
            nothing_is_left(world).await;
            assert!(!sleep.runs(), "after {point:?}");
        }
        bystander.is_untouched().await;
    });
}
