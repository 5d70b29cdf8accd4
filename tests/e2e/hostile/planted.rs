//! Log files that somebody planted before a start, as a task of another driver in the group can.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{refusal, under_each};

const SECRET: &str = "root:secret\n";

type Plant = fn(&Path, &Path);

#[test]
fn a_start_with_a_planted_log_file_is_refused_and_touches_nothing() {
    let kinds: [(&str, Plant); 5] = [
        ("a symbolic link", |target, log| symlink(target, log).unwrap()),
        ("a symbolic link", |target, log| symlink(target.with_file_name("missing"), log).unwrap()),
        ("has 2 names", |target, log| fs::hard_link(target, log).unwrap()),
        ("a directory", |_, log| fs::create_dir(log).unwrap()),
        ("a FIFO", |_, log| linux_host::fifo::make(log).unwrap()),
    ];
    under_each(async |world, _| {
        let target = world.directory().join("of-the-host");
        fs::write(&target, SECRET).unwrap();
        for name in ["web.stdout.0", "web.stderr.0", "web.stdout.12"] {
            for (told, plant) in kinds {
                let log = world.alloc().logs().join(name);
                // The collector of these tests opens its files before, and through no link.
                let setup = world.task("web").shell("echo printed").change({
                    let (log, target) = (log.clone(), target.clone());
                    move |_| {
                        let _none = fs::remove_file(&log);
                        plant(&target, &log);
                    }
                });
                let text = refusal(setup).await;
                assert!(text.contains(name) && text.contains(told), "{text}");
                assert!(text.contains("must"), "{text}");
                assert_eq!(fs::read_to_string(&target).unwrap(), SECRET);
                assert!(!target.with_file_name("missing").exists());
                // It concerns the task of that name alone.
                if name == "web.stderr.0" {
                    world.task("sibling").shell("true").start().await;
                }
                fs::remove_file(&log).or_else(|_| fs::remove_dir(&log)).unwrap();
            }
        }
        fs::write(world.alloc().logs().join("web.stdout.0"), "an ordinary one\n").unwrap();
        world.task("web").shell("true").start().await;
    });
}

#[test]
fn a_planted_log_directory_or_pipe_is_refused_and_touches_nothing() {
    under_each(async |world, _| {
        let outside = world.directory().join("outside");
        fs::create_dir(&outside).unwrap();
        let setup = world.task("web").shell("echo printed").change({
            let file = outside.join("file");
            fs::write(&file, SECRET).unwrap();
            move |config| {
                fs::remove_file(&config.stdout_path).unwrap();
                symlink(&file, &config.stdout_path).unwrap();
            }
        });
        let text = refusal(setup).await;
        assert!(text.contains("the task's log pipe"), "{text}");
        let logs = world.alloc().logs();
        let (config, pipes) = world.task("web").shell("echo printed").prepare().await.unwrap();
        fs::rename(&logs, logs.with_extension("before")).unwrap();
        symlink(&outside, &logs).unwrap();
        let error = world.driver().start_task(&config).await.unwrap_err();
        assert!(error.to_string().contains("log directory"), "{error}");
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), SECRET);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        fs::remove_file(&logs).unwrap();
        fs::rename(logs.with_extension("before"), &logs).unwrap();
        drop(pipes);
    });
}
