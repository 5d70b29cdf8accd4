//! The plugin process as its host sees it: what it prints, what ends it, what it leaves.

use std::os::unix::fs::PermissionsExt;

use super::host::{PATIENCE, Plugin, command};
use nomad_proto::handshake::COOKIE_VALUE;
use nomad_proto::pb::base::base_plugin_client::BasePluginClient;
use nomad_proto::pb::base::{PluginInfoRequest, SetConfigRequest};
use nomad_proto::pb::driver::driver_client::DriverClient;
use nomad_proto::pb::driver::{DestroyTaskRequest, FingerprintRequest, TaskEventsRequest, WaitTaskRequest};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

#[tokio::test]
async fn the_handshake_is_the_only_output_and_shutdown_leaves_nothing() {
    let mut plugin = Plugin::start().await;
    assert_eq!(plugin.line, format!("1|2|unix|{}|grpc|\n", plugin.socket.display()));
    assert_eq!(plugin.socket.parent(), Some(plugin.dir.path()));
    assert_eq!(std::fs::metadata(&plugin.socket).unwrap().permissions().mode() & 0o777, 0o600);
    let (status, rest) = plugin.shut_down().await;
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_dir(plugin.dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn without_the_right_cookie_a_person_is_told_and_the_exit_code_is_1() {
    for cookie in [None, Some("wrong")] {
        let output = timeout(PATIENCE, command(cookie).output()).await.unwrap().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), nomad_plugin::HUMAN_TEXT);
    }
}

#[tokio::test]
async fn a_socket_that_cannot_be_made_is_a_logged_error_and_exit_code_1() {
    let output = command(Some(COOKIE_VALUE)).env("TMPDIR", "/nonexistent").output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(line["@level"], "error");
    let error = line["error"].as_str().unwrap();
    assert!(
        error.starts_with("the plugin's socket cannot be made: cannot make the directory /nonexistent/."),
        "{error}"
    );
}

#[tokio::test]
async fn every_line_of_the_log_is_what_a_host_reads() {
    let mut plugin = Plugin::start().await;
    let mut stderr = plugin.child.stderr.take().unwrap();
    let refused = BasePluginClient::new(plugin.channel.clone()).set_config(SetConfigRequest::default()).await;
    assert!(refused.is_err());
    plugin.shut_down().await;
    let mut text = String::new();
    stderr.read_to_string(&mut text).await.unwrap();
    assert!(text.lines().count() >= 2, "{text}");
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["@message", "@level", "@timestamp", "@module"] {
            assert!(line[key].is_string(), "{line}");
        }
        let at = line["@timestamp"].as_str().unwrap();
        assert_eq!((at.len(), at.ends_with('Z')), ("2006-01-02T15:04:05.000000Z".len(), true));
    }
}

#[tokio::test]
async fn a_host_that_is_stopped_holds_up_no_call_and_is_told_later_what_it_lost() {
    let mut plugin = Plugin::start().await;
    let mut stderr = plugin.child.stderr.take().unwrap();
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).unwrap();
    let mut driver = DriverClient::new(plugin.channel.clone());
    for _ in 0..40 {
        // Each of these becomes a line of the log that the pipe has no room for.
        let refused = driver.destroy_task(DestroyTaskRequest { task_id: "x".repeat(50 * 1024), force: true });
        assert!(timeout(PATIENCE, refused).await.unwrap().is_err());
    }
    let mut base = BasePluginClient::new(plugin.channel.clone());
    timeout(PATIENCE, base.plugin_info(PluginInfoRequest {})).await.unwrap().unwrap();
    let mut text = String::new();
    let (ended, read) = tokio::join!(plugin.shut_down(), stderr.read_to_string(&mut text));
    read.unwrap();
    assert_eq!(ended.0.code(), Some(0));
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let (told, others): (Vec<_>, Vec<_>) = lines.partition(|line| line["lines"].is_u64());
    let lost: u64 = told.iter().filter_map(|line| line["lines"].as_u64()).sum();
    let refused = others.iter().filter(|line| line["@message"] == "the task could not be destroyed").count();
    assert!(lost > 0, "nothing is lost");
    assert_eq!(u64::try_from(refused).unwrap() + lost, 40);
    assert_eq!(others.last().unwrap()["@message"], "the host asks the plugin to end");
}

#[tokio::test]
async fn a_host_that_never_reads_again_does_not_hold_up_the_end() {
    let mut plugin = Plugin::start().await;
    let stderr = plugin.child.stderr.take().unwrap();
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).unwrap();
    let mut base = BasePluginClient::new(plugin.channel.clone());
    for _ in 0..100 {
        assert!(timeout(PATIENCE, base.set_config(SetConfigRequest::default())).await.unwrap().is_err());
    }
    assert_eq!(plugin.shut_down().await.0.code(), Some(0));
    drop(stderr);
}

#[tokio::test]
async fn an_interrupt_is_ignored() {
    let mut plugin = Plugin::start().await;
    let pid = Pid::from_raw(plugin.child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    BasePluginClient::new(plugin.channel.clone()).plugin_info(PluginInfoRequest {}).await.unwrap();
    let (status, _) = plugin.shut_down().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_host_that_died_is_survived_and_a_new_one_connects() {
    let mut plugin = Plugin::start().await;
    drop(plugin.child.stderr.take());
    let Plugin { channel, socket, .. } = &mut plugin;
    let stream = DriverClient::new(channel.clone()).task_events(TaskEventsRequest {}).await.unwrap();
    drop(stream);
    *channel = Plugin::connect(socket).await;
    // Each of these writes to the log, into a pipe that nobody reads any more.
    for _ in 0..3 {
        let refused = BasePluginClient::new(channel.clone()).set_config(SetConfigRequest::default()).await;
        assert_eq!(refused.unwrap_err().code(), tonic::Code::Unknown);
    }
    let (status, _) = plugin.shut_down().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn calls_that_never_end_do_not_hold_up_the_end() {
    let mut plugin = Plugin::start().await;
    let mut driver = DriverClient::new(Plugin::connect(&plugin.socket).await);
    let mut fingerprints = driver.fingerprint(FingerprintRequest {}).await.unwrap().into_inner();
    let mut events = driver.task_events(TaskEventsRequest {}).await.unwrap().into_inner();
    fingerprints.message().await.unwrap().unwrap();
    let (status, _) = plugin.shut_down().await;
    assert_eq!(status.code(), Some(0));
    // They break off; they never end as if there were nothing more to tell.
    assert!(fingerprints.message().await.is_err());
    assert!(events.message().await.is_err());
    assert!(driver.wait_task(WaitTaskRequest::default()).await.is_err());
}
