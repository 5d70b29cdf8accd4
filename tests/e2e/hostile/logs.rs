//! The log directory, which no task can write by any mount: Nomad's collector writes there as root, by names.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use e2e::{Task, World, test};
use nomad_proto::cty::Value;
use nomad_proto::pb::driver::Mount;

use super::{Security, bind, refusal, under_each};

const LOG: &str = "web.stdout.0";
const LOGGED: &str = "logged by root\n";

/// Puts a file of the collector's there, and gives its number.
fn collected(world: &World) -> u64 {
    let log = world.alloc().logs().join(LOG);
    fs::write(&log, LOGGED).unwrap();
    fs::metadata(log).unwrap().ino()
}

/// What a task tries in a log directory, `$p`; what succeeds is printed.
const ATTEMPTS: [&str; 15] = [
    "echo forged > $p/web.stdout.0",
    "echo forged >> $p/web.stdout.0",
    "exec 3< $p/web.stdout.0 && echo forged > /proc/self/fd/3",
    "truncate -s 0 $p/web.stdout.0",
    "rm $p/web.stdout.0",
    "mv $p/web.stdout.0 $p/away",
    "ln -s /etc/passwd $p/new.link && mv $p/new.link $p/web.stdout.0",
    "ln -s /etc/passwd $p/web.stdout.1",
    "ln -s /etc/passwd /alloc/data/new.link && mv /alloc/data/new.link $p/web.stdout.0",
    "ln $p/web.stdout.0 /alloc/data/hard",
    "chmod 0 $p/web.stdout.0",
    "touch $p/web.stdout.1",
    "mkdir $p/web.stdout.1",
    "mkfifo $p/web.stdout.1",
    "mv $p $p.away",
];

/// Tries all of it in each of these directories of the task.
async fn assert_out_of_reach(world: &World, task: &Task, places: &[String], inode: u64) {
    let attempts: Vec<String> = ATTEMPTS
        .iter()
        .map(|attempt| format!("( {attempt} ) 2>/dev/null && echo \"$p: {attempt}\" | tr '$' _"))
        .collect();
    let script = format!("for p in {}; do {}; cat $p/{LOG}; done", places.join(" "), attempts.join("; "));
    assert_eq!(task.read(&script).await, LOGGED.repeat(places.len()), "{places:?}");
    let logs = world.alloc().logs();
    let log = fs::symlink_metadata(logs.join(LOG)).unwrap();
    assert_eq!((log.ino(), log.nlink(), log.mode() & 0o777), (inode, 1, 0o644));
    assert_eq!(fs::read_to_string(logs.join(LOG)).unwrap(), LOGGED);
    // The other ones are those of the collector of these tests.
    let ours = |name: &String| {
        !name.ends_with(".fifo") && !name.ends_with(".stdout.0") && !name.ends_with(".stderr.0")
    };
    let names = fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(ours).collect::<Vec<_>>(), [""; 0]);
}

fn docker(source: &str, target: &str, propagation: &str) -> Value {
    Value::from([
        ("type", Value::from("bind")),
        ("source", source.into()),
        ("target", target.into()),
        ("bind_options", [("propagation", propagation)].into()),
    ])
}

