//! The choices of a run.

use std::path::PathBuf;

/// Where what runs keep on disk is by default.
const STATE_DIR: &str = "/var/lib/containerd-driver-run";

/// See [`RunOptions::place_options`].
const PLACE_OPTIONS: [&str; 5] =
    ["containerd_addr", "containerd_namespace", "containerd_runtime", "snapshotter", "state_dir"];

/// Everything that `run` takes. It has no Debug: values of variables may be secrets.
#[derive(Clone)]
pub struct RunOptions {
    /// The job file.
    pub job: PathBuf,
    /// `--group`.
    pub group: Option<String>,
    /// `--var`, each `name=value`.
    pub variables: Vec<String>,
    /// `--var-file`.
    pub var_files: Vec<PathBuf>,
    /// `--address`: overrides [`RunOptions::address_option`] of the plugin configuration.
    pub address: Option<String>,
    /// `--load`: archives whose images are imported first.
    pub load: Vec<PathBuf>,
    /// `--plugin-config`: a file with the plugin's `config` block.
    pub plugin_config: Option<PathBuf>,
    /// The driver's program, started as a plugin and for imports; mostly this program itself.
    pub binary: PathBuf,
    /// The driver's name in job files and agent configurations.
    pub driver: String,
    /// The plugin option that `address` sets.
    pub address_option: String,
    /// The plugin options that an import is told, each with its flag.
    pub load_flags: Vec<(String, String)>,
    /// The plugin options by which the driver finds tasks again. They are written to a file, so no secret may be
    /// among them.
    pub place_options: Vec<String>,
    /// What to do when the driver cannot run tasks, shown below its own reason.
    pub not_ready_hint: String,
    /// Where the directories of runs (beneath it `runs`) and allocations (`allocs`) are. It survives a reboot,
    /// because a container's record does too.
    pub state_dir: PathBuf,
}

impl RunOptions {
    /// The options for a job file with everything else as it is by default.
    pub fn new(job: impl Into<PathBuf>, binary: impl Into<PathBuf>) -> Self {
        let flag = |option: &str, flag: &str| (option.to_owned(), flag.to_owned());
        Self {
            job: job.into(),
            group: None,
            variables: Vec::new(),
            var_files: Vec::new(),
            address: None,
            load: Vec::new(),
            plugin_config: None,
            binary: binary.into(),
            driver: "containerd-driver".to_owned(),
            address_option: "containerd_addr".to_owned(),
            load_flags: vec![
                flag("containerd_addr", "--address"),
                flag("containerd_namespace", "--namespace"),
                flag("snapshotter", "--snapshotter"),
            ],
            place_options: PLACE_OPTIONS.map(str::to_owned).into(),
            not_ready_hint:
                "start containerd (for instance `systemctl start containerd`), or name the socket \
                             of a running one with --address"
                    .to_owned(),
            state_dir: STATE_DIR.into(),
        }
    }
}
