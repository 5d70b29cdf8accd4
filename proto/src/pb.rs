//! The generated messages, clients and servers, one module for each protobuf package.

use std::fmt;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; its documentation is in the definition files"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/wire.rs"));
}

/// Package `hashicorp.nomad.plugins.base.proto`: what every plugin answers.
pub mod base {
    pub use super::generated::hashicorp::nomad::plugins::base::proto::*;
}

/// Package `hashicorp.nomad.plugins.drivers.proto`: the task driver.
pub mod driver {
    pub use super::generated::hashicorp::nomad::plugins::drivers::proto::*;
}

/// Package `hashicorp.nomad.plugins.shared.hclspec`: schemas of configuration bodies.
pub mod hclspec {
    pub use super::generated::hashicorp::nomad::plugins::shared::hclspec::*;
}

/// Package `hashicorp.nomad.plugins.shared.structs`: attributes, the recoverable detail, statistics.
pub mod structs {
    pub use super::generated::hashicorp::nomad::plugins::shared::structs::*;
}

/// Package `plugin`: go-plugin's broker, stdio and controller.
pub mod goplugin {
    pub use super::generated::plugin::*;
}

/// Package `google.rpc`: the status that carries details.
pub mod rpc {
    pub use super::generated::google::rpc::*;
}

/// An encoded `google.protobuf.FileDescriptorSet` of all definitions, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

impl fmt::Debug for base::SetConfigRequest {
    /// The configuration may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetConfigRequest")
            .field("plugin_api_version", &self.plugin_api_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for driver::TaskConfig {
    /// Names the task only: environment and driver configuration may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskConfig").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}
