//! The table of targets.

use std::path::{Path, PathBuf};

use crate::{containers, host, images, jobs, wire};

/// A decoder of foreign bytes with what must hold of it.
#[derive(Debug)]
pub struct Target {
    /// Its name, also that of the directory of its cases.
    pub name: &'static str,
    /// Decodes an input and panics when something does not hold; whether the decoder took the input.
    pub run: fn(&[u8]) -> bool,
    /// Inputs that a decoder takes, and some that are close to them.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The longest input, in bytes.
    pub longest: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    wire::configuration::TASK,
    wire::configuration::PLUGIN,
    wire::configuration::VALUE,
    wire::schema::SCHEMA,
    wire::schema::TYPE,
    wire::request::REQUEST,
    wire::request::STATE,
    wire::request::GO_STATE,
    wire::client::OUTPUT,
    wire::numbers::NUMBERS,
    images::REFERENCE,
    images::DOCUMENT,
    images::CONFIGURATION,
    images::ARCHIVE,
    containers::SECCOMP,
    containers::USERS,
    host::files::RESOLV,
    host::files::HOSTS,
    host::devices::CDI,
    host::cgroups::MOUNTS,
    host::cgroups::STATS,
    host::cgroups::ID_LIST,
    jobs::JOB,
    jobs::TEMPLATE,
];

/// A target with a fault in it: what finds that one is no blind chance. It is not one of [`TARGETS`].
const PLANTED: Target =
    Target { name: "planted", run: planted, seeds: || vec![b"seed".to_vec()], longest: 64 };

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().chain([&PLANTED]).find(|target| target.name == name)
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The inputs of a directory, those beneath it included; one that is missing has none.
pub fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// Fails for one beginning of 2^96, behind two branches.
fn planted(bytes: &[u8]) -> bool {
    let Some((word, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let Some(number) = rest.first_chunk::<8>() else { return false };
    if word == b"MAGI" {
        assert_ne!(u64::from_le_bytes(*number), 0xdead_beef_1234_5678, "the planted fault");
    }
    true
}
