//! What every implementation of the container port must do; the real adapter and the fake pass the same suite.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use oci_builder::{Process, Spec};

use super::{ContainerPort, Image, ImageRequest, NewContainer, NewExec, Rootfs, Stdio, TaskState};
use crate::request::ids::ContainerId;

/// What the suite needs of the place where it runs.
pub trait Fixture: Send + Sync {
    /// The port under test.
    fn port(&self) -> &dyn ContainerPort;
    /// An image that is present, with `/bin/sh` and `sleep`.
    fn image(&self) -> ImageRequest;
    /// A spec of an own cgroup whose first process has these arguments.
    fn spec(&self, id: &ContainerId, args: &[&str]) -> Spec;
}

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// The label that the suite finds its containers by.
const LABEL: &str = "conformance.case";

/// Runs every case, one after the other.
///
/// # Panics
/// At the first expectation that does not hold.
pub async fn suite(fixture: &dyn Fixture) {
    an_exit_code_is_told_to_every_waiter_until_the_purge(fixture).await;
    the_state_follows_the_task(fixture).await;
    a_running_task_can_be_killed_and_purged(fixture).await;
    a_container_stays_when_its_task_is_ended(fixture).await;
    what_does_not_exist_is_told_apart_from_failures(fixture).await;
    a_leftover_is_told_and_can_be_purged(fixture).await;
    containers_are_found_by_all_their_labels(fixture).await;
    a_rootfs_without_a_container_is_found_by_its_labels(fixture).await;
    a_rootfs_is_used_again_for_its_own_image_when_no_task_has_it(fixture).await;
    an_exec_has_a_life_of_its_own(fixture).await;
}

async fn create(fixture: &dyn Fixture, name: &str, args: &[&str]) -> (ContainerId, Rootfs) {
    let id = ContainerId::existing(format!("conformance-{name}"));
    let port = fixture.port();
    port.purge(&id).await.expect("a purge of what an earlier run left");
    let image = port.image(&fixture.image(), &|_| {}).await.expect("the image");
    let labels = labels(name);
    let rootfs = port.prepare_rootfs(&id, &image, &labels).await.expect("a rootfs");
    let new = NewContainer { id: id.clone(), image: image.name, labels, spec: fixture.spec(&id, args) };
    port.create_container(new).await.expect("a container");
    (id, rootfs)
}

fn labels(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(LABEL.to_owned(), name.to_owned()), ("conformance".to_owned(), "yes".to_owned())])
}

async fn run(fixture: &dyn Fixture, name: &str, args: &[&str]) -> ContainerId {
    let (id, rootfs) = create(fixture, name, args).await;
    let pid = fixture.port().create_task(&id, &rootfs, &Stdio::default()).await.expect("a task");
    assert!(pid > 0);
    fixture.port().start_task(&id).await.expect("a start");
    id
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} took longer than {PATIENCE:?}"))
}

async fn an_exit_code_is_told_to_every_waiter_until_the_purge(fixture: &dyn Fixture) {
    let id = run(fixture, "exit", &["/bin/sh", "-c", "exit 42"]).await;
    let port = fixture.port();
    let (first, second) =
        within("the exit", async { tokio::join!(port.wait_task(&id), port.wait_task(&id)) }).await;
    assert_eq!((first.expect("a code").code, second.expect("a code").code), (42, 42));
    assert_eq!(within("a late wait", port.wait_task(&id)).await.expect("a code").code, 42);
    port.purge(&id).await.expect("a purge");
    assert!(port.wait_task(&id).await.expect_err("no task").is_not_found());
}

async fn the_state_follows_the_task(fixture: &dyn Fixture) {
    let (id, rootfs) = create(fixture, "state", &["/bin/sh", "-c", "exec sleep 1000"]).await;
    let port = fixture.port();
    assert_eq!(port.task_state(&id).await.expect("a state"), TaskState::Absent);
    let pid = port.create_task(&id, &rootfs, &Stdio::default()).await.expect("a task");
    assert_eq!(port.task_state(&id).await.expect("a state"), TaskState::Created { pid });
    port.start_task(&id).await.expect("a start");
    assert_eq!(port.task_state(&id).await.expect("a state"), TaskState::Running { pid });
    port.kill_task(&id, 9, true).await.expect("a kill");
    assert_eq!(within("the exit", port.wait_task(&id)).await.expect("a code").code, 137);
    match port.task_state(&id).await.expect("a state") {
        TaskState::Stopped(exit) => assert_eq!(exit.code, 137),
        other => panic!("{other:?} after the exit"),
    }
    port.purge(&id).await.expect("a purge");
    assert_eq!(port.task_state(&id).await.expect("a state"), TaskState::Absent);
}

