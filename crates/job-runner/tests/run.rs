//! Whole runs over the fake driver: what is shown, the exit code, and what is left.

#![expect(clippy::unwrap_used, reason = "test code reports by panicking")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Cargo builds examples for tests, beside the tests themselves.
fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().unwrap().parent().unwrap().join("examples/fake-driver");
    assert!(program.exists(), "{} is built with the tests", program.display());
    program
}

/// A directory of a test with a job file in it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// A batch job whose group has this body.
    fn new(group: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = format!("job \"j\" {{\n  type = \"batch\"\n  group \"g\" {{\n{group}\n  }}\n}}\n");
        std::fs::write(directory.path().join("job.hcl"), text).unwrap();
        Self { directory }
    }

    /// Gives its tasks a variable.
    fn with_env(self, name: &str, value: &str) -> Self {
        let job = self.directory.path().join("job.hcl");
        let text = std::fs::read_to_string(&job).unwrap();
        let text = text.replace("driver = ", &format!("env {{\n{name} = \"{value}\"\n}}\ndriver = "));
        std::fs::write(job, text).unwrap();
        self
    }

    /// Gives its tasks the path of a file that is not there yet.
    fn with_mark(self, name: &str) -> Self {
        let mark = self.mark(name).display().to_string();
        self.with_env(name, &mark)
    }

    /// Where the file is.
    fn mark(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let mut child = Command::new(program())
            .arg("run")
            .arg(self.directory.path().join("job.hcl"))
            .arg(self.state())
            .args(arguments)
            .env("TMPDIR", self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Running { child, output, seen: String::new() }
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        self.start(arguments).end()
    }

    /// Everything below the state directory but the directories of all runs and the node's id.
    fn left(&self) -> Vec<PathBuf> {
        let state = self.state();
        let always = ["runs", "allocs", "node_id"].map(|name| state.join(name));
        let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
        let left = entries(&state).chain(entries(&always[0])).chain(entries(&always[1]));
        left.map(|entry| entry.path()).filter(|path| !always.contains(path)).collect()
    }

    /// The files below the state directory that hold one of the texts, plain or in base64, without those that are the
    /// tasks' own.
    fn files_with(&self, secrets: &[&str]) -> Vec<PathBuf> {
        let mut open = vec![self.state()];
        let (mut found, mut looked_at) = (Vec::new(), 0);
        while let Some(path) = open.pop() {
            let kind = path.symlink_metadata().unwrap().file_type();
            if kind.is_dir() {
                let entries = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
                open.extend(entries.filter(|path| !path.ends_with("local") && !path.ends_with("secrets")));
            } else if kind.is_file() {
                looked_at += 1;
                let content = std::fs::read(&path).unwrap();
                found.extend(secrets.iter().any(|secret| holds(&content, secret)).then_some(path));
            }
        }
        assert_ne!(looked_at, 0, "a run that lives has files");
        found
    }
}

struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    seen: String,
}

impl Running {
    /// Reads until a line holds the text; what was read is kept.
    fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "no {text:?} in\n{}", self.seen);
            self.seen.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The same for a line that may have come already.
    fn seen_or_until(&mut self, text: &str) {
        if !self.seen.contains(text) {
            self.until(text);
        }
    }

    fn signal(&self, name: &str) {
        signal(&self.child.id().to_string(), name);
    }

    fn end(mut self) -> (i32, String) {
        self.output.read_to_string(&mut self.seen).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), std::mem::take(&mut self.seen))
    }
}

/// Whether the bytes hold the text, or a word of base64 in them does.
fn holds(content: &[u8], secret: &str) -> bool {
    let plain = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    let words = content.split(|byte| !byte.is_ascii_alphanumeric() && !b"+/=".contains(byte));
    plain(content) || words.filter_map(|word| STANDARD.decode(word).ok()).any(|bytes| plain(&bytes))
}

/// A test that fails leaves nothing running: the second interrupt ends what the first one, once it is told of, does not.
impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let id = self.child.id().to_string();
            let interrupt = || Command::new("/bin/kill").args(["-s", "INT", &id]).status();
            let _it_may_have_ended = interrupt();
            let _told = self.output.read_line(&mut String::new());
            let _it_may_have_ended = interrupt();
            let _it_ends = self.child.wait();
        }
    }
}

