//! A registry as a source of images: over `oci-client` for anybody, and by requests of our own with credentials.

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

mod access;
mod fault;
mod login;
mod user;

pub(crate) use access::Access;
use user::User;

/// Manifests that are asked for.
const ACCEPTED: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a registry may be silent within an answer.
const SILENCE: Duration = Duration::from_secs(60);
/// What registries are told of who asks.
const USER_AGENT: &str = concat!("containerd-driver/", env!("CARGO_PKG_VERSION"));

/// One repository of a registry, during one pull.
pub(crate) struct Registry {
    access: Access,
    image: oci_client::Reference,
    asks: Asks,
    root: Option<(Descriptor, Bytes)>,
}

/// As whom the registry is asked.
enum Asks {
    /// As anybody, who may get a token that tells nothing.
    Anyone(Client),
    /// With credentials.
    User(Box<User>),
}

impl Asks {
    async fn open(access: &Access, image: &oci_client::Reference) -> Result<Self, SourceError> {
        if access.credentials().is_some() {
            return Ok(Self::User(Box::new(User::log_in(access, image).await?)));
        }
        let read = |error| fault::read(error, access);
        // `Client::new` falls back to other settings in silence.
        let client = Client::try_from(client_config(access)).map_err(read)?;
        // Asked for by itself, as later calls swallow its failure and go on without a token.
        client.auth(image, &RegistryAuth::Anonymous, RegistryOperation::Pull).await.map_err(read)?;
        Ok(Self::Anyone(client))
    }
}

fn client_config(access: &Access) -> ClientConfig {
    let config = ClientConfig {
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(SILENCE),
        user_agent: USER_AGENT,
        ..ClientConfig::default()
    };
    if !access.is_plain_http() {
        return ClientConfig { protocol: ClientProtocol::Https, ..config };
    }
    // A proxy of the environment's does not have this host's own addresses. One that is used for no address takes its
    // place.
    ClientConfig {
        protocol: ClientProtocol::Http,
        http_proxy: Some("http://127.0.0.1".to_owned()),
        no_proxy: Some("*,0.0.0.0/0,::/0".to_owned()),
        ..config
    }
}

impl Registry {
    /// Asks for the manifest or index of a reference; what it names is then fetched from this registry.
    pub(crate) async fn resolve(
        reference: &Reference,
        access: Access,
    ) -> Result<(Self, Descriptor), SourceError> {
        let (domain, repository) = (reference.domain().to_owned(), reference.repository().to_owned());
        let image = match reference.version() {
            Version::Tag(tag) => oci_client::Reference::with_tag(domain, repository, tag.clone()),
            Version::Digest(digest) => oci_client::Reference::with_digest(domain, repository, digest.clone()),
        };
        let asks = retried(&image, || Asks::open(&access, &image)).await?;
        let mut registry = Self { access, image, asks, root: None };
        let (descriptor, bytes) = registry.fetch_root(reference).await?;
        registry.root = Some((descriptor.clone(), bytes));
        Ok((registry, descriptor))
    }

    async fn fetch_root(&self, reference: &Reference) -> Result<(Descriptor, Bytes), SourceError> {
        let (bytes, digest) = self.fetch_manifest(&self.image).await?;
        let digest = match reference.version() {
            Version::Digest(digest) => digest.clone(),
            Version::Tag(_) if digest.starts_with("sha256:") => digest_of(&bytes),
            Version::Tag(_) => digest,
        };
        let descriptor = Descriptor { digest, size: bytes.len() as u64, ..Descriptor::default() };
        Ok((with_media_type(descriptor, &bytes), bytes))
    }

    async fn fetch_manifest(&self, image: &oci_client::Reference) -> Result<(Bytes, String), SourceError> {
        let fetch = || async {
            match &self.asks {
                Asks::Anyone(client) => {
                    let pulled = client.pull_manifest_raw(image, &RegistryAuth::Anonymous, &ACCEPTED).await;
                    pulled.map_err(|error| self.read(error))
                }
                Asks::User(user) => user.manifest(image).await,
            }
        };
        retried(&self.image, fetch).await
    }

    fn read(&self, error: OciDistributionError) -> SourceError {
        fault::read(error, &self.access)
    }
}

/// Tries twice more when the failure may pass.
async fn retried<T, F>(image: &oci_client::Reference, attempt: impl Fn() -> F) -> Result<T, SourceError>
where
    F: Future<Output = Result<T, SourceError>>,
{
    let mut backoff = Backoff::default();
    for _ in 0..2 {
        match attempt().await {
            Err(SourceError::Passing(reason)) => {
                tracing::debug!(%image, reason, "the registry is asked again");
                tokio::time::sleep(backoff.next_delay()).await;
            }
            other => return other,
        }
    }
    attempt().await
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
        Ok(self.fetch_manifest(&image).await?.0)
    }

    async fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream, SourceError> {
        let client = match &self.asks {
            Asks::User(user) => return user.blob(&descriptor.digest, offset).await,
            Asks::Anyone(client) => client,
        };
        let blob = OciDescriptor { digest: descriptor.digest.clone(), ..OciDescriptor::default() };
        let read = |error| self.read(error);
        let (stream, already_there) = if offset == 0 {
            (client.pull_blob_stream(&self.image, &blob).await.map_err(read)?, 0)
        } else {
            let part = client.pull_blob_stream_partial(&self.image, &blob, offset, None).await;
            match part.map_err(read)? {
                BlobResponse::Partial(stream) => (stream, 0),
                // A registry that can not give parts gives all.
                BlobResponse::Full(stream) => (stream, offset),
            }
        };
        let bytes = stream.stream.map(|piece| piece.map_err(|error| fault::transport(&error)));
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

#[cfg(test)]
mod tests {
    use futures::{TryStreamExt, stream};

    use super::*;

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
