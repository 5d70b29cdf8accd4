//! How a registry wants credentials, and the token that it gives for them.
//!
//! Not left to `oci-client`, which sends credentials to whatever address a registry names for its tokens, over plain HTTP
//! too, and takes every failure of that server for a refusal.

use std::time::{Duration, Instant};

use driver_core::Credentials;
use http_auth::parse_challenges;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use super::super::source::SourceError;
use super::access::Access;
use super::{CONNECT_TIMEOUT, SILENCE, USER_AGENT, fault};

/// How long a token holds that does not say (distribution, token authentication).
const TOKEN_LIFE: u64 = 60;
/// Longest that a token is used, in seconds.
const LONGEST_LIFE: u64 = 24 * 3600;
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// What requests carry.
pub(super) struct Login {
    pub(super) auth: RegistryAuth,
    /// When it is to be asked for again.
    pub(super) renew_at: Option<Instant>,
}

impl Login {
    /// A login that holds for the whole pull.
    pub(super) fn lasting(auth: RegistryAuth) -> Self {
        Self { auth, renew_at: None }
    }
}

/// The way in which a registry asks for credentials.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    /// With every request.
    Basic,
    /// In exchange for a token, at an address.
    Bearer { realm: String, service: Option<String> },
    /// In a way of this name.
    Other(String),
}

#[derive(serde::Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
    /// In seconds.
    expires_in: Option<u64>,
}

/// Asks the registry how it wants credentials, and gives them for a token where it wants that.
pub(super) async fn login(
    access: &Access,
    credentials: &Credentials,
    image: &oci_client::Reference,
) -> Result<Login, SourceError> {
    let http = client(access)?;
    let scheme = if access.is_plain_http() { "http" } else { "https" };
    let url = format!("{scheme}://{}/v2/", image.resolve_registry());
    let answer = http.get(url).send().await.map_err(|error| fault::transport(&error))?;
    if may_pass(answer.status()) {
        return Err(SourceError::Passing(format!("the registry answered {}", answer.status())));
    }
    let (user, password) = (credentials.user().to_owned(), credentials.password().to_owned());
    match challenge(answer.headers()) {
        None => Ok(Login::lasting(RegistryAuth::Anonymous)),
        Some(Challenge::Basic) => Ok(Login::lasting(RegistryAuth::Basic(user, password))),
        Some(Challenge::Other(scheme)) => Err(SourceError::Final(format!(
            "the registry asks for credentials by {scheme}; basic and bearer are known"
        ))),
        Some(Challenge::Bearer { realm, service }) => {
            let realm = checked(access, &realm)?;
            let scope = format!("repository:{}:pull", image.repository());
            let mut request = http.get(realm).query(&[("scope", scope)]).basic_auth(user, Some(password));
            if let Some(service) = service {
                request = request.query(&[("service", service)]);
            }
            token(access, request).await
        }
    }
}

/// A client that goes where credentials may travel, and nowhere else.
fn client(access: &Access) -> Result<Client, SourceError> {
    let of = access.clone();
    let redirects = Policy::custom(move |attempt| {
        let goes_on = attempt.previous().len() <= MAX_REDIRECTS && of.may_carry_credentials(attempt.url());
        if goes_on { attempt.follow() } else { attempt.stop() }
    });
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE)
        .redirect(redirects);
    // Over plain HTTP a proxy would read the credentials.
    let builder = if access.is_plain_http() { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| fault::transport(&error))
}

/// The address of the token server, when credentials may travel there.
fn checked(access: &Access, realm: &str) -> Result<Url, SourceError> {
    match Url::parse(realm) {
        Ok(url) if access.may_carry_credentials(&url) => Ok(url),
        _ => Err(SourceError::Final(format!(
            "the registry wants the credentials to be sent to {realm:?}, which is not an address over TLS"
        ))),
    }
}

async fn token(access: &Access, request: reqwest::RequestBuilder) -> Result<Login, SourceError> {
    let answer = request.send().await.map_err(|error| fault::transport(&error))?;
    let status = answer.status();
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(SourceError::Final(access.denied())),
        // Its text is not shown: it may repeat what it was sent.
        _ if may_pass(status) => {
            return Err(SourceError::Passing(format!("the registry's token server answered {status}")));
        }
        _ => return Err(SourceError::Final(format!("the registry's token server answered {status}"))),
    }
    let body = answer.bytes().await.map_err(|error| fault::transport(&error))?;
    let given = serde_json::from_slice::<Token>(&body).ok().and_then(|answer| {
        let token = answer.token.or(answer.access_token)?;
        Some((token, answer.expires_in.unwrap_or(TOKEN_LIFE)))
    });
    // What can not stand in a header is no token.
    match given.filter(|(token, _)| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some((token, life)) => {
            // Renewed early enough for a request that begins just before.
            let used_for = Duration::from_secs(life.min(LONGEST_LIFE)) * 3 / 4;
            Ok(Login { auth: RegistryAuth::Bearer(token), renew_at: Some(Instant::now() + used_for) })
        }
        None => Err(SourceError::Final("the registry's token server gave no token".to_owned())),
    }
}

/// Whether another attempt may get another answer.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// How the credentials are wanted; a token comes before credentials with every request.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<_> = texts.flat_map(|text| parse_challenges(text).unwrap_or_default()).collect();
    let parameter = |challenge: &http_auth::ChallengeRef<'_>, name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    let bearer = challenges.iter().find_map(|challenge| {
        let realm =
            parameter(challenge, "realm").filter(|_| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
        Some(Challenge::Bearer { realm, service: parameter(challenge, "service") })
    });
    let basic = challenges.iter().any(|challenge| challenge.scheme.eq_ignore_ascii_case("basic"));
    let other = challenges.first().map(|challenge| Challenge::Other(challenge.scheme.to_owned()));
    bearer.or_else(|| basic.then_some(Challenge::Basic)).or(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_preferred_and_what_is_not_known_is_named() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
            }
            challenge(&headers)
        };
        let bearer = Challenge::Bearer { realm: "https://a/token".into(), service: Some("r".into()) };
        assert_eq!(read(&[r#"Bearer realm="https://a/token",service="r""#]).as_ref(), Some(&bearer));
        assert_eq!(
            read(&[r#"Basic realm="r""#, r#"bearer realm="https://a/token",service="r""#]),
            Some(bearer)
        );
        assert_eq!(read(&["Basic realm=\"r\""]), Some(Challenge::Basic));
        assert_eq!(read(&["Negotiate", "NTLM"]), Some(Challenge::Other("Negotiate".into())));
        assert_eq!(read(&["Bearer service=\"r\""]), Some(Challenge::Other("Bearer".into())));
        assert_eq!(read(&[]), None);
    }
}
