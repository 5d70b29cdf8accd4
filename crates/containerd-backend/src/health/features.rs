//! What the daemon at the other end of the current connection can do; asked once per connection.

use std::sync::{Arc, Mutex, PoisonError};

use containerd_client::services::v1::{Plugin, PluginsRequest, VersionResponse};

use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::health::daemon_process::DaemonHost;
use crate::health::runtime::{self, LINUX_V1, RUNC_V2, ShimProgram};

/// What is known of a daemon.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Features {
    /// Its version, such as `1.6.20`.
    pub(crate) version: String,
    /// Its revision.
    pub(crate) revision: String,
    /// Its plug-ins, failed ones included.
    pub(crate) plugins: Vec<Plugin>,
    /// The runtime that containers are made with: the configured one, or its successor.
    pub(crate) runtime: String,
}

impl Features {
    /// The plug-in of this type and id, loaded or not.
    pub(crate) fn plugin(&self, kind: &str, id: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.r#type == kind && plugin.id == id)
    }

    /// Whether the plug-in is there and works.
    pub(crate) fn has_plugin(&self, kind: &str, id: &str) -> bool {
        self.plugin(kind, id).is_some_and(|plugin| plugin.init_err.is_none())
    }

    /// Whether the daemon keeps sandbox records. Since 1.7 it needs one to find the exit code of a task that
    /// ended while the daemon was down; earlier ones find it without.
    pub(crate) fn has_sandboxes(&self) -> bool {
        self.has_plugin("io.containerd.grpc.v1", "sandboxes")
    }
}

/// The features of the current connection.
#[derive(Debug, Default)]
pub(crate) struct FeatureCache {
    known: Mutex<Option<(u64, Arc<Features>)>>,
}

impl FeatureCache {
    /// The features, asked of the daemon when there was a new connection since. Callers at the same time may ask
    /// more than once; none waits for another.
    pub(crate) async fn get(&self, daemon: &Daemon, configured: &str) -> Result<Arc<Features>, RpcError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((connect, features)) = known
            && connect == daemon.connects()
        {
            return Ok(features);
        }
        let before = daemon.connects();
        let features = Arc::new(ask(daemon, configured).await?);
        // An answer that a new connection overtook may be that of the daemon before.
        if before == daemon.connects() || before == 0 {
            let learnt = Some((daemon.connects(), Arc::clone(&features)));
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = learnt;
        }
        Ok(features)
    }
}

async fn ask(daemon: &Daemon, configured: &str) -> Result<Features, RpcError> {
    let (mut versions, mut introspection) = (daemon.version(), daemon.introspection());
    let (version, plugins) = tokio::join!(
        daemon.call("ask for the version", "containerd", versions.version(())),
        daemon.call("list the plug-ins", "containerd", introspection.plugins(PluginsRequest::default())),
    );
    let VersionResponse { version, revision } = version?;
    let version = plain_version(&version);
    let mut features =
        Features { version, revision, plugins: plugins?.plugins, runtime: configured.to_owned() };
    if runtime::is_dropped(configured) && !has_dropped_runtime(daemon, &features, configured).await {
        features.runtime = RUNC_V2.to_owned();
    }
    Ok(features)
}

/// Whether a runtime that containerd 2 dropped is still there.
async fn has_dropped_runtime(daemon: &Daemon, features: &Features, configured: &str) -> bool {
    if major(&features.version) >= 2 {
        return false;
    }
    if configured == LINUX_V1 && !features.has_plugin("io.containerd.runtime.v1", "linux") {
        return false;
    }
    match (DaemonHost::of(daemon).await, runtime::shim_program(configured)) {
        (Some(host), ShimProgram::Named(program)) => host.finds(&program),
        _ => true,
    }
}

/// The version without what packagers add to it (`1.6.20~ds1`, `2.1.9+unknown`): constraints of jobs compare it.
fn plain_version(version: &str) -> String {
    version.split(['~', '+']).next().unwrap_or_default().trim_start_matches('v').to_owned()
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|part| part.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use containerd_client::google::rpc::Status;

    use super::*;

    fn with(plugins: Vec<Plugin>) -> Features {
        Features { version: "1.7.24".into(), revision: String::new(), plugins, runtime: RUNC_V2.into() }
    }

    fn sandboxes(init_err: Option<Status>) -> Plugin {
        Plugin {
            r#type: "io.containerd.grpc.v1".into(),
            id: "sandboxes".into(),
            init_err,
            ..Plugin::default()
        }
    }

    #[test]
    fn sandbox_records_need_a_plug_in_that_works() {
        assert!(with(vec![sandboxes(None)]).has_sandboxes());
        assert!(!with(vec![sandboxes(Some(Status::default()))]).has_sandboxes());
        assert!(!with(vec![]).has_sandboxes());
    }

    #[test]
    fn what_packagers_add_to_a_version_is_left_out() {
        assert_eq!(plain_version("1.6.20~ds1"), "1.6.20");
        assert_eq!(plain_version("v2.1.9+unknown"), "2.1.9");
        assert_eq!(plain_version("2.1.0-rc.1"), "2.1.0-rc.1");
    }

    #[test]
    fn the_major_version_is_read_from_any_form_of_version() {
        assert_eq!(major("2.1.0-rc.1"), 2);
        assert_eq!(major("1.6.20~ds1"), 1);
        assert_eq!(major("unknown"), 0);
    }
}
