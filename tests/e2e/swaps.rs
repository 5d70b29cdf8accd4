//! Names of the allocation, or of the host, that another task swaps for links after they were checked and handed on,
//! and before the runtime is called: what was checked is what the task gets.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use e2e::gate::Gate;
use e2e::world::Setup;
use e2e::{Registry, SharedMount, Task, World, test_with, wait};
use nomad_proto::cty::Value;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

const CHECKED: &str = "checked\n";

fn bind(source: &str, target: &str) -> Value {
    Value::from([
        ("source", Value::from(source)),
        ("target", target.into()),
        ("options", vec!["rbind", "rw"].into()),
    ])
}

/// Puts a link in the place of something, which stays beside it under another name.
fn swap(place: &Path, for_what: &Path) {
    fs::rename(place, place.with_extension("before")).unwrap();
    symlink(for_what, place).unwrap();
}

/// Starts a task whose image has to be pulled, and calls `meanwhile` when all is handed on and the pull waits.
async fn started(world: &World, mounts: Vec<Value>, meanwhile: impl AsyncFnOnce()) -> Task {
    let directory = world.directory();
    let registry = tokio::task::spawn_blocking(move || Registry::start(&directory)).await.unwrap();
    let pushed = registry.push("busybox-gzip", "team/tool", "1.0");
    let gate = Gate::before(registry.address()).await;
    let reference = pushed.replacen(registry.address(), gate.address(), 1);
    let last = mounts.len().checked_sub(1).map_or("logs".to_owned(), |place| format!("mount-{place}"));
    let setup = world.task("web").reference(&reference).shell("echo printed; sleep 1000");
    let start = tokio::spawn(setup.option("mounts", Value::List(mounts)).start());
    wait::limited("the pull", gate.knocked()).await;
    // Beside the pull one object after the other is handed on: the pipes, the log directory, the sources of mounts.
    wait::until_true("everything is handed on", || hands_on(world, &last)).await;
    meanwhile().await;
    gate.open();
    let mut task = start.await.unwrap();
    task.printed("printed").await;
    task
}

/// Whether an object of the task is mounted into the driver's own directory.
fn hands_on(world: &World, name: &str) -> bool {
    let task = world.state_dir().join("tasks").join(format!("web-{}", world.alloc().id));
    let place = task.join("staged").join(name).display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&place))
}

/// The allocation's directory, with the task's `local` in it.
fn alloc(world: &World) -> (PathBuf, PathBuf) {
    let alloc = world.alloc().logs().parent().unwrap().parent().unwrap().to_owned();
    let local = alloc.join("web/local");
    fs::create_dir_all(&local).unwrap();
    (alloc, local)
}

#[test]
fn a_source_that_is_swapped_for_a_link_after_the_check_is_mounted_as_it_was() {
    test_with(Setup::own_daemon(), async |world| {
        let (alloc, local) = alloc(world);
        let (leaf, parent, file) = (local.join("leaf"), alloc.join("alloc/data/parent"), local.join("file"));
        fs::create_dir(&leaf).unwrap();
        fs::create_dir_all(parent.join("inner")).unwrap();
        fs::write(leaf.join("passwd"), CHECKED).unwrap();
        fs::write(parent.join("inner/passwd"), CHECKED).unwrap();
        fs::write(&file, CHECKED).unwrap();
        let outside = world.directory().join("outside");
        fs::create_dir_all(outside.join("inner")).unwrap();
        fs::write(outside.join("inner/passwd"), "of the host\n").unwrap();
        let mounts = vec![
            bind("local/leaf", "/leaf"),
            bind("../alloc/data/parent/inner", "/inner"),
            bind("local/file", "/file"),
        ];
        let task = started(world, mounts, async || {
            swap(&leaf, Path::new("/etc"));
            swap(&parent, &outside);
            swap(&file, Path::new("/etc/passwd"));
        })
        .await;
        assert_eq!(task.read("cat /leaf/passwd /inner/passwd /file").await, CHECKED.repeat(3));
        // What the task writes goes where the check went.
        task.read("echo new > /leaf/new && echo new > /inner/new").await;
        assert!(leaf.with_extension("before").join("new").exists() && !Path::new("/etc/new").exists());
        assert!(!outside.join("inner/new").exists());
    });
}

#[test]
fn a_path_of_the_host_that_another_task_swaps_after_the_check_is_mounted_as_it_was() {
    test_with(Setup::own_daemon(), async |world| {
        let shared = world.directory().join("shared");
        fs::create_dir_all(shared.join("conf")).unwrap();
        fs::write(shared.join("conf/passwd"), CHECKED).unwrap();
        fs::write(shared.join("file"), CHECKED).unwrap();
        let of_host = |name: &str, target| bind(&shared.join(name).display().to_string(), target);
        let writes = Value::List(vec![of_host("", "/shared")]);
        let other = world.task("other").shell("sleep 1000").option("mounts", writes).start().await;
        let swap =
            "cd /shared && mv conf before && ln -s /etc conf && mv file other && ln -s /etc/passwd file";
        let task = started(world, vec![of_host("conf", "/conf"), of_host("file", "/file")], async || {
            other.read(swap).await;
        })
        .await;
        assert_eq!(task.read("cat /conf/passwd /file").await, CHECKED.repeat(2));
        task.read("echo new > /conf/new").await;
        assert!(shared.join("before/new").exists() && !Path::new("/etc/new").exists());
    });
}

#[test]
fn what_is_mounted_beneath_a_source_can_be_unmounted_and_removed_while_the_start_goes_on() {
    test_with(Setup::own_daemon(), async |world| {
        let place = SharedMount::new();
        let inner = place.directory("inner");
        mount("inner", &inner, "tmpfs", MountFlags::empty(), None).unwrap();
        let source = place.path().display().to_string();
        let task = started(world, vec![bind(&source, "/place")], async || {
            unmount(&inner, UnmountFlags::empty()).unwrap();
            fs::remove_dir(&inner).unwrap();
        })
        .await;
        task.read("test -d /place && test ! -e /place/inner").await;
    });
}

#[test]
fn log_pipes_and_their_directory_that_are_swapped_after_the_check_are_those_that_were_checked() {
    test_with(Setup::own_daemon(), async |world| {
        let logs = world.alloc().logs();
        alloc(world);
        fs::write(logs.join("mark"), CHECKED).unwrap();
        let (before, outside) = (logs.with_extension("before"), world.directory().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("mark"), "of the host\n").unwrap();
        let task = started(world, Vec::new(), async || swap(&logs, &outside)).await;
        assert_eq!(task.read("cat /alloc/logs/mark").await, CHECKED);
        assert_ne!(task.run("echo new > /alloc/logs/new").await.exit.code, 0);
        fs::remove_file(&logs).unwrap();
        fs::rename(before, &logs).unwrap();
    });
}
