//! Names of the allocation that another task swaps for links, after they were checked and before the runtime is
//! called: what was checked is what the task gets.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use e2e::gate::Gate;
use e2e::world::Setup;
use e2e::{Registry, Task, World, test_with, wait};
use nomad_proto::cty::Value;

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

/// Starts a task whose image has to be pulled, and calls `meanwhile` when the checks are done and the pull waits.
async fn started(world: &World, mounts: Vec<Value>, meanwhile: impl FnOnce()) -> Task {
    let directory = world.directory();
    let registry = tokio::task::spawn_blocking(move || Registry::start(&directory)).await.unwrap();
    let pushed = registry.push("busybox-gzip", "team/tool", "1.0");
    let gate = Gate::before(registry.address()).await;
    let reference = pushed.replacen(registry.address(), gate.address(), 1);
    let setup = world.task("web").reference(&reference).shell("echo printed; sleep 1000");
    let start = tokio::spawn(setup.option("mounts", Value::List(mounts)).start());
    wait::limited("the pull", gate.knocked()).await;
    // The pipes come before the directory, and both go on beside the pull.
    wait::until_true("the log directory is handed on", || hands_on_logs(world)).await;
    meanwhile();
    gate.open();
    let mut task = start.await.unwrap();
    task.printed("printed").await;
    task
}

/// Whether a task's log directory is mounted into the driver's own.
fn hands_on_logs(world: &World) -> bool {
    let tasks = world.state_dir().join("tasks").display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.contains(&tasks) && line.contains("/staged/logs "))
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
        let task = started(world, mounts, || {
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
fn log_pipes_and_their_directory_that_are_swapped_after_the_check_are_those_that_were_checked() {
    test_with(Setup::own_daemon(), async |world| {
        let logs = world.alloc().logs();
        alloc(world);
        fs::write(logs.join("mark"), CHECKED).unwrap();
        let (before, outside) = (logs.with_extension("before"), world.directory().join("outside"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("mark"), "of the host\n").unwrap();
        let task = started(world, Vec::new(), || swap(&logs, &outside)).await;
        assert_eq!(task.read("cat /alloc/logs/mark").await, CHECKED);
        assert_ne!(task.run("echo new > /alloc/logs/new").await.exit.code, 0);
        fs::remove_file(&logs).unwrap();
        fs::rename(before, &logs).unwrap();
    });
}
