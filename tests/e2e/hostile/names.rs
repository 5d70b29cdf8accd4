//! Names with control characters, with NUL and of other alphabets: refused with the name quoted, or taken as they are.

use e2e::{TaskSetup, World, test};
use nomad_proto::cty::Value;

use super::{bind, others_run, under_each};

const NAMES: [&str; 4] = ["new\nline\u{1b}[2J", "nul\0byte", "ünïcödé-名前", "right\u{202e}left\ttab\u{7}\r"];

/// Options with such a name in them.
fn with(world: &World, option: &str, name: &str) -> TaskSetup {
    let setup = world.task("web").shell("true");
    let path = format!("/{name}");
    let one = |value: String| Value::List(vec![value.into()]);
    match option {
        "image" => world.task("web").reference(name).shell("true"),
        "image's tag" => world.task("web").reference(&format!("127.0.0.1:1/a:{name}")).shell("true"),
        "user" => {
            let name = name.to_owned();
            setup.with(move |task| task.user(name))
        }
        "env" => {
            let name = name.to_owned();
            setup.with(move |task| task.env(name, "x"))
        }
        "command" => world.task("web").command(&[&path]),
        "args" => {
            let value = name.to_owned();
            world.task("web").command(&["/bin/true", name]).with(move |task| task.env("NAME", value))
        }
        "entrypoint" => world.task("web").option("entrypoint", one(path)),
        "cwd" | "seccomp_profile" => setup.option(option, path).option("seccomp", true),
        "hostname" | "shm_size" | "cpuset_cpus" | "pid_mode" => setup.option(option, name),
        "extra_hosts" => setup.option(option, one(format!("{name}:10.0.0.1"))),
        "cap_add" => setup.option(option, one(name.to_owned())),
        "devices" => setup.option(option, one(format!("/dev/{name}"))),
        "device's target" => setup.option("devices", one(format!("/dev/null:/dev/{name}"))),
        "sysctl" => {
            setup.option(option, Value::List(vec![Value::Map([(format!("net.{name}"), "1".into())].into())]))
        }
        "source" => {
            setup.option("mounts", Value::List(vec![bind(format!("local/{name}"), "/x", &["rbind"])]))
        }
        "target" => setup.option("mounts", Value::List(vec![bind("local", path, &["rbind"])])),
        "options" => setup.option("mounts", Value::List(vec![bind("local", "/x", &["rbind", name])])),
        "auth" => {
            let auth = [("username", name), ("password", name)];
            world.task("web").reference("127.0.0.1:1/a:1").shell("true").option(option, Value::from(auth))
        }
        "job" => {
            let name = name.to_owned();
            setup.change(move |config| {
                (config.job_id, config.job_name, config.namespace) =
                    (name.clone(), name.clone(), name.clone());
                config.task_group_name = name;
            })
        }
        other => panic!("{other}"),
    }
}

#[test]
fn names_with_anything_in_them_are_taken_or_refused_and_never_printed_as_they_are() {
    test(async |world| {
        for option in [
            "image",
            "image's tag",
            "user",
            "env",
            "command",
            "args",
            "entrypoint",
            "cwd",
            "seccomp_profile",
            "hostname",
            "shm_size",
            "cpuset_cpus",
            "pid_mode",
            "extra_hosts",
            "cap_add",
            "devices",
            "device's target",
            "sysctl",
            "source",
            "target",
            "options",
            "auth",
            "job",
        ] {
            for name in NAMES {
                match with(world, option, name).try_start().await {
                    Ok(task) => task.destroy(true).await.unwrap(),
                    Err(error) => {
                        let text = error.to_string();
                        assert!(!error.is_disconnected(), "{option} = {name:?}: {text}");
                        assert!(!text.contains(char::is_control), "{option} = {name:?}: {text:?}");
                        assert!(!text.contains('\u{202e}'), "{option} = {name:?}: {text:?}");
                        assert!(!text.is_empty() && text.len() < 2000, "{option} = {name:?}: {text}");
                    }
                }
            }
        }
        others_run(world).await;
    });
}

#[test]
fn ids_of_tasks_that_are_no_names_of_files_lead_nowhere() {
    under_each(async |world, _| {
        let state = world.state_dir();
        for (alloc, name) in [
            ("../../outside", "web"),
            ("a", "../../outside"),
            ("a/b", "web"),
            ("", "web"),
            ("a", ""),
            (".", "."),
            ("a", "w\0b"),
            ("a", "w\nb"),
            ("a", "-web"),
            ("a", "web web"),
            ("名前", "web"),
            ("a", "ünïcode"),
        ] {
            let setup = world.task("web").shell("true").change(move |config| {
                (config.alloc_id, config.name) = (alloc.to_owned(), name.to_owned());
            });
            match setup.try_start().await {
                Ok(task) => task.destroy(true).await.unwrap(),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!text.contains(char::is_control) && !error.is_disconnected(), "{text:?}");
                }
            }
            let tasks = std::fs::read_dir(state.join("tasks")).into_iter().flatten().flatten();
            assert_eq!(tasks.count(), 0);
            assert!(!state.join("outside").exists() && !world.directory().join("outside").exists());
        }
        // Longer than a container's id can be.
        let long = world.task(&"n".repeat(200)).shell("echo runs").start().await;
        assert_eq!(long.finish().await.1.stdout_text(), "runs\n");
        others_run(world).await;
    });
}
