//! What a death during a start leaves: which call makes it, and who removes it when nobody goes on with the start.

use std::collections::BTreeSet;

use e2e::World;
use e2e::proxy::{Edge, Point};

/// Who removes a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The driver, by the container's id: the next start of the task, a destruction of it, or the reaper, whichever
    /// comes first. Each of them is shown to remove all of it alone.
    Driver,
    /// containerd, at the moment that is written at it.
    Containerd,
}

/// The kinds of things, the call that makes each (the driver makes those without one by itself, as a start begins),
/// and the owner. There is no other kind: a start that leaves one fails its test.
const KINDS: [(&str, &str, Owner); 9] = [
    ("directory", "", Owner::Driver),
    ("mount", "", Owner::Driver),
    (PULL, "Leases/Create", Owner::Containerd),
    ("lease", "Leases/Create", Owner::Driver),
    ("snapshot", "Snapshots/Prepare", Owner::Driver),
    (SANDBOX, "Store/Create", Owner::Driver),
    ("container", "Containers/Create", Owner::Driver),
    ("task", "Tasks/Create", Owner::Driver),
    ("cgroup", "Tasks/Create", Owner::Driver),
];

/// The lease of a pull. It serves all tasks that need the image, so that no single one of them gives it back.
pub(crate) const PULL: &str = "pull";
const SANDBOX: &str = "sandbox";

/// The kinds that a start leaves which finds its image, with this containerd.
pub(crate) fn kinds(world: &World) -> BTreeSet<&'static str> {
    let kept = |kind: &&str| *kind != PULL && (*kind != SANDBOX || world.daemon().has_sandboxes());
    KINDS.iter().map(|(kind, ..)| *kind).filter(kept).collect()
}

/// The kinds among the lines of what is left. Each has an owner, and was not there before it could be made.
pub(crate) fn owned(calls: &[String], point: &Point, left: &[String]) -> BTreeSet<&'static str> {
    let of_line = |line: &String| {
        let word = line.split([' ', ':']).next().unwrap_or_default();
        let known = KINDS.iter().find(|(kind, ..)| *kind == word);
        let (kind, maker, _) = known.unwrap_or_else(|| panic!("at {point:?} nobody removes {line}"));
        let made = maker.is_empty() || done(calls, point).any(|call| call == maker);
        assert!(made, "at {point:?} there is {line} before {maker}");
        *kind
    };
    left.iter().map(of_line).collect()
}

/// The calls that containerd may have done by then.
fn done<'c>(calls: &'c [String], point: &Point) -> impl Iterator<Item = &'c String> {
    let mut nth = calls.iter().enumerate().filter(|(_, call)| **call == point.method).map(|(place, _)| place);
    let place = nth.nth(point.nth).expect("the point is of these calls");
    calls[..place + usize::from(point.edge == Edge::After)].iter()
}

/// The kinds that belong to an owner.
pub(crate) fn of(owner: Owner) -> BTreeSet<&'static str> {
    KINDS.iter().filter(|kind| kind.2 == owner).map(|(kind, ..)| *kind).collect()
}
