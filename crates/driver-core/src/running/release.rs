//! Giving back what a task holds: one way for a start that failed and for a task that is destroyed.

use crate::error::DriverError;
use crate::node::context::Context;
use crate::request::ids::ContainerId;
use crate::running::lifecycle::{Event, LifeCell, Thing};

/// Gives the things back and records each. What fails stays held. The task's directory goes last: as long as the daemon
/// has anything it tells whose that is, and only what is staged in it is taken away.
///
/// # Errors
/// Every failure; never an empty list.
pub(crate) async fn release(
    context: &Context,
    id: &ContainerId,
    life: &LifeCell,
    things: Vec<Thing>,
) -> Result<(), Vec<DriverError>> {
    let (of_daemon, mut of_host): (Vec<Thing>, Vec<Thing>) =
        things.into_iter().partition(|thing| thing.is_of_daemon());
    let mut failures = Vec::new();
    let given_back = |things: Vec<Thing>| things.into_iter().for_each(|thing| record(life, thing));
    if !of_daemon.is_empty() {
        match context.ports.purge(id).await {
            Ok(()) => given_back(of_daemon),
            Err(error) => {
                failures.push(error.into());
                of_host.retain(|thing| *thing == Thing::Staged);
            }
        }
    }
    if !of_host.is_empty() {
        match remove(context, id, of_host.contains(&Thing::Directory)).await {
            Ok(()) => given_back(of_host),
            Err(error) => failures.push(error),
        }
    }
    if failures.is_empty() {
        take(life, Event::Gone);
        return Ok(());
    }
    Err(failures)
}

/// Takes away what is staged in the task's directory, or all of it.
async fn remove(context: &Context, id: &ContainerId, all: bool) -> Result<(), DriverError> {
    let id = id.clone();
    context.on_files(move |files| if all { files.remove_task(&id) } else { files.unstage(&id) }).await
}

fn record(life: &LifeCell, thing: Thing) {
    take(life, Event::Released(thing));
}

/// A second destruction beside this one may have been there first.
fn take(life: &LifeCell, event: Event) {
    if let Err(denial) = life.on(event) {
        tracing::debug!(%denial, "given back already");
    }
}
