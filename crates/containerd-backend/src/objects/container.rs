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

use crate::grpc::classify::ErrorKind;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::{RpcError, gone_is_fine};
use crate::grpc::filter;
use crate::grpc::time;
use crate::grpc::wire;
use crate::health::features::Features;
use crate::health::runtime;
use crate::objects::lease;
use crate::objects::sandbox;

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
pub(crate) async fn get(daemon: &Daemon, id: &str) -> Result<Option<Container>, RpcError> {
    let mut containers = daemon.containers();
    let request = GetContainerRequest { id: id.to_owned() };
    match daemon.call("read the container record", id, containers.get(request)).await {
        Ok(response) => Ok(response.container),
        Err(refused) if refused.is_not_found() => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// Writes the sandbox record of a container that has none, where the daemon needs one to find exit codes again.
pub(crate) async fn keep_exit(daemon: &Daemon, features: &Features, id: &str) -> Result<(), RpcError> {
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
        None => Err(daemon.refused("read the container's spec", id, ErrorKind::NotFound).into()),
    }
}

/// Deletes the record; gone is success. containerd does not look whether a task of it is alive.
pub(crate) async fn delete(daemon: &Daemon, id: &str) -> Result<(), RpcError> {
    let mut containers = daemon.containers();
    let request = DeleteContainerRequest { id: id.to_owned() };
    gone_is_fine(daemon.call("delete the container record", id, containers.delete(request)).await)
}

/// The containers that carry all the labels, and what is leased for one that was not made.
pub(crate) async fn find(
    daemon: &Daemon,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<ContainerRecord>, RpcError> {
    // Leases first: what becomes a container meanwhile is found as one.
    let leased = lease::find(daemon, labels).await?;
    let filters = filter::filters(labels);
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

async fn stream(daemon: &Daemon, filters: &[String]) -> Result<Vec<Container>, RpcError> {
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
