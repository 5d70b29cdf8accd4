//! Which containerd is meant, and where its binaries come from.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, bail};

use crate::{packages, setup};

/// The release series and the suite of Debian that has it.
const SUITES: [(&str, &str); 4] =
    [("1.4", "bullseye"), ("1.6", "bookworm"), ("1.7", "trixie"), ("2.1", "sid")];

/// A version that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The host's own.
    Host,
    /// A release series out of one of the distribution's suites.
    Series {
        /// For instance `1.7`.
        series: &'static str,
        /// The suite's code name.
        suite: &'static str,
    },
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "host" {
            return Ok(Self::Host);
        }
        let found = SUITES.iter().find(|(series, _)| *series == text);
        let known: Vec<&str> = SUITES.iter().map(|(series, _)| *series).collect();
        found
            .map(|(series, suite)| Self::Series { series, suite })
            .ok_or_else(|| format!("the versions are host, {}", known.join(", ")))
    }
}

impl Version {
    /// The directory of its binaries, unpacked when it is not the host's.
    ///
    /// # Errors
    /// Something is missing on the host, or the suite's package can not be had.
    pub(crate) fn bin_dir(self) -> Result<Option<PathBuf>> {
        setup::programs()?;
        match self {
            Self::Host => Ok(None),
            Self::Series { suite, .. } => packages::containerd(suite).map(Some),
        }
    }

    /// Holds the version that runs against the one that was asked for: a suite may move on.
    ///
    /// # Errors
    /// They are of different series.
    pub(crate) fn check(self, running: &str) -> Result<()> {
        match self {
            Self::Series { series, suite } if !running.starts_with(&format!("{series}.")) => {
                bail!("the suite {suite} has containerd {running} now, not {series}")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_version_is_answered_with_those_that_exist() {
        let refused = "1.5".parse::<Version>().unwrap_err();
        assert_eq!(refused, "the versions are host, 1.4, 1.6, 1.7, 2.1");
    }

    #[test]
    fn a_suite_that_moved_on_is_noticed() {
        let wanted: Version = "1.7".parse().unwrap();
        assert!(wanted.check("1.7.24~ds1").is_ok());
        assert!(wanted.check("1.71.0").is_err());
        assert!(Version::Host.check("9.9").is_ok());
    }
}
