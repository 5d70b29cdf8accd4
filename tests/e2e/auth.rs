//! Credentials for a registry, in the job and in the plugin's configuration.

use e2e::world::Setup;
use e2e::{Registry, TaskSetup, World, leftovers, test, test_with, wait};
use nomad_host::driver::TaskExit;
use nomad_proto::cty::Value;

/// The Go driver's block for a user of the registry.
fn auth(user: &str) -> Value {
    with_password(user, Registry::password(user))
}

fn with_password(user: &str, password: &str) -> Value {
    [("username", user), ("password", password)].into()
}

/// A world whose containerd has no image, and a registry that has one for its users; gives its reference.
fn with_users(setup: Setup, body: impl AsyncFnOnce(&World, Registry, String)) {
    test_with(setup, async |world| {
        let directory = world.directory();
        let started = tokio::task::spawn_blocking(move || {
            let registry = Registry::for_users(&directory);
            let reference = registry.push("busybox-gzip", "team/tool", "1.0");
            (registry, reference)
        });
        let (registry, reference) = started.await.unwrap();
        body(world, registry, reference).await;
        for secret in Registry::secrets() {
            assert!(!world.logged(secret), "the log tells a secret");
        }
    });
}

fn own() -> Setup {
    Setup::own_daemon()
}

fn task(world: &World, reference: &str) -> TaskSetup {
    world.task("web").reference(reference).shell("echo runs; exit 3")
}

async fn runs(setup: TaskSetup) {
    let (exit, output) = setup.start().await.finish().await;
    assert_eq!((exit, output.stdout_text().as_str()), (TaskExit::code(3), "runs\n"));
}

/// Asserts that the task is refused for good; gives the text, without the registry's address.
async fn denied(registry: &Registry, setup: TaskSetup) -> String {
    let error = setup.try_start().await.expect_err("the driver starts what it should refuse");
    assert!(!error.is_recoverable(), "{error}");
    let text = error.to_string();
    for secret in Registry::secrets() {
        assert!(!text.contains(secret), "{text}");
    }
    text.replace(registry.address(), "HOST")
}

#[test]
fn a_go_drivers_job_gets_its_private_image_and_its_password_is_kept_nowhere() {
    with_users(own(), async |world, _registry, reference| {
        let setup = world.task("web").reference(&reference).shell("echo up; sleep 1000");
        let mut task = setup.option("auth", Value::List(vec![auth("alice")])).start().await;
        task.printed("up").await;
        let handle = &task.handle;
        let config = handle.config.as_ref().unwrap();
        assert!(config.msgpack_driver_config.is_empty(), "the handle keeps the job's options");
        let container = task.container().await;
        let found = world.ctr(&["containers", "info", &container]);
        let kept = [format!("{handle:?}"), String::from_utf8_lossy(&handle.driver_state).into_owned(), found];
        for secret in Registry::secrets() {
            assert!(kept.iter().all(|text| !text.contains(secret)), "{kept:#?}");
            let files =
                std::process::Command::new("grep").args(["-rl", secret]).arg(world.state_dir()).output();
            assert_eq!(String::from_utf8_lossy(&files.unwrap().stdout), "", "the driver's own files tell it");
        }
        // What is taken up again needs none.
        world.kill_plugin().await;
        world.start_plugin().await;
        task.recover().await.unwrap();
        assert_eq!(task.read("echo still").await, "still\n");
    });
}

#[test]
fn the_operators_credentials_serve_jobs_that_have_none() {
    with_users(own().and("auth", auth("bob")), async |world, registry, reference| {
        runs(task(world, &reference)).await;
        // An image that is there needs no registry.
        registry.stop();
        runs(task(world, &reference)).await;
    });
}

