//! The streams: fingerprints, task events, and what they have in common.

use crate::driver::client::DriverClient;
use crate::driver::error::DriverError;
use futures::StreamExt;
use futures::stream::BoxStream;
use nomad_proto::pb::driver as pb;
use nomad_proto::pb::structs::{Attribute, attribute};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;
use tonic::Streaming;

/// A stream of the driver's. Dropping it ends the call.
pub struct Subscription<T> {
    items: BoxStream<'static, Result<T, DriverError>>,
}

impl<T: 'static> Subscription<T> {
    pub(crate) fn new<W: Send + 'static>(
        call: &'static str,
        stream: Streaming<W>,
        convert: impl Fn(W) -> Result<T, DriverError> + Send + 'static,
    ) -> Self {
        let items = stream.map(move |item| match item {
            Ok(item) => convert(item),
            Err(status) => Err(DriverError::from_status(call, status)),
        });
        Self { items: items.boxed() }
    }

    /// The next item; `None` when the driver ended the stream.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn next(&mut self) -> Result<Option<T>, DriverError> {
        self.items.next().await.transpose()
    }
}

impl<T> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}

/// Whether a node can run tasks of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing to run tasks with was ever seen.
    Undetected,
    /// It was seen and cannot be used.
    Unhealthy,
    /// Tasks can run.
    Healthy,
}

/// What a driver tells about its node.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// Whether tasks can run.
    pub health: Health,
    /// One sentence about it.
    pub description: String,
    /// The node's attributes, values as text.
    pub attributes: BTreeMap<String, String>,
}

/// Something that happened to a task, told for people.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEvent {
    /// The task's id.
    pub task_id: String,
    /// Its allocation.
    pub alloc_id: String,
    /// Its name.
    pub task_name: String,
    /// When it happened.
    pub timestamp: Option<SystemTime>,
    /// One sentence.
    pub message: String,
    /// Details by name.
    pub annotations: BTreeMap<String, String>,
}

/// The time that a driver has for its first word, which may wait for its first look at what it runs tasks with.
const FIRST_LIMIT: Duration = Duration::from_secs(30);

impl DriverClient {
    /// Follows the driver's health; the first item comes at once.
    ///
    /// # Errors
    /// The call failed.
    pub async fn fingerprint(&self) -> Result<Subscription<Fingerprint>, DriverError> {
        const CALL: &str = "Fingerprint";
        let answer = self.raw().fingerprint(pb::FingerprintRequest {}).await;
        let stream = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        Ok(Subscription::new(CALL, stream, |response| Ok(from_response(response))))
    }

    /// Follows the driver's health until it is healthy, or until `limit` is over after its first word. Gives back what
    /// the driver said last.
    ///
    /// # Errors
    /// The call failed, or the driver said nothing at all.
    pub async fn wait_healthy(&self, limit: Duration) -> Result<Fingerprint, DriverError> {
        let mut stream = self.fingerprint().await?;
        let missing = || DriverError::Incomplete { call: "Fingerprint", field: "first message" };
        let mut latest = match timeout(limit.max(FIRST_LIMIT), stream.next()).await {
            Ok(first) => first?.ok_or_else(missing)?,
            Err(_) => return Err(missing()),
        };
        let follow = async {
            while latest.health != Health::Healthy {
                match stream.next().await? {
                    Some(next) => latest = next,
                    None => break,
                }
            }
            Ok(())
        };
        match timeout(limit, follow).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(latest),
        }
    }

    /// Follows the events of all tasks.
    ///
    /// # Errors
    /// The call failed.
    pub async fn task_events(&self) -> Result<Subscription<TaskEvent>, DriverError> {
        const CALL: &str = "TaskEvents";
        let answer = self.raw().task_events(pb::TaskEventsRequest {}).await;
        let stream = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        Ok(Subscription::new(CALL, stream, |event| {
            Ok(TaskEvent {
                task_id: event.task_id,
                alloc_id: event.alloc_id,
                task_name: event.task_name,
                timestamp: event.timestamp.and_then(|time| SystemTime::try_from(time).ok()),
                message: event.message,
                annotations: event.annotations,
            })
        }))
    }
}

fn from_response(response: pb::FingerprintResponse) -> Fingerprint {
    let health = match response.health() {
        pb::fingerprint_response::HealthState::Undetected => Health::Undetected,
        pb::fingerprint_response::HealthState::Unhealthy => Health::Unhealthy,
        pb::fingerprint_response::HealthState::Healthy => Health::Healthy,
    };
    let description = match response.err.is_empty() {
        true => response.health_description,
        false => response.err,
    };
    let attributes = response.attributes.into_iter().map(|(name, value)| (name, text(value))).collect();
    Fingerprint { health, description, attributes }
}

fn text(attribute: Attribute) -> String {
    let unit = attribute.unit;
    match attribute.value {
        Some(attribute::Value::StringVal(text)) => text,
        Some(attribute::Value::BoolVal(value)) => value.to_string(),
        Some(attribute::Value::IntVal(value)) => format!("{value}{unit}"),
        Some(attribute::Value::FloatVal(value)) => format!("{value}{unit}"),
        None => String::new(),
    }
}
