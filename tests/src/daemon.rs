//! The containerd that a test uses: the run's shared one, or one of its own that it may kill.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use linux_host::process::{Exit, PidFd};
use serde::Deserialize;

use crate::environment;
use crate::wait::limit;

/// containerd's namespace for the tests' images, snapshots and containers: the driver's own default.
pub fn namespace() -> &'static str {
    match linux_host::cgroup::CgroupMounts::read().unwrap().mode() {
        linux_host::cgroup::CgroupMode::V1 => "nomad",
        linux_host::cgroup::CgroupMode::V2 => "nomad.slice",
    }
}

/// What the file that describes an instance says.
#[derive(Debug, Clone, Deserialize)]
pub struct Instance {
    /// The socket.
    pub address: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// The daemon's log.
    pub log: PathBuf,
    /// The file with the daemon's process id.
    pub pid_file: PathBuf,
    /// The directory of `ctr`.
    pub bin_dir: PathBuf,
    /// The version.
    pub version: String,
    /// The daemon's program and arguments.
    pub argv: Vec<String>,
    /// The daemon's PATH.
    pub path: String,
}

/// A row of the table of the image archives.
#[derive(Debug, Clone, Deserialize)]
pub struct Archive {
    /// The file beside the table.
    pub file: PathBuf,
    /// The name under which an import stores the image.
    pub reference: String,
}

/// The table of the image archives, by their short names.
pub fn archives() -> std::collections::BTreeMap<String, Archive> {
    let table = fs::read(environment::images().join("index.json")).unwrap();
    serde_json::from_slice(&table).unwrap()
}

/// The archive with a short name.
pub fn archive(name: &str) -> Archive {
    let found = archives().remove(name);
    let found = found.unwrap_or_else(|| panic!("there is no image archive {name:?}"));
    Archive { file: environment::images().join(found.file), ..found }
}

/// A private containerd.
#[derive(Debug)]
pub struct Daemon {
    instance: Instance,
    imported: Mutex<BTreeSet<String>>,
    sandboxes: OnceLock<bool>,
    own: Option<Mutex<Own>>,
}

/// The processes of an instance that belongs to one test.
#[derive(Debug)]
struct Own {
    keeper: Child,
    input: Option<ChildStdin>,
    restarted: Option<Child>,
    runs: bool,
}

impl Daemon {
    /// The one that the whole run shares.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Daemon>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| {
            let json = fs::read(environment::containerd_instance()).unwrap();
            Arc::new(Self::new(serde_json::from_slice(&json).unwrap(), None))
        }))
    }

    /// One that a single test may kill and start again. [`Daemon::remove`] takes it away.
    pub fn own() -> Arc<Self> {
        let mut command = Command::new(environment::xtask());
        // Of the same version as the shared one.
        command.arg("serve-containerd").arg("--bin-dir").arg(&Self::shared().instance.bin_dir);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let instance = serde_json::from_str(&line).expect("serve-containerd describes its instance");
        let input = keeper.stdin.take();
        Arc::new(Self::new(instance, Some(Mutex::new(Own { keeper, input, restarted: None, runs: true }))))
    }

    fn new(instance: Instance, own: Option<Mutex<Own>>) -> Self {
        Self { instance, imported: Mutex::default(), sandboxes: OnceLock::new(), own }
    }

    /// Where it lives.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The process id of the daemon that was started last.
    pub fn pid(&self) -> u32 {
        fs::read_to_string(&self.instance.pid_file).unwrap().trim().parse().unwrap()
    }

    /// Ends an own daemon with SIGKILL; tasks and shims live on.
    pub fn kill(&self) {
        let mut own = self.owned();
        let process = PidFd::open(self.pid()).unwrap();
        process.kill().unwrap();
        assert!(matches!(process.wait(limit()), Ok(Exit::Ended)), "containerd does not die");
        if let Some(mut restarted) = own.restarted.take() {
            restarted.wait().unwrap();
        }
        own.runs = false;
    }

    /// Starts an own daemon that a test has left killed.
    pub fn ensure_running(&self) {
        let dead = self.own.is_some() && !self.owned().runs;
        if dead {
            self.start();
        }
    }

    /// Starts an own daemon that was killed, and returns when it answers.
    pub fn start(&self) {
        let mut own = self.owned();
        let log = fs::OpenOptions::new().append(true).open(&self.instance.log).unwrap();
        let (program, arguments) = self.instance.argv.split_first().unwrap();
        let child = Command::new(program)
            .args(arguments)
            .env("PATH", &self.instance.path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        fs::write(&self.instance.pid_file, child.id().to_string()).unwrap();
        own.restarted = Some(child);
        own.runs = true;
        let deadline = Instant::now() + limit();
        while !self.answers() {
            assert!(Instant::now() < deadline, "containerd does not come back");
        }
    }

    /// Whether a client that waits for a moment gets the server's version.
    fn answers(&self) -> bool {
        let output = self.command().args(["--connect-timeout", "5s", "--timeout", "5s", "version"]).output();
        output.is_ok_and(|output| output.status.success())
    }

    fn owned(&self) -> std::sync::MutexGuard<'_, Own> {
        let own = self.own.as_ref().expect("only a test's own containerd may be killed");
        own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an own instance away with all that is left in it; a shared one stays.
    pub fn remove(&self) -> Result<(), String> {
        let Some(own) = &self.own else { return Ok(()) };
        let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        drop(own.input.take());
        let status = own.keeper.wait().map_err(|error| error.to_string())?;
        if let Some(mut restarted) = own.restarted.take() {
            restarted.wait().map_err(|error| error.to_string())?;
        }
        match status.success() {
            true => Ok(()),
            false => Err(format!("the keeper of containerd ended with {status} after {:?}", begun.elapsed())),
        }
    }

    /// `ctr` of the same version, pointed at the socket, without a namespace.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.instance.bin_dir.join("ctr"));
        command.arg("--address").arg(&self.instance.address);
        command
    }

    /// What `ctr` prints in the driver's namespace; it must succeed.
    pub fn ctr(&self, arguments: &[&str]) -> String {
        self.try_ctr(arguments).unwrap_or_else(|error| panic!("ctr {arguments:?}: {error}"))
    }

    /// What `ctr` prints in the driver's namespace, or its complaint.
    pub fn try_ctr(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command().args(["--namespace", namespace()]).args(arguments).output();
        let output = output.map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Whether it keeps sandbox records: daemons before 1.7 have no such plugin, and their `ctr` no such command.
    pub fn has_sandboxes(&self) -> bool {
        *self.sandboxes.get_or_init(|| {
            let plugins = self.ctr(&["plugins", "list"]);
            plugins.lines().any(|line| {
                let mut fields = line.split_whitespace();
                fields.next() == Some("io.containerd.grpc.v1") && fields.next() == Some("sandboxes")
            })
        })
    }

    /// Imports an archive, once for each daemon, and gives the image's reference.
    pub fn image(&self, name: &str) -> String {
        let Archive { file, reference } = archive(name);
        let mut imported = self.imported.lock().unwrap_or_else(PoisonError::into_inner);
        if !imported.contains(name) {
            let output = self.import(&file);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            imported.insert(name.to_owned());
        }
        reference
    }

    /// What the driver's own import says of an archive.
    pub fn import(&self, file: &Path) -> Output {
        let mut command = Command::new(environment::driver());
        command.arg("import").arg("--address").arg(&self.instance.address).arg(file);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// The time that a daemon may be away in tests of outages, so that what only fails after a while fails.
    pub const OUTAGE: Duration = Duration::from_secs(2);
}
