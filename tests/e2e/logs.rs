//! The log lines of tasks: every one of them, on the right stream, the last one too.

use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use e2e::wait::limited;
use e2e::world::Setup;
use e2e::{environment, test, test_with};
use nomad_host::driver::TaskExit;
use nomad_proto::cty::Value;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::{OpenOptions, Receiver};

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

fn open(path: &str) -> Receiver {
    OpenOptions::new().open_receiver(path).unwrap()
}

/// How long the reader is away in the long form, in which nothing else happens.
const LONG_GONE: Duration = Duration::from_secs(30);

#[test]
fn a_task_whose_log_reader_goes_away_waits_for_the_next_and_loses_no_line() {
    const LINES: usize = 4_000;
    // So long that a few hundred of them fill the pipes.
    const TAIL: &str =
        "................................................................................................";
    test(async |world| {
        let script = format!(
            "i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo $i {TAIL}{TAIL}; echo $i > /local/at; done"
        );
        let (config, logs) = world.task("web").shell(&script).prepare().await.unwrap();
        drop(logs);
        for path in [&config.stdout_path, &config.stderr_path] {
            let _removed_with_its_reader = std::fs::remove_file(path);
            linux_host::fifo::make(path.as_ref()).unwrap();
        }
        let (mut stdout, stderr) = (open(&config.stdout_path), open(&config.stderr_path));
        let handle = limited("StartTask", world.driver().start_task(&config)).await.unwrap();
        world.shared().remember(&handle);
        let mut text = vec![0; 4096];
        limited("lines", stdout.read_exact(&mut text)).await.unwrap();
        drop((stdout, stderr));
        // The task goes on until the pipes are full, and then stands still.
        let at = world.alloc().task_dirs("web").local.join("at");
        let line = || std::fs::read_to_string(&at).unwrap_or_default();
        let (mut last, mut same) = (line(), 0);
        e2e::wait::until("a task that waits", async || {
            let now = line();
            same = if now == last && !now.is_empty() { same + 1 } else { 0 };
            last = now;
            (same > 20).then_some(())
        })
        .await;
        if environment::long() {
            tokio::time::sleep(LONG_GONE).await;
            assert_eq!(line(), last, "it has not waited");
        }
        let (mut stdout, _stderr) = (open(&config.stdout_path), open(&config.stderr_path));
        let driver = world.driver();
        let ended = limited("the end", async {
            tokio::join!(driver.wait_task(&config.id), async {
                let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
                while lines(&text) < LINES {
                    let mut more = vec![0; 65536];
                    let length = stdout.read(&mut more).await.unwrap();
                    text.extend_from_slice(&more[..length]);
                }
            })
        });
        assert_eq!(ended.await.0.unwrap(), TaskExit::code(0));
        let text = String::from_utf8(text).unwrap();
        let expected = (1..=LINES).map(|number| format!("{number} {TAIL}{TAIL}"));
        assert!(text.lines().eq(expected), "{} lines", text.lines().count());
    });
}

/// A client that lost a start begins another one, over the same pipes and with the same reader, which takes a pipe
/// without a writer for the end of all output.
#[test]
fn a_start_that_takes_the_place_of_a_lost_one_loses_no_line() {
    test(async |world| {
        for plugin_dies in [false, true] {
            let name = format!("web-{plugin_dies}");
            let (config, logs) = world.task(&name).shell("echo line; sleep 1000").prepare().await.unwrap();
            drop(logs);
            for path in [&config.stdout_path, &config.stderr_path] {
                let _removed_with_its_reader = std::fs::remove_file(path);
                linux_host::fifo::make(path.as_ref()).unwrap();
            }
            let (mut stdout, mut stderr) = (open(&config.stdout_path), open(&config.stderr_path));
            let _lost = limited("StartTask", world.driver().start_task(&config)).await.unwrap();
            let mut line = [0; 5];
            limited("the line", stdout.read_exact(&mut line)).await.unwrap();
            if plugin_dies {
                world.kill_plugin().await;
                world.start_plugin().await;
            }
            let mut again = config.clone();
            again.id.push_str("-again");
            let driver = world.driver();
            let second = async { tokio::join!(driver.start_task(&again), stdout.read_exact(&mut line)) };
            let ended = async { stderr.read(&mut [0; 1]).await };
            let (handle, read) = limited("the second line", async {
                tokio::select! {
                    both = second => both,
                    end = ended => panic!("the other pipe has ended: {end:?}"),
                }
            })
            .await;
            world.shared().remember(&handle.unwrap());
            assert_eq!((read.unwrap(), &line), (5, b"line\n"), "the plugin dies: {plugin_dies}");
        }
    });
}

#[test]
fn a_task_that_puts_something_else_in_the_place_of_its_log_pipe_gains_nothing_at_its_restart() {
    test(async |world| {
        let secret = world.directory().join("secret");
        std::fs::write(&secret, "of the host").unwrap();
        let to_secret = format!("ln -s {} $1", secret.display());
        for swap in [to_secret.as_str(), "ln -s /dev/null $1", "echo mine > $1", "mkdir $1", "cp -r /etc $1"]
        {
            // All of the allocation, and with it the directory of its logs, which is read-only at /alloc.
            let shared = world.alloc().shared().display().to_string();
            let script = format!("set -- /whole/logs/$PIPE; rm -rf $1; {swap}; echo done; sleep 1000");
            let setup = world.task("web").shell(&script).option("mounts", whole(&shared));
            let (mut config, logs) = setup.prepare().await.unwrap();
            let pipe = std::path::Path::new(&config.stdout_path).file_name().unwrap();
            config.env.insert("PIPE".to_owned(), pipe.to_string_lossy().into_owned());
            let mut task = e2e::Task::start(world.shared(), config.clone(), logs).await.unwrap();
            task.printed("done").await;
            let pipe = std::path::Path::new(&config.stdout_path);
            assert!(
                std::fs::symlink_metadata(pipe).unwrap().file_type().is_fifo(),
                "{swap}: it was replaced"
            );
            task.destroy(true).await.unwrap();
            // A task of another driver of the group can do it.
            let planted = format!("set -- {}; rm -rf $1; {swap}", pipe.display());
            assert!(std::process::Command::new("sh").args(["-c", &planted]).status().unwrap().success());
            config.id.push_str("-again");
            let refused = limited("StartTask", world.driver().start_task(&config)).await.unwrap_err();
            let text = refused.to_string();
            assert!(text.starts_with("the task's log pipe can not be used: "), "{swap}: {text}");
            assert_eq!(std::fs::read_to_string(&secret).unwrap(), "of the host");
            let left = std::path::Path::new(&config.stdout_path);
            if left.is_dir() && !left.is_symlink() {
                std::fs::remove_dir_all(left).unwrap();
            }
        }
    });
}

/// A writable mount of a directory of the host.
fn whole(source: &str) -> Value {
    let options = Value::List(["rbind", "rw"].map(Value::from).to_vec());
    let mount = [
        ("type", Value::from("bind")),
        ("source", source.into()),
        ("target", "/whole".into()),
        ("options", options),
    ];
    Value::List(vec![mount.into()])
}
