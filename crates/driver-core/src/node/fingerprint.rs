//! What the node advertises: whether tasks can run here, and on which containerd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::node::context::Context;
use crate::ports::{Connection, Survey};

/// How often the daemon is asked when nothing changes; Nomad's own drivers use the same.
const PERIOD: Duration = Duration::from_secs(30);

/// The attribute that a node has as long as it can run tasks.
const VERSION: &str = "driver.containerd.containerd_version";

/// Health in Nomad's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Health {
    /// The daemon was never seen, or the driver is turned off.
    #[default]
    Undetected,
    /// It was seen and can not run tasks now.
    Unhealthy,
    /// It can run tasks.
    Healthy,
}

/// A fingerprint; equal ones are not sent again on change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Health.
    pub health: Health,
    /// One stable sentence.
    pub description: String,
    /// Attributes of the node; an empty value removes one.
    pub attributes: BTreeMap<String, String>,
}

impl Fingerprint {
    /// The fingerprint of a driver that the operator has turned off.
    pub(crate) fn disabled() -> Self {
        Self { description: "disabled by the plugin's configuration".to_owned(), ..Self::default() }
    }

    /// The fingerprint of a driver that has no configuration yet, or has not looked for the daemon yet.
    #[must_use]
    pub fn unconfigured() -> Self {
        Self { description: "not configured yet".to_owned(), ..Self::default() }
    }
}

/// What earlier looks have shown.
#[derive(Default)]
struct History {
    seen: bool,
    warned: Vec<String>,
}

/// Keeps `fingerprint` true for as long as it is polled.
pub(crate) async fn keep(context: Arc<Context>, fingerprint: watch::Sender<Fingerprint>) {
    let mut connection = context.ports.connection();
    let mut history = History::default();
    loop {
        let state = connection.borrow_and_update().clone();
        if let Some(now) = look(&context, &state, &mut history).await {
            fingerprint.send_if_modified(|before| {
                let changed = *before != now;
                *before = now;
                changed
            });
        }
        tokio::select! {
            changed = connection.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn look(context: &Context, connection: &Connection, history: &mut History) -> Option<Fingerprint> {
    let address = context.config.address.display();
    match connection {
        Connection::Unknown => None,
        Connection::Down(_) => Some(away(history.seen, format!("containerd does not answer at {address}"))),
        Connection::Up => match context.ports.survey().await {
            Ok(survey) => {
                history.seen = true;
                if history.warned != survey.warnings {
                    survey.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                    history.warned.clone_from(&survey.warnings);
                }
                Some(of_survey(context, survey))
            }
            Err(error) => {
                tracing::debug!(%error, "containerd could not be asked");
                Some(away(history.seen, format!("containerd does not answer at {address}")))
            }
        },
    }
}

fn away(seen: bool, description: String) -> Fingerprint {
    let health = if seen { Health::Unhealthy } else { Health::Undetected };
    // Health is no part of a node's computed class. Without this attribute the class is another one, so that the
    // servers look again at jobs which could not be placed meanwhile (Nomad, `nomad/structs/node_class.go`).
    let attributes = seen.then(|| (VERSION.to_owned(), String::new())).into_iter().collect();
    Fingerprint { health, description, attributes }
}

fn of_survey(context: &Context, survey: Survey) -> Fingerprint {
    let healthy = survey.problems.is_empty();
    let config = &context.config;
    let attributes = [
        (VERSION, if healthy { survey.version } else { String::new() }),
        ("driver.containerd.containerd_revision", survey.revision),
        ("driver.containerd.runtime", config.runtime.clone()),
        ("driver.containerd.snapshotter", config.snapshotter.clone()),
        ("driver.containerd.namespace", config.namespace(context.mode())),
        ("driver.containerd.driver_version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    Fingerprint {
        health: if healthy { Health::Healthy } else { Health::Unhealthy },
        description: if healthy { "Healthy".to_owned() } else { survey.problems.join("; ") },
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
