//! Where one private containerd lives, its configuration and how it is started.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{place, process};

/// How the directories of all instances begin.
pub(crate) const NAME: &str = "xtask-containerd.";

/// The directory of sockets and state: short, and gone after a reboot.
pub(crate) const RUN: &str = "/run";

/// The directory of content and snapshots: on a disk.
pub(crate) const DATA: &str = "/var/tmp";

/// The longest path that containerd's clients and shims take for a socket, in bytes; the kernel's limit
/// is 107 (unix(7)), and the socket for ttrpc has a longer name.
const LONGEST_SOCKET: usize = 99;

/// One instance, as the JSON that tests read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// The directory of everything but content and snapshots.
    pub(crate) dir: PathBuf,
    /// The socket.
    pub(crate) address: PathBuf,
    /// containerd's root directory.
    pub(crate) root: PathBuf,
    /// containerd's state directory.
    pub(crate) state: PathBuf,
    /// The configuration file.
    pub(crate) config: PathBuf,
    /// The file that gets the daemon's output.
    pub(crate) log: PathBuf,
    /// The file with the daemon's process id.
    pub(crate) pid_file: PathBuf,
    /// The directory of `containerd`, `ctr` and the shim.
    pub(crate) bin_dir: PathBuf,
    /// What `containerd --version` says of the version.
    pub(crate) version: String,
    /// The daemon's program and arguments.
    pub(crate) argv: Vec<String>,
    /// The daemon's PATH, in which it looks for shims and runtimes.
    pub(crate) path: String,
}

impl Instance {
    /// Makes the directories and the configuration of a new instance.
    ///
    /// # Errors
    /// A directory or file can not be made, or containerd does not run.
    pub(crate) fn create(bin_dir: Option<&Path>) -> Result<Self> {
        let program = match bin_dir {
            Some(dir) => dir.join("containerd"),
            None => place::program("containerd").context("there is no containerd on this host")?,
        };
        let path = search_path(bin_dir);
        let bin_dir = program.parent().context("the program has no directory")?.to_owned();
        let said = process::text(Command::new(&program).arg("--version"))?;
        let version = version_of(&said).context("containerd does not tell its version")?;
        let made = tempfile::Builder::new().prefix(NAME).rand_bytes(6).tempdir_in(RUN);
        let dir = made.with_context(|| format!("can not make a directory in {RUN}"))?.keep();
        let instance = Self { path, ..Self::at(dir, bin_dir, version) };
        instance.write()?;
        Ok(instance)
    }

    /// The instance whose directory is `dir`, as far as its clean-up needs it.
    pub(crate) fn at(dir: PathBuf, bin_dir: PathBuf, version: String) -> Self {
        let name = crate::files::name(&dir);
        let config = dir.join("config.toml");
        let program = bin_dir.join("containerd").display().to_string();
        Self {
            address: dir.join("containerd.sock"),
            root: Path::new(DATA).join(name),
            state: dir.join("state"),
            log: dir.join("containerd.log"),
            pid_file: dir.join("containerd.pid"),
            argv: vec![program, "--config".to_owned(), config.display().to_string()],
            path: search_path(None),
            config,
            dir,
            bin_dir,
            version,
        }
    }

    fn write(&self) -> Result<()> {
        let socket = self.address.as_os_str().len();
        ensure!(
            socket <= LONGEST_SOCKET,
            "the socket's path is {socket} bytes long: {}",
            self.address.display()
        );
        // Tasks of other users pass through to their root file systems.
        std::fs::set_permissions(&self.dir, Permissions::from_mode(0o711))
            .with_context(|| format!("can not open {}", self.dir.display()))?;
        DirBuilder::new()
            .mode(0o711)
            .create(&self.root)
            .with_context(|| format!("can not make {}", self.root.display()))?;
        std::fs::write(&self.config, self.configuration())
            .with_context(|| format!("can not write {}", self.config.display()))
    }

    /// Writes the file that tests read, and that makes the instance one which can be stale.
    ///
    /// # Errors
    /// The file can not be written.
    pub(crate) fn describe(&self) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).context("can not write an instance as JSON")?;
        std::fs::write(self.json(), json).context("can not write instance.json")
    }

    /// The JSON file that describes the instance.
    pub(crate) fn json(&self) -> PathBuf {
        self.dir.join("instance.json")
    }

    /// The configuration: version 2, which 1.4 to 2.x read. Left out is what would reach beyond the
    /// instance's own directories: the CRI service, NRI's socket, `/opt/containerd`, imported files.
    fn configuration(&self) -> String {
        let disabled = ["io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"];
        format!(
            "version = 2\nroot = {root:?}\nstate = {state:?}\nimports = []\ndisabled_plugins = {disabled:?}\n\n\
             [grpc]\naddress = {address:?}\n\n[debug]\nlevel = \"info\"\n\n\
             [plugins.\"io.containerd.internal.v1.opt\"]\npath = {opt:?}\n",
            root = self.root.display().to_string(),
            state = self.state.display().to_string(),
            address = self.address.display().to_string(),
            opt = self.root.join("opt").display().to_string(),
        )
    }

    /// The client `ctr` of the same version, pointed at the socket.
    pub(crate) fn ctr(&self) -> Command {
        let mut command = Command::new(self.bin_dir.join("ctr"));
        command.arg("--address").arg(&self.address);
        command
    }
}

/// Where the daemon looks for programs: first beside itself when it is not the host's.
fn search_path(bin_dir: Option<&Path>) -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    let first = bin_dir.map(|dir| format!("{}:", dir.display())).unwrap_or_default();
    format!("{first}{own}:/usr/local/sbin:/usr/sbin:/sbin")
}

/// The version out of `containerd --version`: `containerd <package> <version> <revision>`.
fn version_of(said: &str) -> Option<String> {
    said.split_whitespace().nth(2).map(|version| version.trim_start_matches('v').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn instance() -> Instance {
        Instance::at(PathBuf::from("/run/xtask-containerd.abc"), PathBuf::from("/usr/bin"), "1.6.20".into())
    }

    #[test]
    fn the_configuration_keeps_to_the_instances_own_directories() {
        expect![[r#"
            version = 2
            root = "/var/tmp/xtask-containerd.abc"
            state = "/run/xtask-containerd.abc/state"
            imports = []
            disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]

            [grpc]
            address = "/run/xtask-containerd.abc/containerd.sock"

            [debug]
            level = "info"

            [plugins."io.containerd.internal.v1.opt"]
            path = "/var/tmp/xtask-containerd.abc/opt"
        "#]]
        .assert_eq(&instance().configuration());
    }

    #[test]
    fn the_version_is_read_with_and_without_its_letter() {
        let said = "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1";
        assert_eq!(version_of(said).as_deref(), Some("1.6.20~ds1"));
        assert_eq!(version_of("containerd x v2.1.4 abc").as_deref(), Some("2.1.4"));
        assert_eq!(version_of("containerd"), None);
    }

    #[test]
    fn what_tests_read_is_all_in_the_json() {
        let json = serde_json::to_value(instance()).unwrap();
        let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        expect!["address argv bin_dir config dir log path pid_file root state version"]
            .assert_eq(&keys.join(" "));
    }
}
