//! `import`: images out of an archive, for hosts without a registry.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use containerd_backend::ImportProgress;
use driver_core::PluginConfig;
use linux_host::cgroup::CgroupMode;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// An OCI layout or the output of docker save, as tar, also compressed with gzip
    archive: PathBuf,
    /// containerd's socket [default: /run/containerd/containerd.sock]
    #[arg(long, value_name = "SOCKET")]
    address: Option<PathBuf>,
    /// containerd's namespace [default: the driver's, nomad on cgroup v1 and nomad.slice on v2]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// The snapshotter to unpack for [default: overlayfs]
    #[arg(long, value_name = "NAME")]
    snapshotter: Option<String>,
}

impl Import {
    pub(super) fn run(self) -> ExitCode {
        match self.import() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _nobody_reads = writeln!(std::io::stderr(), "error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn import(self) -> anyhow::Result<()> {
        let default = PluginConfig::default();
        let config = PluginConfig {
            address: self.address.unwrap_or(default.address),
            snapshotter: self.snapshotter.unwrap_or(default.snapshotter),
            namespace: self.namespace,
            ..PluginConfig::default()
        };
        let namespace = config.namespace(CgroupMode::detect().context("the host's cgroups can not be read")?);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let tell = |progress: ImportProgress| {
            let line = match progress {
                ImportProgress::Started { image } => format!("importing {image}"),
                ImportProgress::Done(report) => {
                    format!("imported {} in {:.1} s", report.image, report.took.as_secs_f32())
                }
            };
            let _nobody_reads = writeln!(std::io::stdout(), "{line}");
        };
        let work = containerd_backend::import(
            &config.address,
            &namespace,
            &config.snapshotter,
            &self.archive,
            &tell,
        );
        runtime.block_on(work)?;
        Ok(())
    }
}
