//! The decoders of what jobs bring, fed with damaged documents for a bounded time. They may refuse, and nothing else:
//! a panic, an endless recursion or an allocation that no input of this size can need ends the test.
//!
//! Each run tells its seed on standard error; `FUZZ_SEED` takes it again and `FUZZ_SECONDS` another time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

mod documents;
mod mutation;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::{Duration, Instant};

use nomad_plugin::options::{plugin, task};
use nomad_proto::cty;
use oci_builder::seccomp::Profile;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use mutation::Corpus;

/// How long a decoder is fed where nobody says more.
const SECONDS: u64 = 10;

/// What the process may map beside what it has at the start, in bytes: far more than any document is worth.
const MEMORY: u64 = 1 << 30;

/// Makes an allocation without measure fail, which ends the process.
fn bound_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        let kib: u64 = mapped.trim().trim_end_matches(" kB").parse().unwrap();
        let limit = Rlimit { current: Some(kib * 1024 + MEMORY), ..getrlimit(Resource::As) };
        setrlimit(Resource::As, limit).unwrap();
    });
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name} = {text:?}: {error}")))
}

/// Feeds a decoder until the time is over.
fn feed(what: &str, corpus: &Corpus, mut decode: impl FnMut(&[u8])) {
    bound_memory();
    let seed = variable("FUZZ_SEED").unwrap_or_else(rand::random);
    let time = Duration::from_secs(variable("FUZZ_SECONDS").unwrap_or(SECONDS));
    // The macros' output would be lost with a process that is aborted.
    let mut told = std::io::stderr();
    writeln!(told, "{what}: FUZZ_SEED={seed}").unwrap();
    corpus.documents.iter().for_each(|document| decode(document));
    let (mut random, start, mut rounds) = (StdRng::seed_from_u64(seed), Instant::now(), 0_u64);
    while start.elapsed() < time {
        let bytes = corpus.damaged(&mut random);
        if catch_unwind(AssertUnwindSafe(|| decode(&bytes))).is_err() {
            panic!("{what}: FUZZ_SEED={seed}, document {rounds}: {:?}", String::from_utf8_lossy(&bytes));
        }
        rounds += 1;
    }
    writeln!(told, "{what}: {rounds} documents").unwrap();
    assert!(rounds > 0);
}

#[test]
fn no_damage_to_a_configuration_is_more_than_an_error() {
    let mut taken = 0_u64;
    feed("msgpack", &documents::msgpack(), |bytes| {
        let _refused = (task::decode(bytes).is_err(), plugin::decode(bytes).is_err());
        if let Ok(value) = cty::decode(bytes) {
            taken += 1;
            // What was read can be written; a number that msgpack has no form for has become text by then, and from
            // there on nothing changes any more.
            let again = |value: &cty::Value| cty::decode(&cty::encode(value).unwrap()).unwrap();
            let written = again(&value);
            assert_eq!(format!("{:?}", again(&written)), format!("{written:?}"));
        }
    });
    assert!(taken > 0, "not even the valid documents are taken");
}

#[test]
fn no_damage_to_a_seccomp_profile_is_more_than_an_error() {
    let mut taken = 0_u64;
    feed("seccomp profile", &documents::profiles(), |bytes| {
        taken += u64::from(Profile::read(bytes).is_ok());
    });
    assert!(taken > 0, "not even the valid documents are taken");
}
