//! A gate on the way to a registry: it lets nobody through until it is opened, and tells who waits.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A closed gate at an address of its own. Dropping it closes the way for good.
#[derive(Debug)]
pub struct Gate {
    address: String,
    open: watch::Sender<bool>,
    waiting: watch::Receiver<bool>,
    keeper: JoinHandle<()>,
}

impl Gate {
    /// Puts one before a registry's address.
    pub async fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (open, opened) = watch::channel(false);
        let (knock, waiting) = watch::channel(false);
        let registry = registry.to_owned();
        let keeper = tokio::spawn(async move {
            while let Ok((visitor, _)) = listener.accept().await {
                knock.send_replace(true);
                tokio::spawn(pass(visitor, registry.clone(), opened.clone()));
            }
        });
        Self { address, open, waiting, keeper }
    }

    /// Its address with the port, in the place of the registry's.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns when somebody waits, or has waited.
    pub async fn knocked(&self) {
        self.waiting.clone().wait_for(|knocked| *knocked).await.unwrap();
    }

    /// Lets everybody through.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Joins both sides as soon as the gate is open; either may hang up at any time.
async fn pass(mut visitor: TcpStream, registry: String, mut opened: watch::Receiver<bool>) {
    if opened.wait_for(|open| *open).await.is_ok()
        && let Ok(mut registry) = TcpStream::connect(registry).await
    {
        let _hung_up = copy_bidirectional(&mut visitor, &mut registry).await;
    }
}
