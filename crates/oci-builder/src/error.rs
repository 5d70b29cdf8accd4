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
    /// A list of memory nodes is not in the kernel's format.
    #[error("{list:?} is not a list of memory nodes such as \"0-1,3\"")]
    MemoryNodeList {
        /// The list.
        list: String,
    },
    /// A kernel parameter's name has no such form.
    #[error("sysctl: {key:?} is not a kernel parameter (accepted: names such as \"net.core.somaxconn\")")]
    SysctlName {
        /// The name as it was given.
        key: String,
    },
    /// One kernel parameter is given twice, in two spellings.
    #[error("sysctl: {key:?} is set twice (accepted: one of its two spellings)")]
    SysctlTwice {
        /// The name as it was given the second time.
        key: String,
    },
    /// A kernel parameter is part of no namespace: it is the whole host's.
    #[error(
        "sysctl: {key:?} is a parameter of the whole host \
         (accepted: net.*, fs.mqueue.*, kernel.domainname and System V IPC's kernel.msg*, kernel.sem, kernel.shm*)"
    )]
    SysctlNotNamespaced {
        /// The name.
        key: String,
    },
    /// A kernel parameter belongs to a namespace that is the host's.
    #[error(
        "sysctl: {key:?} would change the host, whose {namespace} namespace the task is in \
         (accepted: parameters of namespaces that are the task's own)"
    )]
    SysctlOfHost {
        /// The name.
        key: String,
        /// The namespace that is the host's.
        namespace: &'static str,
    },
    /// The host name is set as a kernel parameter.
    #[error("sysctl: \"kernel.hostname\" has an option of its own: hostname")]
    SysctlHostname,
    /// A soft limit is over the hard one.
    #[error("{limit}: the soft limit {soft} is over the hard limit {hard}")]
    SoftLimit {
        /// The limit as getrlimit(2) names it.
        limit: String,
        /// The soft limit.
        soft: u64,
        /// The hard limit.
        hard: u64,
    },
    /// An environment variable's name is empty or has an equals sign.
    #[error("{name:?} is not a name for an environment variable")]
    EnvName {
        /// The name.
        name: String,
    },
    /// The host name is empty, longer than the kernel takes, or would not be one name in a hosts file.
    #[error("the host name {hostname:?} must have 1 to 64 bytes of letters, digits, '-', '_' and '.'")]
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
