//! Bad input: one clear error each, and nothing left behind.

use std::os::unix::fs::symlink;

use e2e::task::chain;
use e2e::{TaskSetup, World, leftovers, test, wait};
use nomad_host::driver::DriverError;
use nomad_proto::cty::{self, Value};
use nomad_proto::pb::driver::StartTaskRequest;

/// The error of a start, after which nothing of it may be left.
async fn refused(world: &World, setup: TaskSetup) -> DriverError {
    let error = setup.try_start().await.expect_err("the driver starts what it should refuse");
    let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
    assert!(left.is_empty(), "after {error}: {left:#?}");
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains('\n') && text.len() < 600, "{text}");
    error
}

#[test]
fn an_unknown_option_is_named() {
    test(async |world| {
        let error = refused(world, world.task("web").option("comand", "true")).await;
        assert!(chain(&error).contains("comand"), "{}", chain(&error));
    });
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    test(async |world| {
        for (option, value) in [
            ("args", Value::from("not a list")),
            ("command", Value::List(vec!["a".into()])),
            ("host_network", "perhaps".into()),
        ] {
            let error = refused(world, world.task("web").option(option, value)).await;
            assert!(chain(&error).contains(option), "{}", chain(&error));
        }
    });
}

#[test]
fn a_client_without_a_schema_gets_the_same_answers() {
    test(async |world| {
        for (body, named) in [
            (Value::from([("command", "true")]), "image"),
            (Value::from([("image", "busybox"), ("host_network", "perhaps")]), "host_network"),
            (Value::from([("image", "")]), "image"),
        ] {
            let encoded = cty::encode(&body).unwrap();
            let setup = world.task("web").change(move |config| config.msgpack_driver_config = encoded);
            let error = refused(world, setup).await;
            assert!(error.to_string().contains(named) && !error.is_recoverable(), "{error}");
        }
    });
}

#[test]
fn bytes_that_are_no_configuration_are_refused() {
    test(async |world| {
        for bytes in [vec![0xc1], vec![0xdf, 0xff, 0xff, 0xff, 0xff], b"{\"image\":1}".to_vec()] {
            let setup = world.task("web").change(move |config| config.msgpack_driver_config = bytes);
            assert!(!refused(world, setup).await.is_recoverable());
        }
    });
}

#[test]
fn a_missing_image_is_named() {
    test(async |world| {
        let setup = world.task("web").reference("").shell("true");
        assert!(chain(&refused(world, setup).await).contains("image"));
    });
}

#[test]
fn a_reference_that_is_none_is_named() {
    test(async |world| {
        for reference in
            ["Not A Reference", "busybox:bad tag", "docker.io/UPPER/case", "busybox@sha256:short"]
        {
            let error = refused(world, world.task("web").reference(reference).shell("true")).await;
            assert!(error.to_string().contains(reference) && !error.is_recoverable(), "{error}");
        }
    });
}

#[test]
fn an_image_whose_registry_does_not_answer_is_named_and_may_be_tried_again() {
    test(async |world| {
        // Nothing listens at the first port, and nothing is given it.
        let reference = "127.0.0.1:1/team/tool:1";
        let error = refused(world, world.task("web").reference(reference).shell("true")).await;
        assert!(error.to_string().contains(reference) && error.is_recoverable(), "{error}");
    });
}

#[test]
fn a_command_that_the_image_does_not_have_is_named() {
    test(async |world| {
        let error = refused(world, world.task("web").command(&["no-such-program", "x"])).await;
        assert!(error.to_string().contains("no-such-program") && !error.is_recoverable(), "{error}");
        let error = refused(world, world.task("web").command(&["/no/such/program"])).await;
        assert!(error.to_string().contains("/no/such/program") && !error.is_recoverable(), "{error}");
        let error = refused(world, world.task("web").command(&["/etc/passwd"])).await;
        assert!(error.to_string().contains("permission denied"), "{error}");
    });
}

#[test]
fn a_relative_directory_is_refused() {
    test(async |world| {
        let error = refused(world, world.task("web").shell("true").option("cwd", "some/where")).await;
        assert!(error.to_string().starts_with("cwd = \"some/where\""), "{error}");
    });
}

