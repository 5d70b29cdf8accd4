//! One server of the distribution protocol, during one pull: its address, whether it speaks TLS, the login that it
//! wants. What a pull knows of a host is here.

use std::sync::OnceLock;
use std::time::Instant;

use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use tokio::sync::Mutex;

use super::super::source::SourceError;
use super::access::Access;
use super::answer::Answer;
use super::body;
use super::fault;
use super::http::{Auth, Failure, Http, Redirects};
use super::login::{self, Challenge, Login};
use super::reach::{is_loopback, without_port};
use super::refusal;

/// Where one repository is asked for.
pub(super) struct Endpoint {
    http: Http,
    access: Access,
    repository: String,
    /// Found out by the first request.
    scheme: OnceLock<&'static str>,
    state: Mutex<State>,
}

/// The login, and how it was got.
struct State {
    /// None before it is known whether there must be one.
    login: Option<Login>,
    challenge: Option<Challenge>,
    /// How often one was got.
    number: u32,
}

/// A login as one request has it.
struct Current {
    auth: Auth,
    number: u32,
    /// Whether it was got for this very request.
    is_fresh: bool,
}

impl Endpoint {
    /// The server of the registry itself.
    pub(super) async fn of(access: Access, repository: &str) -> Self {
        Self {
            http: Http::of(access.server()).await,
            access,
            repository: repository.to_owned(),
            scheme: OnceLock::new(),
            state: Mutex::new(State { login: None, challenge: None, number: 0 }),
        }
    }

    /// What the server has of the repository at this path.
    pub(super) async fn get(&self, path: &str, headers: &HeaderMap) -> Result<Answer, SourceError> {
        let path = format!("{}/{path}", self.repository);
        let login = self.login().await?;
        let mut answer = self.send(&path, headers, &login.auth, Redirects::Anywhere).await?;
        if answer.response.status() == StatusCode::UNAUTHORIZED && answer.is_home && !login.is_fresh {
            let login = self.renewed(login.number, &answer).await?;
            answer = self.send(&path, headers, &login.auth, Redirects::Anywhere).await?;
        }
        match answer.response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                body::check_encoding(&answer)?;
                Ok(answer)
            }
            _ => Err(refusal::refused(answer, &self.access).await),
        }
    }

    /// Asks over TLS. A server of this host that does not speak it is asked without, now and later.
    async fn send(
        &self,
        path: &str,
        headers: &HeaderMap,
        auth: &Auth,
        redirects: Redirects,
    ) -> Result<Answer, SourceError> {
        let server = self.access.server();
        let schemes: &[&str] = match self.scheme.get() {
            Some(scheme) => &[scheme],
            None if is_loopback(without_port(server)) => &["https", "http"],
            None => &["https"],
        };
        let mut schemes = schemes.iter().peekable();
        while let Some(scheme) = schemes.next() {
            let address = format!("{scheme}://{server}/v2/{path}");
            let url = Url::parse(&address)
                .map_err(|error| SourceError::Final(format!("{address} is no address: {error}")))?;
            match self.http.get(url, headers, auth, redirects).await {
                Ok(answer) => {
                    self.scheme.get_or_init(|| scheme);
                    return Ok(answer);
                }
                Err(Failure::Below { error, is_home: true, .. })
                    if schemes.peek().is_some() && fault::speaks_no_tls(&error) =>
                {
                    tracing::debug!(server, "the registry does not speak TLS");
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(SourceError::Passing(format!("{server} speaks neither TLS nor HTTP")))
    }

    /// The login that requests carry now: credentials are offered from the beginning, and a token that ends soon is got
    /// anew.
    async fn login(&self) -> Result<Current, SourceError> {
        let mut state = self.state.lock().await;
        let is_due = match &state.login {
            None => self.access.credentials().is_some(),
            Some(login) => login.renew_at.is_some_and(|at| at <= Instant::now()),
        };
        if is_due {
            if state.login.is_none() {
                state.challenge = self.ask().await?;
            }
            self.log_in(&mut state).await?;
        }
        let login = state.current();
        Ok(Current { is_fresh: is_due && !matches!(login.auth, Auth::Nobody), ..login })
    }

    /// The login after one that the server did not take in this answer: it asks for another one, or a token has ended.
    async fn renewed(&self, number: u32, answer: &Answer) -> Result<Current, SourceError> {
        let mut state = self.state.lock().await;
        // Another request may have got it meanwhile.
        if state.number == number {
            if matches!(state.login, Some(Login { auth: Auth::Basic(_), .. })) {
                return Err(SourceError::Final(self.access.denied()));
            }
            if let Some(challenge) = login::challenge(answer.response.headers()) {
                state.challenge = Some(challenge);
            } else if state.challenge.is_none() {
                state.challenge = self.ask().await?;
            }
            self.log_in(&mut state).await?;
        }
        Ok(Current { is_fresh: true, ..state.current() })
    }

    /// How the server wants credentials, at the address that is there for it. Where it redirects to is not asked.
    async fn ask(&self) -> Result<Option<Challenge>, SourceError> {
        let answer = self.send("", &HeaderMap::new(), &Auth::Nobody, Redirects::Within).await?;
        if fault::may_pass(answer.response.status()) {
            return Err(refusal::refused(answer, &self.access).await);
        }
        Ok(login::challenge(answer.response.headers()))
    }

    async fn log_in(&self, state: &mut State) -> Result<(), SourceError> {
        let login = match (&state.challenge, self.access.credentials()) {
            (None, _) => Login::lasting(Auth::Nobody),
            (Some(Challenge::Basic), Some(credentials)) => Login::lasting(Auth::Basic(credentials.clone())),
            (Some(Challenge::Basic), None) => return Err(SourceError::Final(self.access.denied())),
            (Some(Challenge::Other(scheme)), _) => {
                return Err(SourceError::Final(format!(
                    "the registry asks for credentials by {:?}; basic and bearer are known",
                    fault::one_line(scheme)
                )));
            }
            (Some(Challenge::Bearer { realm, service }), _) => {
                let realm = self.realm(realm)?;
                let question = login::question(realm, service.as_deref(), &self.repository);
                login::token(&self.http, question, &self.access).await?
            }
        };
        (state.login, state.number) = (Some(login), state.number + 1);
        Ok(())
    }

    /// The address of the token server, when it may be asked: over TLS, or within this host when the registry itself is
    /// reached so.
    fn realm(&self, realm: &str) -> Result<Url, SourceError> {
        let is_plain = self.scheme.get() == Some(&"http");
        let may_be_asked = |url: &Url| match url.scheme() {
            "https" => true,
            "http" => is_plain && url.host_str().is_some_and(is_loopback),
            _ => false,
        };
        match Url::parse(realm) {
            Ok(mut url) if may_be_asked(&url) => {
                // What a registry writes there is no login of ours.
                let _always_possible = (url.set_username(""), url.set_password(None));
                Ok(url)
            }
            _ => Err(SourceError::Final(format!(
                "the registry wants a token to be asked for at {:?}, which is not an address over TLS",
                fault::one_line(realm)
            ))),
        }
    }
}

impl State {
    fn current(&self) -> Current {
        let auth = self.login.as_ref().map_or(Auth::Nobody, |login| login.auth.clone());
        Current { auth, number: self.number, is_fresh: false }
    }
}