fn signal(pid: &str, name: &str) {
    assert!(Command::new("/bin/kill").args(["-s", name, pid]).status().unwrap().success());
}

fn task(name: &str, more: &str, command: &str) -> String {
    format!(
        "task \"{name}\" {{\ndriver = \"fake\"\nrestart {{\nattempts = 0\n}}\n{more}\nconfig {{\nimage = \"x\"\ncommand = <<EOT\n{command}\nEOT\n}}\n}}\n"
    )
}

const SIDECAR: &str = "lifecycle {\nhook = \"prestart\"\nsidecar = true\n}";

/// Waits until the sidecar has said what it says and has set its trap: nothing else orders that before its stop.
const WAITS: &str = "until [ -e \"$UP\" ]; do sleep 0.05; done;";

/// A process that has ended may wait for whoever adopted it to take notice.
fn alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

#[test]
fn a_run_shows_everything_ends_with_the_tasks_code_and_leaves_nothing() {
    let server = task("server", SIDECAR, "echo up; : > \"$UP\"; exec sleep 1000");
    let command = format!("{WAITS} echo \"$NOMAD_PORT_db is the port\"; echo oops >&2; printf last; exit 7");
    let client = task("client", "", &command);
    let place = Place::new(&format!("network {{\nport \"db\" {{}}\n}}\n{server}{client}")).with_mark("UP");
    let (code, output) = place.run(&[]);
    assert_eq!(code, 7, "{output}");
    for text in [
        "server | up",
        "is the port",
        "client ! oops",
        "client | last",
        "client · image is there",
        "client · ended: exit code 7",
        "server · to be stopped: task `client` has failed",
        "server  stopped, signal 15, exit code 143",
        "3.0 MiB",
        "ended with code 7",
    ] {
        assert!(output.contains(text), "no {text:?} in\n{output}");
    }
    assert_eq!(place.left(), [] as [PathBuf; 0], "{output}");
}

#[test]
fn a_template_is_written_before_the_task_starts() {
    let template = "template {\ndata = \"hello {{ env \\\"NOMAD_TASK_NAME\\\" }}\"\ndestination = \"local/a/b\"\nperms = \"0640\"\n}";
    let place = Place::new(&task("t", template, "cd $ALLOC/t/local/a && stat -c '%a %s' b && cat b"));
    let allocs = place.state().join("allocs").display().to_string();
    let place = place.with_env("ALLOC", &format!("{allocs}/${{NOMAD_ALLOC_ID}}"));
    let (code, output) = place.run(&[]);
    assert!(code == 0 && output.contains("t | 640 7") && output.contains("t | hello t"), "{output}");
}

#[test]
fn bad_input_is_one_error_and_nothing_is_left() {
    let cases = [
        (
            task("t", "", "true").replace("image", "imgae"),
            "unknown option \"imgae\"; did you mean \"image\"?",
        ),
        (task("t", "", "echo ${nope}"), "undefined variable `nope`"),
        (
            task("t", "", "true").replace("\"x\"", "\"missing\""),
            "not started: the image `missing` does not exist",
        ),
    ];
    for (group, text) in cases {
        let place = Place::new(&group);
        let (code, output) = place.run(&[]);
        assert!(code == 1 && output.contains(text), "no {text:?}, code {code} in\n{output}");
        assert_eq!(place.left(), [] as [PathBuf; 0], "{output}");
    }
}

