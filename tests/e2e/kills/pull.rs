//! The plugin's death while the image of a task is pulled.

use std::collections::BTreeSet;

use e2e::world::Setup;
use e2e::{Registry, World, test_with};
use nomad_host::driver::TaskExit;

use super::owners::{self, Owner};
use super::start::start_until;
use super::*;

/// Takes the image and all that is held for it away, so that the next start pulls it again.
fn forget(world: &World, reference: &str) {
    for lease in world.ctr(&["leases", "list", "-q"]).lines() {
        world.ctr(&["leases", "delete", lease]);
    }
    if !world.ctr(&["images", "list", "-q", &format!("name=={reference}")]).is_empty() {
        world.ctr(&["images", "remove", reference]);
    }
    // The end of a lease with `--sync` waits for containerd's collector, which takes all that nothing refers to.
    world.ctr(&["leases", "create", "--id", "collect"]);
    world.ctr(&["leases", "delete", "--sync", "collect"]);
    assert_eq!(world.ctr(&["content", "list", "-q"]), "");
    assert_eq!(world.ctr(&["snapshots", "list"]).lines().count(), 1, "the heading alone");
}

/// What pulls have left: each a lease that ends at a moment which it carries.
fn left_of_pulls(world: &World) -> Vec<String> {
    let said = world.ctr(&["leases", "list"]);
    let pulls = said.lines().skip(1).map(|line| {
        assert!(line.starts_with("pull-") && line.contains("containerd.io/gc.expire="), "{line}");
        format!("{} {line}", owners::PULL)
    });
    pulls.collect()
}

#[test]
fn a_pull_that_the_plugins_death_cut_at_any_call_is_made_good_by_the_next_start() {
    test_with(Setup::own_daemon().proxied(), async |world| {
        let directory = world.directory();
        let registry = tokio::task::spawn_blocking(move || Registry::start(&directory)).await.unwrap();
        let reference = registry.push("busybox-gzip", "team/tool", "1.0");
        let task = || world.task("web").reference(&reference).shell("exit 3");
        world.proxy().watch(None);
        let pulled = task().start().await;
        let calls = world.proxy().calls();
        pulled.destroy(true).await.unwrap();
        // The pull ends with its lease. What comes then has its points with an image that is there.
        let pull = &calls[..=calls.iter().position(|call| call == "Leases/Delete").unwrap()];
        assert!(pull.iter().any(|call| call == "Images/Create"), "{calls:?}");
        let mut seen = BTreeSet::new();
        for point in points(pull) {
            world.kill_plugin().await;
            world.start_plugin().await;
            forget(world, &reference);
            let begun = start_until(world, &point, task()).await;
            world.kill_plugin().await;
            world.proxy().watch(None);
            seen.extend(owners::owned(&calls, &point, &left_of_pulls(world)));
            world.start_plugin().await;
            assert!(begun.outcome().await.is_err_and(|error| error.is_disconnected()), "{point:?}");
            let again = start_again_as(task).await;
            assert_eq!(again.wait().await, TaskExit::code(3), "{point:?}");
            again.destroy(false).await.unwrap();
            assert_eq!(left_of(world), Vec::<String>::new(), "after {point:?}");
        }
        assert_eq!(seen, owners::of(Owner::Containerd));
        forget(world, &reference);
    });
}
