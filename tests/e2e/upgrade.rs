//! Upgrade and roll-back under running tasks: what another version of the driver wrote of a task, in its handle, in the
//! driver's directory and at its container, is taken up as if it were this one's own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use e2e::wait::limited;
use e2e::{Task, World, leftovers, test};
use nomad_host::driver::{TaskExit, TaskHandle, TaskPhase};
use serde_json::{Map, Value, json};

use crate::counting::{assert_complete, counting, goes_on};

const NEVER: Duration = Duration::from_secs(3600);

/// The task's handle, with the driver's document in it changed.
fn changed(task: &Task, change: impl FnOnce(&mut Map<String, Value>)) -> TaskHandle {
    let mut handle = task.handle_after_restart();
    let mut state: Value = serde_json::from_slice(&handle.driver_state).unwrap();
    change(state.as_object_mut().unwrap());
    handle.driver_state = serde_json::to_vec(&state).unwrap();
    handle
}

/// The directory that the driver keeps of a container.
fn directory(world: &World, container: &str) -> PathBuf {
    world.state_dir().join("tasks").join(container)
}

/// What a later version may write beside what this one knows: further labels, and what is no label at all.
fn add_to_labels(text: &str) -> String {
    let mut labels: Value = serde_json::from_str(text).unwrap();
    assert!(labels["nomad.task_id"].is_string(), "{labels}");
    labels["nomad.invented_later"] = "yes".into();
    labels["invented_later"] = json!({ "nested": [1, "two"] });
    labels.to_string()
}

/// A new process takes the task up by the handle. It has not missed a line, and takes every call until nothing is left.
async fn is_taken_up(world: &World, mut task: Task, handle: TaskHandle) {
    let pid = task.pid().await;
    world.kill_plugin().await;
    world.start_plugin().await;
    limited("RecoverTask", world.driver().recover_task(&handle)).await.unwrap();
    assert_eq!((task.inspect().await.phase, task.pid().await), (TaskPhase::Running, pid));
    assert_eq!(task.read("echo fine").await, "fine\n");
    let stats = world.driver().task_stats(task.id(), NEVER).await;
    limited("a sample", stats.unwrap().next()).await.unwrap().unwrap();
    goes_on(&mut task).await;
    task.stop(NEVER, "SIGTERM").await.unwrap();
    assert_eq!(task.wait().await, TaskExit::code(17));
    task.destroy(false).await.unwrap();
    assert_complete(&task.collect().await);
    let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn a_task_of_a_later_version_is_taken_up_after_a_roll_back() {
    test(async |world| {
        let task = counting(world).await;
        let container = task.container().await;
        let directory = directory(world, &container);
        let labels = directory.join("labels.json");
        fs::write(&labels, add_to_labels(&fs::read_to_string(&labels).unwrap())).unwrap();
        fs::create_dir(directory.join("invented-later")).unwrap();
        fs::write(directory.join("invented-later/file"), "of a later version").unwrap();
        world.ctr(&["containers", "label", &container, "nomad.invented_later=yes"]);
        let handle = changed(&task, |state| {
            state.insert("invented_later".to_owned(), json!({ "nested": [1, "two"] }));
            state.insert("another".to_owned(), json!(null));
        });
        is_taken_up(world, task, handle).await;
    });
}

#[test]
fn a_task_of_the_first_version_is_taken_up_after_an_upgrade() {
    test(async |world| {
        let task = counting(world).await;
        // A file is none of what a recovery needs.
        fs::remove_file(directory(world, &task.container().await).join("labels.json")).unwrap();
        let handle = changed(&task, |state| {
            for later in ["cpuset_dir", "oom_kills_before", "stop_signal", "node_id", "image_digest"] {
                assert!(state.remove(later).is_some(), "{later}: {state:?}");
            }
        });
        is_taken_up(world, task, handle).await;
    });
}

#[test]
fn what_a_start_of_a_later_version_left_goes_with_a_destruction_by_its_id() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").start().await;
        let (id, directory) = (task.id().to_owned(), directory(world, &task.container().await));
        let labels = fs::read_to_string(directory.join("labels.json")).unwrap();
        task.destroy(true).await.unwrap();
        assert!(!directory.exists());
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("labels.json"), add_to_labels(&labels)).unwrap();
        limited("DestroyTask", world.driver().destroy_task(&id, true)).await.unwrap();
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
    });
}
