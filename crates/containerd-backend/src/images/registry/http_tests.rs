//! Tests of who is asked and who is not, with servers of this host.

use std::sync::{Arc, Mutex};

use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// Gives every request the same answer.
struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                seen.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                let _gone = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { port, heads, _task: AbortOnDropHandle::new(task) }
    }

    async fn redirecting(location: &str) -> Self {
        Self::start(format!(
            "HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
        .await
    }

    async fn ok() -> Self {
        Self::start("HTTP/1.1 200 x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok".to_owned()).await
    }

    fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }
}

/// What comes of asking a server of this host, as if it were a registry elsewhere.
async fn asked_elsewhere(server: &Server) -> Result<String, String> {
    let http = Http::within(Reach::of(None).await, Matcher::builder().build());
    asked(&http, &format!("http://127.0.0.1:{}/v2/x", server.port)).await
}

async fn asked(http: &Http, address: &str) -> Result<String, String> {
    let url = Url::parse(address).unwrap();
    let answer = http.get(url, &HeaderMap::new(), &Auth::Nobody, Redirects::Anywhere).await;
    match answer {
        Ok(answer) => Ok(answer.response.text().await.unwrap()),
        Err(failure) => Err(SourceError::from(failure).to_string()),
    }
}

#[tokio::test]
async fn a_registry_elsewhere_does_not_redirect_to_this_host() {
    let within = Server::ok().await;
    let port = within.port;
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f000001", "localhost", "LOCALHOST."] {
        let registry = Server::redirecting(&format!("http://{host}:{port}/secret?token=s3cret")).await;
        let error = asked_elsewhere(&registry).await.unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
        assert!(host.ends_with('.') || error.contains("an address of this host"), "{host}: {error}");
    }
    assert_eq!(within.requests(), 0);
}

#[tokio::test]
async fn nobody_is_redirected_to_the_link() {
    let registry = Server::redirecting("http://169.254.169.254/latest/meta-data/").await;
    expect![
        "the registry leads to 169.254.169.254, a link-local address; only one at such an address may do that"
    ]
    .assert_eq(&asked_elsewhere(&registry).await.unwrap_err());
    let http = Http::of(&format!("127.0.0.1:{}", registry.port)).await;
    let error = asked(&http, &format!("http://127.0.0.1:{}/v2/x", registry.port)).await.unwrap_err();
    assert!(error.contains("a link-local address"), "{error}");
}

#[tokio::test]
async fn a_registry_of_this_host_redirects_within_it() {
    let within = Server::ok().await;
    let registry = Server::redirecting(&format!("http://user:pw@localhost:{}/a", within.port)).await;
    let http = Http::of(&format!("localhost:{}", registry.port)).await;
    let address = format!("http://localhost:{}/v2/x", registry.port);
    assert_eq!(asked(&http, &address).await.unwrap(), "ok");
    let heads = within.heads.lock().unwrap().concat().to_ascii_lowercase();
    // A login that the registry wrote into the address is none of ours.
    assert!(!heads.contains("authorization"), "{heads}");
    assert!(heads.contains("accept-encoding: identity\r\n"), "{heads}");
}

#[tokio::test]
async fn what_is_no_address_is_not_followed() {
    for location in ["ftp://127.0.0.1/x", "http://", "javascript:alert(1)", "https://[::1"] {
        let registry = Server::redirecting(location).await;
        let error = asked_elsewhere(&registry).await.unwrap_err();
        assert!(error.contains("which is not an address"), "{location}: {error}");
    }
    let endless = Server::redirecting("/again").await;
    let http = Http::of(&format!("127.0.0.1:{}", endless.port)).await;
    let error = asked(&http, &format!("http://127.0.0.1:{}/v2/x", endless.port)).await.unwrap_err();
    expect!["the registry redirects more than 10 times"].assert_eq(&error);
}

#[tokio::test]
async fn proxies_never_stand_before_this_host() {
    let proxies = Matcher::builder().all("http://127.0.0.1:1").build();
    for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"] {
        assert!(!is_proxied(&proxies, &Url::parse(&format!("http://{host}:5000/")).unwrap()), "{host}");
    }
    assert!(is_proxied(&proxies, &Url::parse("https://r.example.com/").unwrap()));
    let server = Server::ok().await;
    let http = Http::within(Reach::of(Some("127.0.0.1")).await, proxies);
    assert_eq!(asked(&http, &format!("http://127.0.0.1:{}/", server.port)).await.unwrap(), "ok");
}
