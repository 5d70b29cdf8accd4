//! How a registry wants credentials, and the token that it gives for them.
//!
//! Not left to `oci-client`, which sends credentials to whatever address a registry names for its tokens, over plain HTTP
//! too, and takes every failure of that server for a refusal.

use std::time::{Duration, Instant};

use http_auth::parse_challenges;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, Url};

use super::super::source::SourceError;
use super::access::Access;
use super::fault;
use super::user::{Redirects, get, whole};

/// How long a token holds that does not say (distribution, token authentication).
const TOKEN_LIFE: u64 = 60;
/// Longest that a token is used, in seconds.
const LONGEST_LIFE: u64 = 24 * 3600;
/// Longest answer of a token server, in bytes.
const LONGEST_TOKEN: usize = 1 << 20;

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
    http: &Client,
    access: &Access,
    image: &oci_client::Reference,
) -> Result<Login, SourceError> {
    let Some(credentials) = access.credentials() else { return Ok(Login::lasting(RegistryAuth::Anonymous)) };
    let (user, password) = (credentials.user().to_owned(), credentials.password().to_owned());
    match ask(http, access, image).await? {
        None => Ok(Login::lasting(RegistryAuth::Anonymous)),
        Some(Challenge::Basic) => Ok(Login::lasting(RegistryAuth::Basic(user, password))),
        Some(Challenge::Other(scheme)) => Err(SourceError::Final(format!(
            "the registry asks for credentials by {scheme}; basic and bearer are known"
        ))),
        Some(Challenge::Bearer { realm, service }) => {
            let mut realm = checked(access, &realm)?;
            realm.query_pairs_mut().append_pair("scope", &format!("repository:{}:pull", image.repository()));
            if let Some(service) = service {
                realm.query_pairs_mut().append_pair("service", &service);
            }
            let basic = RegistryAuth::Basic(user, password);
            let answer = get(http, realm.as_str(), &HeaderMap::new(), &basic, Redirects::Within).await?;
            token(access, answer).await
        }
    }
}

/// The challenge of the registry's own host: at the address that is there for it, or at the image's, as some registries
/// tell only there.
async fn ask(
    http: &Client,
    access: &Access,
    image: &oci_client::Reference,
) -> Result<Option<Challenge>, SourceError> {
    for address in [access.base(image), access.manifest(image)] {
        let nobody = RegistryAuth::Anonymous;
        let answer = get(http, &address, &HeaderMap::new(), &nobody, Redirects::Within).await?;
        if may_pass(answer.status()) {
            return Err(SourceError::Passing(format!("the registry answered {}", answer.status())));
        }
        if let Some(challenge) = challenge(answer.headers()) {
            return Ok(Some(challenge));
        }
    }
    Ok(None)
}

/// The address of the token server, when credentials may travel there.
fn checked(access: &Access, realm: &str) -> Result<Url, SourceError> {
    match Url::parse(realm) {
        Ok(url) if access.may_carry_credentials(&url) => Ok(url),
        _ => Err(SourceError::Final(format!(
            "the registry wants the credentials to be sent to {:?}, which is not an address over TLS",
            fault::one_line(realm)
        ))),
    }
}

async fn token(access: &Access, answer: Response) -> Result<Login, SourceError> {
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
    let body = whole(answer, LONGEST_TOKEN).await?;
    let given = serde_json::from_slice::<Token>(&body).ok().and_then(|answer| {
        let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token)?;
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
