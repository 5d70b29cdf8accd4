//! A registry as a source of images (OCI distribution specification), over one HTTP client for everybody.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};

use super::media_types::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use super::model::{Descriptor, Document, MAX_MANIFEST, digest_of};
use super::reference::{Reference, Version};
use super::retry::retried;
use super::source::{BlobStream, Source, SourceError};

mod access;
mod answer;
mod body;
mod endpoint;
mod fault;
mod http;
mod login;
mod reach;
mod refusal;

pub(crate) use access::Access;
use answer::Answer;
use endpoint::Endpoint;

/// Documents that are asked for. Others may come, and are refused by what they are.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, */*";
/// What a manifest is, for people.
const MANIFEST: &str = "a manifest";

/// One repository of a registry, during one pull.
pub(crate) struct Registry {
    endpoint: Endpoint,
    root: Option<(Descriptor, Bytes)>,
}

impl Registry {
    /// Asks for the manifest or index of a reference; what it names is then fetched from this registry.
    pub(crate) async fn resolve(
        reference: &Reference,
        access: Access,
    ) -> Result<(Self, Descriptor), SourceError> {
        let mut registry = Self { endpoint: Endpoint::of(access, reference.repository()).await, root: None };
        let (descriptor, bytes) = match reference.version() {
            Version::Tag(tag) => {
                let (bytes, kind) = registry.fetch_manifest(tag).await?;
                (described(digest_of(&bytes), &bytes, &kind), bytes)
            }
            Version::Digest(digest) => {
                let (bytes, kind) = registry.fetch_manifest(digest).await?;
                (described(digest.clone(), &bytes, &kind), bytes)
            }
        };
        registry.root = Some((descriptor.clone(), bytes));
        Ok((registry, descriptor))
    }

    /// A manifest by its tag or digest, and the media type that the registry says it has.
    async fn fetch_manifest(&self, version: &str) -> Result<(Bytes, String), SourceError> {
        let path = format!("manifests/{version}");
        retried(&path, || async {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]);
            let answer = self.endpoint.get(&path, &headers).await?;
            let (host, kind) = (answer.host.clone(), media_type(&answer));
            let bytes = body::whole(answer, MANIFEST, MAX_MANIFEST).await?;
            if body::is_page(&bytes) { Err(body::page(&host, MANIFEST)) } else { Ok((bytes, kind)) }
        })
        .await
    }

    /// The answer with a blob from an offset on, and how many bytes more it begins with.
    async fn fetch_blob(
        &self,
        path: &str,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<(Answer, u64), SourceError> {
        if offset > 0 {
            let range = HeaderValue::from_str(&format!("bytes={offset}-"));
            let headers = HeaderMap::from_iter(range.ok().map(|range| (RANGE, range)));
            match self.endpoint.get(path, &headers).await {
                Ok(answer) if answer.response.status() == StatusCode::OK => {
                    return Ok((no_page(answer, descriptor)?, offset));
                }
                Ok(answer) if begins_at(&answer, offset) => return Ok((answer, 0)),
                // It gives another part than was asked for, or none: then the whole.
                Ok(_) | Err(SourceError::Final(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let answer = self.endpoint.get(path, &HeaderMap::new()).await?;
        Ok((no_page(answer, descriptor)?, offset))
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
        Ok(self.fetch_manifest(&descriptor.digest).await?.0)
    }

    async fn blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream, SourceError> {
        let path = format!("blobs/{}", descriptor.digest);
        let (answer, more) = self.fetch_blob(&path, descriptor, offset).await?;
        Ok(body::pieces(answer, more).boxed())
    }
}

/// Refuses a web page in the place of a blob.
fn no_page(answer: Answer, descriptor: &Descriptor) -> Result<Answer, SourceError> {
    let has_its_size = answer.response.content_length() == Some(descriptor.size);
    if body::announces_page(answer.response.headers()) && !has_its_size {
        return Err(body::page(&answer.host, &descriptor.digest));
    }
    Ok(answer)
}

/// Whether a part of a blob is the one that was asked for.
fn begins_at(answer: &Answer, offset: u64) -> bool {
    let range = answer.response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begin =
        range.and_then(|range| range.trim().strip_prefix("bytes ")).and_then(|range| range.split('-').next());
    begin.and_then(|begin| begin.trim().parse().ok()) == Some(offset)
}

/// The media type of an answer, without its parameters.
fn media_type(answer: &Answer) -> String {
    let kind = answer.response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The descriptor of a root: with the media type that the document says of itself, else with the one that the registry
/// says if it is one of a root, else by the content. Proxies send good manifests with types of all kinds.
fn described(digest: String, bytes: &[u8], kind: &str) -> Descriptor {
    let untyped = Descriptor { digest, size: bytes.len() as u64, ..Descriptor::default() };
    let roots = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
    let media_type = match Document::media_type_of(bytes) {
        Some(said) => said,
        None if roots.contains(&kind) => kind.to_owned(),
        None => match Document::parse(&untyped, bytes) {
            Ok(document) => document.default_media_type().to_owned(),
            // What it is instead is told when it is read.
            Err(_) => kind.to_owned(),
        },
    };
    Descriptor { media_type, ..untyped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roots_media_type_is_its_own_then_the_registrys_then_that_of_its_content() {
        let of = |bytes: &[u8], kind: &str| described(String::new(), bytes, kind).media_type;
        let manifest = br#"{"config":{"digest":"sha256:aa"}}"#;
        let typed = br#"{"mediaType":"x/y","config":{"digest":"sha256:aa"}}"#;
        assert_eq!(of(typed, DOCKER_MANIFEST), "x/y");
        assert_eq!(of(manifest, DOCKER_MANIFEST), DOCKER_MANIFEST);
        for odd in ["", "text/html", "application/json", "application/octet-stream"] {
            assert_eq!(of(manifest, odd), OCI_MANIFEST, "{odd}");
            assert_eq!(of(br#"{"manifests":[]}"#, odd), OCI_INDEX, "{odd}");
        }
    }
}
