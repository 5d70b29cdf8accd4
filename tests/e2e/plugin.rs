//! The plugin itself: its start, schema, configuration and end.

use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::wait::limited;
use e2e::{Plugin, environment, test};
use expect_test::expect;
use nomad_host::driver::{DriverError, TaskPhase};
use nomad_host::plugin::{PluginError, PluginProcess};
use nomad_proto::cty::Value;
use nomad_proto::pb::driver::network_isolation_spec::NetworkIsolationMode;
use nomad_proto::pb::driver::{
    CreateNetworkRequest, DestroyNetworkRequest, InitRequest, ShutdownRequest, driver_capabilities,
};

#[test]
fn the_handshake_is_right_to_the_byte_and_alone_on_stdout() {
    test(async |world| {
        let plugin = Plugin::configured(world.config()).await;
        let process = plugin.process();
        let expected = format!("1|2|unix|{}|grpc|\n", process.socket().display());
        assert_eq!(process.handshake_line(), expected);
        assert!(process.socket().display().to_string().len() <= 107);
        assert!(process.unexpected_stdout().is_empty());
        assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    });
}

#[test]
fn without_the_cookie_it_explains_itself_to_a_person() {
    let mut command = Command::new(environment::driver());
    let output = command.env_remove("NOMAD_PLUGIN_MAGIC_COOKIE").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("plugin") && text.contains("Nomad"), "{text}");
}

#[test]
fn a_wrong_cookie_is_as_good_as_none() {
    let mut command = Command::new(environment::driver());
    command.env("NOMAD_PLUGIN_MAGIC_COOKIE", "wrong").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(!output.stderr.is_empty());
}

