//! What a plan can get wrong.

use std::path::PathBuf;

/// A plan that has no valid spec.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The command line is empty.
    #[error("there is no command to run")]
    NoCommand,
    /// A string that reaches the kernel holds a NUL byte.
    #[error("{option} holds a NUL byte")]
    Nul {
        /// The option at fault.
        option: &'static str,
    },
    /// A path that must be absolute and free of `..` is not.
    #[error("{option} must be an absolute path without \"..\", not {path:?}")]
    Path {
        /// The option at fault.
        option: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// A path can not be written in JSON, which a spec is.
    #[error("{option} is not valid UTF-8: {path:?}")]
    NotUtf8 {
        /// The option at fault.
        option: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// An annotation's key is empty.
    #[error("an annotation has an empty key")]
    AnnotationName,
    /// A mount would hide the whole root file system.
    #[error("a mount can not have the destination \"/\"")]
    MountOnRoot,
    /// A list of CPUs is not in the kernel's format.
    #[error("{list:?} is not a list of CPUs such as \"0-2,7\"")]
    CpuList {
        /// The list.
        list: String,
    },
    /// An environment variable's name is empty or has an equals sign.
    #[error("{name:?} is not a name for an environment variable")]
    EnvName {
        /// The name.
        name: String,
    },
    /// The host name is empty or longer than the kernel takes.
    #[error("the host name {hostname:?} must have 1 to 64 bytes")]
    Hostname {
        /// The host name.
        hostname: String,
    },
    /// Two different mounts of the plan have the same destination.
    #[error("two different mounts have the destination {destination:?}")]
    MountTwice {
        /// The destination.
        destination: PathBuf,
    },
    /// Two different devices of the plan have the same path.
    #[error("two different devices have the path {path:?}")]
    DeviceTwice {
        /// The path.
        path: PathBuf,
    },
    /// A number is out of the range that the spec can carry.
    #[error("{option} is out of range: {value} (accepted: {accepted})")]
    Range {
        /// The option at fault.
        option: &'static str,
        /// Its value.
        value: u64,
        /// The accepted range.
        accepted: &'static str,
    },
}
