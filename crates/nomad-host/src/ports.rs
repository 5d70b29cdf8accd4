//! Host ports that nobody uses.

use rand::Rng;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// The range that Nomad takes dynamic ports from.
pub const DYNAMIC: std::ops::RangeInclusive<u16> = 20_000..=32_000;

/// How many random ports are tried before the range is searched in order.
const RANDOM_TRIES: usize = 20;

/// A port cannot be given out.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Somebody listens on it.
    #[error("port {0} is in use")]
    InUse(u16),
    /// It was given out before.
    #[error("port {0} is named twice")]
    Given(u16),
    /// It cannot be looked at.
    #[error("port {port} cannot be bound")]
    Probe {
        /// The port.
        port: u16,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Every port of the dynamic range is in use.
    #[error("no port between {} and {} is free", DYNAMIC.start(), DYNAMIC.end())]
    Exhausted,
}

/// Gives out ports of the host, none twice. A port is looked at by binding it for TCP and UDP; it
/// is free again at once, so that the task can bind it.
#[derive(Debug, Default)]
pub struct Ports {
    given: BTreeSet<u16>,
}

impl Ports {
    /// Nothing given out yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A port that the job file names.
    ///
    /// # Errors
    /// [`PortError::InUse`], [`PortError::Given`], [`PortError::Probe`].
    pub fn fixed(&mut self, port: u16) -> Result<u16, PortError> {
        if self.given.contains(&port) {
            return Err(PortError::Given(port));
        }
        probe(port).map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => PortError::InUse(port),
            _ => PortError::Probe { port, source },
        })?;
        self.given.insert(port);
        Ok(port)
    }

    /// A port of the dynamic range.
    ///
    /// # Errors
    /// [`PortError::Exhausted`].
    pub fn dynamic(&mut self) -> Result<u16, PortError> {
        let mut random = rand::rng();
        let tries = std::iter::repeat_with(|| random.random_range(DYNAMIC)).take(RANDOM_TRIES);
        for port in tries.chain(DYNAMIC) {
            if !self.given.contains(&port) && probe(port).is_ok() {
                self.given.insert(port);
                return Ok(port);
            }
        }
        Err(PortError::Exhausted)
    }
}

fn probe(port: u16) -> std::io::Result<()> {
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    TcpListener::bind(v4)?;
    UdpSocket::bind(v4)?;
    for result in [TcpListener::bind(v6).map(drop), UdpSocket::bind(v6).map(drop)] {
        match result {
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
            // A host without IPv6.
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_by_its_number() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = Ports::new().fixed(port).unwrap_err();
        assert_eq!(error.to_string(), format!("port {port} is in use"));
    }

    #[test]
    fn dynamic_ports_are_different_and_in_the_range() {
        let mut ports = Ports::new();
        let given: BTreeSet<u16> = (0..50).map(|_| ports.dynamic().unwrap()).collect();
        assert_eq!(given.len(), 50);
        assert!(given.iter().all(|port| DYNAMIC.contains(port)));
    }

    #[test]
    fn a_fixed_port_is_given_out_once() {
        let mut ports = Ports::new();
        let port = ports.dynamic().unwrap();
        assert!(matches!(ports.fixed(port), Err(PortError::Given(_))));
    }
}
