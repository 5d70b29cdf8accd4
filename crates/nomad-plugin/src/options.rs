//! The options of jobs and operators: one row each, which is at once the schema, the documentation and the way the
//! option is read.
//!
//! Reading begins with the defaults and changes what is set, so the values that [`task::decode`] and
//! [`plugin::decode`] begin with are the one place where a default could depend on the name that the driver goes by.

mod auth;
mod block;
mod entry;
mod error;
mod markdown;
mod origin;
pub mod plugin;
mod reader;
mod schema;
pub mod task;

pub use entry::{Default, Entry, Kind, Name, Origin, Row, Table};
pub use error::OptionError;
pub use markdown::markdown;
pub use schema::schema;
