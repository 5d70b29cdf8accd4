//! A task of the group that swaps names in the allocation without a pause while another one, which mounts them, starts.

use std::fs;
use std::path::Path;

use e2e::Task;
use nomad_proto::cty::Value;

use super::{bind, others_run, under_each};

const OF_HOST: &str = "of the host\n";

#[test]
fn a_start_gets_what_it_may_have_or_nothing_however_fast_the_names_are_swapped() {
    under_each(async |world, _| {
        let data = world.alloc().shared().join("data");
        fs::create_dir_all(data.join("dir/inner")).unwrap();
        fs::write(data.join("dir/inner/passwd"), "mine\n").unwrap();
        let outside = world.directory().join("outside");
        fs::create_dir_all(outside.join("inner")).unwrap();
        [&outside, &outside.join("inner")]
            .iter()
            .for_each(|place| fs::write(place.join("passwd"), OF_HOST).unwrap());
        // Names are exchanged for links to the host's directories and back, and so is one on the way.
        let link = outside.display();
        let script = format!(
            "cd /alloc/data; echo swaps; while :; do \
             mv dir kept; ln -s {link} dir; rm dir; ln -s /proc/1/root{link} dir; rm dir; mv kept dir; \
             mv dir/inner dir/kept; ln -s {link}/inner dir/inner; rm dir/inner; mv dir/kept dir/inner; done"
        );
        let mut swaps = world.task("swaps").shell(&script).start().await;
        swaps.printed("swaps").await;
        let mut started = 0;
        for number in 0..8 {
            let mounts = vec![
                bind("../alloc/data/dir", "/a", &["rbind", "rw"]),
                bind("../alloc/data/dir/inner", "/b", &["rbind", "rw"]),
            ];
            let setup = world
                .task(&format!("web-{number}"))
                .shell("sleep 1000")
                .option("mounts", Value::List(mounts));
            match setup.try_start().await {
                Ok(task) => {
                    started += 1;
                    assert_own(&task, &outside).await;
                    task.destroy(true).await.unwrap();
                }
                Err(error) => assert!(error.to_string().contains("mounts.source"), "{error}"),
            }
        }
        println!("{started} of the starts hit a moment in which both names were right");
        others_run(world).await;
    });
}

/// Nothing of the host is in what was mounted.
async fn assert_own(task: &Task, outside: &Path) {
    let seen = task.read("cat /a/passwd /b/passwd /a/inner/passwd /a/kept/passwd 2>/dev/null; true").await;
    assert!(!seen.contains(OF_HOST), "{seen}");
    task.read("echo x > /b/written-by-the-task").await;
    assert!(
        !outside.join("written-by-the-task").exists() && !outside.join("inner/written-by-the-task").exists()
    );
}
