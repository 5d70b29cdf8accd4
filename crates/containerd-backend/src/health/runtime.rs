//! Names of shims: which program a runtime name means, which options it takes, and its successor.

use std::path::{Path, PathBuf};

use prost_types::Any;

use crate::grpc::wire::RuncOptions;

/// The shim that replaces the ones which containerd 2 dropped.
pub(crate) const RUNC_V2: &str = "io.containerd.runc.v2";
/// The first shim of runc, gone in containerd 2.
pub(crate) const RUNC_V1: &str = "io.containerd.runc.v1";
/// The runtime of containerd 1.0, a plug-in rather than a shim of the second interface; gone in containerd 2.
pub(crate) const LINUX_V1: &str = "io.containerd.runtime.v1.linux";

/// The program that serves a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShimProgram {
    /// A name that containerd looks for in its own PATH and beside its own executable.
    Named(String),
    /// A path that the operator gave.
    At(PathBuf),
    /// The name is of no known form.
    Malformed,
}

/// The program that containerd runs for a runtime name (containerd, `runtime/v2/README.md`: the last two parts of
/// the name, or an absolute path).
pub(crate) fn shim_program(runtime: &str) -> ShimProgram {
    if Path::new(runtime).is_absolute() {
        return ShimProgram::At(PathBuf::from(runtime));
    }
    if runtime == LINUX_V1 {
        return ShimProgram::Named("containerd-shim".to_owned());
    }
    let parts: Vec<&str> = runtime.split('.').collect();
    match parts.as_slice() {
        [_, .., name, version] if parts.iter().all(|part| !part.is_empty() && !part.contains('/')) => {
            ShimProgram::Named(format!("containerd-shim-{name}-{version}"))
        }
        _ => ShimProgram::Malformed,
    }
}

/// Whether the runtime is one of runc's shims, which run `runc` and take its options.
pub(crate) fn is_runc_shim(runtime: &str) -> bool {
    match shim_program(runtime) {
        ShimProgram::Named(program) => program.starts_with("containerd-shim-runc-"),
        ShimProgram::At(path) => {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("containerd-shim-runc-"))
        }
        ShimProgram::Malformed => false,
    }
}

/// Whether containerd 2 dropped this runtime.
pub(crate) fn is_dropped(runtime: &str) -> bool {
    runtime == RUNC_V1 || runtime == LINUX_V1
}

/// The options to send with a container of this runtime. cgroups are always made by path, never by systemd.
pub(crate) fn options(runtime: &str) -> Option<Any> {
    is_runc_shim(runtime).then(|| RuncOptions { systemd_cgroup: false }.to_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(runtime: &str) -> Option<String> {
        match shim_program(runtime) {
            ShimProgram::Named(program) => Some(program),
            _ => None,
        }
    }

    #[test]
    fn the_last_two_parts_of_a_name_make_the_program() {
        assert_eq!(named(RUNC_V2).unwrap(), "containerd-shim-runc-v2");
        assert_eq!(named("io.containerd.runsc.v1").unwrap(), "containerd-shim-runsc-v1");
        assert_eq!(named(LINUX_V1).unwrap(), "containerd-shim");
    }

    #[test]
    fn an_absolute_path_is_the_program_itself() {
        assert_eq!(shim_program("/opt/bin/shim"), ShimProgram::At("/opt/bin/shim".into()));
    }

    #[test]
    fn other_forms_are_malformed() {
        for runtime in ["runc", "io.v2", "io..runc.v2", "io.containerd/x.v2", ""] {
            assert_eq!(shim_program(runtime), ShimProgram::Malformed, "{runtime}");
        }
    }

    #[test]
    fn only_shims_of_runc_take_its_options() {
        assert!(options(RUNC_V2).is_some());
        assert!(options("/usr/local/bin/containerd-shim-runc-v2").is_some());
        assert!(options("io.containerd.runsc.v1").is_none());
        assert!(options(LINUX_V1).is_none());
    }
}
