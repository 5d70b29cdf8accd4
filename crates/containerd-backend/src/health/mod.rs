//! Whether the daemon can run tasks as configured: its version, the snapshotter, the runtime.

use std::path::Path;

use containerd_client::services::v1::PluginInfoRequest;
use driver_core::ports::Survey;
use prost::Message;
use prost_types::Any;

use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;
use crate::health::features::Features;
use crate::health::runtime::ShimProgram;

pub(crate) mod daemon_process;
pub(crate) mod features;
pub(crate) mod runtime;
mod shared_mounts;

use daemon_process::DaemonHost;

/// Type of the plug-ins that make root file systems.
const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1";

/// `containerd.types.RuntimeRequest`: asks the runtime's plug-in for one runtime (containerd 2.0 on).
#[derive(Clone, PartialEq, Message)]
struct RuntimeRequest {
    #[prost(string, tag = "1")]
    runtime_path: String,
    #[prost(message, optional, tag = "2")]
    options: Option<Any>,
}

/// Examines the daemon.
pub(crate) async fn survey(
    daemon: &Daemon,
    features: &Features,
    configured: &str,
    snapshotter: &str,
    state_dir: &Path,
) -> Result<Survey, RpcError> {
    let mut survey = Survey {
        version: features.version.clone(),
        revision: features.revision.clone(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    survey.problems.extend(snapshotter_problem(features, snapshotter));
    let host = DaemonHost::of(daemon).await;
    survey.problems.extend(runtime_problem(daemon, host.as_ref(), &features.runtime).await?);
    survey.problems.extend(host.and_then(|host| shared_mounts::problem(host.process(), state_dir)));
    if features.runtime != configured {
        survey.warnings.push(format!(
            "containerd {} no longer has the runtime {configured}: {} is used in its place",
            features.version, features.runtime
        ));
    }
    Ok(survey)
}

fn snapshotter_problem(features: &Features, snapshotter: &str) -> Option<String> {
    match features.plugin(SNAPSHOTTER, snapshotter) {
        None => {
            let mut loaded: Vec<&str> = features
                .plugins
                .iter()
                .filter(|plugin| plugin.r#type == SNAPSHOTTER && plugin.init_err.is_none())
                .map(|plugin| plugin.id.as_str())
                .collect();
            loaded.sort_unstable();
            Some(format!(
                "containerd has no snapshotter {snapshotter:?}; the ones that are loaded: {}",
                loaded.join(", ")
            ))
        }
        Some(plugin) => plugin.init_err.as_ref().map(|error| {
            format!("the snapshotter {snapshotter:?} is not loaded by containerd: {}", error.message)
        }),
    }
}

/// Why tasks of this runtime can not start. The daemon is asked where it can tell, else its PATH is looked at; where
/// neither is possible nothing is known, and nothing is claimed.
async fn runtime_problem(
    daemon: &Daemon,
    host: Option<&DaemonHost>,
    name: &str,
) -> Result<Option<String>, RpcError> {
    let program = match runtime::shim_program(name) {
        ShimProgram::Malformed => {
            return Ok(Some(format!(
                "runtime {name:?} is neither a name like {} nor an absolute path",
                runtime::RUNC_V2
            )));
        }
        program => program,
    };
    if let Some(answer) = ask_runtime_plugin(daemon, name).await? {
        return Ok(answer);
    }
    Ok(host.and_then(|host| missing_program(host, name, &program)))
}

fn missing_program(host: &DaemonHost, name: &str, program: &ShimProgram) -> Option<String> {
    match program {
        ShimProgram::At(path) if !host.is_executable(path) => {
            return Some(format!("runtime {name:?}: there is no such executable file"));
        }
        ShimProgram::Named(program) if !host.finds(program) => {
            return Some(format!(
                "runtime {name:?}: {program} is neither in {} nor in {}",
                host.path(),
                host.beside()
            ));
        }
        _ => {}
    }
    (runtime::is_runc_shim(name) && !host.finds_in_path("runc"))
        .then(|| format!("runtime {name:?}: its shim needs runc, which is not in {}", host.path()))
}

/// What the runtime's plug-in says of one runtime: nothing where it does not answer such questions.
async fn ask_runtime_plugin(daemon: &Daemon, name: &str) -> Result<Option<Option<String>>, RpcError> {
    let question = RuntimeRequest { runtime_path: name.to_owned(), options: runtime::options(name) };
    let request = PluginInfoRequest {
        r#type: "io.containerd.runtime.v2".to_owned(),
        id: "task".to_owned(),
        options: Some(Any {
            type_url: "containerd.types.RuntimeRequest".to_owned(),
            value: question.encode_to_vec(),
        }),
    };
    let mut introspection = daemon.introspection();
    match daemon.call("ask for the runtime", name, introspection.plugin_info(request)).await {
        Ok(_) => Ok(Some(None)),
        Err(refused) if refused.is_lost() => Err(refused),
        // Versions without the call, without an answer for this plug-in, and shims that do not tell of themselves are
        // no evidence; the files are.
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use containerd_client::google::rpc::Status;
    use containerd_client::services::v1::Plugin;
    use expect_test::expect;

    use super::*;

    fn features() -> Features {
        let snapshotter = |id: &str, failure: Option<&str>| Plugin {
            r#type: SNAPSHOTTER.into(),
            id: id.into(),
            init_err: failure.map(|message| Status { message: message.into(), ..Status::default() }),
            ..Plugin::default()
        };
        Features {
            version: "1.6.20".into(),
            revision: String::new(),
            plugins: vec![
                snapshotter("overlayfs", None),
                snapshotter("native", None),
                snapshotter("zfs", Some("path must be a zfs file system: skip plugin")),
            ],
            runtime: runtime::RUNC_V2.into(),
        }
    }

    #[test]
    fn a_snapshotter_that_is_loaded_is_no_problem() {
        assert_eq!(snapshotter_problem(&features(), "overlayfs"), None);
    }

    #[test]
    fn a_snapshotter_that_failed_is_named_with_its_reason() {
        expect![[
            r#"the snapshotter "zfs" is not loaded by containerd: path must be a zfs file system: skip plugin"#
        ]]
        .assert_eq(&snapshotter_problem(&features(), "zfs").unwrap());
    }

    #[test]
    fn an_unknown_snapshotter_is_answered_with_the_known_ones() {
        expect![[r#"containerd has no snapshotter "btrs"; the ones that are loaded: native, overlayfs"#]]
            .assert_eq(&snapshotter_problem(&features(), "btrs").unwrap());
    }
}
