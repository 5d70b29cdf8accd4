//! Commands in a running task: their surroundings, input, limits and ends.

use std::time::Duration;

use e2e::host::Sleep;
use e2e::wait::{limited, until_true};
use e2e::{Task, World, test};
use nomad_host::driver::TaskExit;
use nomad_proto::pb::driver::ExecTaskStreamingRequest;

const NO_LIMIT: Duration = Duration::ZERO;

async fn task(world: &World) -> Task {
    world.task("web").shell("sleep 1000").start().await
}

#[test]
fn a_command_gives_its_output_and_code() {
    test(async |world| {
        let task = task(world).await;
        let result = task.run("echo out; echo err >&2; exit 3").await;
        assert_eq!((result.stdout.as_slice(), result.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(result.exit, TaskExit::code(3));
        assert_eq!(task.run("exit 0").await.exit, TaskExit::code(0));
        assert_eq!(task.run("exit 255").await.exit, TaskExit::code(255));
    });
}

#[test]
fn a_command_that_a_signal_ended_is_reported_with_it() {
    test(async |world| {
        let task = task(world).await;
        for (name, signal) in [("KILL", 9), ("TERM", 15), ("USR1", 10)] {
            let exit = task.run(&format!("kill -{name} $$")).await.exit;
            assert_eq!(exit, TaskExit { code: 128 + signal, signal, oom_killed: false });
        }
    });
}

#[test]
fn a_command_has_the_tasks_user_directory_and_environment() {
    test(async |world| {
        let task = world.task("web").shell("sleep 1000").option("cwd", "/home/app");
        let task = task.with(|task| task.user("app").env("COLOUR", "blue")).start().await;
        let text = task.read("id -u; pwd; echo $COLOUR; echo $NOMAD_TASK_NAME; echo $PATH").await;
        assert_eq!(text, "1000\n/home/app\nblue\nweb\n/bin:/usr/bin\n");
    });
}

#[test]
fn a_command_that_outlives_its_limit_is_killed() {
    test(async |world| {
        let task = task(world).await;
        let sleep = Sleep::unique();
        let refused = task.exec(&["sleep", sleep.seconds()], Duration::from_millis(300)).await.unwrap_err();
        assert_eq!(refused.to_string(), "command did not finish within 0.3 s and was killed");
        until_true("no sleep", || !sleep.runs()).await;
        assert_eq!(task.read("echo fine").await, "fine\n");
    });
}

#[test]
fn endless_output_is_bounded_and_its_end_kept() {
    test(async |world| {
        let task = task(world).await;
        let result = task.run("yes | head -c 3000000; echo the end; yes | head -c 3000000 >&2").await;
        assert_eq!(result.exit, TaskExit::code(0));
        assert!(result.stdout.len() <= 1 << 20, "{} bytes", result.stdout.len());
        assert!(result.stdout.ends_with(b"y\nthe end\n"));
        assert!(result.stderr.len() <= 1 << 20, "{} bytes", result.stderr.len());
    });
}

#[test]
fn a_command_that_reads_finds_the_end_of_input() {
    test(async |world| {
        let task = task(world).await;
        let result = task.exec(&["cat"], Duration::from_secs(50)).await.unwrap();
        assert_eq!((result.exit, result.stdout.as_slice()), (TaskExit::code(0), &b""[..]));
    });
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    test(async |world| {
        let task = task(world).await;
        let refused = task.exec(&["no-such-program", "-x"], NO_LIMIT).await.unwrap_err().to_string();
        assert!(refused.contains("no-such-program") && refused.contains("not found"), "{refused}");
        let session = task.session(&["/no/such/program"], false).await;
        let refused = limited("the refusal", session.finish()).await.unwrap_err().to_string();
        assert!(refused.contains("/no/such/program") && refused.contains("no such file"), "{refused}");
        let refused = task.exec(&["/etc/passwd"], NO_LIMIT).await.unwrap_err().to_string();
        assert!(refused.contains("/etc/passwd") && refused.contains("permission denied"), "{refused}");
        assert_eq!(task.read("echo fine").await, "fine\n");
    });
}

#[test]
fn an_empty_command_is_refused() {
    test(async |world| {
        let task = task(world).await;
        assert_eq!(task.exec(&[], NO_LIMIT).await.unwrap_err().to_string(), "a command is required");
        let session = task.try_session(&[], false).await;
        assert_eq!(session.unwrap_err().to_string(), "a command is required");
    });
}

#[test]
fn an_ended_task_takes_no_command() {
    test(async |world| {
        let task = world.task("web").shell("exit 0").start().await;
        task.wait().await;
        let refused = task.exec(&["true"], NO_LIMIT).await.unwrap_err().to_string();
        assert!(refused.contains("is not running"), "{refused}");
    });
}

#[test]
fn the_first_message_must_say_what_to_run() {
    test(async |world| {
        let session = world.driver().exec_session(ExecTaskStreamingRequest::default()).await;
        assert_eq!(session.unwrap_err().to_string(), "first message should always be setup");
    });
}

#[test]
fn much_input_arrives_whole() {
    test(async |world| {
        let task = task(world).await;
        let session = task.session(&["/bin/sh", "-c", "cat | md5sum"], false).await;
        for _ in 0..64 {
            session.stdin(vec![b'x'; 64 * 1024]).await;
            session.heartbeat().await;
        }
        session.close_stdin().await;
        let result = limited("the exec's end", session.finish()).await.unwrap();
        assert_eq!(result.exit, TaskExit::code(0));
        let expected = task.read("head -c 4194304 /dev/zero | tr '\\0' x | md5sum").await;
        assert_eq!(String::from_utf8(result.stdout).unwrap(), expected);
    });
}

#[test]
fn input_comes_back_as_it_went() {
    test(async |world| {
        let task = task(world).await;
        let session = task.session(&["cat"], false).await;
        let sent: Vec<u8> = (0..=255).collect();
        session.stdin(sent.clone()).await;
        session.close_stdin().await;
        let result = limited("the exec's end", session.finish()).await.unwrap();
        assert_eq!((result.exit, result.stdout), (TaskExit::code(0), sent));
    });
}

#[test]
fn much_output_arrives_whole_in_a_session() {
    test(async |world| {
        let task = task(world).await;
        let session = task.session(&["seq", "1", "200000"], false).await;
        let result = limited("the exec's end", session.finish()).await.unwrap();
        let expected: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
        assert!(result.stdout == expected.as_bytes(), "{} bytes", result.stdout.len());
    });
}

#[test]
fn a_call_that_is_dropped_ends_the_command() {
    test(async |world| {
        let task = task(world).await;
        for tty in [false, true] {
            let sleep = Sleep::unique();
            let session = task.session(&["sleep", sleep.seconds()], tty).await;
            until_true("the sleep", || sleep.runs()).await;
            drop(session);
            until_true("no sleep", || !sleep.runs()).await;
        }
        assert_eq!(task.read("echo fine").await, "fine\n");
    });
}

#[test]
fn what_a_command_left_in_the_background_does_not_hold_up_its_end() {
    test(async |world| {
        let task = task(world).await;
        let result = task.run("sleep 1000 & echo started").await;
        assert_eq!((result.exit, result.stdout.as_slice()), (TaskExit::code(0), &b"started\n"[..]));
    });
}

#[test]
fn a_command_ends_with_its_task() {
    test(async |world| {
        let task = task(world).await;
        let sleep = Sleep::unique();
        let session = task.session(&["sleep", sleep.seconds()], false).await;
        until_true("the sleep", || sleep.runs()).await;
        task.stop(NO_LIMIT, "").await.unwrap();
        // Its own end, or that the task is gone: either, and soon.
        let _ended = limited("the exec's end", session.finish()).await;
        assert!(!sleep.runs());
    });
}

#[test]
fn many_commands_run_at_once() {
    test(async |world| {
        let task = task(world).await;
        let commands = (0..8).map(|number| {
            let task = &task;
            async move { task.read(&format!("sleep 0.2; echo {number}")).await }
        });
        let outputs = limited("all of them", futures::future::join_all(commands)).await;
        let expected: Vec<String> = (0..8).map(|number| format!("{number}\n")).collect();
        assert_eq!(outputs, expected);
    });
}
