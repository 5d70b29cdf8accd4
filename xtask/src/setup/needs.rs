//! The table of what must be on the host, and how each is recognised.

use std::path::{Path, PathBuf};

use crate::place;

/// One thing that must be on the host.
pub(super) struct Need {
    /// What a person calls it.
    pub(super) what: &'static str,
    /// The package of Debian and Ubuntu that brings it.
    pub(super) package: &'static str,
    seen: Seen,
}

enum Seen {
    /// A program in PATH or in root's directories.
    Program(&'static str),
    /// A file in any of the directories.
    File(&'static str, &'static [&'static str]),
}

const CNI_DIRS: &[&str] = &["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/// What everything needs.
pub(super) const ALL: &[Need] = &[
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
    Need { what: "a C++ compiler, for the fuzz targets", package: "g++", seen: Seen::Program("c++") },
    Need { what: "the compressor zstd", package: "zstd", seen: Seen::Program("zstd") },
    Need { what: "iptables, for published ports", package: "iptables", seen: Seen::Program("iptables") },
    Need { what: "setpriv", package: "util-linux", seen: Seen::Program("setpriv") },
];

/// What the making and running of the guest needs beside them.
pub(super) const GUEST: &[Need] = &[
    Need { what: "the emulator qemu", package: "qemu-system-x86", seen: Seen::Program("qemu-system-x86_64") },
    Need { what: "mmdebstrap", package: "mmdebstrap", seen: Seen::Program("mmdebstrap") },
    Need { what: "mkfs.ext4", package: "e2fsprogs", seen: Seen::Program("mkfs.ext4") },
];

/// What of a table is missing on this host, in its order.
pub(super) fn missing(table: &'static [Need]) -> Vec<&'static Need> {
    table.iter().filter(|need| !present(&need.seen)).collect()
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
