//! The cases that Nomad's own helpers hold a driver's streaming exec to.

use e2e::wait::limited;
use e2e::{Task, World, test};
use nomad_host::driver::{ExecOutput, ExecResult, ExecSession, TaskExit};

async fn task(world: &World) -> Task {
    world.task("web").shell("sleep 1000").start().await
}

async fn open(task: &Task, script: &str, tty: bool) -> ExecSession {
    task.session(&["/bin/sh", "-c", script], tty).await
}

async fn finish(session: ExecSession) -> (String, String, TaskExit) {
    let ExecResult { stdout, stderr, exit } = limited("the exec's end", session.finish()).await.unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), exit)
}

fn ended(stdout: &str, stderr: &str, code: i32) -> (String, String, TaskExit) {
    (stdout.to_owned(), stderr.to_owned(), TaskExit::code(code))
}

const BASIC: &str = "echo hello stdout; echo hello stderr >&2; exit 43";
const STREAMING: &str = "for n in 1 2 3; do echo $n; sleep 1; done";

#[test]
fn without_a_terminal_both_streams_and_the_code_arrive() {
    test(async |world| {
        let task = task(world).await;
        let result = finish(open(&task, BASIC, false).await).await;
        assert_eq!(result, ended("hello stdout\n", "hello stderr\n", 43));
    });
}

#[test]
fn without_a_terminal_output_streams() {
    test(async |world| {
        let task = task(world).await;
        let mut session = open(&task, "echo 1; read go; echo 2", false).await;
        let first = limited("the first line", session.next()).await.unwrap();
        assert_eq!(first, Some(ExecOutput::Stdout(b"1\n".to_vec())), "before the command goes on");
        session.stdin("go\n").await;
        assert_eq!(finish(session).await, ended("2\n", "", 0));
        assert_eq!(finish(open(&task, STREAMING, false).await).await, ended("1\n2\n3\n", "", 0));
    });
}

#[test]
fn without_a_terminal_there_is_none() {
    test(async |world| {
        let task = task(world).await;
        let (stdout, stderr, exit) = finish(open(&task, "stty size", false).await).await;
        assert_eq!((stdout.as_str(), exit), ("", TaskExit::code(1)));
        let plain = stderr.replace(['\'', '"'], "");
        assert_eq!(plain, "stty: standard input: Inappropriate ioctl for device\n");
    });
}

#[test]
fn without_a_terminal_input_arrives_and_ends() {
    test(async |world| {
        let task = task(world).await;
        let session = open(&task, "echo hello from command; head -n1", false).await;
        session.stdin("hello from stdin\n").await;
        session.close_stdin().await;
        assert_eq!(finish(session).await, ended("hello from command\nhello from stdin\n", "", 0));
    });
}

#[test]
fn with_a_terminal_all_output_is_on_stdout() {
    test(async |world| {
        let task = task(world).await;
        let result = finish(open(&task, BASIC, true).await).await;
        assert_eq!(result, ended("hello stdout\r\nhello stderr\r\n", "", 43));
        let result = finish(open(&task, STREAMING, true).await).await;
        assert_eq!(result, ended("1\r\n2\r\n3\r\n", "", 0));
    });
}

#[test]
fn with_a_terminal_its_last_size_counts() {
    test(async |world| {
        let task = task(world).await;
        let session = open(&task, "read go; stty size", true).await;
        session.resize(40, 50).await;
        session.resize(100, 100).await;
        session.stdin("go\n").await;
        assert_eq!(finish(session).await, ended("go\r\n100 100\r\n", "", 0));
    });
}

#[test]
fn a_terminal_is_resized_while_the_command_runs() {
    test(async |world| {
        let task = task(world).await;
        let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done";
        let mut session = open(&task, script, true).await;
        let mut shown = String::new();
        for (wanted, size) in [("ready\r\n", Some((33, 77))), ("33 77\r\n", Some((7, 9))), ("7 9\r\n", None)]
        {
            while !shown.contains(wanted) {
                let output = limited(wanted, session.next()).await.unwrap();
                let Some(ExecOutput::Stdout(bytes)) = output else { panic!("{output:?} after {shown:?}") };
                shown.push_str(&String::from_utf8(bytes).unwrap());
            }
            if let Some((height, width)) = size {
                session.resize(height, width).await;
            }
        }
    });
}

#[test]
fn with_a_terminal_a_line_is_echoed_and_read_without_the_end_of_input() {
    test(async |world| {
        let task = task(world).await;
        let session = open(&task, "head -n1", true).await;
        session.stdin("hello from stdin\n").await;
        assert_eq!(finish(session).await, ended("hello from stdin\r\nhello from stdin\r\n", "", 0));
    });
}

#[test]
fn with_a_terminal_only_the_lead_process_is_waited_for() {
    test(async |world| {
        let task = task(world).await;
        let script = "(( sleep 30; echo from background ) & ); echo from main; exec sleep 1";
        assert_eq!(finish(open(&task, script, true).await).await, ended("from main\r\n", "", 0));
    });
}

#[test]
fn both_outputs_are_closed_before_the_exit() {
    test(async |world| {
        let task = task(world).await;
        for tty in [false, true] {
            let mut session = open(&task, "exit 3", tty).await;
            let mut messages = Vec::new();
            while let Some(message) = limited("a message", session.next()).await.unwrap() {
                messages.push(message);
            }
            let (closes, last) = (messages.len() - 1, messages.last());
            assert_eq!(last, Some(&ExecOutput::Exited(TaskExit::code(3))));
            assert!(messages[..closes].contains(&ExecOutput::StdoutClosed), "{messages:?}");
            assert!(messages[..closes].contains(&ExecOutput::StderrClosed), "{messages:?}");
        }
    });
}
