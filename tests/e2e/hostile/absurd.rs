//! Options of absurd size or content: a task that runs, or a text that names the option; soon, and with nobody else
//! held up.

use std::time::Instant;

use e2e::{TaskSetup, World, environment, test};
use nomad_proto::cty::Value;

use super::{PROMPT, bind, others_run, refusal};

fn texts(number: usize, text: impl Fn(usize) -> String) -> Value {
    Value::List((0..number).map(|place| text(place).into()).collect())
}

/// Starts it and runs a script in it; gives what that prints.
async fn read(world: &World, name: &str, setup: TaskSetup, script: &str) -> String {
    let begun = Instant::now();
    let task = setup.try_start().await.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(begun.elapsed() < PROMPT * environment::patience(), "{name}: {:?}", begun.elapsed());
    let read = task.read(script).await;
    task.destroy(true).await.unwrap();
    others_run(world).await;
    read
}

#[test]
fn long_lists_of_cpus_and_memory_nodes_are_given_as_what_they_say() {
    test(async |world| {
        for (option, one) in [("cpuset_cpus", "0"), ("cpuset_mems", "0"), ("cpuset_cpus", "0-0")] {
            let list = vec![one; 6000].join(",");
            let setup = world.task("web").shell("sleep 1000").option(option, list);
            let field = if option == "cpuset_cpus" { "Cpus" } else { "Mems" };
            let script = format!("grep {field}_allowed_list /proc/self/status | cut -f 2");
            assert_eq!(read(world, option, setup, &script).await, "0\n");
        }
        for (option, value) in [
            ("cpuset_cpus", "0,".repeat(4000)),
            ("cpuset_cpus", "x".repeat(1 << 20)),
            ("cpuset_cpus", "0-4294967295".to_owned()),
            ("cpuset_cpus", "0-99999999999999999999".to_owned()),
            ("cpuset_cpus", (0..4000).map(|cpu| (2 * cpu).to_string()).collect::<Vec<_>>().join(",")),
            ("cpuset_mems", "1-0".to_owned()),
            ("cpuset_mems", "0\n1".to_owned()),
            ("cpuset_mems", "0-1023".to_owned()),
        ] {
            let text = refusal(world.task("web").shell("true").option(option, value)).await;
            assert!(text.contains(option) && text.len() < 5000, "{} {text}", text.len());
        }
    });
}

#[test]
fn thousands_of_arguments_variables_and_hosts_reach_the_task() {
    test(async |world| {
        let sleeps = || world.task("web").shell("sleep 1000");
        let args =
            texts(
                5000,
                |place| if place == 0 { "sleep 1000; true".into() } else { format!("argument-{place}") },
            );
        let args = args.as_list().unwrap().iter().cloned();
        let args = Value::List(std::iter::once("-c".into()).chain(args).collect());
        let setup = world.task("web").option("command", "/bin/sh").option("args", args);
        assert_eq!(
            read(world, "args", setup, "tr '\\0' '\\n' < /proc/1/cmdline | grep -c argument-").await,
            "4999\n"
        );
        let setup = sleeps()
            .with(|task| (0..3000).fold(task, |task, place| task.env(format!("V_{place}"), "v".repeat(100))));
        assert_eq!(read(world, "env", setup, "env | grep -c ^V_").await, "3000\n");
        let hosts = texts(5000, |place| format!("host-{place}:10.0.{}.{}", place / 250, place % 250));
        let setup = sleeps().option("extra_hosts", hosts);
        assert_eq!(read(world, "extra_hosts", setup, "grep -c host- /etc/hosts").await, "5000\n");
        let sysctl = (0..1000)
            .map(|place| (format!("net.ipv4.conf.lo.tag{}", if place == 0 { "" } else { "_" }), "1".into()));
        let setup = sleeps().option("sysctl", Value::List(vec![Value::Map(sysctl.take(1).collect())]));
        assert_eq!(read(world, "sysctl", setup, "cat /proc/sys/net/ipv4/conf/lo/tag").await, "1\n");
    });
}

#[test]
fn thousands_of_mounts_are_made_or_refused_by_their_name() {
    test(async |world| {
        let mounts: Vec<Value> =
            (0..1000).map(|place| bind("local", format!("/m/{place}"), &["rbind", "rw"])).collect();
        let setup = world.task("web").shell("sleep 1000").option("mounts", Value::List(mounts));
        assert_eq!(read(world, "mounts", setup, "ls /m | wc -l").await, "1000\n");
        let tmpfs =
            |place| Value::from([("type", Value::from("tmpfs")), ("target", format!("/m/{place}").into())]);
        let mounts = (0..500).map(tmpfs).collect();
        let setup = world.task("web").shell("sleep 1000").option("mounts", Value::List(mounts));
        assert_eq!(read(world, "tmpfs", setup, "grep -c ' /m/' /proc/self/mounts").await, "500\n");
    });
}

#[test]
fn what_no_program_could_be_given_is_refused() {
    test(async |world| {
        let door = || world.task("web").shell("true");
        let cases: Vec<(&str, TaskSetup)> = vec![
            ("args", world.task("web").command(&["/bin/true", &"a".repeat(200 << 10)])),
            ("env", door().with(|task| task.env("LONG", "v".repeat(200 << 10)))),
            ("command", world.task("web").command(&[&"c".repeat(5000)])),
            ("cwd", door().option("cwd", format!("/{}", "d/".repeat(3000)))),
            ("hostname", door().option("hostname", "h".repeat(1 << 16))),
            ("user", door().with(|task| task.user("u".repeat(1 << 16)))),
            ("cap_add", door().option("cap_add", texts(5000, |place| format!("cap_{place}")))),
            ("devices", door().option("devices", texts(5000, |place| format!("/dev/no-such-{place}")))),
            (
                "sysctl",
                door().option(
                    "sysctl",
                    Value::List(vec![Value::Map(
                        (0..5000).map(|place| (format!("vm.x{place}"), "1".into())).collect(),
                    )]),
                ),
            ),
            ("shm_size", door().option("shm_size", "9".repeat(100))),
            (
                "mounts",
                door().option(
                    "mounts",
                    Value::List(
                        (0..5000)
                            .map(|place| bind("local/none", format!("/m/{place}"), &["rbind"]))
                            .collect(),
                    ),
                ),
            ),
            ("image", world.task("web").reference(&"i".repeat(1 << 16)).shell("true")),
            ("image", world.task("web").reference(&format!("{}b", "a/".repeat(5000))).shell("true")),
        ];
        for (told, setup) in cases {
            let text = refusal(setup).await;
            assert!(text.contains(told), "{told}: {}", &text[..text.len().min(500)]);
        }
        others_run(world).await;
    });
}

#[test]
fn a_configuration_of_many_megabytes_is_answered_and_the_plugin_lives() {
    test(async |world| {
        let args = texts(400, |_| "a".repeat(100_000));
        let setup = world.task("web").option("command", "/bin/true").option("args", args);
        let text = refusal(setup).await;
        assert!(text.len() < 5000, "{}", text.len());
        others_run(world).await;
    });
}
