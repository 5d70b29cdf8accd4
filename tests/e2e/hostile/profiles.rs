//! `seccomp_profile`, which names a file of the host that root reads.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use e2e::hung::HungMount;
use e2e::task::chain;
use e2e::world::Setup;
use e2e::{TaskSetup, World, environment, host, test, test_with, wait};
use futures::future::join_all;

use super::{PROMPT, Security, others_run, refusal};

const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#;

fn profiled(world: &World, name: &str, profile: &str) -> TaskSetup {
    world.task(name).shell("true").option("seccomp", true).option("seccomp_profile", profile)
}

#[test]
fn a_profile_that_is_no_file_with_a_profile_is_refused_at_once_and_nothing_of_it_is_quoted() {
    test(async |world| {
        let place = world.directory();
        let at = |name: &str| place.join(name).display().to_string();
        linux_host::fifo::make(&place.join("fifo")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(place.join("socket")).unwrap();
        fs::File::create(place.join("huge")).unwrap().set_len(1 << 40).unwrap();
        fs::write(place.join("large"), format!("{PROFILE}{}", " ".repeat(2 << 20))).unwrap();
        fs::write(place.join("secret"), "s3cr3t:$6$s3cr3t:19000::\n").unwrap();
        fs::write(place.join("secret.json"), r#"{"defaultAction": "s3cr3t", "s3cr3t": ["s3cr3t"]}"#).unwrap();
        fs::write(place.join("deep.json"), "[".repeat(1 << 19)).unwrap();
        fs::write(place.join("bytes"), [0xff, 0xfe, 0, b's', b'3', b'c', b'r', b'3', b't']).unwrap();
        for (name, target) in [("link", "/proc/kmsg"), ("loop", "loop"), ("up", "/dev/zero")] {
            symlink(target, place.join(name)).unwrap();
        }
        for profile in [
            "/proc/kmsg",
            "/proc/self/mem",
            "/proc/self/environ",
            "/sys/kernel/notes",
            "/dev/zero",
            "/dev/kmsg",
            "/dev/tty",
            "/etc",
            "/etc/shadow",
            "/no/such/file",
            "/",
            &at("fifo"),
            &at("socket"),
            &at("huge"),
            &at("large"),
            &at("secret"),
            &at("secret.json"),
            &at("deep.json"),
            &at("bytes"),
            &at("link"),
            &at("loop"),
            &at("up"),
            &format!("/{}", "x".repeat(5000)),
            &format!("/{}x", "x/".repeat(3000)),
        ] {
            let text = refusal(profiled(world, "web", profile)).await;
            assert!(text.contains("seccomp_profile = "), "{profile}: {text}");
            assert!(!text.contains("s3cr3t") && !text.contains("root:"), "{profile}: {text}");
            assert!(text.len() < 400 + 2 * profile.len(), "{profile}: {text}");
        }
        others_run(world).await;
    });
}

#[test]
fn strict_takes_profiles_of_the_operators_directory_alone() {
    test_with(Security::Strict.setup(), async |world| {
        let profile = world.directory().join("profile.json");
        fs::write(&profile, PROFILE).unwrap();
        for path in ["/proc/kmsg", &profile.display().to_string()] {
            let text = refusal(profiled(world, "web", path)).await;
            assert!(text.contains("seccomp_profile_dir"), "{text}");
        }
    });
    let operators = tempfile::tempdir().unwrap();
    let directory = operators.path().join("profiles");
    fs::create_dir(&directory).unwrap();
    for name in ["profiles/a.json", "outside.json"] {
        fs::write(operators.path().join(name), PROFILE).unwrap();
    }
    let setup = Security::Strict.setup().and("seccomp_profile_dir", directory.display().to_string());
    test_with(setup, async |world| {
        let at = |name: &str| directory.join(name).display().to_string();
        world.task("own").shell("true").start().await;
        profiled(world, "web", &at("a.json")).start().await;
        let shown = operators.path().display();
        for outside in [
            "/proc/kmsg".to_owned(),
            at("../outside.json"),
            at("./../profiles/a.json"),
            format!("{shown}/outside.json"),
            format!("{shown}/profiles.json"),
            format!("{shown}//profiles/../outside.json"),
        ] {
            let text = refusal(profiled(world, "none", &outside)).await;
            assert!(text.contains("only profiles in"), "{outside}: {text}");
        }
        for missing in [at(""), at("none.json")] {
            let text = refusal(profiled(world, "none", &missing)).await;
            assert!(text.contains("seccomp_profile = "), "{missing}: {text}");
        }
    });
}

#[test]
fn hundreds_of_starts_with_a_profile_that_never_ends_hold_nobody_else() {
    // As many as the pool of blocking threads has, and some more.
    const STARTS: usize = 530;
    test(async |world| {
        let (config, _logs) = profiled(world, "web", "/proc/kmsg").prepare().await.unwrap();
        let begun = Instant::now();
        let starts = (0..STARTS).map(|number| {
            let (mut config, driver) = (config.clone(), world.driver());
            config.name = format!("web-{number}");
            config.id = format!("{}/{}/x", config.alloc_id, config.name);
            async move { driver.start_task(&config).await.map(drop) }
        });
        let ((), ends) = tokio::join!(others_run(world), join_all(starts));
        // How many are refused for their profile, and how many for the descriptors that all of them together would need.
        let told: Vec<String> = ends.into_iter().map(|end| chain(&end.unwrap_err())).collect();
        let other = told.iter().find(|text| !text.contains("/proc/kmsg") && !text.contains("descriptors"));
        assert_eq!(other, None);
        assert!(told.iter().any(|text| text.contains("/proc/kmsg")));
        assert!(begun.elapsed() < 2 * PROMPT * environment::patience(), "{:?}", begun.elapsed());
        others_run(world).await;
    });
}

#[test]
fn paths_on_a_file_system_that_never_answers_hold_their_own_start_alone() {
    const STARTS: usize = 24;
    test_with(Setup::default(), async |world| {
        let hung = HungMount::at(&world.directory().join("hung"));
        let starts: Vec<_> = (0..STARTS)
            .map(|number| {
                let (name, path) = (format!("web-{number}"), hung.file());
                let setup = match number % 3 {
                    0 => profiled(world, &name, &path),
                    1 => world.task(&name).shell("true").option("devices", vec![path.as_str()]),
                    _ => {
                        let mount = super::bind(path, "/x", &["rbind", "rw"]);
                        world
                            .task(&name)
                            .shell("true")
                            .option("mounts", nomad_proto::cty::Value::List(vec![mount]))
                    }
                };
                tokio::spawn(setup.try_start())
            })
            .collect();
        let plugin = world.plugin_pid();
        wait::until_true("all of them hang", || host::threads(plugin, "admission") == STARTS).await;
        others_run(world).await;
        let own = profiled(world, "own", "/etc/shadow");
        assert!(refusal(own).await.contains("seccomp_profile"));
        drop(hung);
        for start in starts {
            let text = chain(&start.await.unwrap().unwrap_err());
            assert!(
                ["seccomp_profile = ", "devices = ", "mounts.source = "]
                    .iter()
                    .any(|option| text.contains(option)),
                "{text}"
            );
        }
    });
}
