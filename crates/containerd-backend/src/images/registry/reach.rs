//! Which addresses this host lets a registry send it to: by redirects, by token servers, by names that resolve to them.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How long a name server may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Where an address lies, as seen from this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Anywhere else, private networks included.
    Elsewhere,
    /// At one of this host's interfaces.
    Interface,
    /// On the link alone, where clouds keep what they tell a machine of itself.
    LinkLocal,
    /// Within this host.
    Loopback,
    /// Nowhere: the address of no host.
    Nowhere,
}

/// What may be dialled during one pull. It is decided by where the registry itself is: one that is elsewhere can make
/// nobody dial this host's own addresses or those of the link.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    registry: Place,
    own: Arc<[IpAddr]>,
}

/// An address that is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, {}", named(host, *address), what(*place))]
pub(super) struct Forbidden {
    host: String,
    address: IpAddr,
    place: Place,
}

impl Reach {
    /// The reach of the registry with this host name or address. One whose name has an address elsewhere is elsewhere, as
    /// is one that only a proxy resolves.
    pub(super) async fn of(host: Option<&str>) -> Self {
        let own = tokio::task::spawn_blocking(if_addrs::get_if_addrs).await;
        let own = own.ok().and_then(Result::ok).unwrap_or_default();
        let own: Arc<[IpAddr]> = own.iter().map(|interface| interface.ip().to_canonical()).collect();
        let addresses = match host {
            Some(host) => addresses(host).await,
            None => Vec::new(),
        };
        let places = addresses.iter().map(|address| place(*address, &own));
        Self { registry: places.min().unwrap_or(Place::Elsewhere), own }
    }

    /// Refuses an address of the registry's choice that is written as one. Names are looked at when they are dialled.
    pub(super) fn check(&self, url: &Url) -> Result<(), Forbidden> {
        let host = url.host_str().unwrap_or_default();
        match literal(host).and_then(|address| self.refusal(host, address)) {
            Some(forbidden) => Err(forbidden),
            None => Ok(()),
        }
    }

    fn refusal(&self, host: &str, address: IpAddr) -> Option<Forbidden> {
        let place = place(address, &self.own);
        let is_allowed = match place {
            Place::Elsewhere => true,
            Place::Interface => matches!(self.registry, Place::Interface | Place::Loopback),
            Place::Loopback | Place::LinkLocal => self.registry == place,
            Place::Nowhere => false,
        };
        (!is_allowed).then(|| Forbidden { host: host.to_owned(), address, place })
    }

    /// The addresses of a name that may be dialled.
    fn allowed(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Forbidden> {
        let (mut allowed, mut refusal) = (Vec::new(), None);
        for address in found {
            // Whatever a hosts file says of it: servers there are not asked for a certificate.
            let is_astray = is_localhost(host) && !address.ip().to_canonical().is_loopback();
            match self.refusal(host, address.ip()) {
                None if is_astray => {}
                None => allowed.push(address),
                forbidden => refusal = forbidden,
            }
        }
        match refusal {
            Some(forbidden) if allowed.is_empty() => Err(forbidden),
            _ => Ok(allowed),
        }
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = reach.allowed(name.as_str(), found)?;
            Ok::<Addrs, Box<dyn Error + Send + Sync>>(Box::new(allowed.into_iter()))
        })
    }
}

/// Whether a host, without its port, is this machine by its very name.
pub(super) fn is_loopback(host: &str) -> bool {
    is_localhost(host) || literal(host).is_some_and(|address| address.is_loopback())
}

/// The host of a name with an optional port.
pub(super) fn without_port(domain: &str) -> &str {
    match domain.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => domain,
    }
}

fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

/// The addresses of a host; none when they cannot be found, as the request then tells what is wrong with the name.
async fn addresses(host: &str) -> Vec<IpAddr> {
    if let Some(address) = literal(host) {
        return vec![address];
    }
    match tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    }
}

/// The address that a host is written as.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn place(address: IpAddr, own: &[IpAddr]) -> Place {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    // What is dialled at an unspecified address is this host.
    if address.is_loopback() || address.is_unspecified() {
        Place::Loopback
    } else if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Place::Nowhere
    } else if is_link_local {
        Place::LinkLocal
    } else if own.contains(&address) {
        Place::Interface
    } else {
        Place::Elsewhere
    }
}

/// A host with its address, unless that is its name.
fn named(host: &str, address: IpAddr) -> String {
    if literal(host).is_some() { host.to_owned() } else { format!("{host} ({address})") }
}

fn what(place: Place) -> &'static str {
    match place {
        Place::Elsewhere => "an address elsewhere",
        Place::Interface | Place::Loopback => "an address of this host",
        Place::LinkLocal => "a link-local address",
        Place::Nowhere => "the address of no host",
    }
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
