//! Containers and tasks, beyond what every port must do.

use std::path::Path;
use std::time::Duration;

use driver_core::ports::{ContainersError, Stdio, TaskState};
use driver_core::request::ids::ContainerId;

use crate::fixture::{IMAGE, Room, config, port, soon, spec};

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_program_that_can_not_be_run_is_the_commands_fault() {
    let room = Room::with_image("command").await;
    for (name, program) in [("path", "nope"), ("file", "/no/such/file"), ("mode", "/proc/cpuinfo")] {
        let (id, rootfs) = room.container(name, &[program]).await;
        let error = room.port.create_task(&id, &rootfs, &Stdio::default()).await.unwrap_err();
        let ContainersError::Command { command, reason } = &error else { panic!("{program}: {error}") };
        assert_eq!(command, program);
        assert!(!reason.is_empty());
        assert_eq!(room.port.task_state(&id).await.unwrap(), TaskState::Absent);
        room.port.purge(&id).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_runtime_or_snapshotter_that_is_missing_is_a_matter_of_configuration() {
    let room = Room::with_image("unsupported").await;
    let mut other = config(&room.address);
    other.runtime = "io.containerd.nothing.v9".into();
    let id = ContainerId::existing("nothing");
    let image = room.image(IMAGE).await.unwrap();
    let nothing = port(&other, &room.namespace);
    let rootfs = nothing.prepare_rootfs(&id, &image, &Default::default()).await.unwrap();
    let spec = spec(&room.namespace, "nothing", &["/bin/true"]);
    let new = driver_core::ports::NewContainer { id: id.clone(), image: image.name, labels: [].into(), spec };
    nothing.create_container(new).await.unwrap();
    let error = nothing.create_task(&id, &rootfs, &Stdio::default()).await.unwrap_err();
    assert!(matches!(error, ContainersError::Unsupported { .. }), "{error}");
    nothing.purge(&id).await.unwrap();

    other.snapshotter = "nothing".into();
    let error =
        port(&other, &room.namespace).image(&crate::fixture::request(IMAGE), &|_| {}).await.unwrap_err();
    assert!(matches!(error, ContainersError::Unsupported { .. }), "{error}");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn the_spec_comes_back_as_it_was_written() {
    let room = Room::with_image("spec").await;
    let written = spec(&room.namespace, "spec", &["/bin/true"]);
    let (id, _) = room.container_of("spec", written.clone()).await;
    assert_eq!(room.port.spec(&id).await.unwrap(), written);
    room.port.purge(&id).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_paused_task_runs_and_can_be_purged() {
    let room = Room::with_image("paused").await;
    let id = room.run("paused", &["/bin/sleep", "1000"]).await;
    room.ctr(&["tasks", "pause", "paused"]);
    assert!(matches!(room.port.task_state(&id).await.unwrap(), TaskState::Running { .. }));
    soon("the purge", room.port.purge(&id)).await.unwrap();
    assert_eq!(room.ctr(&["containers", "list", "--quiet"]), "");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_container_of_another_driver_is_purged_with_the_snapshot_that_its_record_names() {
    let room = Room::with_image("foreign").await;
    room.ctr(&["containers", "create", "--snapshotter", "overlayfs", IMAGE, "foreign", "/bin/true"]);
    room.ctr(&["snapshots", "--snapshotter", "overlayfs", "prepare", "foreign-snapshot"]);
    let before = room.ctr(&["snapshots", "--snapshotter", "overlayfs", "list"]);
    assert!(before.lines().any(|line| line.starts_with("foreign ")), "{before}");
    room.port.purge(&ContainerId::existing("foreign")).await.unwrap();
    let after = room.ctr(&["snapshots", "--snapshotter", "overlayfs", "list"]);
    assert!(!after.lines().any(|line| line.starts_with("foreign ")), "{after}");
    room.ctr(&["snapshots", "--snapshotter", "overlayfs", "remove", "foreign-snapshot"]);
}

/// Output that nobody reads.
fn unread(directory: &Path) -> Stdio {
    let pipe = |name: &str| {
        let path = directory.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        path
    };
    Stdio { stdout: pipe("out"), stderr: pipe("err"), ..Stdio::default() }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_log_pipe_without_a_reader_fails_the_start_for_now_and_leaves_nothing() {
    let room = Room::with_image("pipe").await;
    let (id, rootfs) = room.container("pipe", &["/bin/true"]).await;
    let mut impatient = config(&room.address);
    impatient.client_timeout = Duration::from_secs(1);
    let impatient = port(&impatient, &room.namespace);
    let stdio = unread(room.directory.path());
    let error = soon("the refusal", impatient.create_task(&id, &rootfs, &stdio)).await.unwrap_err();
    assert!(error.to_string().contains("no one reads the log pipes"), "{error}");
    assert!(error.is_retryable() && !error.is_lost(), "{error}");
    assert_eq!(room.port.task_state(&id).await.unwrap(), TaskState::Absent);
    room.port.purge(&id).await.unwrap();
    assert!(!Path::new("/run/containerd/runc/backend-pipe/pipe").exists());
}

/// Waits until runc has the container.
async fn known_to_runc(namespace: &str, name: &str) {
    let state = format!("/run/containerd/runc/{namespace}/{name}/state.json");
    while !Path::new(&state).exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_start_that_was_broken_off_can_be_purged_and_repeated() {
    let room = Room::with_image("broken").await;
    let (id, rootfs) = room.container("broken", &["/bin/true"]).await;
    let stdio = unread(room.directory.path());
    let creating = room.port.create_task(&id, &rootfs, &stdio);
    tokio::select! {
        done = creating => panic!("{done:?} without a reader"),
        () = known_to_runc("backend-broken", "broken") => {}
    }
    soon("the purge", room.port.purge(&id)).await.unwrap();
    assert!(!Path::new("/run/containerd/runc/backend-broken/broken").exists());
    let id = room.run("broken", &["/bin/sh", "-c", "exit 5"]).await;
    assert_eq!(soon("the end", room.port.wait_task(&id)).await.unwrap().code, 5);
    room.port.purge(&id).await.unwrap();
}

/// The shims of a container's name that are there.
fn shims(namespace: &str, name: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).collect();
        let has = |flag: &str, value: &str| {
            words.windows(2).any(|pair| pair == [flag.as_bytes(), value.as_bytes()])
        };
        if has("-namespace", namespace) && has("-id", name) {
            found.push(pid);
        }
    }
    found
}

/// Waits until nothing is left of a container's shim.
async fn no_shim(namespace: &str, name: &str) {
    let gone = async {
        while !shims(namespace, name).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the end of the shim", gone).await;
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_start_that_is_broken_off_at_any_moment_leaves_no_shim() {
    let room = Room::with_image("moments").await;
    for moment in 0..40 {
        let name = format!("start-{moment}");
        let (id, rootfs) = room.container(&name, &["/bin/true"]).await;
        let stdio = Stdio::default();
        let creating = room.port.create_task(&id, &rootfs, &stdio);
        let _broken_off = tokio::time::timeout(Duration::from_millis(moment), creating).await;
        soon("the purge", room.port.purge(&id)).await.unwrap();
        no_shim(&room.namespace, &name).await;
    }
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_removal_that_is_broken_off_at_any_moment_leaves_no_shim() {
    let room = Room::with_image("removals").await;
    for moment in 0..40 {
        let name = format!("removal-{moment}");
        let id = room.run(&name, &["/bin/sleep", "1000"]).await;
        let _broken_off = tokio::time::timeout(Duration::from_millis(moment), room.port.purge(&id)).await;
        soon("the purge", room.port.purge(&id)).await.unwrap();
        no_shim(&room.namespace, &name).await;
    }
}
