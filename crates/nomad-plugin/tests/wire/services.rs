//! Every service over a real connection, with no daemon behind it.

use super::host::{PATIENCE, Plugin};
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::evaluate;
use nomad_proto::pb::base::base_plugin_client::BasePluginClient;
use nomad_proto::pb::base::{ConfigSchemaRequest, PluginInfoRequest, PluginType, SetConfigRequest};
use nomad_proto::pb::driver as pb;
use nomad_proto::pb::driver::driver_client::DriverClient;
use nomad_proto::pb::driver::exec_task_streaming_request::Setup;
use nomad_proto::pb::driver::fingerprint_response::HealthState;
use nomad_proto::pb::goplugin::ConnInfo;
use nomad_proto::pb::goplugin::grpc_broker_client::GrpcBrokerClient;
use nomad_proto::pb::goplugin::grpc_stdio_client::GrpcStdioClient;
use nomad_proto::status::is_recoverable;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

fn code_and_text(status: &Status) -> (Code, &str) {
    (status.code(), status.message())
}

/// A task that every client could send.
fn task() -> pb::TaskConfig {
    pb::TaskConfig {
        id: "a/web/1".into(),
        name: "web".into(),
        alloc_id: "a".into(),
        alloc_dir: "/nonexistent/a".into(),
        msgpack_driver_config: cty::encode(&[("image", "redis:7")].into()).unwrap(),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_plugin_says_who_it_is_and_what_it_takes() {
    let plugin = Plugin::start().await;
    let mut base = BasePluginClient::new(plugin.channel.clone());
    let info = base.plugin_info(PluginInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((info.r#type(), info.name.as_str()), (PluginType::Driver, "containerd-driver"));
    assert_eq!(info.plugin_api_versions, ["v0.1.0"]);
    assert_eq!(info.plugin_version.split('.').count(), 3);
    let schema = base.config_schema(ConfigSchemaRequest {}).await.unwrap().into_inner().spec.unwrap();
    assert!(evaluate(&schema, &Value::Nil).is_ok());
    let mut driver = DriverClient::new(plugin.channel.clone());
    let schema =
        driver.task_config_schema(pb::TaskConfigSchemaRequest {}).await.unwrap().into_inner().spec.unwrap();
    assert!(evaluate(&schema, &[("image", "redis:7")].into()).is_ok());
    let capabilities = driver.capabilities(pb::CapabilitiesRequest {}).await.unwrap().into_inner();
    assert!(capabilities.capabilities.unwrap().exec);
    driver.init(pb::InitRequest {}).await.unwrap();
    driver.shutdown(pb::ShutdownRequest {}).await.unwrap();
}

#[tokio::test]
async fn only_a_configuration_that_cannot_work_is_refused() {
    let plugin = Plugin::start().await;
    let mut base = BasePluginClient::new(plugin.channel.clone());
    let mut refused = async |config: Value| {
        let msgpack_config = cty::encode(&config).unwrap();
        base.set_config(SetConfigRequest { msgpack_config, ..Default::default() }).await.unwrap_err()
    };
    let status = refused([("stats_interval", "soon")].into()).await;
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().starts_with("stats_interval = \"soon\": "), "{status:?}");
    let status = refused(Value::Nil).await;
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().ends_with("connect: there is no daemon"), "{status:?}");
}

#[tokio::test]
async fn the_fingerprint_comes_without_configuration_and_without_daemon() {
    let plugin = Plugin::start().await;
    let stream =
        DriverClient::new(plugin.channel.clone()).fingerprint(pb::FingerprintRequest {}).await.unwrap();
    let first = timeout(PATIENCE, stream.into_inner().message()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.health(), HealthState::Undetected);
    assert!(!first.health_description.is_empty());
}

#[tokio::test]
async fn an_unknown_task_has_the_conventional_text_in_every_call() {
    let plugin = Plugin::start().await;
    let mut driver = DriverClient::new(plugin.channel.clone());
    let id = || "nobody".to_owned();
    let statuses = [
        driver.wait_task(pb::WaitTaskRequest { task_id: id() }).await.unwrap_err(),
        driver.stop_task(pb::StopTaskRequest { task_id: id(), ..Default::default() }).await.unwrap_err(),
        driver.destroy_task(pb::DestroyTaskRequest { task_id: id(), force: true }).await.unwrap_err(),
        driver.inspect_task(pb::InspectTaskRequest { task_id: id() }).await.unwrap_err(),
        driver.task_stats(pb::TaskStatsRequest { task_id: id(), ..Default::default() }).await.unwrap_err(),
        driver
            .signal_task(pb::SignalTaskRequest { task_id: id(), signal: "SIGHUP".into() })
            .await
            .unwrap_err(),
        driver
            .exec_task(pb::ExecTaskRequest { task_id: id(), command: vec!["true".into()], timeout: None })
            .await
            .unwrap_err(),
    ];
    for status in &statuses {
        assert_eq!(code_and_text(status), (Code::Unknown, "task not found for given id"));
    }
}

#[tokio::test]
async fn a_start_without_configuration_may_be_tried_again_and_a_bad_task_may_not() {
    let plugin = Plugin::start().await;
    let mut driver = DriverClient::new(plugin.channel.clone());
    let mut start = async |task| driver.start_task(pb::StartTaskRequest { task }).await.unwrap_err();
    assert!(is_recoverable(&start(Some(task())).await));
    let bad = start(Some(pb::TaskConfig { msgpack_driver_config: Vec::new(), ..task() })).await;
    assert_eq!(
        code_and_text(&bad),
        (Code::Unknown, "image is required: set it to the name of an image, such as \"redis:7\"")
    );
    assert_eq!(code_and_text(&start(None).await), (Code::Unknown, "the client sent no task"));
}

#[tokio::test]
async fn a_handle_that_cannot_be_recovered_is_an_application_error() {
    let plugin = Plugin::start().await;
    let mut driver = DriverClient::new(plugin.channel.clone());
    let handle = |version| pb::TaskHandle { version, config: Some(task()), ..Default::default() };
    for handle in [None, Some(handle(0)), Some(handle(driver_core::HANDLE_VERSION))] {
        let request = pb::RecoverTaskRequest { task_id: String::new(), handle };
        assert_eq!(driver.recover_task(request).await.unwrap_err().code(), Code::Unknown);
    }
}

#[tokio::test]
async fn an_exec_begins_with_its_setup() {
    let plugin = Plugin::start().await;
    let mut driver = DriverClient::new(plugin.channel.clone());
    let mut open = async |first: pb::ExecTaskStreamingRequest| {
        // The request stays open, as a client's does.
        let requests = tokio_stream::once(first).chain(tokio_stream::pending());
        timeout(PATIENCE, driver.exec_task_streaming(requests)).await.unwrap().unwrap_err()
    };
    let setup = |command: &[&str]| pb::ExecTaskStreamingRequest {
        setup: Some(Setup {
            task_id: "nobody".into(),
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            tty: false,
        }),
        ..Default::default()
    };
    let status = open(pb::ExecTaskStreamingRequest::default()).await;
    assert_eq!(code_and_text(&status), (Code::Unknown, "first message should always be setup"));
    assert_eq!(code_and_text(&open(setup(&[])).await), (Code::Unknown, "a command is required"));
    assert_eq!(code_and_text(&open(setup(&["sh"])).await), (Code::Unknown, "task not found for given id"));
}

#[tokio::test]
async fn networks_are_left_to_the_client() {
    let plugin = Plugin::start().await;
    let mut driver = DriverClient::new(plugin.channel.clone());
    let created = driver.create_network(pb::CreateNetworkRequest::default()).await;
    assert_eq!(created.unwrap_err().code(), Code::Unimplemented);
    let destroyed = driver.destroy_network(pb::DestroyNetworkRequest::default()).await;
    assert_eq!(destroyed.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn health_is_told_for_the_plugin_and_as_a_whole() {
    let plugin = Plugin::start().await;
    for service in ["plugin", ""] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(plugin.channel.clone()).check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
}

#[tokio::test]
async fn reflection_lists_every_service() {
    let plugin = Plugin::start().await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = ServerReflectionClient::new(plugin.channel.clone())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let mut names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    expect_test::expect![[r#"
        grpc.health.v1.Health
        grpc.reflection.v1.ServerReflection
        grpc.reflection.v1alpha.ServerReflection
        hashicorp.nomad.plugins.base.proto.BasePlugin
        hashicorp.nomad.plugins.drivers.proto.Driver
        plugin.GRPCBroker
        plugin.GRPCController
        plugin.GRPCStdio"#]]
    .assert_eq(&names.join("\n"));
}

#[tokio::test]
async fn broker_and_stdio_stay_open_and_silent() {
    let plugin = Plugin::start().await;
    let requests = tokio_stream::once(ConnInfo::default());
    let mut broker =
        GrpcBrokerClient::new(plugin.channel.clone()).start_stream(requests).await.unwrap().into_inner();
    let mut stdio = GrpcStdioClient::new(plugin.channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    // A whole other call goes by, and neither has said anything or ended.
    let other = BasePluginClient::new(plugin.channel.clone());
    tokio::select! {
        biased;
        message = broker.message() => panic!("{message:?}"),
        message = stdio.message() => panic!("{message:?}"),
        info = async move { other.clone().plugin_info(PluginInfoRequest {}).await } => assert!(info.is_ok()),
    }
}

#[tokio::test]
async fn more_calls_than_any_usual_limit_are_open_at_once() {
    let plugin = Plugin::start().await;
    let mut open = Vec::new();
    for _ in 0..1000 {
        let mut driver = DriverClient::new(plugin.channel.clone());
        open.push(timeout(PATIENCE, driver.task_events(pb::TaskEventsRequest {})).await.unwrap().unwrap());
    }
    BasePluginClient::new(plugin.channel.clone()).plugin_info(PluginInfoRequest {}).await.unwrap();
    // Given up all at once, they do not cost the connection.
    drop(open);
    BasePluginClient::new(plugin.channel.clone()).plugin_info(PluginInfoRequest {}).await.unwrap();
}

#[tokio::test]
async fn a_task_larger_than_the_usual_message_limit_is_read() {
    let plugin = Plugin::start().await;
    let mut driver = DriverClient::new(plugin.channel.clone());
    let env = [("BIG".to_owned(), "x".repeat(8 * 1024 * 1024))].into();
    let task = Some(pb::TaskConfig { env, ..task() });
    assert!(is_recoverable(&driver.start_task(pb::StartTaskRequest { task }).await.unwrap_err()));
}
