//! A daemon that is not there, dies and comes back.

use std::time::Duration;

use driver_core::ports::{Connection, ContainersError, TaskState};

use crate::daemon::Daemon;
use crate::fixture::{Room, soon};

/// A directory whose path is short enough for sockets.
fn short_directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("cb-").tempdir_in("/run").unwrap()
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_task_survives_the_death_of_the_daemon_and_its_end_is_told_exactly() {
    let directory = short_directory();
    let mut daemon = Daemon::start(directory.path());
    let room = Room::at(&daemon.address, "restart");
    let mut connection = room.port.connection();
    soon("the daemon", connection.wait_for(|state| *state == Connection::Up)).await.unwrap();
    room.import_image().await;
    let lives =
        room.run("lives", &["/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"]).await;
    let ends = room.run("ends", &["/bin/sh", "-c", "until [ -e /end ]; do sleep 0.1; done; exit 4"]).await;
    let TaskState::Running { pid } = room.port.task_state(&lives).await.unwrap() else {
        panic!("not running")
    };
    let TaskState::Running { pid: ends_pid } = room.port.task_state(&ends).await.unwrap() else {
        panic!("not running")
    };
    let waiting = room.port.wait_task(&lives);
    tokio::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());

    daemon.kill();
    soon("the loss", connection.wait_for(|state| matches!(state, Connection::Down(_)))).await.unwrap();
    let error = soon("the broken wait", &mut waiting).await.unwrap_err();
    assert!(error.is_lost(), "a wait that breaks is no end: {error}");
    let error = room.port.task_state(&lives).await.unwrap_err();
    assert!(matches!(error, ContainersError::Lost { .. }), "{error}");
    std::fs::write(format!("/proc/{ends_pid}/root/end"), "").unwrap();
    soon("the end of the process", async {
        while std::fs::read_to_string(format!("/proc/{ends_pid}/cmdline")).is_ok_and(|line| !line.is_empty())
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;

    daemon.spawn();
    soon("the return", connection.wait_for(|state| *state == Connection::Up)).await.unwrap();
    assert_eq!(room.port.task_state(&lives).await.unwrap(), TaskState::Running { pid });
    assert_eq!(soon("the end", room.port.wait_task(&ends)).await.unwrap().code, 4);
    room.port.kill_task(&lives, 15, false).await.unwrap();
    assert_eq!(soon("the end", room.port.wait_task(&lives)).await.unwrap().code, 3);
    for id in [&lives, &ends] {
        room.port.purge(id).await.unwrap();
    }
    room.assert_no_lease();
    assert_eq!(room.ctr(&["containers", "list", "--quiet"]), "");
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_daemon_that_is_not_there_is_found_when_it_comes() {
    let directory = short_directory();
    let room = Room::at(&directory.path().join("c.sock"), "late");
    let mut connection = room.port.connection();
    let down = soon("the first look", connection.wait_for(|state| *state != Connection::Unknown))
        .await
        .unwrap()
        .clone();
    assert_eq!(down, Connection::Down("No such file or directory (os error 2)".into()));
    let error = room.port.survey().await.unwrap_err();
    assert!(matches!(error, ContainersError::Lost { .. }), "{error}");
    let _daemon = Daemon::start(directory.path());
    soon("the daemon", connection.wait_for(|state| *state == Connection::Up)).await.unwrap();
    assert_eq!(room.port.survey().await.unwrap().problems, Vec::<String>::new());
}
