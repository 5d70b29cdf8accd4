//! Every step of the start has its points, and what the driver's death leaves at each goes with a destruction of the
//! task by its id alone.

use std::collections::{BTreeMap, BTreeSet};

use e2e::host::{self, Sleep};
use e2e::test_with;
use e2e::wait::until_true;
use e2e::world::Setup;

use super::start::{calls_of_a_start, start_until};
use super::*;

/// The driver's own list of its steps: the machine's answers to each, which a test of the driver writes down.
const LIFE: &str = include_str!("../../../crates/driver-core/goldens/life.txt");

/// No outside call: the step looks at the host alone, and makes nothing.
const NONE: &[&str] = &[];

/// The outside calls of each step that there must be; others may come in between.
const STEPS: [(&str, &[&str]); 5] = [
    ("Image", &["Images/Get"]),
    ("Rootfs", &["Leases/Create", "Snapshots/Prepare"]),
    ("Network", NONE),
    ("Create", &["Containers/Create", "Tasks/Create"]),
    ("Start", &["Tasks/Start", "Tasks/Wait"]),
];

/// What the driver can begin, by the names in its log and in its list.
fn steps_of_the_driver() -> BTreeSet<&'static str> {
    LIFE.split("Begun(").skip(1).map(|rest| rest.split(')').next().unwrap()).collect()
}

#[test]
fn a_step_without_a_point_is_known_to_call_nobody() {
    let named: BTreeSet<&str> = STEPS.iter().map(|(step, _)| *step).collect();
    assert_eq!(named, steps_of_the_driver());
}

#[test]
fn what_a_start_that_was_cut_in_any_step_left_has_an_owner_and_goes_with_a_destruction() {
    test_with(Setup::default().proxied(), async |world| {
        let (mut bystander, sleep) = (Bystander::begin(world).await, Sleep::unique());
        let script = sleep.script();
        // A driver that has not seen the image yet, as at each of the points.
        plugin_dies(world, &bystander).await;
        let calls = calls_of_a_start(world, &script).await;
        plugin_dies(world, &bystander).await;
        let (mut seen, mut steps) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<String>>::new());
        let container = host::container_id(&world.alloc().id, "web");
        let labels = world.state_dir().join("tasks").join(container).join("labels.json");
        for point in points(&calls) {
            let begun = start_until(world, &point, world.task("web").shell(&script)).await;
            // Beside the first calls the driver writes down whose the task's directory is. One that does not say so is
            // left to the reaper.
            until_true("the owner of the directory", || {
                std::fs::metadata(&labels).is_ok_and(|file| file.len() > 0)
            })
            .await;
            let log = world.take_plugin().kill_and_read().await;
            world.proxy().watch(None);
            let left = left_of(world);
            seen.extend(owners::owned(&calls, &point, &left));
            let step = log
                .values("step")
                .pop()
                .unwrap_or_else(|| panic!("{point:?} comes before any step: {calls:?}"));
            steps.entry(step).or_default().insert(point.method.clone());
            world.start_plugin().await;
            bystander.recover(world).await;
            let id = begun.id.clone();
            assert!(begun.outcome().await.is_err_and(|error| error.is_disconnected()), "{point:?}");
            let destroyed = limited("DestroyTask", world.driver().destroy_task(&id, true)).await;
            let had_nothing = || left.is_empty().then_some("task not found for given id".to_owned());
            assert_eq!(
                destroyed.err().map(|error| error.to_string()),
                had_nothing(),
                "after {point:?}: {left:?}"
            );
            assert_eq!(left_of(world), Vec::<String>::new(), "after {point:?}");
            assert!(!sleep.runs(), "after {point:?}");
        }
        assert_eq!(seen, owners::kinds(world), "a kind that no death leaves has no owner");
        for (step, calls) in STEPS {
            let made = steps.remove(step).unwrap_or_default();
            assert_eq!(made.is_empty(), calls == NONE, "the points of {step}: {made:?}");
            assert!(
                calls.iter().all(|call| made.contains(*call)),
                "{step} does not call {calls:?}: {made:?}"
            );
        }
        assert!(steps.is_empty(), "steps that nobody named: {steps:?}");
        bystander.is_untouched().await;
    });
}