/// Mounts that have the log directory in them, with the place where it is in the task.
fn around(world: &World) -> Vec<(Value, String)> {
    let shared = world.alloc().shared().display().to_string();
    let logs = format!("{shared}/logs");
    let mut mounts = Vec::new();
    let alloc = [
        "../alloc".to_owned(),
        "../alloc/".to_owned(),
        "./../alloc".to_owned(),
        "../alloc/.".to_owned(),
        "..//alloc/./".to_owned(),
        shared.clone(),
        format!("{shared}/."),
        shared.replace("/alloc", "//alloc"),
    ];
    let inside = [
        "../alloc/logs".to_owned(),
        "../alloc/data/../logs".to_owned(),
        "../alloc/./logs/".to_owned(),
        logs.clone(),
        format!("{logs}/."),
    ];
    for (sources, beneath) in [(&alloc[..], "/logs"), (&inside[..], "")] {
        for source in sources {
            let target = format!("/m/{}", mounts.len());
            mounts.push((bind(source.as_str(), target.as_str(), &["rbind", "rw"]), target + beneath));
        }
    }
    for words in [
        &["bind", "rw"][..],
        &["bind"],
        &["rbind", "rrw"],
        &["rbind", "rslave"],
        &["rbind", "private", "suid", "dev", "exec"],
    ] {
        for (source, beneath) in [("../alloc", "/logs"), ("../alloc/logs", "")] {
            let target = format!("/w/{}", mounts.len());
            mounts.push((bind(source, target.as_str(), words), target + beneath));
        }
    }
    for propagation in ["private", "rprivate", "slave", "rslave"] {
        for (source, beneath) in [("../alloc", "/logs"), ("../alloc/logs", "")] {
            let target = format!("/d/{}", mounts.len());
            mounts.push((docker(source, &target, propagation), target + beneath));
        }
    }
    for target in ["/local/m", "/secrets/m", "/alloc/data/m", "/m/deep/er/m", "/etc/m", "/tmp/m"] {
        mounts.push((bind("../alloc", target, &["rbind", "rw"]), format!("{target}/logs")));
    }
    mounts
}

#[test]
fn no_mount_of_a_job_makes_the_log_directory_writable() {
    under_each(async |world, _| {
        let inode = collected(world);
        let (mounts, mut places): (Vec<_>, Vec<_>) = around(world).into_iter().unzip();
        places.push("/alloc/logs".to_owned());
        let task = world.task("web").shell("sleep 1000").option("mounts", Value::List(mounts)).start().await;
        assert_out_of_reach(world, &task, &places, inode).await;
        // The rest of the allocation is the task's as ever.
        task.read("for d in /m/0 /w/13 /d/23 /local/m; do echo x > $d/data/new && rm /alloc/data/new || exit 1; done").await;
    });
}

#[test]
fn mounts_over_one_another_do_not_uncover_the_log_directory() {
    under_each(async |world, _| {
        let inode = collected(world);
        let tmpfs = |target: &str| Value::from([("type", Value::from("tmpfs")), ("target", target.into())]);
        let rw = &["rbind", "rw"][..];
        let cases = [
            (vec![bind("../alloc", "/alloc", rw)], "/alloc/logs"),
            (vec![bind("../alloc/logs", "/alloc/logs", rw)], "/alloc/logs"),
            (vec![bind("../alloc", "/local", rw), bind("local", "/alloc", rw)], "/local/logs"),
            (vec![bind("../alloc", "/x/y", rw), tmpfs("/x")], "/x/y/logs"),
            (vec![bind("../alloc/logs", "/x/logs/y", rw), bind("local", "/x/logs", rw)], "/x/logs/y"),
            // What covers the one is itself around the other.
            (vec![bind("../alloc", "/x", rw), bind("../alloc", "/x/logs", rw)], "/x/logs/logs"),
            (vec![bind("../alloc", "/x", rw), bind("../alloc", "/x/data", rw)], "/x/data/logs"),
        ];
        for (number, (mounts, place)) in cases.into_iter().enumerate() {
            let shown = format!("{mounts:?}");
            let setup = world.task(&format!("web-{number}")).shell("sleep 1000");
            let task = setup.option("mounts", Value::List(mounts)).try_start().await;
            let task = task.unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert_out_of_reach(world, &task, &[place.to_owned()], inode).await;
        }
    });
}