async fn a_running_task_can_be_killed_and_purged(fixture: &dyn Fixture) {
    let id = run(fixture, "purge", &["/bin/sh", "-c", "exec sleep 1000"]).await;
    for _ in 0..2 {
        fixture.port().keep_exit(&id).await.expect("a task whose end is kept");
    }
    fixture.port().purge(&id).await.expect("a purge of a running task");
    assert!(fixture.port().spec(&id).await.expect_err("no container").is_not_found());
    fixture.port().purge(&id).await.expect("a purge of nothing");
}

async fn a_container_stays_when_its_task_is_ended(fixture: &dyn Fixture) {
    let id = run(fixture, "stays", &["/bin/sh", "-c", "exec sleep 1000"]).await;
    let port = fixture.port();
    for _ in 0..2 {
        port.end_task(&id).await.expect("the end of the task");
        assert_eq!(port.task_state(&id).await.expect("a state"), TaskState::Absent);
        port.spec(&id).await.expect("the container is still there");
    }
    port.purge(&id).await.expect("a purge");
}

async fn what_does_not_exist_is_told_apart_from_failures(fixture: &dyn Fixture) {
    let nobody = ContainerId::existing("conformance-nobody");
    let port = fixture.port();
    assert!(port.wait_task(&nobody).await.expect_err("no task").is_not_found());
    assert!(port.spec(&nobody).await.expect_err("no container").is_not_found());
    assert_eq!(port.task_state(&nobody).await.expect("a state"), TaskState::Absent);
    assert!(port.kill_task(&nobody, 15, false).await.expect_err("no task").is_not_found());
    port.keep_exit(&nobody).await.expect("nothing to keep");
    port.kill_exec(&nobody, "exec-1", 15).await.expect("a kill of what is gone");
    port.delete_exec(&nobody, "exec-1").await.expect("a deletion of what is gone");
}

async fn a_leftover_is_told_and_can_be_purged(fixture: &dyn Fixture) {
    let (id, _) = create(fixture, "leftover", &["/bin/sh"]).await;
    let port = fixture.port();
    let image = port.image(&fixture.image(), &|_| {}).await.expect("the image");
    let labels = labels("leftover");
    let error = port.prepare_rootfs(&id, &image, &labels).await.expect_err("a second rootfs of one name");
    assert!(matches!(error, super::ContainersError::AlreadyExists { .. }), "{error}");
    port.purge(&id).await.expect("a purge");
    port.prepare_rootfs(&id, &image, &labels).await.expect("a rootfs after the purge");
    port.purge(&id).await.expect("a purge of a rootfs alone");
}

async fn containers_are_found_by_all_their_labels(fixture: &dyn Fixture) {
    let (id, _) = create(fixture, "labels", &["/bin/sh"]).await;
    let port = fixture.port();
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let both = BTreeMap::from([label(LABEL, "labels"), label("conformance", "yes")]);
    let found = port.find(&both).await.expect("a search");
    assert_eq!(found.iter().map(|record| &record.id).collect::<Vec<_>>(), [&id]);
    assert_eq!(found[0].labels.get(LABEL).map(String::as_str), Some("labels"));
    let neither = BTreeMap::from([label(LABEL, "labels"), label("conformance", "no")]);
    assert!(port.find(&neither).await.expect("a search").is_empty());
    port.purge(&id).await.expect("a purge");
}

async fn a_rootfs_without_a_container_is_found_by_its_labels(fixture: &dyn Fixture) {
    let (id, port) = (ContainerId::existing("conformance-alone"), fixture.port());
    port.purge(&id).await.expect("a purge of what an earlier run left");
    let image = port.image(&fixture.image(), &|_| {}).await.expect("the image");
    let labels = labels("alone");
    port.prepare_rootfs(&id, &image, &labels).await.expect("a rootfs");
    let found = port.find(&labels).await.expect("a search");
    assert_eq!(found.iter().map(|record| &record.id).collect::<Vec<_>>(), [&id]);
    assert!(labels.iter().all(|(name, value)| found[0].labels.get(name) == Some(value)));
    port.purge(&id).await.expect("a purge");
    assert!(port.find(&labels).await.expect("a search").is_empty());
}

