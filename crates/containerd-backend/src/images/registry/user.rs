//! One repository asked for with credentials: the login goes to the registry itself, and to nobody that it redirects to.
//!
//! Not left to `oci-client`: the HTTP client beneath it takes the login off when a redirect leads to another host, and
//! puts it on again at the next one; and the library asks for the registry's wishes by itself, and follows them anywhere.

use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::super::model::digest_of;
use super::super::source::{BlobStream, SourceError};
use super::access::Access;
use super::login::{self, Login};
use super::{ACCEPTED, CONNECT_TIMEOUT, SILENCE, USER_AGENT, fault, skip};

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 10;
/// Largest manifest, in bytes; registries take 4 MiB (OCI distribution, pushing manifests).
const MAX_MANIFEST: usize = 8 << 20;

/// A user of a registry, during one pull.
pub(super) struct User {
    http: Client,
    access: Access,
    login: Mutex<Login>,
    image: oci_client::Reference,
}

/// Where a request may be redirected to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// Within the host that is asked.
    Within,
    /// To anybody, who does not get the login.
    Anywhere,
}

impl User {
    /// Logs in.
    pub(super) async fn log_in(access: &Access, image: &oci_client::Reference) -> Result<Self, SourceError> {
        let http = client(access)?;
        let login = login::login(&http, access, image).await?;
        Ok(Self { http, access: access.clone(), login: Mutex::new(login), image: image.clone() })
    }

    /// A manifest and its digest.
    pub(super) async fn manifest(
        &self,
        image: &oci_client::Reference,
    ) -> Result<(Bytes, String), SourceError> {
        let accepted =
            HeaderValue::from_str(&ACCEPTED.join(", ")).map_err(|error| fault::transport(&error))?;
        let headers = HeaderMap::from_iter([(ACCEPT, accepted)]);
        let answer = self.get(&self.access.manifest(image), headers).await?;
        let bytes = whole(answer, MAX_MANIFEST).await?;
        let digest = digest_of(&bytes);
        match image.digest() {
            Some(wanted) if wanted.starts_with("sha256:") && wanted != digest => {
                Err(SourceError::Passing(format!("the registry gave {digest} in the place of {wanted}")))
            }
            _ => Ok((bytes, digest)),
        }
    }

    /// A blob from an offset on.
    pub(super) async fn blob(&self, digest: &str, offset: u64) -> Result<BlobStream, SourceError> {
        let range = match offset {
            0 => None,
            _ => HeaderValue::from_str(&format!("bytes={offset}-")).ok().map(|value| (RANGE, value)),
        };
        let address = format!("{}{}/blobs/{digest}", self.access.base(&self.image), self.image.repository());
        let answer = self.get(&address, HeaderMap::from_iter(range)).await?;
        // A registry that can not give parts gives all.
        let already_there = if answer.status() == StatusCode::PARTIAL_CONTENT { 0 } else { offset };
        let bytes = answer.bytes_stream().map(|piece| piece.map_err(|error| fault::transport(&error)));
        Ok(skip(bytes, already_there).boxed())
    }

    async fn get(&self, address: &str, headers: HeaderMap) -> Result<Response, SourceError> {
        let auth = self.auth().await?;
        let answer = get(&self.http, address, &headers, &auth, Redirects::Anywhere).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(answer),
            status => Err(fault::by_status(status.as_u16(), "", &self.access)),
        }
    }

    /// The login, taken anew when it is time.
    async fn auth(&self) -> Result<RegistryAuth, SourceError> {
        let mut login = self.login.lock().await;
        if login.renew_at.is_some_and(|at| at <= Instant::now()) {
            *login = login::login(&self.http, &self.access, &self.image).await?;
        }
        Ok(login.auth.clone())
    }
}

fn client(access: &Access) -> Result<Client, SourceError> {
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE)
        .redirect(Policy::none());
    // Over plain HTTP a proxy would read the credentials.
    let builder = if access.is_plain_http() { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| fault::transport(&error))
}

/// Asks, and follows redirects. Only the host that was asked first gets the login; once away from it nobody does. What
/// may not be followed is the answer.
pub(super) async fn get(
    http: &Client,
    address: &str,
    headers: &HeaderMap,
    auth: &RegistryAuth,
    redirects: Redirects,
) -> Result<Response, SourceError> {
    let malformed =
        |text: &str| SourceError::Final(format!("the registry names {text:?}, which is not an address"));
    let mut url = Url::parse(address).map_err(|_| malformed(address))?;
    let (home, mut is_home) = (url.origin(), true);
    for _ in 0..=MAX_REDIRECTS {
        let request = http.get(url.clone()).headers(headers.clone());
        let request = match auth {
            RegistryAuth::Basic(user, password) if is_home => request.basic_auth(user, Some(password)),
            RegistryAuth::Bearer(token) if is_home => request.bearer_auth(token),
            _ => request,
        };
        let answer = request.send().await.map_err(|error| fault::transport(&error))?;
        let location = answer.headers().get(LOCATION).filter(|_| answer.status().is_redirection());
        let Some(location) = location else { return Ok(answer) };
        let next = location.to_str().ok().and_then(|location| url.join(location).ok());
        let next = next.filter(|next| matches!(next.scheme(), "http" | "https"));
        url = next.ok_or_else(|| malformed(&String::from_utf8_lossy(location.as_bytes())))?;
        is_home = is_home && url.origin() == home;
        if redirects == Redirects::Within && !is_home {
            return Ok(answer);
        }
    }
    Err(SourceError::Final(format!("the registry redirects more than {MAX_REDIRECTS} times")))
}

/// The body, when it is not longer than this.
pub(super) async fn whole(mut answer: Response, longest: usize) -> Result<Bytes, SourceError> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| fault::transport(&error))? {
        if body.len() + piece.len() > longest {
            return Err(SourceError::Final(format!("the registry's answer is longer than {longest} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.into())
}
