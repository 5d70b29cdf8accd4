//! All targets in one program, driven by libFuzzer.
//!
//! `FUZZ_TARGET=NAME fuzz [libFuzzer's options and directories]` runs one; `FUZZ_PREPARE=DIR fuzz` writes down what the
//! engine begins with, and ends.
#![no_main]
#![allow(
    unsafe_code,
    clippy::expect_used,
    reason = "the engine's macro exports functions by their plain names"
)]

use std::path::Path;
use std::sync::OnceLock;

use fuzz::target::{self, Target};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn begin() {
    if let Some(dir) = std::env::var_os("FUZZ_PREPARE") {
        fuzz::prepare::write(Path::new(&dir)).expect("what the engine begins with can be written");
        std::process::exit(0);
    }
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    CHOSEN.get_or_init(|| target::named(&name).expect("FUZZ_TARGET is the name of a target"));
    linux_host::fuzz::report_overflows().expect("signals can have a stack of their own");
    linux_host::fuzz::bound().expect("the process can be bounded");
}

fuzz_target!(init: begin(), |bytes: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        (target.run)(bytes);
    }
});
