//! What the node advertises: healthy, unhealthy, undetected, and back.

use std::os::unix::fs::symlink;

use e2e::wait::{limited, until_true};
use e2e::world::Setup;
use e2e::{Plugin, World, test, test_with};
use nomad_host::driver::{DriverClient, Fingerprint, Health, Subscription};
use nomad_host::plugin::PluginProcess;
use nomad_proto::cty::Value;

/// Follows the stream until the health is this one.
async fn until(stream: &mut Subscription<Fingerprint>, health: Health) -> Fingerprint {
    limited(&format!("{health:?}"), async {
        loop {
            let next = stream.next().await.unwrap().expect("the stream goes on");
            if next.health == health {
                return next;
            }
        }
    })
    .await
}

async fn stream(plugin: &Plugin) -> Subscription<Fingerprint> {
    limited("Fingerprint", plugin.driver().fingerprint()).await.unwrap()
}

/// The fingerprint of a further plugin with this configuration, once it has looked.
async fn first_of(config: &Value) -> Fingerprint {
    let plugin = Plugin::configured(config).await;
    let found = first(&plugin.driver()).await;
    assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    found
}

async fn first(driver: &DriverClient) -> Fingerprint {
    let mut stream = limited("Fingerprint", driver.fingerprint()).await.unwrap();
    limited("a look at containerd", async {
        loop {
            let next = stream.next().await.unwrap().expect("the stream goes on");
            if next.description != "not configured yet" {
                return next;
            }
        }
    })
    .await
}

#[test]
fn a_healthy_node_names_its_containerd() {
    test(async |world| {
        let seen = first_of(world.config()).await;
        assert_eq!((seen.health, seen.description.as_str()), (Health::Healthy, "Healthy"));
        let version = &seen.attributes["driver.containerd.containerd_version"];
        assert!(world.daemon().instance().version.contains(version.as_str()), "{seen:?}");
        // A distribution may build without one; an empty value removes the attribute.
        assert!(seen.attributes.contains_key("driver.containerd.containerd_revision"), "{seen:?}");
        assert!(seen.attributes.keys().all(|name| name.starts_with("driver.containerd.")), "{seen:?}");
    });
}

#[test]
fn the_health_follows_containerd_down_and_up() {
    test_with(Setup::own_daemon(), async |world| {
        let mut stream = limited("Fingerprint", world.driver().fingerprint()).await.unwrap();
        let before = until(&mut stream, Health::Healthy).await;
        world.daemon().kill();
        let down = until(&mut stream, Health::Unhealthy).await;
        let socket = world.daemon().instance().address.display().to_string();
        assert!(down.description.contains(&socket), "{down:?}");
        world.daemon().start();
        assert_eq!(until(&mut stream, Health::Healthy).await, before);
        assert_eq!(world.task("web").shell("exit 3").start().await.wait().await.code, 3);
    });
}

#[test]
fn a_containerd_that_was_never_seen_is_undetected_until_it_appears() {
    test(async |world| {
        let socket = world.directory().join("containerd.sock");
        let config = world.config_with("containerd_addr", socket.display().to_string());
        let plugin = Plugin::configured(&config).await;
        let mut stream = stream(&plugin).await;
        let absent = until(&mut stream, Health::Undetected).await;
        assert!(absent.description.contains(&socket.display().to_string()), "{absent:?}");
        assert!(absent.attributes.is_empty(), "{absent:?}");
        symlink(&world.daemon().instance().address, &socket).unwrap();
        let seen = until(&mut stream, Health::Healthy).await;
        assert!(seen.attributes.contains_key("driver.containerd.containerd_version"));
        assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    });
}

#[test]
fn a_driver_that_the_operator_turned_off_is_undetected() {
    test(async |world| {
        let seen = first_of(&world.config_with("enabled", false)).await;
        assert_eq!(seen.health, Health::Undetected);
        assert!(seen.description.contains("disabled"), "{seen:?}");
    });
}

