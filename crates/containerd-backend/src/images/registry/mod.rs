//! A registry as a source of images, over `oci-client`.
//!
//! One client per pull: the library keeps the first token that it gets for a repository, which must not serve jobs
//! with other credentials.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use oci_client::client::{BlobResponse, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};

use super::model::{DOCKER_LIST, DOCKER_MANIFEST, Descriptor, Document, OCI_INDEX, OCI_MANIFEST, digest_of};
use super::reference::{Reference, Version};
use super::source::{BlobStream, Source, SourceError};
use crate::backoff::Backoff;

mod fault;

/// Manifests that are asked for.
const ACCEPTED: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a registry may be silent within an answer.
const SILENCE: Duration = Duration::from_secs(60);

/// How a registry is reached: the place where credentials, mirrors, authorities and `hosts.toml` belong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// Whether it speaks plain HTTP.
    plain_http: bool,
}

impl Access {
    /// The access to a registry that nothing is configured for: anonymous, and without TLS on this host's own
    /// loopback addresses only, as other clients have it.
    pub(crate) fn to(reference: &Reference) -> Self {
        Self { plain_http: is_loopback(reference.domain()) }
    }
}

/// One repository of a registry, during one pull.
pub(crate) struct Registry {
    client: Client,
    auth: RegistryAuth,
    image: oci_client::Reference,
    root: Option<(Descriptor, Bytes)>,
}

impl Registry {
    /// Asks for the manifest or index of a reference; what it names is then fetched from this registry.
    pub(crate) async fn resolve(
        reference: &Reference,
        access: &Access,
    ) -> Result<(Self, Descriptor), SourceError> {
        let (domain, repository) = (reference.domain().to_owned(), reference.repository().to_owned());
        let image = match reference.version() {
            Version::Tag(tag) => oci_client::Reference::with_tag(domain, repository, tag.clone()),
            Version::Digest(digest) => oci_client::Reference::with_digest(domain, repository, digest.clone()),
        };
        let protocol = if access.plain_http { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("containerd-driver/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        // `Client::new` falls back to other settings in silence.
        let client = Client::try_from(config).map_err(fault::read)?;
        let auth = RegistryAuth::Anonymous;
        let mut registry = Self { client, auth, image, root: None };
        let (descriptor, bytes) = registry.retried(|| registry.fetch_root(reference)).await?;
        registry.root = Some((descriptor.clone(), bytes));
        Ok((registry, descriptor))
    }

    async fn fetch_root(&self, reference: &Reference) -> Result<(Descriptor, Bytes), OciDistributionError> {
        // Asked for by itself, as later calls swallow its failure and go on without a token.
        self.client.auth(&self.image, &self.auth, RegistryOperation::Pull).await?;
        let (bytes, digest) = self.client.pull_manifest_raw(&self.image, &self.auth, &ACCEPTED).await?;
        let digest = match reference.version() {
            Version::Digest(digest) => digest.clone(),
            Version::Tag(_) if digest.starts_with("sha256:") => digest_of(&bytes),
            Version::Tag(_) => digest,
        };
        let descriptor = Descriptor { digest, size: bytes.len() as u64, ..Descriptor::default() };
        Ok((with_media_type(descriptor, &bytes), bytes))
    }

    /// Tries twice more when the failure may pass.
    async fn retried<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, SourceError>
    where
        F: Future<Output = Result<T, OciDistributionError>>,
    {
        let mut backoff = Backoff::default();
        for _ in 0..2 {
            match attempt().await.map_err(fault::read) {
                Err(SourceError::Passing(reason)) => {
                    tracing::debug!(image = %self.image, reason, "the registry is asked again");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
                other => return other,
            }
        }
        attempt().await.map_err(fault::read)
    }
}

#[async_trait]
impl Source for Registry {
    async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, SourceError> {
        if let Some((root, bytes)) = &self.root
            && root.digest == descriptor.digest
        {
            return Ok(bytes.clone());
        }
        let image = self.image.clone_with_digest(descriptor.digest.clone());
        let fetch = || self.client.pull_manifest_raw(&image, &self.auth, &ACCEPTED);
        Ok(self.retried(fetch).await?.0)
    }

    async fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream, SourceError> {
        let blob = OciDescriptor { digest: descriptor.digest.clone(), ..OciDescriptor::default() };
        let (stream, already_there) = if offset == 0 {
            (self.client.pull_blob_stream(&self.image, &blob).await.map_err(fault::read)?, 0)
        } else {
            let part = self.client.pull_blob_stream_partial(&self.image, &blob, offset, None).await;
            match part.map_err(fault::read)? {
                BlobResponse::Partial(stream) => (stream, 0),
                // A registry that can not give parts gives all.
                BlobResponse::Full(stream) => (stream, offset),
            }
        };
        let bytes = stream
            .stream
            .map(|piece| piece.map_err(|error| fault::read(OciDistributionError::IoError(error))));
        Ok(skip(bytes, already_there).boxed())
    }
}

/// Without the first bytes.
fn skip(
    stream: impl futures::Stream<Item = Result<Bytes, SourceError>>,
    mut bytes: u64,
) -> impl futures::Stream<Item = Result<Bytes, SourceError>> {
    stream.map(move |piece| {
        piece.map(|mut piece| {
            let cut = usize::try_from(bytes).unwrap_or(usize::MAX).min(piece.len());
            bytes -= cut as u64;
            piece.split_off(cut)
        })
    })
}

/// The descriptor of a manifest with the media type that the manifest says of itself, or has by its content.
pub(crate) fn with_media_type(mut descriptor: Descriptor, bytes: &[u8]) -> Descriptor {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        #[serde(default)]
        media_type: String,
    }
    let said = serde_json::from_slice::<Typed>(bytes).map(|typed| typed.media_type).unwrap_or_default();
    descriptor.media_type = match Document::parse(&descriptor, bytes) {
        Ok(document) if said.is_empty() => document.default_media_type().to_owned(),
        _ => said,
    };
    descriptor
}

fn is_loopback(domain: &str) -> bool {
    let host = match domain.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => domain,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use futures::{TryStreamExt, stream};

    use super::*;

    #[test]
    fn only_this_hosts_own_registries_are_asked_without_tls() {
        for domain in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(domain), "{domain}");
        }
        for domain in ["docker.io", "registry:5000", "10.0.0.1:5000", "localhost.example.com", "[fe80::1]:80"]
        {
            assert!(!is_loopback(domain), "{domain}");
        }
    }

    #[test]
    fn a_manifest_without_a_media_type_has_the_one_of_its_content() {
        let of = |bytes: &[u8]| with_media_type(Descriptor::default(), bytes).media_type;
        assert_eq!(of(br#"{"mediaType":"x/y","config":{"digest":"sha256:aa"}}"#), "x/y");
        assert_eq!(of(br#"{"config":{"digest":"sha256:aa"}}"#), OCI_MANIFEST);
        assert_eq!(of(br#"{"manifests":[]}"#), OCI_INDEX);
    }

    #[tokio::test]
    async fn what_is_there_already_is_skipped() {
        let pieces = ["abc", "de", "fgh"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        let rest: Vec<Bytes> = skip(stream::iter(pieces), 4).try_collect().await.unwrap();
        assert_eq!(rest.concat(), b"efgh");
    }
}
