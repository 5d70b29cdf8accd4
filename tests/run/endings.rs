//! Runs that are ended from outside: an interrupt stops in order, and what a kill leaves is removed by the next run.

use e2e::{Daemon, leftovers, wait};
use rustix::process::Signal;

use crate::screen::{Run, assert_nothing_left, shell_job};

const UNTIL_TERM: &str = "trap 'echo bye; exit 3' TERM; echo up; while true; do sleep 1; done";

#[test]
fn an_interrupt_stops_the_task_with_its_signal_and_leaves_nothing() {
    let daemon = Daemon::shared();
    let mut run = Run::start(&daemon, &shell_job("service", UNTIL_TERM), &[]);
    let alloc = run.alloc_id();
    run.shows("a | up");
    run.signal(Signal::INT);
    run.shows("a | bye");
    assert_eq!(run.end(), Some(130), "{}", run.screen);
    assert_nothing_left(&daemon, &alloc);
}

#[tokio::test]
async fn what_a_killed_run_leaves_is_removed_by_the_next_one() {
    let daemon = Daemon::shared();
    let mut killed = Run::start(&daemon, &shell_job("service", UNTIL_TERM), &[]);
    let alloc = killed.alloc_id();
    killed.shows("a | up");
    killed.signal(Signal::KILL);
    assert_eq!(killed.end(), None);

    let mut next = Run::start(&daemon, &shell_job("batch", "true"), &[]);
    assert_eq!(next.end(), Some(0), "{}", next.screen);
    // A run of another test may have been the next one, and be at it.
    wait::until_true("the removal of what the killed run left", || {
        leftovers::in_containerd(&daemon, &alloc).is_empty()
    })
    .await;
}
