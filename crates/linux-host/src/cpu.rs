//! The processors' speed as the kernel tells it, for clients that do not.

use std::path::PathBuf;

/// The kernel's list of processors could not be read.
#[derive(Debug, thiserror::Error)]
#[error("can not read {path:?}")]
pub struct CpuError {
    /// The file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: std::io::Error,
}

/// MHz of each processor that is online, in order (`cpu MHz` in `/proc/cpuinfo`; architectures without it give none).
///
/// # Errors
/// [`CpuError`].
pub fn megahertz() -> Result<Vec<f64>, CpuError> {
    let path = PathBuf::from("/proc/cpuinfo");
    let text = std::fs::read_to_string(&path).map_err(|source| CpuError { path, source })?;
    Ok(parse(&text))
}

fn parse(cpuinfo: &str) -> Vec<f64> {
    let speed = |line: &str| {
        let (key, value) = line.split_once(':')?;
        if key.trim() == "cpu MHz" { value.trim().parse().ok() } else { None }
    };
    cpuinfo.lines().filter_map(speed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_has_its_speed() {
        let text = "processor\t: 0\ncpu MHz\t\t: 2599.996\ncache size\t: 512 KB\n\nprocessor\t: 1\ncpu MHz\t\t: 2600.5\n";
        assert_eq!(parse(text), [2599.996, 2600.5]);
        assert!(parse("processor : 0\nBogoMIPS : 50.00\n").is_empty());
    }
}