#[test]
fn a_log_path_that_is_a_plain_file_is_refused_and_not_written() {
    test(async |world| {
        let file = world.alloc().logs().join("plain");
        std::fs::write(&file, "before").unwrap();
        let path = file.display().to_string();
        let setup = world.task("web").shell("echo x").change(move |config| config.stdout_path = path);
        let error = refused(world, setup).await;
        assert!(error.to_string().contains("plain"), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), b"before");
    });
}

#[test]
fn a_log_path_that_is_a_link_is_refused_and_not_followed() {
    test(async |world| {
        let (link, target) = (world.alloc().logs().join("link"), world.directory().join("target"));
        linux_host::fifo::make(&target).unwrap();
        symlink(&target, &link).unwrap();
        let path = link.display().to_string();
        let setup = world.task("web").shell("echo x").change(move |config| config.stderr_path = path);
        let error = refused(world, setup).await;
        assert!(error.to_string().contains("link"), "{error}");
    });
}

#[test]
fn a_log_directory_that_a_task_replaced_by_a_link_is_refused() {
    test(async |world| {
        let first = world.task("first").shell("true").change(|config| {
            config.stdout_path = "/dev/null".to_owned();
            config.stderr_path = "/dev/null".to_owned();
        });
        let (config, logs) = first.prepare().await.unwrap();
        drop(logs);
        let directory = world.alloc().logs();
        std::fs::remove_dir_all(&directory).unwrap();
        symlink("/etc", &directory).unwrap();
        let started = wait::limited("StartTask", world.driver().start_task(&config)).await;
        std::fs::remove_file(&directory).unwrap();
        let error = started.expect_err("a link in the place of the log directory").to_string();
        assert!(error.contains("log"), "{error}");
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
    });
}

#[test]
fn a_log_path_outside_of_the_allocation_is_refused() {
    test(async |world| {
        let outside = world.directory().join("outside.fifo");
        linux_host::fifo::make(&outside).unwrap();
        let path = outside.display().to_string();
        let setup = world.task("web").shell("echo x").change(move |config| config.stdout_path = path);
        let error = refused(world, setup).await;
        assert!(error.to_string().contains("outside.fifo"), "{error}");
    });
}

#[test]
fn a_log_path_that_does_not_exist_is_refused() {
    test(async |world| {
        let path = world.alloc().logs().join("missing.fifo").display().to_string();
        let setup = world.task("web").shell("echo x").change(move |config| config.stdout_path = path);
        let error = refused(world, setup).await;
        assert!(error.to_string().contains("missing.fifo"), "{error}");
    });
}

#[test]
fn requests_that_lack_what_every_client_sends_are_refused() {
    test(async |world| {
        let error = refused(world, world.task("web").shell("true").change(|config| config.id.clear())).await;
        assert_eq!(error.to_string(), "the client sent no task id");
        for name in ["", "..", "a/b", "/"] {
            let setup = world.task("web").shell("true").change(move |config| config.name = name.to_owned());
            refused(world, setup).await;
        }
        let setup = world.task("web").shell("true").change(|config| config.alloc_dir = "relative".to_owned());
        let error = refused(world, setup).await;
        assert!(error.to_string().contains("alloc_dir"), "{error}");
        let nothing = world.driver().raw().start_task(StartTaskRequest { task: None }).await;
        assert!(nothing.is_err());
    });
}

#[test]
fn an_environment_that_no_program_could_have_is_refused() {
    test(async |world| {
        let setup = world.task("web").shell("true").with(|task| task.env("A=B", "c"));
        let error = refused(world, setup).await;
        assert!(error.to_string().contains("A=B"), "{error}");
    });
}

#[test]
fn a_volume_whose_place_climbs_is_refused() {
    test(async |world| {
        for place in ["relative", "/srv/../etc"] {
            let mount = nomad_proto::pb::driver::Mount {
                host_path: "/tmp".into(),
                task_path: place.into(),
                ..Default::default()
            };
            let error = refused(world, world.task("web").shell("true").with(|task| task.mount(mount))).await;
            assert!(error.to_string().contains(place), "{error}");
        }
    });
}

#[test]
fn after_a_refusal_the_same_task_starts() {
    test(async |world| {
        refused(world, world.task("web").command(&["no-such-program"])).await;
        assert_eq!(world.task("web").shell("exit 5").start().await.wait().await.code, 5);
    });
}