#[test]
fn mounts_that_would_lead_around_the_protection_are_refused() {
    under_each(async |world, security| {
        let rw = &["rbind", "rw"][..];
        let root = world.alloc().root().display().to_string();
        let inside = ["local/../../alloc", "./local/../../alloc/logs", "secrets/../../alloc/logs"];
        for source in inside {
            let text = refusal(
                world.task("web").shell("true").option("mounts", Value::List(vec![bind(source, "/x", rw)])),
            )
            .await;
            assert!(text.contains(&format!("mounts.source = {source:?}")), "{text}");
        }
        let above = [
            root.clone(),
            format!("{root}/web/../alloc"),
            format!("{root}/alloc/../alloc/logs"),
            "..".to_owned(),
            "../".to_owned(),
            "../../..".to_owned(),
            "alloc/logs".to_owned(),
        ];
        for source in above {
            let text = refusal(
                world
                    .task("web")
                    .shell("true")
                    .option("mounts", Value::List(vec![bind(source.as_str(), "/x", rw)])),
            )
            .await;
            assert!(text.contains("mounts.source = "), "{source}: {text}");
        }
        for shared in [
            bind("../alloc", "/x", &["rbind", "rshared"]),
            docker("../alloc", "/x", "rshared"),
            docker("../alloc", "/x", "shared"),
        ] {
            let text =
                refusal(world.task("web").shell("true").option("mounts", Value::List(vec![shared]))).await;
            assert!(text.contains("rshared"), "{text}");
        }
        if security == Security::Strict {
            let parent = world.directory().display().to_string();
            let text = refusal(
                world.task("web").shell("true").option("mounts", Value::List(vec![bind(parent, "/x", rw)])),
            )
            .await;
            assert!(text.contains("volumes.enabled = false"), "{text}");
        }
    });
}

fn volume(source: &Path, target: &str, propagation: &str) -> Mount {
    Mount {
        host_path: source.display().to_string(),
        task_path: target.to_owned(),
        propagation_mode: propagation.to_owned(),
        ..Mount::default()
    }
}

#[test]
fn no_volume_of_the_clients_makes_the_log_directory_writable() {
    under_each(async |world, _| {
        let inode = collected(world);
        let (alloc, base) = (world.alloc(), world.directory());
        let link = base.join("link");
        std::os::unix::fs::symlink(alloc.shared(), &link).unwrap();
        let sources: [(PathBuf, String); 5] = [
            (alloc.logs(), String::new()),
            (alloc.shared(), "/logs".to_owned()),
            (alloc.root().to_owned(), "/alloc/logs".to_owned()),
            (base, format!("/{}/alloc/logs", alloc.id)),
            (link, "/logs".to_owned()),
        ];
        let (mut setup, mut places) = (world.task("web").shell("sleep 1000"), Vec::new());
        for (source, beneath) in sources {
            for propagation in ["", "private", "host-to-task"] {
                let target = format!("/v/{}", places.len());
                let mount = volume(&source, &target, propagation);
                setup = setup.with(|task| task.mount(mount));
                places.push(target + &beneath);
            }
        }
        assert_out_of_reach(world, &setup.start().await, &places, inode).await;
    });
}

#[test]
fn a_privileged_task_has_the_log_directory_read_only_like_every_other() {
    test(async |world| {
        let inode = collected(world);
        let (mounts, places): (Vec<_>, Vec<_>) = around(world).into_iter().unzip();
        let setup = world.task("web").shell("sleep 1000").option("privileged", true);
        let task = setup.option("mounts", Value::List(mounts)).start().await;
        assert_out_of_reach(world, &task, &places, inode).await;
    });
}

#[test]
fn a_task_of_the_group_that_mounts_the_allocation_cannot_forge_the_logs_of_another() {
    under_each(async |world, _| {
        let inode = collected(world);
        let mounts =
            vec![bind("../alloc", "/x", &["rbind", "rw"]), bind("../alloc/logs", "/y", &["bind", "rw"])];
        let sibling =
            world.task("sibling").shell("sleep 1000").option("mounts", Value::List(mounts)).start().await;
        let places = ["/alloc/logs", "/x/logs", "/y"].map(str::to_owned);
        assert_out_of_reach(world, &sibling, &places, inode).await;
        world.task("web").shell("sleep 1000").start().await;
    });
}
