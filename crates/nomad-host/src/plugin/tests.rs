//! A plugin made of a shell script for the process and a server in this process for the calls.

use super::*;
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::{Type, attr, default, object};
use nomad_proto::pb::base::base_plugin_server::{BasePlugin, BasePluginServer};
use nomad_proto::pb::base::*;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
struct FakePlugin {
    configs: Arc<Mutex<Vec<SetConfigRequest>>>,
}

#[tonic::async_trait]
impl BasePlugin for FakePlugin {
    async fn plugin_info(
        &self,
        _: Request<PluginInfoRequest>,
    ) -> Result<Response<PluginInfoResponse>, Status> {
        Ok(Response::new(PluginInfoResponse {
            r#type: PluginType::Driver.into(),
            plugin_api_versions: vec!["v0.1.0".into()],
            plugin_version: "1.2.3".into(),
            name: "fake".into(),
        }))
    }

    async fn config_schema(
        &self,
        _: Request<ConfigSchemaRequest>,
    ) -> Result<Response<ConfigSchemaResponse>, Status> {
        let spec = object([
            ("enabled", default(attr("enabled", &Type::Bool, false), "true")),
            ("address", attr("address", &Type::String, false)),
        ]);
        Ok(Response::new(ConfigSchemaResponse { spec: Some(spec) }))
    }

    async fn set_config(
        &self,
        request: Request<SetConfigRequest>,
    ) -> Result<Response<SetConfigResponse>, Status> {
        self.configs.lock().unwrap().push(request.into_inner());
        Ok(Response::new(SetConfigResponse {}))
    }
}

/// Serves on a socket until the runtime ends.
fn serve(socket: &Path, plugin: FakePlugin) {
    let listener = UnixListener::bind(socket).unwrap();
    let server = tonic::transport::Server::builder().add_service(BasePluginServer::new(plugin));
    tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
}

fn script(text: &str) -> PluginOptions {
    PluginOptions::new("/bin/sh").argument("-c").argument(text)
}

fn handshake(socket: &Path, then: &str) -> PluginOptions {
    script(&format!("echo '1|2|unix|{}|grpc|'; {then}", socket.display()))
}

#[tokio::test]
async fn a_plugin_is_started_configured_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let fake = FakePlugin::default();
    serve(&socket, fake.clone());
    let plugin = PluginProcess::start(handshake(&socket, "exec sleep 1000")).await.unwrap();
    assert_eq!(plugin.handshake_line(), format!("1|2|unix|{}|grpc|\n", socket.display()));
    assert_eq!(plugin.driver().plugin_info().await.unwrap().version, "1.2.3");
    plugin.driver().configure(&Value::from([("address", "/run/x")])).await.unwrap();
    let sent = fake.configs.lock().unwrap()[0].clone();
    let expected = Value::from([("address", Value::from("/run/x")), ("enabled", Value::Bool(true))]);
    assert_eq!(cty::decode(&sent.msgpack_config).unwrap(), expected);
    let driver = sent.nomad_config.unwrap().driver.unwrap();
    assert!(!driver.topology.unwrap().cores.is_empty());
    assert!(plugin.is_running());
    let status = plugin.kill().await.unwrap();
    assert!(!status.success() && !plugin.is_running());
}

#[tokio::test]
async fn a_configuration_with_an_unknown_key_is_refused_before_it_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let fake = FakePlugin::default();
    serve(&socket, fake.clone());
    let driver = PluginConnection::open(&socket).await.unwrap().driver();
    let error = driver.configure(&Value::from([("adress", "/run/x")])).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "unknown option \"adress\"; did you mean \"address\"?");
    assert!(fake.configs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_environment_and_the_log_are_the_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    serve(&socket, FakePlugin::default());
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let print = r#"echo "$NOMAD_PLUGIN_MAGIC_COOKIE $PLUGIN_MIN_PORT $PLUGIN_MAX_PORT $PLUGIN_PROTOCOL_VERSIONS" >&2
        echo '{"@level":"info","@message":"ready","n":1}' >&2; exec sleep 1000"#;
    let options = handshake(&socket, print).log(move |line| sender.send(line).unwrap());
    let plugin = PluginProcess::start(options).await.unwrap();
    let first = lines.recv().await.unwrap().message;
    assert_eq!(first, format!("{} 10000 14000 2", nomad_proto::handshake::COOKIE_VALUE));
    let second = lines.recv().await.unwrap();
    assert_eq!((second.level, second.message.as_str()), (LogLevel::Info, "ready"));
    assert_eq!(plugin.last_log_lines().len(), 2);
    plugin.kill().await;
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_reported_with_its_last_words() {
    let error = PluginProcess::start(script("echo 'not without a cookie' >&2; exit 1")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "/bin/sh ended before its handshake (exit status: 1)\n  not without a cookie"
    );
}

#[tokio::test]
async fn a_first_line_that_is_no_handshake_ends_the_program() {
    let error = PluginProcess::start(script("echo hello; exec sleep 1000")).await.unwrap_err();
    assert!(matches!(error, PluginError::Handshake { .. }), "{error}");
    let error = PluginProcess::start(script("echo '1|9|unix|/s|grpc|'; exec sleep 1000")).await.unwrap_err();
    assert!(matches!(error, PluginError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn a_silent_program_is_ended_at_the_deadline() {
    let mut options = script("exec sleep 1000");
    options.handshake_deadline = Duration::from_millis(50);
    let error = PluginProcess::start(options).await.unwrap_err();
    assert!(matches!(error, PluginError::Deadline { .. }), "{error}");
}

#[tokio::test]
async fn output_after_the_handshake_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    serve(&socket, FakePlugin::default());
    let mut plugin = PluginProcess::start(handshake(&socket, "echo stray")).await.unwrap();
    plugin.output_ended().await;
    assert_eq!(plugin.unexpected_stdout(), b"stray\n");
}

#[tokio::test]
async fn a_plugin_that_ignores_the_request_to_end_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    serve(&socket, FakePlugin::default());
    let plugin = PluginProcess::start(handshake(&socket, "exec sleep 1000")).await.unwrap();
    assert!(plugin.shutdown().await.is_some_and(|status| !status.success()));
}

#[tokio::test]
async fn an_abandoned_plugin_lives_on() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    serve(&socket, FakePlugin::default());
    let plugin = PluginProcess::start(handshake(&socket, "exec sleep 1000")).await.unwrap();
    let left = plugin.abandon().await;
    assert_eq!(left.socket, socket);
    let process = linux_host::process::PidFd::open(left.pid).unwrap();
    process.kill().unwrap();
}
