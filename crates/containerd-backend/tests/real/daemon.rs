//! Processes that tests start for themselves: a containerd that may be killed, and a registry.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::fixture::soon;

/// A containerd of the test's own, in a directory of its own; killed when it is dropped.
pub(crate) struct Daemon {
    pub(crate) address: PathBuf,
    config: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    /// Writes the configuration and starts it. The directory must be short: it holds sockets.
    pub(crate) fn start(directory: &Path) -> Self {
        let address = directory.join("c.sock");
        let config = directory.join("config.toml");
        let text = format!(
            "version = 2\nroot = {root:?}\nstate = {state:?}\nimports = []\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.nri.v1.nri\"]\n\
             [grpc]\naddress = {address:?}\n\
             [plugins.\"io.containerd.internal.v1.opt\"]\npath = {opt:?}\n",
            root = directory.join("root"),
            state = directory.join("state"),
            opt = directory.join("opt"),
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut daemon = Self { address, config, child: None };
        daemon.spawn();
        daemon
    }

    /// Starts it (again).
    pub(crate) fn spawn(&mut self) {
        let program = std::env::var_os("CONTAINERD_BIN").unwrap_or_else(|| "containerd".into());
        let mut command = Command::new(program);
        command.arg("--config").arg(&self.config).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("containerd starts"));
    }

    /// Kills it; its tasks live on.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process of ours");
            child.wait().expect("a child");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The distribution's registry; killed when it is dropped.
pub(crate) struct RegistryServer {
    /// Host and port.
    pub(crate) domain: String,
    child: Child,
}

impl RegistryServer {
    /// Starts it with its data in this directory.
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::configured(directory, "").await
    }

    /// The same for users alone, as lines of an htpasswd file.
    pub(crate) async fn for_users(directory: &Path, users: &str) -> Self {
        let file = directory.join("htpasswd");
        std::fs::write(&file, users).unwrap();
        let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", file.display());
        Self::configured(directory, &auth).await
    }

    async fn configured(directory: &Path, more: &str) -> Self {
        let config = directory.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{more}",
            directory.join("registry").display()
        );
        std::fs::write(&config, text).unwrap();
        let program = std::env::var_os("DOCKER_REGISTRY_BIN").unwrap_or_else(|| "docker-registry".into());
        let child = Command::new(&program)
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let mut child = child
            .unwrap_or_else(|error| panic!("{program:?} (package docker-registry) does not start: {error}"));
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || tell_address(log, tell));
        let domain = soon("the registry", told).await.expect("a line with the address");
        Self { domain, child }
    }
}

/// Reads the registry's log to its end, and hands on the address at which it listens: the kernel has chosen the port.
fn tell_address(log: impl BufRead, tell: tokio::sync::oneshot::Sender<String>) {
    let mut tell = Some(tell);
    for line in log.lines().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("listening on ")
            && let Some(tell) = tell.take()
        {
            let address = rest.split(['"', ' ', ',']).next().unwrap_or_default();
            let _nobody_waits = tell.send(address.to_owned());
        }
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
