//! Container records: written, found by their labels, deleted.

use std::collections::{BTreeMap, BTreeSet};

use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::{
    Container, CreateContainerRequest, DeleteContainerRequest, GetContainerRequest, ListContainersRequest,
};
use driver_core::ports::{ContainerRecord, ContainersError, NewContainer};
use driver_core::request::ids::ContainerId;
use oci_builder::Spec;
use tonic::Response;

use crate::classify::Trouble;
use crate::daemon::Daemon;
use crate::features::Features;
use crate::refused::{Refused, gone_is_fine};
use crate::{lease, runtime, sandbox, time, wire};

/// The operation that errors of a search name.
const FIND: &str = "list the containers";

/// Writes the record, with a sandbox record where the daemon needs one to find exit codes again, and ends the lease.
pub(crate) async fn create(
    daemon: &Daemon,
    features: &Features,
    snapshotter: &str,
    new: NewContainer,
) -> Result<(), ContainersError> {
    let NewContainer { id, image, labels, spec } = new;
    if features.has_sandboxes() {
        sandbox::create(daemon, &features.runtime, id.as_str()).await?;
    }
    let container = Container {
        id: id.as_str().to_owned(),
        labels: labels.into_iter().collect(),
        image,
        runtime: Some(Runtime {
            name: features.runtime.clone(),
            options: runtime::options(&features.runtime),
        }),
        spec: Some(wire::spec(&spec)?),
        snapshotter: snapshotter.to_owned(),
        snapshot_key: id.as_str().to_owned(),
        ..Container::default()
    };
    let request = CreateContainerRequest { container: Some(container) };
    let mut containers = daemon.containers();
    daemon.call("write the container record", id.as_str(), containers.create(request)).await?;
    if let Err(error) = lease::delete(daemon, id.as_str(), lease::End::Later).await {
        // The record protects the snapshot from now on; the lease ends by itself or with the container.
        tracing::debug!(container = %id, ?error, "the container's lease is left to expire");
    }
    Ok(())
}

/// The record; none when there is none.
pub(crate) async fn get(daemon: &Daemon, id: &str) -> Result<Option<Container>, Refused> {
    let mut containers = daemon.containers();
    let request = GetContainerRequest { id: id.to_owned() };
    match daemon.call("read the container record", id, containers.get(request)).await {
        Ok(response) => Ok(response.container),
        Err(refused) if refused.is_not_found() => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// Writes the sandbox record of a container that has none, where the daemon needs one to find exit codes again.
pub(crate) async fn keep_exit(daemon: &Daemon, features: &Features, id: &str) -> Result<(), Refused> {
    if !features.has_sandboxes() {
        return Ok(());
    }
    match get(daemon, id).await? {
        Some(container) => {
            let runtime = container.runtime.unwrap_or_default().name;
            sandbox::create(daemon, &runtime, id).await
        }
        None => Ok(()),
    }
}

/// The runtime spec in the record.
pub(crate) async fn spec(daemon: &Daemon, id: &str) -> Result<Spec, ContainersError> {
    let record = get(daemon, id).await?;
    match record.and_then(|container| container.spec) {
        Some(any) => wire::read_spec(&any),
        None => Err(daemon.refused("read the container's spec", id, Trouble::NotFound).into()),
    }
}

/// Deletes the record; gone is success. containerd does not look whether a task of it is alive.
pub(crate) async fn delete(daemon: &Daemon, id: &str) -> Result<(), Refused> {
    let mut containers = daemon.containers();
    let request = DeleteContainerRequest { id: id.to_owned() };
    gone_is_fine(daemon.call("delete the container record", id, containers.delete(request)).await)
}

/// The containers that carry all the labels, and what is leased for one that was not made.
pub(crate) async fn find(
    daemon: &Daemon,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<ContainerRecord>, Refused> {
    // Leases first: what becomes a container meanwhile is found as one.
    let leased = lease::find(daemon, labels).await?;
    let filters = filters(labels);
    let found = match stream(daemon, &filters).await {
        // Daemons before 1.4 only answer in one message, which holds 16 MiB.
        Err(refused) if refused.is_unimplemented() => {
            let mut containers = daemon.containers();
            let request = ListContainersRequest { filters };
            daemon.call(FIND, daemon.namespace(), containers.list(request)).await?.containers
        }
        other => other?,
    };
    let mut found: Vec<_> = found.into_iter().map(from_wire).collect();
    let made: BTreeSet<_> = found.iter().map(|record| record.id.clone()).collect();
    found.extend(leased.into_iter().filter(|lease| !made.contains(&lease.id)));
    Ok(found)
}

async fn stream(daemon: &Daemon, filters: &[String]) -> Result<Vec<Container>, Refused> {
    let mut containers = daemon.containers();
    let request = ListContainersRequest { filters: filters.to_vec() };
    let reading = async {
        let mut stream = containers.list_stream(request).await?.into_inner();
        let mut found = Vec::new();
        while let Some(message) = stream.message().await? {
            found.extend(message.container);
        }
        Ok(Response::new(found))
    };
    daemon.call(FIND, daemon.namespace(), reading).await
}

fn from_wire(container: Container) -> ContainerRecord {
    ContainerRecord {
        id: ContainerId::existing(container.id),
        labels: container.labels.into_iter().collect(),
        created_at: time::from_wire(container.created_at),
    }
}

/// containerd's filters for all of the labels; none for no label.
pub(crate) fn filters(labels: &BTreeMap<String, String>) -> Vec<String> {
    if labels.is_empty() { Vec::new() } else { vec![filter(labels)] }
}

/// Conditions of one filter must all hold.
fn filter(labels: &BTreeMap<String, String>) -> String {
    let condition = |(name, value): (&String, &String)| format!("labels.{}=={}", quoted(name), quoted(value));
    labels.iter().map(condition).collect::<Vec<_>>().join(",")
}

/// A string as containerd's filters quote it (Go's syntax).
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_filter_names_all_labels() {
        let labels = BTreeMap::from([
            ("org.example/node".to_owned(), "n-1".to_owned()),
            ("org.example/task".to_owned(), r#"say "hi" \o/"#.to_owned()),
        ]);
        expect![[r#"labels."org.example/node"=="n-1",labels."org.example/task"=="say \"hi\" \\o/""#]]
            .assert_eq(&filter(&labels));
    }
}
