//! The log lines of tasks: every one of them, on the right stream, the last one too.

use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{test, test_with};
use nomad_host::driver::TaskExit;

#[test]
fn a_line_written_right_before_the_exit_is_there() {
    test(async |world| {
        for round in 0..5 {
            let task = world.task("web").shell(&format!("echo line {round}; exit 1")).start().await;
            let (exit, output) = task.finish().await;
            assert_eq!(exit, TaskExit::code(1));
            assert_eq!(output.stdout_text(), format!("line {round}\n"));
        }
    });
}

#[test]
fn an_unfinished_last_line_is_there() {
    test(async |world| {
        let (_, output) = world.task("web").shell("printf 'no line end'").start().await.finish().await;
        assert_eq!(output.stdout_text(), "no line end");
    });
}

#[test]
fn both_streams_arrive_complete_and_apart() {
    const LINES: usize = 10_000;
    test(async |world| {
        let script =
            format!("i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo out $i; echo err $i >&2; done");
        let (exit, output) = world.task("web").shell(&script).start().await.finish().await;
        assert_eq!(exit, TaskExit::code(0));
        for (stream, text) in [("out", output.stdout_text()), ("err", output.stderr_text())] {
            let expected: Vec<String> = (1..=LINES).map(|number| format!("{stream} {number}")).collect();
            assert!(text.lines().eq(expected.iter()), "{stream}: {} lines", text.lines().count());
        }
    });
}

#[test]
fn a_line_longer_than_a_pipe_holds_is_not_torn() {
    test(async |world| {
        let script = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo after";
        let (_, output) = world.task("web").shell(script).start().await.finish().await;
        assert_eq!(output.stdout.len(), 300_000 + "\nafter\n".len());
        assert!(output.stdout.ends_with(b"x\nafter\n"));
    });
}

#[test]
fn a_task_of_another_user_can_open_its_output_again() {
    test(async |world| {
        let task = world.task("web").shell("echo plain; echo by name > /proc/self/fd/1; echo err >&2");
        let (exit, output) = task.with(|task| task.user("root")).start().await.finish().await;
        assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(0), "plain\nby name\n"));
        let task = world.task("web").shell("echo plain; echo err >&2; id -u").with(|task| task.user("app"));
        let (_, output) = task.start().await.finish().await;
        assert_eq!(
            (output.stdout_text().as_str(), output.stderr_text().as_str()),
            ("plain\n1000\n", "err\n")
        );
    });
}

#[test]
fn a_task_whose_logs_nobody_wants_runs() {
    test(async |world| {
        let task = world.task("web").shell("echo lost; echo lost >&2; exit 4").change(|config| {
            config.stdout_path = "/dev/null".to_owned();
            config.stderr_path = "/dev/null".to_owned();
        });
        assert_eq!(task.start().await.wait().await, TaskExit::code(4));
    });
}

#[test]
fn with_the_collection_disabled_output_goes_nowhere_and_the_client_is_told() {
    test_with(Setup::config("disable_log_collection", true), async |world| {
        let can = limited("Capabilities", world.driver().capabilities()).await.unwrap();
        assert!(can.disable_log_collection);
        // Such a client makes no pipes, and names them all the same.
        let task = world.task("web").shell("readlink /proc/self/fd/1 > /local/out; echo lost; sleep 1000");
        let missing = world.alloc().shared().join("logs/.web.stdout.fifo").display().to_string();
        let task = task.change(move |config| {
            config.stdout_path.clone_from(&missing);
            config.stderr_path = missing;
        });
        let task = task.start().await;
        let out = world.alloc().task_dirs("web").local.join("out");
        let told = e2e::wait::until("where output goes", async || {
            std::fs::read_to_string(&out).ok().filter(|text| !text.is_empty())
        });
        assert_eq!(told.await, "/local/out\n");
        for stream in [1, 2] {
            let target = std::fs::read_link(format!("/proc/{}/fd/{stream}", task.pid().await)).unwrap();
            assert_eq!(target, std::path::Path::new("/dev/null"));
        }
    });
}
