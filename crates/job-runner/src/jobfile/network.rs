//! `network`: the host's network with ports, or none.

use crate::expr::Scope;
use crate::jobfile::block::Entry;
use crate::jobfile::model::{Network, Port};
use crate::jobfile::vocabulary;
use crate::source::error::{JobFileError, Problem};
use nomad_host::alloc::{AllocatedPort, Dns};
use nomad_host::ports::{PortError, Ports};

/// The address that tasks are told: nothing is opened to the outside by a job that is tried out.
const HOST_IP: &str = "127.0.0.1";

/// Finds ports that nobody uses.
pub trait PortSource {
    /// A port whose number the file names.
    ///
    /// # Errors
    /// It is in use.
    fn fixed(&mut self, port: u16) -> Result<u16, PortError>;

    /// Any port.
    ///
    /// # Errors
    /// None is left.
    fn dynamic(&mut self) -> Result<u16, PortError>;
}

impl PortSource for Ports {
    fn fixed(&mut self, port: u16) -> Result<u16, PortError> {
        Ports::fixed(self, port)
    }

    fn dynamic(&mut self) -> Result<u16, PortError> {
        Ports::dynamic(self)
    }
}

pub(super) fn read(
    group: &Entry<'_>,
    scope: &Scope,
    ports: &mut dyn PortSource,
) -> Result<Network, JobFileError> {
    let Some(block) = group.block("network")? else { return Ok(Network::default()) };
    block.check(&vocabulary::NETWORK)?;
    let mode: Option<String> = block.get(scope, "mode")?;
    let mode = mode.as_deref().unwrap_or("host");
    match mode {
        "host" | "none" => {}
        "bridge" => return Err(unsupported(&block, mode, "use mode = \"host\"; bridge networks come later")),
        _ if mode.starts_with("cni/") => {
            return Err(unsupported(&block, mode, "use mode = \"host\"; CNI networks come later"));
        }
        _ => return Err(block.refuse("mode", mode, "it is host or none")),
    }
    let mut network = Network { ports: Vec::new(), dns: read_dns(&block, scope)? };
    for port in block.blocks("port") {
        port.check(&vocabulary::PORT)?;
        if mode == "none" {
            return Err(port.error(Problem::Value {
                name: "port".into(),
                value: port.label.clone(),
                accepted: "a group without network has no ports".into(),
            }));
        }
        if network.ports.iter().any(|other: &Port| other.allocated.label == port.label) {
            let name = format!("port \"{}\"", port.label);
            return Err(port.error(Problem::Repeated { name, within: block.title.clone() }));
        }
        network.ports.push(read_port(&port, scope, ports)?);
    }
    Ok(network)
}

fn unsupported(block: &Entry<'_>, mode: &str, reason: &str) -> JobFileError {
    let problem = Problem::Unsupported { name: format!("mode = \"{mode}\""), reason: reason.to_owned() };
    block.reading.source.error(block.span_of("mode"), problem)
}

fn read_port(port: &Entry<'_>, scope: &Scope, ports: &mut dyn PortSource) -> Result<Port, JobFileError> {
    port.require_label()?;
    let wanted: Option<u16> = port.get(scope, "static")?.filter(|port| *port != 0);
    let shared = port.get(scope, "ignore_collision")?.unwrap_or(false);
    let found = match wanted {
        Some(number) if shared => Ok(number),
        Some(number) => ports.fixed(number),
        None => ports.dynamic(),
    };
    let value = found.map_err(|reason| JobFileError::Port {
        place: port.reading.source.place(port.span_of("static")),
        label: port.label.clone(),
        reason,
    })?;
    let to = match port.get::<i64>(scope, "to")? {
        None | Some(-1) => 0,
        Some(_) => port.require(scope, "to")?,
    };
    let host_ip = HOST_IP.to_owned();
    Ok(Port {
        allocated: AllocatedPort { label: port.label.clone(), value, to, host_ip },
        fixed: wanted.is_some(),
    })
}

fn read_dns(network: &Entry<'_>, scope: &Scope) -> Result<Dns, JobFileError> {
    let Some(block) = network.block("dns")? else { return Ok(Dns::default()) };
    block.check(&vocabulary::DNS)?;
    Ok(Dns {
        servers: block.get(scope, "servers")?.unwrap_or_default(),
        searches: block.get(scope, "searches")?.unwrap_or_default(),
        options: block.get(scope, "options")?.unwrap_or_default(),
    })
}
