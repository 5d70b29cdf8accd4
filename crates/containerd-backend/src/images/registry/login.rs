//! How a registry wants credentials, and the token that it gives for them, or to anybody.

use std::time::{Duration, Instant};

use http_auth::parse_challenges;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};

use super::super::source::SourceError;
use super::access::Access;
use super::answer::Answer;
use super::body;
use super::http::{Auth, Http, Redirects};
use super::refusal;

/// How long a token holds that does not say (distribution, token authentication).
const TOKEN_LIFE: u64 = 60;
/// Longest that a token is used, in seconds.
const LONGEST_LIFE: u64 = 24 * 3600;
/// Longest answer of a token server, in bytes.
const LONGEST_TOKEN: usize = 1 << 20;
/// What the answer of a token server is, for people.
const TOKEN: &str = "a token";

/// What requests carry.
#[derive(Clone)]
pub(super) struct Login {
    /// What it is.
    pub(super) auth: Auth,
    /// When it is to be asked for again.
    pub(super) renew_at: Option<Instant>,
}

impl Login {
    /// A login that holds for the whole pull.
    pub(super) fn lasting(auth: Auth) -> Self {
        Self { auth, renew_at: None }
    }
}

/// The way in which a registry asks for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With every request.
    Basic,
    /// In exchange for a token, at an address.
    Bearer {
        /// The address.
        realm: String,
        /// What the token is to be good for.
        service: Option<String>,
    },
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

/// The address of a token server with the question for a repository.
pub(super) fn question(mut realm: Url, service: Option<&str>, repository: &str) -> Url {
    realm.query_pairs_mut().append_pair("scope", &format!("repository:{repository}:pull"));
    if let Some(service) = service {
        realm.query_pairs_mut().append_pair("service", service);
    }
    realm
}

/// Asks a token server. Where it redirects to gets no credentials, and nobody is asked beyond it who would need them.
pub(super) async fn token(http: &Http, question: Url, access: &Access) -> Result<Login, SourceError> {
    let (auth, redirects) = match access.credentials() {
        Some(credentials) => (Auth::Basic(credentials.clone()), Redirects::Within),
        None => (Auth::Nobody, Redirects::Anywhere),
    };
    http.check(&question)?;
    let answer = http.get(question, &HeaderMap::new(), &auth, redirects).await?;
    let status = answer.response.status();
    if status != StatusCode::OK {
        return Err(refusal::of_token_server(status, answer.response.headers(), access));
    }
    given(answer).await
}

async fn given(answer: Answer) -> Result<Login, SourceError> {
    let host = answer.host.clone();
    let body = body::whole(answer, TOKEN, LONGEST_TOKEN).await?;
    if body::is_page(&body) {
        return Err(body::page(&host, TOKEN));
    }
    let broken = || SourceError::Passing(format!("the registry's token server {host} gave no token"));
    let answer = serde_json::from_slice::<Token>(&body).map_err(|_| broken())?;
    let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token);
    // What cannot stand in a header is no token.
    match token.filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(token) => {
            // Renewed early enough for a request that begins just before.
            let life = answer.expires_in.unwrap_or(TOKEN_LIFE).min(LONGEST_LIFE);
            let used_for = Duration::from_secs(life) * 3 / 4;
            Ok(Login { auth: Auth::Bearer(token), renew_at: Some(Instant::now() + used_for) })
        }
        None => Err(broken()),
    }
}

/// How the credentials are wanted; a token comes before credentials with every request.
pub(super) fn challenge(headers: &HeaderMap) -> Option<Challenge> {
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
