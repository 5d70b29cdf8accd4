//! What a host started, on disk, so that another one can clean up after it was killed.
//!
//! Every owner has a directory of its own with a locked file in it. The lock ends with the
//! process, also at a reboot, so it alone tells whether an owner lives.

mod clean_up;
mod record;
mod store;

pub use clean_up::{CleanUpFault, CleanUpReport, clean_up};
pub use record::{PluginRecord, Record, RecordError, TaskRecord};
pub use store::{DeadOwner, Owner, OwnerError, OwnerStore};
