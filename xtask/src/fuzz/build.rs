//! Builds the fuzz targets: the workspace's own crates with what tells the engine which code an input reaches, all other
//! crates as the driver's release build has them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::screen::Step;
use crate::{files, place, process};

/// What stands before the compiler, for the workspace's own crates alone. The coverage is what cargo-fuzz asks for, by
/// options that a stable compiler has. Optimising what is instrumented costs four times the build and does not double the
/// speed. What runs at build time has no engine to tell.
const RUSTC: &str = r#"#!/bin/sh
case " $* " in
*" --crate-name build_script_"* | *" --crate-type proc-macro "*) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Copt-level=0 -Ccodegen-units=1 -Cdebug-assertions=on -Coverflow-checks=on -Cstrip=none
"#;

/// Builds the program of all targets; cargo shows its own progress.
///
/// # Errors
/// The build fails.
pub(crate) fn build() -> Result<PathBuf> {
    let mut step = Step::begin("building the fuzz targets");
    step.hide();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "fuzz", "--features", "engine", "--bin", "fuzz"]);
    // Cargo keeps what a wrapper of another path built apart, so that nothing of the driver's is built anew.
    command.env("RUSTC_WORKSPACE_WRAPPER", wrapper()?).env("CARGO_INCREMENTAL", "0");
    let status = process::foreground(command.current_dir(place::workspace()))?;
    if !status.success() {
        bail!("the fuzz targets do not build ({})", process::ending(status));
    }
    step.done("");
    Ok(place::target().join("release").join("fuzz"))
}

/// The directory of the seeds, the corpus and what was found.
pub(super) fn directory() -> PathBuf {
    place::target().join("fuzz")
}

/// The program before the compiler. Its name tells its text, so that another text builds anew.
fn wrapper() -> Result<PathBuf> {
    let digest = Sha256::digest(RUSTC);
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let path = directory().join(format!("rustc-{name}"));
    if !path.exists() {
        make(&path)?;
    }
    Ok(path)
}

fn make(path: &Path) -> Result<()> {
    let dir = directory();
    std::fs::create_dir_all(&dir).with_context(|| format!("can not make {}", dir.display()))?;
    let draft = path.with_extension("draft");
    files::write_whole(&draft, RUSTC.as_bytes())?;
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755))
        .and_then(|()| std::fs::rename(&draft, path))
        .with_context(|| format!("can not make {}", path.display()))
}