#[test]
fn a_driver_that_is_not_ready_says_why_and_what_to_do() {
    let place = Place::new(&task("t", "", "true"));
    let (code, output) = place.run(&["--address", "/nowhere"]);
    assert_eq!(code, 1);
    assert!(output.contains("error: the driver cannot run tasks: nothing answers at /nowhere\n"), "{output}");
    assert!(output.contains("start containerd"), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn archives_are_imported_before_anything_starts() {
    let place = Place::new(&task("t", "", "true"));
    let archive = place.directory.path().join("image.tar");
    std::fs::write(&archive, "redis:7").unwrap();
    let (code, output) = place.run(&["--load", archive.to_str().unwrap()]);
    let imported = output.find("  imported redis:7").expect(&output);
    assert!(code == 0 && imported < output.find("starting").unwrap(), "{output}");
    let (code, output) = place.run(&["--load", "/no/such.tar"]);
    assert!(code == 1 && output.contains("cannot import /no/such.tar: no archive"), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn ctrl_c_stops_in_order_and_leaves_nothing() {
    let forever = "while :; do sleep 0.1; done";
    let server = format!("trap 'echo server down; exit 0' TERM; : > \"$UP\"; {forever}");
    let client = format!("{WAITS} trap 'echo client down; exit 0' TERM; echo ready; {forever}");
    let (server, client) = (task("server", SIDECAR, &server), task("client", "", &client));
    let place = Place::new(&format!("{server}{client}")).with_mark("UP");
    let mut run = place.start(&[]);
    run.until("client | ready");
    run.signal("INT");
    let (code, output) = run.end();
    assert_eq!(code, 130, "{output}");
    let first = output.find("client | client down").expect(&output);
    assert!(first < output.find("server | server down").expect(&output), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_a_task_that_ignores_the_first() {
    let stubborn =
        task("t", "kill_timeout = \"1h\"", "trap '' TERM; echo ready; while :; do sleep 0.1; done");
    let place = Place::new(&stubborn);
    let mut run = place.start(&[]);
    run.until("| ready");
    run.signal("TERM");
    run.until("stopping");
    run.signal("INT");
    let (code, output) = run.end();
    assert_eq!(code, 143, "{output}");
    assert!(output.contains("signal 9, exit code 137"), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn a_run_that_was_killed_is_cleaned_up_by_the_next() {
    let place = Place::new(&task("t", "", "echo pid $$; exec sleep 1000"));
    let mut run = place.start(&[]);
    let line = run.until("t | pid ");
    let pid = line.trim().rsplit(' ').next().unwrap().to_owned();
    run.seen_or_until("running after");
    run.signal("KILL");
    run.end();
    assert!(alive(&pid) && !place.left().is_empty());
    let text = std::fs::read_to_string(place.directory.path().join("job.hcl")).unwrap();
    std::fs::write(place.directory.path().join("job.hcl"), text.replace("exec sleep 1000", "true")).unwrap();
    let (code, output) = place.run(&[]);
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("cleaning up after an earlier run"), "{output}");
    assert!(output.contains("removed task"), "{output}");
    assert!(!alive(&pid), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn when_the_plugin_died_too_a_new_one_finds_the_task() {
    let place = Place::new(&task("t", "", "echo pid $$; exec sleep 1000"));
    let mut run = place.start(&[]);
    let pid = run.until("t | pid ").trim().rsplit(' ').next().unwrap().to_owned();
    run.seen_or_until("running after");
    let plugin = plugin_of(&place);
    run.signal("KILL");
    run.end();
    signal(&plugin, "KILL");
    std::fs::write(place.directory.path().join("job.hcl"), "nonsense {}\n").unwrap();
    assert_eq!(place.run(&[]).0, 1);
    assert!(alive(&pid), "a job file that is not read starts nothing, and cleans nothing up");
    let group = task("t", "", "true");
    let text = format!("job \"j\" {{\n  type = \"batch\"\n  group \"g\" {{\n{group}\n  }}\n}}\n");
    std::fs::write(place.directory.path().join("job.hcl"), text).unwrap();
    let (code, output) = place.run(&[]);
    assert!(code == 0 && output.contains("removed task"), "{output}");
    assert!(!alive(&pid), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn what_cannot_be_looked_for_is_kept_for_a_later_run_and_does_not_hold_up_this_one() {
    let place = Place::new(&task("t", "", "echo pid $$; exec sleep 1000"));
    let mut run = place.start(&["--address", "/here"]);
    let pid = run.until("t | pid ").trim().rsplit(' ').next().unwrap().to_owned();
    run.seen_or_until("running after");
    run.signal("KILL");
    run.end();
    // The next runs look where the tasks are, wherever they run their own.
    let file = place.left().iter().map(|path| path.join("place.json")).find(|path| path.exists()).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("/here", "/nowhere")).unwrap();
    let job = place.directory.path().join("job.hcl");
    std::fs::write(&job, std::fs::read_to_string(&job).unwrap().replace("exec sleep 1000", "true")).unwrap();
    let (code, output) = place.run(&["--address", "/there"]);
    assert!(code == 0 && output.contains("nothing answers at /nowhere"), "{output}");
    assert!(output.contains("the next run tries again") && alive(&pid), "{output}");
    std::fs::write(&file, text).unwrap();
    let (code, output) = place.run(&["--address", "/there"]);
    assert!(code == 0 && output.contains("removed task") && !alive(&pid), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

#[test]
fn a_plugin_that_dies_is_replaced_and_the_task_lives_on() {
    let command = "echo ready; until [ -e \"$GO\" ]; do sleep 0.05; done; echo went on";
    let place = Place::new(&task("t", "", command)).with_mark("GO");
    let mut run = place.start(&[]);
    run.until("| ready");
    run.seen_or_until("running after");
    signal(&plugin_of(&place), "KILL");
    run.until("is started again");
    std::fs::write(place.mark("GO"), "").unwrap();
    let (code, output) = run.end();
    assert!(code == 0 && output.contains("t | went on"), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

/// The process that listens at the socket in the run's directory.
fn plugin_of(place: &Place) -> String {
    let runs = std::fs::read_dir(place.state().join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let entries = runs.flat_map(|run| std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path()));
    let stream = entries.filter_map(|path| UnixStream::connect(path).ok()).next().unwrap();
    rustix::net::sockopt::socket_peercred(stream).unwrap().pid.as_raw_nonzero().to_string()
}

const PASSWORD: &str = "of-nobody-4711";
const OPERATORS: &str = "of-the-operator-0815";
const VARIABLE: &str = "a-secret-of-the-environment";

/// A job with secrets in its configuration and environment, that runs until it is stopped; and the file of the
/// plugin's configuration, with another secret.
fn secretive(command: &str) -> (Place, PathBuf) {
    let task = task("t", "", command).replace("image", &format!("password = \"{PASSWORD}\"\nimage"));
    let place = Place::new(&task).with_env("TOKEN", VARIABLE);
    let file = place.directory.path().join("plugin.hcl");
    std::fs::write(&file, format!("password = \"{OPERATORS}\"\n")).unwrap();
    (place, file)
}

#[test]
fn no_file_of_a_run_holds_a_secret_while_it_runs_nor_after_it_was_killed() {
    let (place, file) = secretive("echo \"$TOKEN\" | wc -c; exec sleep 1000");
    let flags = ["--plugin-config", file.to_str().unwrap()];
    let mut run = place.start(&flags);
    run.until(&format!("t | {}", VARIABLE.len() + 1));
    run.seen_or_until("running after");
    assert_eq!(place.files_with(&[PASSWORD, OPERATORS, VARIABLE]), [] as [PathBuf; 0]);
    run.signal("KILL");
    let (_, output) = run.end();
    assert_eq!(place.files_with(&[PASSWORD, OPERATORS, VARIABLE]), [] as [PathBuf; 0]);
    let text = std::fs::read_to_string(place.directory.path().join("job.hcl")).unwrap();
    std::fs::write(place.directory.path().join("job.hcl"), text.replace("exec sleep 1000", "true")).unwrap();
    let (code, next) = place.run(&flags);
    assert_eq!(code, 0, "{next}");
    for secret in [PASSWORD, OPERATORS, VARIABLE] {
        assert!(!output.contains(secret) && !next.contains(secret), "{output}{next}");
    }
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}

/// A start that hangs is where a run knows the most and has nothing yet to show for it.
#[test]
fn what_a_run_that_was_killed_in_a_start_left_holds_no_secret_and_is_cleaned_up() {
    let (place, file) = secretive("exec sleep 1000");
    let job = place.directory.path().join("job.hcl");
    let text = std::fs::read_to_string(&job).unwrap();
    std::fs::write(&job, text.replace("\"x\"", "\"slow\"")).unwrap();
    let flags = ["--plugin-config", file.to_str().unwrap()];
    let mut run = place.start(&flags);
    run.until("image is there");
    assert_eq!(place.files_with(&[PASSWORD, OPERATORS, VARIABLE]), [] as [PathBuf; 0]);
    let plugin = plugin_of(&place);
    run.signal("KILL");
    run.end();
    assert!(alive(&plugin), "a plugin outlives its host");
    std::fs::write(&job, text.replace("exec sleep 1000", "true")).unwrap();
    let (code, output) = place.run(&flags);
    assert!(code == 0 && output.contains("cleaning up after an earlier run"), "{output}");
    assert!(!alive(&plugin), "{output}");
    assert_eq!(place.left(), [] as [PathBuf; 0]);
}
