//! The processors and memory nodes of the host, as the kernel tells of them.

use std::path::{Path, PathBuf};

use crate::id_list::IdList;

/// What the kernel tells of its processors could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// A file could not be read.
    #[error("cannot read {path:?}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file has no list of numbers.
    #[error("{path:?} is not a list of numbers: {text:?}")]
    List {
        /// The file.
        path: PathBuf,
        /// What it has.
        text: String,
    },
}

/// The CPUs that are online (`/sys/devices/system/cpu/online`).
///
/// # Errors
/// [`CpuError`].
pub fn online() -> Result<IdList, CpuError> {
    list(Path::new("/sys/devices/system/cpu/online"))
}

/// The nodes that have memory (`/sys/devices/system/node/has_memory`); a kernel without nodes has node 0.
///
/// # Errors
/// [`CpuError`].
pub fn memory_nodes() -> Result<IdList, CpuError> {
    let path = Path::new("/sys/devices/system/node/has_memory");
    match list(path) {
        Err(CpuError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => read(path, "0"),
        other => other,
    }
}

fn list(path: &Path) -> Result<IdList, CpuError> {
    let text = std::fs::read_to_string(path).map_err(io(path))?;
    read(path, &text)
}

fn read(path: &Path, text: &str) -> Result<IdList, CpuError> {
    IdList::parse(text).ok_or_else(|| CpuError::List { path: path.to_owned(), text: text.trim().to_owned() })
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CpuError {
    let path = path.to_owned();
    move |source| CpuError::Io { path, source }
}

/// A processor that is online.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Processor {
    /// Its number.
    pub id: u32,
    /// The number of the socket that it is on.
    pub socket: u32,
    /// Its speed in MHz; some architectures do not tell.
    pub megahertz: Option<f64>,
}

/// The processors that are online, in order (`/proc/cpuinfo`, proc(5)).
///
/// # Errors
/// [`CpuError`].
pub fn processors() -> Result<Vec<Processor>, CpuError> {
    let path = Path::new("/proc/cpuinfo");
    Ok(parse(&std::fs::read_to_string(path).map_err(io(path))?))
}

fn parse(cpuinfo: &str) -> Vec<Processor> {
    let processor = |paragraph: &str| {
        let field = |name: &str| {
            let pairs = paragraph.lines().filter_map(|line| line.split_once(':'));
            pairs.into_iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
        };
        Some(Processor {
            id: field("processor")?.parse().ok()?,
            socket: field("physical id").and_then(|text| text.parse().ok()).unwrap_or(0),
            megahertz: field("cpu MHz").and_then(|text| text.parse().ok()),
        })
    };
    cpuinfo.split("\n\n").filter_map(processor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cpu_and_the_first_node_are_there() {
        let first = IdList::parse("0").unwrap();
        assert!(online().unwrap().covers(&first) && memory_nodes().unwrap().covers(&first));
    }

    #[test]
    fn every_processor_has_its_place_and_speed() {
        let text = "processor\t: 0\nphysical id\t: 1\ncpu MHz\t\t: 2599.996\ncache size\t: 512 KB\n\n\
                    processor\t: 1\nBogoMIPS\t: 50.00\n\nHardware\t: x\n";
        assert_eq!(
            parse(text),
            [
                Processor { id: 0, socket: 1, megahertz: Some(2599.996) },
                Processor { id: 1, socket: 0, megahertz: None },
            ]
        );
    }
}
