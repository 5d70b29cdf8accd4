//! Requests over HTTP/1.1 with redirects of our own following: whom a login goes to, who may be dialled, which server
//! must show a certificate, and which is behind a proxy.

use std::time::Duration;

use driver_core::Credentials;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};
use tokio::sync::OnceCell;

use super::super::source::SourceError;
use super::answer::Answer;
use super::fault;
use super::reach::{Reach, is_loopback, without_port};

/// How long a connection may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// The same within this host.
const LOOPBACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a registry may be silent within an answer, and the whole head of one may take.
const SILENCE: Duration = Duration::from_secs(60);
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 10;
/// What registries are told of who asks.
const USER_AGENT: &str = concat!("containerd-driver/", env!("CARGO_PKG_VERSION"));

/// What a request carries to the host that is asked first.
#[derive(Clone)]
pub(super) enum Auth {
    /// Nothing.
    Nobody,
    /// A user and the password.
    Basic(Credentials),
    /// A token.
    Bearer(String),
}

/// Where a request may be redirected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    /// Within the host that is asked.
    Within,
    /// To anybody whom this host may dial, who does not get the login.
    Anywhere,
}

/// Why there is no answer.
pub(super) enum Failure {
    /// The request failed below HTTP.
    Below {
        /// Host and port that were asked.
        host: String,
        /// Whether that is the host which was asked first.
        is_home: bool,
        /// How, without the address, which may carry what stands for a login.
        error: reqwest::Error,
    },
    /// It was not made.
    RpcError(SourceError),
}

impl From<Failure> for SourceError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Below { host, error, .. } => fault::transport(&host, &error),
            Failure::RpcError(error) => error,
        }
    }
}

/// The HTTP clients of one pull, made when they are needed.
pub(super) struct Http {
    reach: Reach,
    proxies: Matcher,
    direct: OnceCell<Client>,
    proxied: OnceCell<Client>,
    loopback: OnceCell<Client>,
}

impl Http {
    /// For a registry of this host, with its port if it has one.
    pub(super) async fn of(domain: &str) -> Self {
        let (proxies, host) = (Matcher::from_env(), without_port(domain));
        let address = Url::parse(&format!("https://{domain}/")).ok();
        let is_proxied = address.is_some_and(|url| is_proxied(&proxies, &url));
        Self::within(Reach::of((!is_proxied).then_some(host)).await, proxies)
    }

    fn within(reach: Reach, proxies: Matcher) -> Self {
        let (direct, proxied, loopback) = Default::default();
        Self { reach, proxies, direct, proxied, loopback }
    }

    /// Asks, and follows redirects. Only the host that was asked first gets the login; once away from it nobody does.
    /// Where redirects may not leave the host, one that does is the answer.
    pub(super) async fn get(
        &self,
        mut url: Url,
        headers: &HeaderMap,
        auth: &Auth,
        redirects: Redirects,
    ) -> Result<Answer, Failure> {
        let (home, mut is_home) = (url.origin(), true);
        for _ in 0..=MAX_REDIRECTS {
            let (host, client) = (authority(&url), self.client(&url).await?);
            let request = client.get(url.clone()).headers(headers.clone());
            let request = request.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let request = if is_home { auth.sign(request) } else { request };
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Err(Failure::Below { host, is_home, error: error.without_url() }),
            };
            let Some(next) = next(&url, &response)? else { return Ok(Answer { response, is_home, host }) };
            is_home = is_home && next.origin() == home;
            if redirects == Redirects::Within && !is_home {
                return Ok(Answer { response, is_home: true, host });
            }
            self.check(&next)?;
            url = next;
        }
        Err(refused(format!("the registry redirects more than {MAX_REDIRECTS} times")))
    }

    /// Refuses an address of the registry's choice.
    pub(super) fn check(&self, url: &Url) -> Result<(), Failure> {
        self.reach.check(url).map_err(|forbidden| refused(fault::forbidden(&forbidden)))
    }

    /// The client for an address: within this host no proxy is asked and no certificate is looked at, since who could
    /// listen there in another's place could as well do it without TLS.
    async fn client(&self, url: &Url) -> Result<&Client, Failure> {
        let direct = || base().no_proxy().dns_resolver(self.reach.clone()).connect_timeout(CONNECT_TIMEOUT);
        let made = if url.host_str().is_some_and(is_loopback) {
            let client = direct().connect_timeout(LOOPBACK_TIMEOUT).tls_danger_accept_invalid_certs(true);
            self.loopback.get_or_try_init(|| make(client)).await
        } else if is_proxied(&self.proxies, url) {
            self.proxied.get_or_try_init(|| make(base().connect_timeout(CONNECT_TIMEOUT))).await
        } else {
            self.direct.get_or_try_init(|| make(direct())).await
        };
        made.map_err(refused)
    }
}

impl Auth {
    fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Nobody => request,
            Self::Basic(credentials) => request.basic_auth(credentials.user(), Some(credentials.password())),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

/// Host and port of an address, for people.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn base() -> ClientBuilder {
    Client::builder().user_agent(USER_AGENT).read_timeout(SILENCE).redirect(Policy::none()).http1_only()
}

/// On a thread for it: the system's certificates are read from files.
async fn make(builder: ClientBuilder) -> Result<Client, String> {
    let made = tokio::task::spawn_blocking(|| builder.build()).await;
    match made {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(format!("no HTTP client can be made: {}", fault::chain(&error))),
        Err(error) => Err(format!("no HTTP client can be made: {error}")),
    }
}

fn is_proxied(proxies: &Matcher, url: &Url) -> bool {
    let is_here = url.host_str().is_some_and(is_loopback);
    !is_here && url.as_str().parse().is_ok_and(|uri| proxies.intercept(&uri).is_some())
}

/// Where an answer redirects to.
fn next(from: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    use StatusCode as S;
    let redirects =
        [S::MOVED_PERMANENTLY, S::FOUND, S::SEE_OTHER, S::TEMPORARY_REDIRECT, S::PERMANENT_REDIRECT];
    let location = response.headers().get(LOCATION).filter(|_| redirects.contains(&response.status()));
    let Some(location) = location else { return Ok(None) };
    let next = location.to_str().ok().and_then(|location| from.join(location).ok());
    let next = next.filter(|next| matches!(next.scheme(), "http" | "https") && next.has_host());
    let Some(mut next) = next else {
        let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let named = fault::one_line(text.split('?').next().unwrap_or_default());
        return Err(refused(format!("the registry redirects to {named:?}, which is not an address")));
    };
    if from.scheme() == "https" && next.scheme() == "http" {
        let host = authority(&next);
        return Err(refused(format!(
            "the registry redirects from https to http, at {host}, which is not followed"
        )));
    }
    // Otherwise the client would make a login of them.
    let is_clean = next.set_username("").is_ok() && next.set_password(None).is_ok();
    if is_clean { Ok(Some(next)) } else { Ok(None) }
}

fn refused(reason: String) -> Failure {
    Failure::RpcError(SourceError::Final(reason))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