async fn a_rootfs_is_used_again_for_its_own_image_when_no_task_has_it(fixture: &dyn Fixture) {
    let port = fixture.port();
    let image = port.image(&fixture.image(), &|_| {}).await.expect("the image");
    let labels = labels("again");
    let nobody = ContainerId::existing("conformance-nobody");
    assert_eq!(port.reuse_rootfs(&nobody, &image, &labels).await.expect("an answer"), None);

    let running = run(fixture, "again", &["/bin/sh", "-c", "exec sleep 1000"]).await;
    assert_eq!(port.reuse_rootfs(&running, &image, &labels).await.expect("an answer"), None);
    assert!(matches!(port.task_state(&running).await, Ok(TaskState::Running { .. })));
    port.purge(&running).await.expect("a purge");

    let (id, rootfs) = create(fixture, "again", &["/bin/sh"]).await;
    let other = Image { chain_id: "sha256:other".to_owned(), ..image.clone() };
    assert_eq!(port.reuse_rootfs(&id, &other, &labels).await.expect("an answer"), None);
    port.spec(&id).await.expect("the container is still there");
    assert_eq!(port.reuse_rootfs(&id, &image, &labels).await.expect("an answer"), Some(rootfs));
    assert!(port.spec(&id).await.expect_err("no container").is_not_found());
    let found = port.find(&labels).await.expect("a search");
    assert_eq!(found.iter().map(|record| &record.id).collect::<Vec<_>>(), [&id]);
    let spec = fixture.spec(&id, &["/bin/sh"]);
    let new = NewContainer { id: id.clone(), image: image.name, labels: labels.clone(), spec };
    port.create_container(new).await.expect("a container over the same rootfs");
    port.purge(&id).await.expect("a purge");
    assert!(port.find(&labels).await.expect("a search").is_empty());
}

async fn an_exec_has_a_life_of_its_own(fixture: &dyn Fixture) {
    let id = run(fixture, "exec", &["/bin/sh", "-c", "exec sleep 1000"]).await;
    let port = fixture.port();
    let process = |args: &[&str]| -> Process {
        let spec = fixture.spec(&id, args);
        spec.process().clone().expect("a process in the spec")
    };
    let exec = |exec_id: &str, args: &[&str]| NewExec {
        container: id.clone(),
        exec_id: exec_id.to_owned(),
        process: process(args),
        stdio: Stdio { stdout: PathBuf::new(), ..Stdio::default() },
    };
    port.create_exec(exec("one", &["/bin/sh", "-c", "exit 7"])).await.expect("an exec");
    assert!(port.start_exec(&id, "one").await.expect("a start") > 0);
    assert_eq!(within("the exec's exit", port.wait_exec(&id, "one")).await.expect("a code").code, 7);
    port.delete_exec(&id, "one").await.expect("a deletion");
    assert!(matches!(port.task_state(&id).await, Ok(TaskState::Running { .. })));

    port.create_exec(exec("two", &["/bin/sh", "-c", "exec sleep 1000"])).await.expect("an exec");
    port.start_exec(&id, "two").await.expect("a start");
    port.delete_exec(&id, "two").await.expect_err("it runs");
    port.kill_exec(&id, "two", 9).await.expect("a kill");
    assert_eq!(within("the exec's exit", port.wait_exec(&id, "two")).await.expect("a code").code, 137);
    port.delete_exec(&id, "two").await.expect("a deletion");

    port.create_exec(exec("three", &["/no/such/program"])).await.expect("an exec");
    let error = port.start_exec(&id, "three").await.expect_err("no such program");
    assert!(matches!(error, super::ContainersError::Command { .. }), "{error}");
    port.delete_exec(&id, "three").await.expect("a deletion");

    port.create_exec(exec("four", &["/bin/sh"])).await.expect("an exec");
    port.kill_exec(&id, "four", 9).await.expect_err("it was never started");
    port.delete_exec(&id, "four").await.expect("a deletion of what was never started");
    assert!(port.wait_exec(&id, "four").await.expect_err("no exec").is_not_found());
    port.purge(&id).await.expect("a purge");
}
