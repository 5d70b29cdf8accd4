//! How later mounts travel between the host and a task: into neither, into the task, or both ways.

use e2e::world::Setup;
use e2e::{SharedMount, Task, World, test, test_with};
use nomad_proto::cty::Value;
use nomad_proto::pb::driver::Mount;
use rustix::mount::{MountFlags, mount};

/// The ways in which a source comes into a task, and the names of the directories.
const WAYS: [&str; 3] = ["volume", "fstab", "docker"];

/// How a mount travels, in the words of Nomad, of mount(8) and of docker, and where a later one is seen.
struct Propagation {
    nomad: &'static str,
    word: &'static str,
    in_task: bool,
    on_host: bool,
}

const PROPAGATIONS: [Propagation; 3] = [
    Propagation { nomad: "private", word: "rprivate", in_task: false, on_host: false },
    Propagation { nomad: "host-to-task", word: "rslave", in_task: true, on_host: false },
    Propagation { nomad: "bidirectional", word: "rshared", in_task: true, on_host: true },
];

/// A task that may mount, with a directory of the host's shared mount in each way.
async fn started(world: &World, place: &SharedMount, propagation: &Propagation) -> Task {
    let source = |way: &str| {
        let source = place.directory(&format!("{}/{way}", propagation.nomad));
        std::fs::create_dir(source.join("by-host")).unwrap();
        std::fs::create_dir(source.join("by-task")).unwrap();
        source.display().to_string()
    };
    let volume = Mount {
        host_path: source("volume"),
        task_path: "/volume".to_owned(),
        propagation_mode: propagation.nomad.to_owned(),
        ..Mount::default()
    };
    let fstab = Value::from([
        ("source", Value::from(source("fstab"))),
        ("target", "/fstab".into()),
        ("options", vec!["rbind", "rw", propagation.word].into()),
    ]);
    let docker = Value::from([
        ("type", Value::from("bind")),
        ("source", source("docker").into()),
        ("target", "/docker".into()),
        ("bind_options", [("propagation", propagation.word)].into()),
    ]);
    let setup = world.task(propagation.nomad).shell("sleep 1000").with(|task| task.mount(volume));
    setup.option("privileged", true).option("mounts", Value::List(vec![fstab, docker])).start().await
}

async fn later_mounts_travel_as_asked(world: &World, place: &SharedMount) {
    for propagation in &PROPAGATIONS {
        let task = started(world, place, propagation).await;
        let name = propagation.nomad;
        for way in WAYS {
            let source = place.path().join(name).join(way);
            mount("by-host", source.join("by-host"), "tmpfs", MountFlags::empty(), None).unwrap();
            std::fs::write(source.join("by-host/seen"), "").unwrap();
            let seen = task.run(&format!("test -e /{way}/by-host/seen")).await.exit.code == 0;
            assert_eq!(seen, propagation.in_task, "{name}, {way}: a mount of the host in the task");
            task.read(&format!("mount -t tmpfs t /{way}/by-task && touch /{way}/by-task/seen")).await;
            let seen = source.join("by-task/seen").exists();
            assert_eq!(seen, propagation.on_host, "{name}, {way}: a mount of the task on the host");
        }
        // What is no part of such a source stays in the task.
        task.read(&format!("mkdir /elsewhere && mount -t tmpfs elsewhere-{name} /elsewhere")).await;
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!table.contains(&format!("elsewhere-{name}")), "{table}");
    }
}

#[test]
fn later_mounts_travel_as_the_job_says() {
    test(async |world| later_mounts_travel_as_asked(world, &SharedMount::new()).await);
}

#[test]
fn later_mounts_travel_as_the_job_says_where_the_drivers_own_directory_is_shared_too() {
    let place = SharedMount::new();
    let state = place.path().join("state").display().to_string();
    test_with(Setup::config("state_dir", state), async |world| {
        later_mounts_travel_as_asked(world, &place).await;
        let staged = place.path().join("state").display().to_string();
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!table.contains(&staged), "{table}");
    });
}

#[test]
fn what_is_mounted_beneath_a_source_comes_along_with_rbind_alone() {
    test(async |world| {
        let place = SharedMount::new();
        let inner = place.directory("source/inner");
        mount("inner", &inner, "tmpfs", MountFlags::empty(), None).unwrap();
        std::fs::write(inner.join("seen"), "").unwrap();
        let bind = |target: &str, word: &str| {
            Value::from([
                ("source", Value::from(place.path().join("source").display().to_string())),
                ("target", target.into()),
                ("options", vec![word, "ro"].into()),
            ])
        };
        let blocks = Value::List(vec![bind("/tree", "rbind"), bind("/alone", "bind")]);
        let task = world.task("web").shell("sleep 1000").option("mounts", blocks).start().await;
        task.read("test -e /tree/inner/seen && test -d /alone/inner && test ! -e /alone/inner/seen").await;
        for place in ["/tree", "/alone"] {
            let refused = task.run(&format!("touch {place}/new")).await;
            assert!(String::from_utf8_lossy(&refused.stderr).contains("Read-only"), "{refused:?}");
        }
    });
}

#[test]
fn the_whole_host_can_be_a_source_and_nothing_of_it_stays_staged() {
    test(async |world| {
        std::fs::write(world.directory().join("seen"), "").unwrap();
        for (name, word) in [("private", "rprivate"), ("slave", "rslave"), ("shared", "rshared")] {
            let block = Value::from([
                ("source", Value::from("/")),
                ("target", "/host".into()),
                ("options", vec!["rbind", "ro", word].into()),
            ]);
            let setup = world.task(name).shell("sleep 1000").option("mounts", Value::List(vec![block]));
            let task = setup.start().await;
            task.read(&format!("test -e /host{}/seen", world.directory().display())).await;
            let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
            assert!(!table.contains(&world.state_dir().display().to_string()), "{word}: {table}");
        }
    });
}
