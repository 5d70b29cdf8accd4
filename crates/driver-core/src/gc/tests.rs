//! Tests of the reaper and of Destroy over the fake daemon: two drivers one after the other, as two processes are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::ports::Containers;
use crate::request::config::{DanglingContainers, PluginConfig};
use crate::request::ids::{ContainerId, TaskId};
use crate::request::task::TaskSpec;
use crate::testing::base::{Base, Connect};
use crate::testing::fake::FakePort;
use crate::{Driver, DriverError, NodeCpu, TaskHandle, labels};

struct World {
    port: Arc<FakePort>,
    dir: Base,
}

const PERIOD: Duration = Duration::from_secs(60);

impl World {
    fn new() -> Self {
        Self { port: Arc::new(FakePort::new()), dir: Base::new() }
    }

    fn driver(&self) -> Driver {
        self.driver_with(|_| {})
    }

    /// Directories carry the real time, in which no time passes here: the grace is next to nothing.
    fn driver_with(&self, change: impl FnOnce(&mut DanglingContainers)) -> Driver {
        let driver = Driver::new(Arc::new(Connect(self.port.clone())));
        let (state_dir, grace) = (self.dir.path().join("state"), Duration::from_nanos(1));
        let mut config = PluginConfig { state_dir, ..PluginConfig::default() };
        config.dangling_containers =
            DanglingContainers { period: PERIOD, creation_grace: grace, ..DanglingContainers::default() };
        change(&mut config.dangling_containers);
        driver.configure(config, NodeCpu::default()).unwrap();
        driver
    }

    fn spec(&self, alloc: &str, node: &str) -> TaskSpec {
        let mut spec = crate::testing::spec("web");
        let root = self.dir.path().join(alloc);
        for sub in ["alloc/logs", "web/local", "web/secrets"] {
            std::fs::create_dir_all(root.join(sub)).unwrap();
        }
        spec.id = TaskId::new(format!("{alloc}/web/0"));
        spec.identity.alloc_id = alloc.to_owned();
        spec.identity.node_id = node.to_owned();
        spec.options.entrypoint = vec!["sleep".to_owned()];
        spec.dirs.shared = root.join("alloc");
        spec.dirs.local = root.join("web/local");
        spec.dirs.secrets = root.join("web/secrets");
        spec.dirs.alloc_root = root;
        spec
    }

    async fn start(&self, driver: &Driver, alloc: &str) -> TaskHandle {
        driver.start_task(self.spec(alloc, "n-1")).await.unwrap()
    }

    fn lose(&self, alloc: &str) {
        std::fs::remove_dir_all(self.dir.path().join(alloc)).unwrap();
    }

    fn files(&self, id: &ContainerId) -> std::path::PathBuf {
        self.dir.path().join("state/tasks").join(id.as_str())
    }

    fn there(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.port.leftovers().iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    }

    /// Lets the reaper look three times; the paused clock goes on when it has done its work.
    async fn looks(&self) {
        tokio::time::sleep(PERIOD * 3 + PERIOD / 2).await;
    }
}

fn container(handle: &TaskHandle) -> ContainerId {
    ContainerId::existing(handle.state.container.as_str())
}

#[tokio::test(start_paused = true)]
async fn what_a_forgotten_task_left_goes_with_its_allocation_and_nothing_else_does() {
    let world = World::new();
    let earlier = world.driver();
    let gone = container(&world.start(&earlier, "gone").await);
    let held = container(&world.start(&earlier, "held").await);
    let other = container(&earlier.start_task(world.spec("other", "n-2")).await.unwrap());
    drop(earlier);
    world.lose("gone");
    world.lose("other");

    let later = world.driver();
    world.looks().await;
    assert_eq!(world.there().len(), 3, "no task has told the node's id yet");
    let handle = world.start(&later, "known").await;
    let (known, waiter) = (container(&handle), later.clone());
    let _waiting = tokio::spawn(async move { waiter.wait_task(&handle.id).await });
    world.lose("known");
    world.looks().await;
    let mut expected = [&held, &other, &known].map(ToString::to_string);
    expected.sort();
    assert_eq!(world.there(), expected);
    assert!(!world.files(&gone).exists());
    assert!(world.files(&held).exists());
}