#[test]
fn a_snapshotter_that_is_not_loaded_is_unhealthy_and_named() {
    test(async |world| {
        let seen = first_of(&world.config_with("snapshotter", "nonesuch")).await;
        assert_eq!(seen.health, Health::Unhealthy);
        assert!(seen.description.contains("nonesuch") && seen.description.contains("overlayfs"), "{seen:?}");
    });
}

#[test]
fn a_runtime_that_can_not_be_resolved_is_unhealthy_and_named() {
    test(async |world| {
        for runtime in ["io.containerd.nonesuch.v9", "/no/such/shim", "runc"] {
            let seen = first_of(&world.config_with("containerd_runtime", runtime)).await;
            assert_eq!(seen.health, Health::Unhealthy, "{runtime}");
            assert!(seen.description.contains(runtime), "{seen:?}");
        }
    });
}

#[test]
fn the_first_runtime_of_runc_works_or_is_replaced() {
    let runtime = Setup::config("containerd_runtime", "io.containerd.runc.v1");
    test_with(runtime, async |world| {
        let mut stream = limited("Fingerprint", world.driver().fingerprint()).await.unwrap();
        until(&mut stream, Health::Healthy).await;
        assert_eq!(world.task("web").shell("exit 6").start().await.wait().await.code, 6);
        let replaced = || world.logged("no longer has the runtime io.containerd.runc.v1");
        match world.daemon().instance().version.starts_with("1.") {
            true => assert!(!replaced()),
            // What the plugin has logged is read beside its answers.
            false => until_true("the words on the runtime", replaced).await,
        }
    });
}

#[test]
fn another_snapshotter_runs_tasks_as_well() {
    test_with(Setup::config("snapshotter", "native"), async |world| {
        let alloc = world.alloc();
        let task = world.task("web").shell("echo x > /made; exit 8").start().await;
        assert_eq!(task.wait().await.code, 8);
        let snapshots = |world: &World| world.ctr(&["snapshots", "--snapshotter", "native", "list"]);
        assert!(snapshots(world).contains(&alloc.id));
        task.destroy(true).await.unwrap();
        assert!(!snapshots(world).contains(&alloc.id));
    });
}

#[test]
fn another_namespace_is_kept_to() {
    let name = format!("e2e-{}", std::process::id());
    test_with(Setup::config("containerd_namespace", name.as_str()), async |world| {
        let archive = e2e::daemon::archive("busybox");
        let file = archive.file.display().to_string();
        let ctr = |arguments: &[&str]| {
            let output =
                world.daemon().command().args(["--namespace", &name]).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        ctr(&["images", "import", "--snapshotter", "overlayfs", &file]);
        let task = world.task("web").reference(&archive.reference).shell("sleep 1000").start().await;
        assert!(ctr(&["containers", "list", "-q"]).contains(&world.alloc().id));
        assert!(!world.ctr(&["containers", "list", "-q"]).contains(&world.alloc().id));
        task.destroy(true).await.unwrap();
        assert!(!ctr(&["containers", "list", "-q"]).contains(&world.alloc().id));
        assert!(!ctr(&["snapshots", "list"]).contains(&world.alloc().id));
    });
}

#[test]
fn a_state_dir_whose_mounts_containerd_does_not_see_is_unhealthy_and_named() {
    test(async |world| {
        let (mut options, _log) = Plugin::options();
        let driver = std::mem::replace(&mut options.binary, "unshare".into());
        for argument in ["--mount", "--propagation", "private"] {
            options = options.argument(argument);
        }
        let plugin = limited("the handshake", PluginProcess::start(options.argument(driver))).await.unwrap();
        limited("SetConfig", plugin.driver().configure(world.config())).await.unwrap();
        let seen = first(&plugin.driver()).await;
        let state_dir = world.state_dir().display().to_string();
        assert_eq!(seen.health, Health::Unhealthy, "{seen:?}");
        assert!(seen.description.contains("state_dir") && seen.description.contains(&state_dir), "{seen:?}");
        assert!(plugin.shutdown().await.is_some_and(|status| status.success()));
    });
}
