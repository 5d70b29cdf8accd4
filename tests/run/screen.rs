//! A run of the binary, watched line by line.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use e2e::{Daemon, environment, leftovers};
use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for a line or an end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A job file and what is told about it on the command line.
pub(crate) struct Run {
    child: Child,
    lines: Receiver<String>,
    /// Everything that was printed so far.
    pub(crate) screen: String,
    _files: tempfile::TempDir,
}

/// A job of one task that runs a shell script on the busybox image.
pub(crate) fn shell_job(kind: &str, script: &str) -> String {
    format!(
        r#"
job "t" {{
  type = "{kind}"
  group "g" {{
    restart {{ attempts = 0 }}
    task "a" {{
      driver = "containerd-driver"
      config {{
        image   = "busybox:1"
        command = "/bin/sh"
        args    = ["-c", <<-EOS
          {script}
        EOS
        ]
      }}
      kill_timeout = "30s"
    }}
  }}
}}
"#
    )
}

impl Run {
    /// Starts `run` on this job file.
    pub(crate) fn start(daemon: &Daemon, job: &str, flags: &[&str]) -> Self {
        daemon.image("busybox");
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("job.nomad.hcl");
        std::fs::write(&path, job).unwrap();
        Self::start_file(daemon, path, flags, files)
    }

    /// Starts `run` on a file that is there; `files` lives as long as the run.
    pub(crate) fn start_file(
        daemon: &Daemon,
        path: PathBuf,
        flags: &[&str],
        files: tempfile::TempDir,
    ) -> Self {
        let mut child = Command::new(environment::driver())
            .arg("run")
            .args(["--address", daemon.instance().address.to_str().unwrap()])
            .args(flags)
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, screen: String::new(), _files: files }
    }

    /// Waits until a line with this text is on the screen; gives the line.
    pub(crate) fn shows(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.screen.push_str(&line);
                    self.screen.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} did not appear:\n{}", self.screen)
                }
            }
        }
    }

    /// The allocation's id, from the run's first line.
    pub(crate) fn alloc_id(&mut self) -> String {
        let line = self.shows("allocation ");
        line.rsplit("allocation ").next().unwrap().trim().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; gives the exit code, or `None` after a signal.
    pub(crate) fn end(&mut self) -> Option<i32> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.screen.push_str(&line);
                    self.screen.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the run did not end:\n{}", self.screen),
            }
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _it_has_ended = self.child.kill();
        let _it_is_reaped = self.child.wait();
    }
}

/// Nothing of the allocation is left in containerd.
pub(crate) fn assert_nothing_left(daemon: &Daemon, alloc_id: &str) {
    let left = leftovers::in_containerd(daemon, alloc_id);
    assert!(left.is_empty(), "{left:?}");
}