#[test]
fn the_jobs_credentials_win_over_the_operators() {
    with_users(own().and("auth", auth("bob")), async |world, registry, reference| {
        let wrong = task(world, &reference).option("auth", with_password("alice", "guess"));
        expect_test::expect![[r#"image HOST/team/tool:1.0: access denied: HOST refuses user "alice": the password is wrong, or the user may not have the image"#]].assert_eq(&denied(&registry, wrong).await);
    });
    with_users(own().and("auth", with_password("bob", "guess")), async |world, registry, reference| {
        expect_test::expect![[r#"image HOST/team/tool:1.0: access denied: HOST refuses user "bob": the password is wrong, or the user may not have the image"#]].assert_eq(&denied(&registry, task(world, &reference)).await);
        runs(task(world, &reference).option("auth", auth("alice"))).await;
    });
}

#[test]
fn without_credentials_or_with_wrong_ones_a_job_is_refused_for_good_and_leaves_nothing() {
    with_users(own(), async |world, registry, reference| {
        let wrong = task(world, &reference).option("auth", with_password("alice", "guess"));
        let told = [denied(&registry, task(world, &reference)).await, denied(&registry, wrong).await];
        expect_test::expect![[r#"
            image HOST/team/tool:1.0: access denied: it does not exist, or needs credentials
            image HOST/team/tool:1.0: access denied: HOST refuses user "alice": the password is wrong, or the user may not have the image"#]].assert_eq(&told.join("\n"));
        assert_eq!(registry.requests("GET", "/manifests/"), 2, "each is asked for once");
        let left = leftovers::of(world.daemon(), &world.alloc().id, &world.state_dir());
        assert!(left.is_empty(), "{left:#?}");
        assert_eq!(world.ctr(&["leases", "list", "-q"]), "");
    });
}

#[test]
fn credentials_for_one_registry_are_not_sent_to_another() {
    let operators = || {
        Value::from([
            ("username", "bob"),
            ("password", Registry::password("bob")),
            ("server_address", "registry.example.com"),
        ])
    };
    with_users(own().and("auth", operators()), async |world, registry, reference| {
        expect_test::expect!["image HOST/team/tool:1.0: access denied: it does not exist, or needs credentials; those in auth are for registry.example.com and were not sent to HOST"].assert_eq(&denied(&registry, task(world, &reference)).await);
        let of = |server: &str| {
            let entries = [("email", "a@example.com"), ("server_address", server), ("username", "alice")];
            let mut block = Value::from(entries).as_map().unwrap().clone();
            block.insert("password".to_owned(), Registry::password("alice").into());
            Value::Map(block)
        };
        let elsewhere = task(world, &reference).option("auth", of("https://index.docker.io/v1/"));
        expect_test::expect!["image HOST/team/tool:1.0: access denied: it does not exist, or needs credentials; those in auth are for https://index.docker.io/v1/ and registry.example.com and were not sent to HOST"].assert_eq(&denied(&registry, elsewhere).await);
        let here = of(&format!("http://{}/v2/", registry.address()));
        runs(task(world, &reference).option("auth", here)).await;
    });
}

#[test]
fn a_proxy_of_the_agents_does_not_come_between_the_driver_and_a_registry_of_this_host() {
    // Nothing listens at the first port.
    let setup = own().env("http_proxy", "http://127.0.0.1:1").env("all_proxy", "http://127.0.0.1:1");
    with_users(setup, async |world, _registry, reference| {
        runs(task(world, &reference).option("auth", auth("alice"))).await;
    });
}

#[test]
fn starts_at_once_with_one_users_credentials_share_a_pull_and_others_have_no_part_in_it() {
    with_users(own(), async |world, registry, reference| {
        let starts = (0..6).map(|number| {
            let setup = world.task(&format!("task-{number}")).reference(&reference).shell("exit 3");
            let setup = match number {
                0..3 => setup.option("auth", auth("alice")),
                _ => setup.option("auth", with_password("bob", "guess")),
            };
            async move {
                match setup.try_start().await {
                    Ok(task) => Some(task.wait().await),
                    Err(_) => None,
                }
            }
        });
        let ends = wait::limited("all of them", futures::future::join_all(starts)).await;
        assert_eq!(ends[..3], [Some(TaskExit::code(3)); 3]);
        assert_eq!(registry.requests("GET", "/blobs/"), 2, "one config and one layer");
    });
}

#[test]
fn half_credentials_are_refused_by_name() {
    test(async |world| {
        let refusal =
            async |auth: Value| world.task("web").shell("true").option("auth", auth).refusal().await;
        let told = [
            refusal([("username", "alice")].into()).await,
            refusal([("password", "of-alice-0815")].into()).await,
            refusal(with_password("alice", "of-alice-0815\n")).await,
        ];
        expect_test::expect![[r#"
            auth.username = [redacted]: needs a password; set auth.password too
            auth.password = [redacted]: needs a user; set auth.username too
            auth.password = [redacted]: must not contain control characters, such as a line break"#]]
        .assert_eq(&told.join("\n"));
        for secret in Registry::secrets() {
            assert!(!world.logged(secret), "the log tells a secret");
        }
    });
}
