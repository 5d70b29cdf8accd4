//! The client side of Nomad's driver protocol: starts a plugin, prepares allocations, log pipes and ports.
//!
//! It knows the protocol and the host, nothing of any driver. The end-to-end tests and the job
//! runner both stand on it:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use nomad_host::alloc::Allocation;
//! use nomad_host::plugin::{PluginOptions, PluginProcess};
//! use nomad_proto::cty::Value;
//!
//! let plugin = PluginProcess::start(PluginOptions::new("/usr/bin/some-driver")).await?;
//! let driver = plugin.driver();
//! driver.configure(&Value::from([("enabled", true)])).await?;
//! let alloc = Allocation::create("/var/lib/example".as_ref())?;
//! let config = driver.encode_task_config(&Value::from([("image", "example")])).await?;
//! let (task, logs) = alloc.task("web")?.config(config).memory_mb(64).with_logs()?;
//! let handle = driver.start_task(&task).await?;
//! let exit = driver.wait_task(&task.id).await?;
//! driver.destroy_task(&task.id, true).await?;
//! let lines = logs.collect().await?;
//! # let _ = (handle, exit, lines);
//! # Ok(())
//! # }
//! ```

pub mod alloc;
pub mod driver;
pub mod logs;
pub mod plugin;
pub mod ports;
pub mod state;
