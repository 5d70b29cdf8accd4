//! From the text of a job file to a typed job.

pub mod error;
pub mod source;
