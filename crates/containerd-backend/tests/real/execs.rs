//! Execs with pipes, beyond what every port must do.

use std::path::{Path, PathBuf};

use driver_core::ports::{NewExec, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use crate::fixture::{Room, soon, spec};

fn fifo(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    path
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn input_ends_when_the_shims_own_end_is_closed() {
    let room = Room::with_image("exec").await;
    let id = room.run("exec", &["/bin/sleep", "1000"]).await;
    let directory = room.directory.path();
    let stdio = Stdio {
        stdin: fifo(directory, "in"),
        stdout: fifo(directory, "out"),
        stderr: fifo(directory, "err"),
        terminal: false,
    };
    let mut output = pipe::OpenOptions::new().open_receiver(&stdio.stdout).unwrap();
    let _errors = pipe::OpenOptions::new().open_receiver(&stdio.stderr).unwrap();
    let mut input = pipe::OpenOptions::new().read_write(true).open_sender(&stdio.stdin).unwrap();
    let process = spec(&room.namespace, "exec", &["/bin/cat"]).process().clone().unwrap();
    let new = NewExec { container: id.clone(), exec_id: "cat".into(), process, stdio };
    room.port.create_exec(new).await.unwrap();
    soon("the start", room.port.start_exec(&id, "cat")).await.unwrap();
    input.write_all(b"hello").await.unwrap();
    drop(input);
    room.port.close_exec_stdin(&id, "cat").await.unwrap();
    let ended = soon("the end", room.port.wait_exec(&id, "cat")).await.unwrap();
    assert_eq!(ended.code, 0);
    let mut said = String::new();
    soon("the output", output.read_to_string(&mut said)).await.unwrap();
    assert_eq!(said, "hello");
    room.port.delete_exec(&id, "cat").await.unwrap();
    room.port.purge(&id).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a containerd: cargo xtask with-containerd -- cargo test -p containerd-backend -- --ignored"]
async fn a_terminal_has_the_size_that_it_was_given() {
    let room = Room::with_image("tty").await;
    let id = room.run("tty", &["/bin/sleep", "1000"]).await;
    let stdio = Stdio { stdout: fifo(room.directory.path(), "out"), terminal: true, ..Stdio::default() };
    let mut output = pipe::OpenOptions::new().open_receiver(&stdio.stdout).unwrap();
    let script = ["/bin/sh", "-c", "until [ \"$(busybox stty size)\" = '33 77' ]; do :; done; echo right"];
    let mut process = spec(&room.namespace, "tty", &script).process().clone().unwrap();
    process.set_terminal(Some(true));
    let new = NewExec { container: id.clone(), exec_id: "tty".into(), process, stdio };
    room.port.create_exec(new).await.unwrap();
    room.port.start_exec(&id, "tty").await.unwrap();
    room.port.resize_exec(&id, "tty", 77, 33).await.unwrap();
    let mut said = Vec::new();
    soon("the right size", output.read_to_end(&mut said)).await.unwrap();
    // Before it has a size, stty complains.
    let said = String::from_utf8_lossy(&said);
    assert!(said.trim().ends_with("right"), "{said}");
    assert_eq!(room.port.wait_exec(&id, "tty").await.unwrap().code, 0);
    room.port.purge(&id).await.unwrap();
}
