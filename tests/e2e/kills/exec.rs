//! The plugin's death during a command in a task.

use std::time::Duration;

use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{World, test_with};
use nomad_host::driver::TaskExit;

use super::*;
use crate::exec_leaks::exec_files;

const NO_LIMIT: Duration = Duration::ZERO;
const RUNS: &str = "sleep 1000";

async fn points_of_an_exec(world: &World) -> Vec<Point> {
    let task = start_again(world, RUNS).await;
    world.proxy().watch(None);
    task.exec(&["true"], NO_LIMIT).await.unwrap();
    let mut calls = world.proxy().calls();
    // The monitor of a task that was just taken up makes one, too.
    calls.retain(|method| method != "Tasks/Wait");
    task.destroy(true).await.unwrap();
    assert_eq!(calls, ["Containers/Get", "Tasks/Exec", "Tasks/Start", "Tasks/DeleteProcess"]);
    points(&calls)
}

#[test]
fn of_a_command_whose_plugin_dies_at_any_of_its_calls_nothing_is_left_after_the_recovery() {
    test_with(Setup::default().proxied(), async |world| {
        let mut bystander = Bystander::begin(world).await;
        let points = points_of_an_exec(world).await;
        let task = start_again(world, RUNS).await;
        let container = task.container().await;
        for point in points {
            world.proxy().watch(Some(point.clone()));
            let (driver, id) = (world.driver(), task.id().to_owned());
            let exec = tokio::spawn(async move { driver.exec_task(&id, ["true"], NO_LIMIT).await.is_ok() });
            limited(&format!("{point:?}"), world.proxy().held()).await;
            plugin_dies(world, &bystander).await;
            assert!(!limited("the end of the disturbed exec", exec).await.unwrap(), "{point:?}");
            task.recover().await.unwrap();
            until(&format!("nothing left of the exec after {point:?}"), async || {
                exec_files(world, &container).is_empty().then_some(())
            })
            .await;
        }
        assert_eq!(task.exec(&["true"], NO_LIMIT).await.unwrap().exit, TaskExit::code(0));
        task.destroy(true).await.unwrap();
        assert_eq!(left_of(world), Vec::<String>::new());
        bystander.is_untouched().await;
    });
}