#[test]
fn an_unsuitable_protocol_version_ends_it_with_words() {
    test(async |_| {
        let (options, _) = Plugin::options();
        let started = PluginProcess::start(options.env("PLUGIN_PROTOCOL_VERSIONS", "1")).await;
        // A plugin of one version may answer with its own: then the host refuses it.
        match started {
            Err(PluginError::Ended { .. } | PluginError::Protocol { .. }) => {}
            Ok(process) => assert!(process.handshake_line().starts_with("1|2|")),
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn it_says_what_it_is() {
    test(async |world| {
        let info = limited("PluginInfo", world.driver().plugin_info()).await.unwrap();
        assert_eq!(info.name, "containerd-driver");
        assert_eq!(info.api_versions, ["v0.1.0"]);
        assert_eq!(info.version.split('.').count(), 3, "{}", info.version);
    });
}

#[test]
fn it_says_what_it_can_do() {
    test(async |world| {
        let can = limited("Capabilities", world.driver().capabilities()).await.unwrap();
        assert!(can.send_signals && can.exec && !can.must_create_network);
        assert_eq!(can.fs_isolation(), driver_capabilities::FsIsolation::Image);
        let modes: Vec<_> = can.network_isolation_modes().collect();
        use NetworkIsolationMode::{Group, Host, None, Task};
        assert!([Group, Host, None, Task].iter().all(|mode| modes.contains(mode)), "{modes:?}");
    });
}

#[test]
fn the_calls_of_newer_agents_around_its_life_are_answered() {
    test(async |world| {
        let mut driver = world.driver().raw();
        limited("Init", driver.init(InitRequest::default())).await.unwrap();
        let task = world.task("web").shell("sleep 1000").start().await;
        limited("Shutdown", driver.shutdown(ShutdownRequest::default())).await.unwrap();
        assert_eq!(task.inspect().await.phase, TaskPhase::Running);
    });
}

#[test]
fn networks_are_the_clients_matter() {
    test(async |world| {
        let mut driver = world.driver().raw();
        let made = driver.create_network(CreateNetworkRequest::default()).await.unwrap_err();
        let removed = driver.destroy_network(DestroyNetworkRequest::default()).await.unwrap_err();
        assert_eq!(format!("{:?} {:?}", made.code(), removed.code()), "Unimplemented Unimplemented");
    });
}

#[test]
fn schema_and_configuration_need_no_containerd() {
    test(async |world| {
        let missing = world.directory().join("none.sock").display().to_string();
        let plugin = Plugin::configured(&world.config_with("containerd_addr", missing.as_str())).await;
        let driver = plugin.driver();
        for _ in 0..2 {
            driver.configure(&world.config_with("containerd_addr", missing.as_str())).await.unwrap();
        }
        let body = Value::from([("image", "busybox")]);
        driver.encode_task_config(&body).await.unwrap();
        driver.capabilities().await.unwrap();
        let unknown = driver.inspect_task("unknown").await.unwrap_err();
        assert_eq!(unknown.to_string(), "task not found for given id");
        assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    });
}

#[test]
fn an_empty_configuration_is_enough() {
    test(async |_| {
        let plugin = Plugin::configured(&Value::Nil).await;
        assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    });
}

async fn refusal(driver: &nomad_host::driver::DriverClient, key: &str, value: Value) -> String {
    let body = Value::from([(key, value)]);
    match limited("SetConfig", driver.configure(&body)).await {
        Err(DriverError::Schema { source, .. }) => source.to_string(),
        Err(error) => error.to_string(),
        Ok(_) => panic!("{key} is accepted"),
    }
}

#[test]
fn options_of_the_plugin_that_can_not_be_taken_are_named() {
    test(async |world| {
        let plugin = Plugin::start().await;
        let driver = plugin.driver();
        for (key, value) in [
            ("containerd_adress", Value::from("/x")),
            ("enabled", "perhaps".into()),
            ("stats_interval", "soon".into()),
            ("client_timeout", "-1s".into()),
            ("containerd_addr", "relative.sock".into()),
            ("state_dir", "relative".into()),
        ] {
            let text = refusal(&driver, key, value).await;
            assert!(text.contains(key), "{text}");
        }
        driver.configure(world.config()).await.unwrap();
        assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    });
}

#[test]
fn a_task_before_the_configuration_may_be_tried_again() {
    test(async |world| {
        let plugin = Plugin::start().await;
        let (config, logs) = world.task("web").shell("true").prepare().await.unwrap();
        let refused = plugin.driver().start_task(&config).await.unwrap_err();
        assert!(refused.is_recoverable(), "{refused}");
        expect!["the driver is not configured yet"].assert_eq(&refused.to_string());
        drop(logs);
        plugin.shutdown().await;
    });
}

#[test]
fn every_line_that_it_logs_is_one_that_the_agent_takes() {
    test(async |world| {
        let plugin = Plugin::configured(world.config()).await;
        let (config, logs) = world.task("web").command(&["no-such-program"]).prepare().await.unwrap();
        plugin.driver().start_task(&config).await.unwrap_err();
        drop(logs);
        let lines = plugin.shutdown_and_read().await.lines();
        assert!(lines.iter().any(|line| line.message == "the task could not be started"), "{lines:#?}");
        for line in &lines {
            let json: serde_json::Value = serde_json::from_str(&line.raw).unwrap();
            for key in ["@message", "@level", "@timestamp", "@module"] {
                assert!(json[key].is_string(), "{}", line.raw);
            }
            let time = json["@timestamp"].as_str().unwrap();
            let fraction = time.rsplit_once('.').unwrap().1;
            assert!(fraction[..6].bytes().all(|byte| byte.is_ascii_digit()), "{time}");
            assert!(fraction[6..] == *"Z" || fraction[6..].starts_with(['+', '-']), "{time}");
        }
    });
}

#[test]
fn secrets_of_a_task_are_in_no_line_that_it_logs() {
    test(async |world| {
        let plugin = Plugin::configured(world.config()).await;
        let setup = world.task("web").shell("exit 0").with(|task| task.env("TOKEN", "s3cr3t-value"));
        let (config, logs) = setup.prepare().await.unwrap();
        let driver = plugin.driver();
        driver.start_task(&config).await.unwrap();
        driver.wait_task(&config.id).await.unwrap();
        driver.destroy_task(&config.id, true).await.unwrap();
        drop(logs);
        let log = plugin.shutdown_and_read().await;
        assert!(!log.lines().is_empty() && !log.contains("s3cr3t-value"));
    });
}

#[test]
fn it_ends_promptly_while_calls_are_open_and_removes_its_socket() {
    test(async |world| {
        let plugin = Plugin::configured(world.config()).await;
        let driver = plugin.driver();
        let (config, logs) = world.task("web").shell("sleep 1000").prepare().await.unwrap();
        let handle = driver.start_task(&config).await.unwrap();
        world.shared().remember(&handle);
        let _fingerprint = driver.fingerprint().await.unwrap();
        let _events = driver.task_events().await.unwrap();
        let _stats = driver.task_stats(&config.id, Duration::from_secs(1)).await.unwrap();
        let _session = driver.exec_task_streaming(&config.id, ["sleep", "1000"], false).await.unwrap();
        let waiting = driver.wait_task(&config.id);
        let socket = plugin.process().socket().to_owned();
        let (waited, status) = tokio::join!(waiting, plugin.shutdown());
        assert!(waited.is_err(), "the end of the plugin is not that of the task: {waited:?}");
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
        assert!(!socket.exists());
        drop(logs);
    });
}

#[test]
fn an_interrupt_from_the_keyboard_is_the_agents_matter() {
    test(async |world| {
        let pid = rustix::process::Pid::from_raw(world.plugin_pid().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(world.task("web").shell("exit 3").start().await.wait().await.code, 3);
    });
}

#[test]
fn its_own_directory_is_closed_to_others() {
    test(async |world| {
        let _task = world.task("web").shell("sleep 1000").start().await;
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(world.state_dir()).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o700);
    });
}

#[test]
fn the_version_is_one_line() {
    let output = Command::new(environment::driver()).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.starts_with("containerd-driver ") && text.lines().count() == 1, "{text:?}");
}
