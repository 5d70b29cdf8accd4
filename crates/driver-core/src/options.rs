//! The task's `config` block, decoded.

/// The options of one task. The schema of them belongs to the plugin side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOptions {
    /// `image`: a reference in Docker's familiar or in the full form.
    pub image: String,
    /// `command`: replaces the image's CMD.
    pub command: Option<String>,
    /// `args`: appended to the command, or in the place of CMD.
    pub args: Vec<String>,
    /// `entrypoint`: replaces the image's ENTRYPOINT and drops its CMD; empty is unset.
    pub entrypoint: Vec<String>,
    /// `cwd`: working directory, made when it is missing.
    pub cwd: Option<String>,
    /// `host_network`: the host's network namespace, resolv.conf and hosts.
    pub host_network: bool,
}