#[tokio::test(start_paused = true)]
async fn a_running_task_that_nobody_waits_for_goes_with_its_allocation() {
    let world = World::new();
    let driver = world.driver();
    let handle = world.start(&driver, "abandoned").await;
    world.looks().await;
    assert_eq!(driver.task_count(), 1, "its allocation is there");
    world.lose("abandoned");
    let mut wait = Box::pin(driver.wait_task(&handle.id));
    tokio::select! {
        exit = &mut wait => panic!("{exit:?} of a task that somebody waits for"),
        () = world.looks() => {}
    }
    drop(wait);
    world.looks().await;
    assert_eq!((world.there().len(), driver.task_count()), (0, 0));
    assert!(!world.files(&container(&handle)).exists());
}

#[tokio::test(start_paused = true)]
async fn an_ended_task_that_nobody_destroyed_goes_with_its_allocation_and_is_forgotten() {
    let world = World::new();
    let driver = world.driver();
    let handle = world.start(&driver, "ended").await;
    world.port.end(&container(&handle), 3);
    assert_eq!(driver.wait_task(&handle.id).await.unwrap().code, 3);
    world.looks().await;
    assert_eq!((world.there().len(), driver.task_count()), (1, 1));
    world.lose("ended");
    world.looks().await;
    assert_eq!((world.there().len(), driver.task_count()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_and_a_reaper_that_is_turned_off_remove_nothing() {
    let world = World::new();
    let gone = container(&world.start(&world.driver(), "gone").await);
    world.lose("gone");
    for (dry_run, enabled) in [(true, true), (false, false)] {
        let later = world.driver_with(|gc| (gc.dry_run, gc.enabled) = (dry_run, enabled));
        let task = world.start(&later, "here").await;
        world.looks().await;
        assert!(world.there().contains(&gone.to_string()));
        later.destroy_task(&task.id, true).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_start_left_goes_even_when_no_container_was_made() {
    let world = World::new();
    let (spec, cut) = (world.spec("cut", "n-1"), ContainerId::existing("cut-start"));
    let rootfs_of = labels::of_task(&spec);
    world.port.prepare_rootfs(&cut, &Default::default(), &rootfs_of).await.unwrap();
    let files = crate::node::state_dir::StateDir::new(&world.dir.path().join("state"));
    for id in [&cut, &ContainerId::existing("files-alone")] {
        let dir = files.prepare_task(id, &rootfs_of).unwrap();
        std::fs::create_dir(dir.join("staged")).unwrap();
    }
    let later = world.driver();
    let known = container(&world.start(&later, "known").await);
    world.looks().await;
    assert!(world.files(&cut).exists() && !world.files(&cut).join("staged").exists());
    world.lose("cut");
    let torso = world.files(&ContainerId::existing("torso"));
    std::fs::create_dir(&torso).unwrap();
    world.looks().await;
    assert_eq!(world.there(), [known.to_string()]);
    assert!(!torso.exists());
    assert_eq!(std::fs::read_dir(world.dir.path().join("state/tasks")).unwrap().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_of_a_task_that_the_process_does_not_know_removes_what_carries_its_id() {
    let world = World::new();
    let handle = world.start(&world.driver(), "one").await;
    let other = container(&world.start(&world.driver(), "two").await);
    let later = world.driver();
    let refused = later.destroy_task(&handle.id, false).await.unwrap_err();
    assert!(matches!(refused, DriverError::StillRunning(_)), "{refused}");
    later.destroy_task(&handle.id, true).await.unwrap();
    assert_eq!(world.there(), [other.to_string()]);
    assert!(!world.files(&container(&handle)).exists());
    let unknown = later.destroy_task(&handle.id, true).await.unwrap_err();
    assert!(matches!(unknown, DriverError::TaskNotFound), "{unknown}");
    assert!(Path::new(&world.files(&other)).exists());
}
