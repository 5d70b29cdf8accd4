//! Tests of the decision: a table, and properties over anything that can be known.

use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::node::labels::Labels;

const GRACE: Duration = Duration::from_secs(300);
const NODE: &str = "n-1";

fn trace(labels: &[(&str, &str)]) -> Leftover {
    let labels: Labels =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (id, made_at) = (ContainerId::existing("web-1"), SystemTime::UNIX_EPOCH);
    Leftover { id, labels, made_at, staged: false }
}

fn of_node(node: &str) -> Leftover {
    trace(&[(labels::OWNER, labels::DRIVER), (labels::NODE_ID, node)])
}

/// Those of something that is dangling.
const FACTS: Facts<'static> = Facts {
    node: Some(NODE),
    running: false,
    busy: false,
    allocation_gone: Some(true),
    age: GRACE,
    grace: GRACE,
    uptime: GRACE,
};

#[test]
fn only_what_is_ours_unknown_old_and_without_its_allocation_is_dangling() {
    let staged = Leftover { staged: true, ..of_node(NODE) };
    let there = Facts { allocation_gone: Some(false), ..FACTS };
    let young = Duration::from_secs(299);
    let other_driver = trace(&[(labels::OWNER, "other"), (labels::NODE_ID, NODE)]);
    let table = [
        ("all of it", of_node(NODE), FACTS, Verdict::Dangling),
        ("staged as well", staged.clone(), FACTS, Verdict::Dangling),
        ("no labels", trace(&[]), FACTS, Verdict::Torso),
        ("no labels yet", trace(&[]), Facts { age: young, ..FACTS }, Verdict::InUse),
        ("no labels, new process", trace(&[]), Facts { uptime: young, ..FACTS }, Verdict::InUse),
        ("no labels, under way", trace(&[]), Facts { busy: true, ..FACTS }, Verdict::InUse),
        ("no labels, a task's", trace(&[]), Facts { running: true, ..FACTS }, Verdict::InUse),
        ("no node", trace(&[(labels::OWNER, labels::DRIVER)]), FACTS, Verdict::Foreign),
        ("another driver's", other_driver, FACTS, Verdict::Foreign),
        ("another node's", of_node("n-2"), FACTS, Verdict::Foreign),
        ("no node id yet", of_node(NODE), Facts { node: None, ..FACTS }, Verdict::Foreign),
        ("a running task's", of_node(NODE), Facts { running: true, ..FACTS }, Verdict::InUse),
        ("being started", of_node(NODE), Facts { busy: true, ..FACTS }, Verdict::InUse),
        ("young", of_node(NODE), Facts { age: young, ..FACTS }, Verdict::InUse),
        ("allocation there", of_node(NODE), there, Verdict::Held),
        ("unknown path", of_node(NODE), Facts { allocation_gone: None, ..FACTS }, Verdict::Unplaced),
        ("cut start", staged.clone(), there, Verdict::HeldStaged),
        ("cut start, new process", staged.clone(), Facts { uptime: young, ..there }, Verdict::Held),
        ("start under way", staged.clone(), Facts { busy: true, ..there }, Verdict::InUse),
        ("young start", staged, Facts { age: young, ..there }, Verdict::InUse),
    ];
    for (what, trace, facts, expected) in table {
        assert_eq!(judge(&trace, facts), expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_break_in_the_dangling_begins_the_grace_anew() {
    let (mut memory, start) = (Memory::default(), Instant::now());
    let mut at = |seconds, dangling| {
        let now = start + Duration::from_secs(seconds);
        memory.due(dangling, now, GRACE).len()
    };
    assert_eq!(at(0, vec![of_node(NODE)]), 0);
    assert_eq!(at(299, vec![of_node(NODE)]), 0);
    assert_eq!(at(300, vec![of_node(NODE)]), 1);
    assert_eq!(at(301, vec![]), 0);
    assert_eq!(at(700, vec![of_node(NODE)]), 0);
    assert_eq!(at(1000, vec![of_node(NODE)]), 1);
}

fn label(
    name: &'static str,
    value: &'static str,
) -> impl Strategy<Value = Option<(&'static str, &'static str)>> {
    prop_oneof![Just(None), Just(Some((name, value))), Just(Some((name, "other")))]
}

fn seconds() -> impl Strategy<Value = Duration> {
    (0..600u64).prop_map(Duration::from_secs)
}

proptest! {
    #[test]
    fn nothing_is_dangling_unless_every_condition_holds(
        owner in label(labels::OWNER, labels::DRIVER),
        of_node in label(labels::NODE_ID, NODE),
        node in prop_oneof![Just(None), Just(Some(NODE)), Just(Some(""))],
        (running, busy, staged) in any::<(bool, bool, bool)>(),
        allocation_gone in any::<Option<bool>>(),
        (age, uptime) in (seconds(), seconds()),
    ) {
        let labels: Vec<_> = [owner, of_node].into_iter().flatten().collect();
        let trace = Leftover { staged, ..trace(&labels) };
        let facts = Facts { node, running, busy, allocation_gone, age, grace: GRACE, uptime };
        let ours = owner == Some((labels::OWNER, labels::DRIVER))
            && of_node == Some((labels::NODE_ID, NODE))
            && node == Some(NODE);
        let settled = !running && !busy && age >= GRACE;
        let (unused, torso) = (ours && settled, labels.is_empty());
        let verdict = judge(&trace, facts);
        prop_assert_eq!(verdict == Verdict::Foreign, !ours && !torso);
        prop_assert_eq!(verdict == Verdict::Torso, torso && settled && uptime >= GRACE);
        prop_assert_eq!(verdict == Verdict::Dangling, unused && allocation_gone == Some(true));
        let cut = unused && allocation_gone != Some(true) && staged && uptime >= GRACE;
        prop_assert_eq!(verdict == Verdict::HeldStaged, cut);
    }

    #[test]
    fn what_is_due_was_dangling_at_every_look_for_the_whole_grace(
        looks in prop::collection::vec((1..200u64, any::<[bool; 3]>()), 1..30),
    ) {
        let start = Instant::now();
        let (mut memory, mut now, mut since) = (Memory::default(), start, [None; 3]);
        for (pause, dangling) in looks {
            now += Duration::from_secs(pause);
            let traces: Vec<_> = (0..3)
                .filter(|place| dangling[*place])
                .map(|place| Leftover { id: ContainerId::existing(place.to_string()), ..of_node(NODE) })
                .collect();
            let due = memory.due(traces, now, GRACE);
            for place in 0..3 {
                since[place] = dangling[place].then(|| since[place].unwrap_or(now));
                let expected = since[place].is_some_and(|since| now - since >= GRACE);
                let told = due.iter().any(|trace| trace.id.as_str() == place.to_string());
                prop_assert_eq!(told, expected);
            }
        }
    }
}
