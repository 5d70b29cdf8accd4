//! What Nomad's clients and plugins send each other.

pub(crate) mod client;
pub(crate) mod configuration;
pub(crate) mod numbers;
pub(crate) mod request;
pub(crate) mod schema;
