//! What every Nomad plugin answers: who it is, how it is configured.

use driver_core::Driver;
use nomad_proto::pb::base::base_plugin_server::BasePlugin;
use nomad_proto::pb::base::{
    ConfigSchemaRequest, ConfigSchemaResponse, PluginInfoRequest, PluginInfoResponse, PluginType,
    SetConfigRequest, SetConfigResponse,
};
use tonic::{Request, Response, Status, async_trait};

use crate::options::plugin;
use crate::{PLUGIN_NAME, from_wire, options, status};

/// The version of the plugin interface that all clients from 1.0 on ask for.
const API_VERSION: &str = "v0.1.0";

/// The service.
pub(crate) struct Base {
    driver: Driver,
    version: String,
}

impl Base {
    /// `version` is the plugin's own, a semantic version.
    pub(crate) fn new(driver: Driver, version: &str) -> Self {
        Self { driver, version: version.to_owned() }
    }
}

#[async_trait]
impl BasePlugin for Base {
    async fn plugin_info(
        &self,
        _: Request<PluginInfoRequest>,
    ) -> Result<Response<PluginInfoResponse>, Status> {
        Ok(Response::new(PluginInfoResponse {
            r#type: PluginType::Driver.into(),
            plugin_api_versions: vec![API_VERSION.to_owned()],
            plugin_version: self.version.clone(),
            name: PLUGIN_NAME.to_owned(),
        }))
    }

    async fn config_schema(
        &self,
        _: Request<ConfigSchemaRequest>,
    ) -> Result<Response<ConfigSchemaResponse>, Status> {
        Ok(Response::new(ConfigSchemaResponse { spec: Some(options::schema(&plugin::OPTIONS)) }))
    }

    /// Takes the operator's configuration. While a client only validates it sends no `nomad_config`.
    async fn set_config(
        &self,
        request: Request<SetConfigRequest>,
    ) -> Result<Response<SetConfigResponse>, Status> {
        let request = request.into_inner();
        let config = plugin::decode(&request.msgpack_config).map_err(|error| status::plain(&error))?;
        let topology =
            request.nomad_config.and_then(|config| config.driver).and_then(|driver| driver.topology);
        let node = topology.as_ref().map(from_wire::node_cpu).unwrap_or_default();
        tracing::debug!(?config, "configured");
        self.driver.configure(config, node).map_err(|error| status::plain(&error))?;
        Ok(Response::new(SetConfigResponse {}))
    }
}
