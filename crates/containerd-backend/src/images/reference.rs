//! Image references in Docker's familiar form, and the full names under which containerd keeps them.

use std::fmt;

/// The registry of names that name none.
pub(super) const DEFAULT_DOMAIN: &str = "docker.io";
/// The registry's older name.
const LEGACY_DEFAULT_DOMAIN: &str = "index.docker.io";
/// Where that registry keeps the images that name no owner.
const OFFICIAL: &str = "library";
/// Longest repository name, in bytes (distribution, `reference` package).
const MAX_NAME: usize = 255;
/// Longest tag, in bytes.
const MAX_TAG: usize = 128;

/// A full image reference.
///
/// As containerd's other clients do, a digest makes a tag beside it meaningless and drops it from the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    /// Host of the registry, with its port if it has one.
    domain: String,
    /// Repository within the registry.
    repository: String,
    /// What of the repository is meant.
    version: Version,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    /// The one that a tag names at the moment.
    Tag(String),
    /// The one with this digest.
    Digest(String),
}

/// Why a reference is none; the text is one sentence for the job's author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReferenceError {
    /// Nothing is named.
    #[error("the reference names no repository")]
    Empty,
    /// The host part.
    #[error("{0:?} is not a host name with an optional port")]
    Domain(String),
    /// The repository part.
    #[error(
        "{0:?} is not a repository name: it consists of lower-case letters, digits and the separators . _ __ - within \
         parts divided by /"
    )]
    Repository(String),
    /// The repository part, by its length.
    #[error("the repository name is longer than 255 characters")]
    TooLong,
    /// The tag.
    #[error("{0:?} is not a tag: it has at most 128 letters, digits, _ . - and does not begin with . or -")]
    Tag(String),
    /// The digest.
    #[error("{0:?} is not a digest like sha256: followed by 64 lower-case hexadecimal digits")]
    Digest(String),
    /// A bare image id.
    #[error("{0:?} is an image id, not a reference")]
    ImageId(String),
}

impl Reference {
    /// Reads a reference as a job has it: `redis`, `redis:7`, `host:5000/a/b@sha256:…`.
    pub(crate) fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(check_digest(digest)?)),
            None => (text, None),
        };
        // A colon after the last slash begins a tag; before it, a port.
        let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[after_slash..].rfind(':') {
            Some(colon) => {
                let (name, tag) = rest.split_at(after_slash + colon);
                (name, Some(check_tag(&tag[1..])?))
            }
            None => (rest, None),
        };
        if is_image_id(name) {
            return Err(ReferenceError::ImageId(name.to_owned()));
        }
        let (domain, repository) = split_domain(name)?;
        check_repository(&repository)?;
        let version = match (digest, tag) {
            (Some(digest), _) => Version::Digest(digest),
            (None, Some(tag)) => Version::Tag(tag),
            (None, None) => Version::Tag("latest".to_owned()),
        };
        Ok(Self { domain, repository, version })
    }

    /// Host of the registry, with its port if it has one.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// Repository within the registry.
    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// What of the repository is meant.
    pub(crate) fn version(&self) -> &Version {
        &self.version
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}/{}:{tag}", self.domain, self.repository),
            Version::Digest(digest) => write!(f, "{}/{}@{digest}", self.domain, self.repository),
        }
    }
}

/// Divides a name as Docker does: the part before the first slash is a host when it has a dot or a colon, is
/// `localhost`, or is not in lower case.
fn split_domain(name: &str) -> Result<(String, String), ReferenceError> {
    if name.is_empty() {
        return Err(ReferenceError::Empty);
    }
    let (domain, repository) = match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, name),
    };
    if !is_domain(domain) {
        return Err(ReferenceError::Domain(domain.to_owned()));
    }
    let domain = if domain == LEGACY_DEFAULT_DOMAIN { DEFAULT_DOMAIN } else { domain };
    let repository = if domain == DEFAULT_DOMAIN && !repository.contains('/') {
        format!("{OFFICIAL}/{repository}")
    } else {
        repository.to_owned()
    };
    Ok((domain.to_owned(), repository))
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let is_address =
                !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
            return is_address && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
        }
        None => match domain.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (domain, None),
        },
    };
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && bytes.first().is_some_and(|byte| *byte != b'-')
            && bytes.last().is_some_and(|byte| *byte != b'-')
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_repository(repository: &str) -> Result<(), ReferenceError> {
    if repository.len() > MAX_NAME {
        return Err(ReferenceError::TooLong);
    }
    if repository.split('/').all(is_component) {
        Ok(())
    } else {
        Err(ReferenceError::Repository(repository.to_owned()))
    }
}

/// Lower-case letters and digits, joined by one dot, one or two underscores, or any number of dashes.
fn is_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_are_words =
        bytes.first().copied().is_some_and(is_word) && bytes.last().copied().is_some_and(is_word);
    let mut separators = bytes.split(|byte| is_word(*byte));
    ends_are_words
        && separators.all(|part| matches!(part, b"." | b"_" | b"__") || part.iter().all(|byte| *byte == b'-'))
}

fn check_tag(tag: &str) -> Result<String, ReferenceError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = tag.as_bytes();
    let fits = bytes.len() <= MAX_TAG
        && bytes.first().copied().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(*byte) || matches!(byte, b'.' | b'-'));
    if fits { Ok(tag.to_owned()) } else { Err(ReferenceError::Tag(tag.to_owned())) }
}

fn check_digest(digest: &str) -> Result<String, ReferenceError> {
    if is_digest(digest) { Ok(digest.to_owned()) } else { Err(ReferenceError::Digest(digest.to_owned())) }
}

/// Whether this is a digest of an algorithm that containerd knows (OCI image spec, Digests).
pub(crate) fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Docker refuses names that look like an image's whole id.
fn is_image_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
