//! Log pipes as the client's log process makes and reads them.

mod collected;
mod lines;
mod pipes;
mod reader;
mod rotation;

pub use collected::{CollectedLogs, TaskOutput};
pub use lines::{LineSink, LogStream, TaskLine};
pub use pipes::{LogError, LogPipes, LogSettings};
pub use rotation::RotationError;
