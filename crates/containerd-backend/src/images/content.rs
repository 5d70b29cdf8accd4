//! containerd's content store: reading blobs and labelling them.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};
use containerd_client::services::v1::{Info, InfoRequest, ReadContentRequest, UpdateRequest};
use prost_types::FieldMask;
use tonic::Response;

use super::model::Descriptor;
use crate::grpc::daemon::Daemon;
use crate::grpc::error::RpcError;

/// Beginning of the labels that say from which repositories of a registry a blob comes.
pub(crate) const SOURCE_LABEL: &str = "containerd.io/distribution.source.";

/// Longest name and value of a label together, in bytes.
const LONGEST_LABEL: usize = 4096;
/// Largest blob that is read into memory, in bytes: an image may call a layer that is there its configuration.
const LARGEST: usize = 8 << 20;
/// How many of a blob's first bytes tell how it is packed.
const MAGIC: i64 = 4;

/// What is known of a blob; none when it is not there.
pub(crate) async fn info(daemon: &Daemon, digest: &str) -> Result<Option<Info>, RpcError> {
    let mut content = daemon.content();
    let request = InfoRequest { digest: digest.to_owned() };
    match daemon.call("look for content", digest, content.info(request)).await {
        Ok(response) => Ok(response.info),
        Err(refused) if refused.is_not_found() => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// Reads a document; none when it is not there, or larger than any.
pub(crate) async fn read(daemon: &Daemon, digest: &str) -> Result<Option<Bytes>, RpcError> {
    match read_existing(daemon, digest, 0).await {
        Ok(bytes) => Ok(bytes),
        Err(refused) if refused.is_not_found() => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// The first bytes of a blob.
pub(crate) async fn magic(daemon: &Daemon, blob: &Descriptor) -> Result<Bytes, RpcError> {
    let length = i64::try_from(blob.size).unwrap_or(MAGIC).min(MAGIC);
    // A length of 0 would mean all.
    if length == 0 {
        return Ok(Bytes::new());
    }
    Ok(read_existing(daemon, &blob.digest, length).await?.unwrap_or_default())
}

async fn read_existing(daemon: &Daemon, digest: &str, size: i64) -> Result<Option<Bytes>, RpcError> {
    let mut content = daemon.content();
    let request = ReadContentRequest { digest: digest.to_owned(), offset: 0, size };
    let reading = async {
        let mut stream = content.read(request).await?.into_inner();
        let mut bytes = BytesMut::new();
        while let Some(part) = stream.message().await? {
            if bytes.len() + part.data.len() > LARGEST {
                return Ok(Response::new(None));
            }
            bytes.extend_from_slice(&part.data);
        }
        Ok(Response::new(Some(bytes.freeze())))
    };
    daemon.call("read content", digest, reading).await
}

/// Adds labels to a blob that is there.
pub(crate) async fn label(
    daemon: &Daemon,
    digest: &str,
    labels: &BTreeMap<String, String>,
) -> Result<(), RpcError> {
    let present = info(daemon, digest).await?.unwrap_or_default().labels;
    let changed = changed_labels(&present, labels);
    if changed.is_empty() {
        return Ok(());
    }
    let paths = changed.keys().map(|name| format!("labels.{name}")).collect();
    let info = Info { digest: digest.to_owned(), labels: changed, ..Info::default() };
    let request = UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) };
    let mut content = daemon.content();
    daemon.call("label content", digest, content.update(request)).await.map(drop)
}

/// The labels to write so that the wanted ones are there. A blob may come from several repositories of a registry:
/// those are kept, divided by commas.
fn changed_labels(
    present: &HashMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> HashMap<String, String> {
    let merge = |name: &str, value: &str| match present.get(name) {
        Some(old) if name.starts_with(SOURCE_LABEL) => {
            let is_long = name.len() + old.len() + 1 + value.len() > LONGEST_LABEL;
            if is_long || old.split(',').any(|repository| repository == value) {
                old.clone()
            } else {
                format!("{old},{value}")
            }
        }
        _ => value.to_owned(),
    };
    let merged = wanted.iter().map(|(name, value)| (name.clone(), merge(name, value)));
    merged.filter(|(name, value)| present.get(name) != Some(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "containerd.io/distribution.source.docker.io";

    fn changed(present: &[(&str, &str)], wanted: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let present = present.iter().map(owned).collect();
        let wanted = wanted.iter().map(owned).collect();
        changed_labels(&present, &wanted).into_iter().collect()
    }

    #[test]
    fn labels_that_are_there_are_not_written_again() {
        assert!(
            changed(&[("a", "1"), (SOURCE, "x,library/redis")], &[("a", "1"), (SOURCE, "library/redis")])
                .is_empty()
        );
    }

    #[test]
    fn further_repositories_are_added() {
        assert_eq!(
            changed(&[(SOURCE, "library/redis")], &[(SOURCE, "library/red")]),
            [(SOURCE.to_owned(), "library/redis,library/red".to_owned())]
        );
    }

    #[test]
    fn repositories_that_a_label_has_no_room_for_are_left_out() {
        let old = "x".repeat(LONGEST_LABEL - SOURCE.len() - 5);
        assert_eq!(changed(&[(SOURCE, &old)], &[(SOURCE, "library/redis")]), []);
        assert_eq!(changed(&[(SOURCE, &old)], &[(SOURCE, "abcd")]).len(), 1);
    }

    #[test]
    fn other_labels_are_replaced() {
        assert_eq!(changed(&[("a", "1")], &[("a", "2")]), [("a".to_owned(), "2".to_owned())]);
    }
}
