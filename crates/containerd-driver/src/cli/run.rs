//! `run`: a job file on this machine, through this program started as a plugin.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use job_runner::RunOptions;

/// It has no Debug: values of variables may be secrets.
#[derive(Args)]
pub(super) struct Run {
    /// The job file
    job: PathBuf,
    /// The group to run; needed when the job has several
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Set an input variable of the job; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Set input variables from an HCL file; may be repeated
    #[arg(long = "var-file", value_name = "FILE")]
    var_files: Vec<PathBuf>,
    /// containerd's socket [default: /run/containerd/containerd.sock]
    #[arg(long, value_name = "SOCKET")]
    address: Option<String>,
    /// Import the images of an OCI or docker archive first; may be repeated
    #[arg(long, value_name = "ARCHIVE")]
    load: Vec<PathBuf>,
    /// The plugin's config block, as an agent's configuration would have it
    #[arg(long = "plugin-config", value_name = "FILE")]
    plugin_config: Option<PathBuf>,
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
        let binary = match std::env::current_exe() {
            Ok(binary) => binary,
            Err(error) => {
                let _nobody_reads =
                    writeln!(std::io::stderr(), "error: this program can not be found: {error}");
                return ExitCode::FAILURE;
            }
        };
        let code = job_runner::run(&RunOptions {
            group: self.group,
            variables: self.variables,
            var_files: self.var_files,
            address: self.address,
            load: self.load,
            plugin_config: self.plugin_config,
            ..RunOptions::new(self.job, binary)
        });
        u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}
