//! The table of what must be on the host, and how each is recognised.

use std::path::{Path, PathBuf};

use crate::place;

/// One thing that must be on the host.
pub(crate) struct Need {
    /// What a person calls it.
    pub(crate) what: &'static str,
    /// The package of Debian and Ubuntu that brings it.
    pub(crate) package: &'static str,
    seen: Seen,
}

enum Seen {
    /// A program in PATH or in root's directories.
    Program(&'static str),
    /// A file in any of the directories.
    File(&'static str, &'static [&'static str]),
}

const CNI_DIRS: &[&str] = &["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

const NEEDS: [Need; 9] = [
    Need { what: "containerd", package: "containerd", seen: Seen::Program("containerd") },
    Need { what: "containerd's client ctr", package: "containerd", seen: Seen::Program("ctr") },
    Need { what: "the runc shim", package: "containerd", seen: Seen::Program("containerd-shim-runc-v2") },
    Need { what: "the runtime runc", package: "runc", seen: Seen::Program("runc") },
    Need {
        what: "the reference CNI plugins",
        package: "containernetworking-plugins",
        seen: Seen::File("bridge", CNI_DIRS),
    },
    Need { what: "the compiler protoc", package: "protobuf-compiler", seen: Seen::Program("protoc") },
    Need { what: "the compressor zstd", package: "zstd", seen: Seen::Program("zstd") },
    Need { what: "iptables, for published ports", package: "iptables", seen: Seen::Program("iptables") },
    Need { what: "setpriv", package: "util-linux", seen: Seen::Program("setpriv") },
];

/// What is missing on this host, in the order of the table.
pub(crate) fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !present(&need.seen)).collect()
}

/// The directory of the reference CNI plugins, when they are installed.
pub(crate) fn cni_dir() -> Option<PathBuf> {
    CNI_DIRS.iter().map(PathBuf::from).find(|dir| dir.join("bridge").is_file())
}

fn present(seen: &Seen) -> bool {
    match seen {
        Seen::Program(name) => place::program(name).is_some(),
        Seen::File(name, dirs) => dirs.iter().any(|dir| Path::new(dir).join(name).is_file()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_seen_wherever_it_comes_from() {
        assert!(present(&Seen::Program("sh")));
        assert!(!present(&Seen::Program("a-program-that-nobody-has")));
        assert!(present(&Seen::File("sh", &["/a/directory/that/is/missing", "/bin"])));
    }
}
