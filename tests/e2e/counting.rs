//! A task that counts, by which every gap in its log and every second start of it is seen.

use std::sync::Arc;

use e2e::{Task, World};
use nomad_host::alloc::Allocation;
use nomad_host::logs::TaskOutput;

/// Prints a numbered line every 20 ms and ends with 17 on SIGTERM.
pub(crate) const COUNTING: &str =
    "trap 'echo end; exit 17' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";

/// The task, when it has begun to count.
pub(crate) async fn counting(world: &World) -> Task {
    counting_in(world, &world.alloc()).await
}

/// The same in an allocation of the test's choice.
pub(crate) async fn counting_in(world: &World, alloc: &Arc<Allocation>) -> Task {
    let mut task = world.task_in(alloc, "web").shell(COUNTING).start().await;
    task.printed("5\n").await;
    task
}

/// Waits until lines have come that were not there before.
pub(crate) async fn goes_on(task: &mut Task) {
    let before = task.output_so_far().stdout.len();
    task.printed_so_that("further lines", |output| output.stdout.len() > before + 20).await;
}

/// Every number from 1 on, each once, and then the end.
pub(crate) fn assert_complete(output: &TaskOutput) {
    let text = output.stdout_text();
    let lines: Vec<&str> = text.lines().collect();
    let (last, numbers) = lines.split_last().unwrap();
    assert_eq!(*last, "end");
    for (expected, line) in (1..).zip(numbers) {
        assert_eq!(*line, format!("{expected}"), "after {} lines", expected - 1);
    }
}
