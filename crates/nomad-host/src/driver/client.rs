//! The plugin's own calls: what it is, what it takes, how it is configured.

use crate::driver::error::DriverError;
use crate::driver::topology;
use nomad_proto::cty::{self, Value};
use nomad_proto::hclspec::{self, Spec};
use nomad_proto::pb::base::base_plugin_client::BasePluginClient;
use nomad_proto::pb::base::{
    ConfigSchemaRequest, NomadConfig, NomadDriverConfig, PluginInfoRequest, PluginType, SetConfigRequest,
};
use nomad_proto::pb::driver::driver_client::DriverClient as Generated;
use nomad_proto::pb::driver::{CapabilitiesRequest, DriverCapabilities, TaskConfigSchemaRequest};
use tonic::transport::Channel;

/// The interface version of drivers.
pub const API_VERSION: &str = "v0.1.0";

/// The ports that Nomad allows plugins by default.
const PORTS: (u32, u32) = (10_000, 14_000);

/// The largest message that a Nomad client takes, in bytes.
const MESSAGE_LIMIT: usize = 0x7fff_ffff;

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The interface versions that it offers.
    pub api_versions: Vec<String>,
}

/// The driver behind a connection. Clones share the connection.
#[derive(Debug, Clone)]
pub struct DriverClient {
    base: BasePluginClient<Channel>,
    driver: Generated<Channel>,
}

impl DriverClient {
    pub(crate) fn new(channel: Channel) -> Self {
        let driver = Generated::new(channel.clone());
        Self {
            base: BasePluginClient::new(channel),
            driver: driver.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT),
        }
    }

    /// The generated client, for a call with parts that no wrapper has.
    pub fn raw(&self) -> Generated<Channel> {
        self.driver.clone()
    }

    /// What the plugin is; refuses anything but a driver of [`API_VERSION`].
    ///
    /// # Errors
    /// [`DriverError::Kind`], or the call failed.
    pub async fn plugin_info(&self) -> Result<PluginInfo, DriverError> {
        let answer = self.base.clone().plugin_info(PluginInfoRequest {}).await;
        let info = answer.map_err(|status| DriverError::from_status("PluginInfo", status))?.into_inner();
        let versions = info.plugin_api_versions;
        if info.r#type != i32::from(PluginType::Driver) || !versions.iter().any(|v| v == API_VERSION) {
            return Err(DriverError::Kind { expected: API_VERSION, kind: info.r#type, versions });
        }
        Ok(PluginInfo { name: info.name, version: info.plugin_version, api_versions: versions })
    }

    /// The schema of the plugin's configuration.
    ///
    /// # Errors
    /// The call failed, or the answer is empty.
    pub async fn config_schema(&self) -> Result<Spec, DriverError> {
        const CALL: &str = "ConfigSchema";
        let answer = self.base.clone().config_schema(ConfigSchemaRequest {}).await;
        let answer = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        answer.spec.ok_or(DriverError::Incomplete { call: CALL, field: "spec" })
    }

    /// The schema of a task's `config` block.
    ///
    /// # Errors
    /// The call failed, or the answer is empty.
    pub async fn task_config_schema(&self) -> Result<Spec, DriverError> {
        const CALL: &str = "TaskConfigSchema";
        let answer = self.raw().task_config_schema(TaskConfigSchemaRequest {}).await;
        let answer = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        answer.spec.ok_or(DriverError::Incomplete { call: CALL, field: "spec" })
    }

    /// What the driver can do.
    ///
    /// # Errors
    /// The call failed, or the answer is empty.
    pub async fn capabilities(&self) -> Result<DriverCapabilities, DriverError> {
        const CALL: &str = "Capabilities";
        let answer = self.raw().capabilities(CapabilitiesRequest {}).await;
        let answer = answer.map_err(|status| DriverError::from_status(CALL, status))?.into_inner();
        answer.capabilities.ok_or(DriverError::Incomplete { call: CALL, field: "capabilities" })
    }

    /// A plugin configuration's body, held against the schema and encoded.
    ///
    /// # Errors
    /// The first key that does not fit, or the schema cannot be had.
    pub async fn encode_config(&self, body: &Value) -> Result<Vec<u8>, DriverError> {
        encode("plugin configuration", &self.config_schema().await?, body)
    }

    /// A task's `config` block, held against the schema and encoded.
    ///
    /// # Errors
    /// The first key that does not fit, or the schema cannot be had.
    pub async fn encode_task_config(&self, body: &Value) -> Result<Vec<u8>, DriverError> {
        encode("task configuration", &self.task_config_schema().await?, body)
    }

    /// Hands over an encoded configuration, with the ports and processors of this host.
    ///
    /// # Errors
    /// The plugin refuses it.
    pub async fn set_config(&self, encoded: Vec<u8>) -> Result<(), DriverError> {
        let driver = NomadDriverConfig {
            client_min_port: PORTS.0,
            client_max_port: PORTS.1,
            topology: Some(topology::local()),
        };
        let request = SetConfigRequest {
            msgpack_config: encoded,
            nomad_config: Some(NomadConfig { driver: Some(driver) }),
            plugin_api_version: API_VERSION.to_owned(),
        };
        let answer = self.base.clone().set_config(request).await;
        answer.map(|_| ()).map_err(|status| DriverError::from_status("SetConfig", status))
    }

    /// What Nomad does with a long-lived plugin: asks what it is, checks the configuration against
    /// the schema and hands it over. Returns the encoded configuration.
    ///
    /// # Errors
    /// As of the calls it consists of.
    pub async fn configure(&self, body: &Value) -> Result<Vec<u8>, DriverError> {
        self.plugin_info().await?;
        let encoded = self.encode_config(body).await?;
        self.set_config(encoded.clone()).await?;
        Ok(encoded)
    }
}

fn encode(what: &'static str, schema: &Spec, body: &Value) -> Result<Vec<u8>, DriverError> {
    let complete = hclspec::evaluate(schema, body)
        .map_err(|source| DriverError::Schema { what, source: Box::new(source) })?;
    cty::encode(&complete).map_err(|source| DriverError::Encode { what, source })
}
