//! What the engine begins with: a directory for each target, with its seeds and the longest input.

use std::fs;
use std::io;
use std::path::Path;

use crate::target::{TARGETS, named};

/// Writes it into a directory that is made.
///
/// # Errors
/// A file or directory can not be made.
pub fn write(dir: &Path) -> io::Result<()> {
    TARGETS.iter().chain(named("planted")).try_for_each(|target| {
        let dir = dir.join(target.name);
        let seeds = dir.join("seeds");
        fs::create_dir_all(&seeds)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(seeds.join(number.to_string()), seed)?;
        }
        fs::write(dir.join("longest"), target.longest.to_string())
    })
}
