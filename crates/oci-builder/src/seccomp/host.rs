//! What a profile's conditions ask of a host: its architecture and its kernel.

use std::fmt;

use oci_spec::runtime::Arch;

/// The facts of a host that a profile depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeccompHost {
    /// The architecture that containers run on.
    pub architecture: Architecture,
    /// The running kernel.
    pub kernel: KernelVersion,
}

/// An architecture that Linux containers run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
    /// 64-bit little-endian POWER.
    Ppc64le,
    /// 64-bit RISC-V.
    Riscv64,
    /// IBM Z.
    S390x,
    /// 64-bit LoongArch.
    Loongarch64,
}

impl Architecture {
    /// The architecture that this code was built for.
    pub const NATIVE: Self = if cfg!(target_arch = "aarch64") {
        Self::Arm64
    } else if cfg!(target_arch = "powerpc64") {
        Self::Ppc64le
    } else if cfg!(target_arch = "riscv64") {
        Self::Riscv64
    } else if cfg!(target_arch = "s390x") {
        Self::S390x
    } else if cfg!(target_arch = "loongarch64") {
        Self::Loongarch64
    } else {
        Self::Amd64
    };

    /// The name in a rule's `arches`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Ppc64le => "ppc64le",
            Self::Riscv64 => "riscv64",
            Self::S390x => "s390x",
            Self::Loongarch64 => "loongarch64",
        }
    }

    /// The name in `archMap`.
    pub(super) fn to_spec(self) -> Arch {
        match self {
            Self::Amd64 => Arch::ScmpArchX86_64,
            Self::Arm64 => Arch::ScmpArchAarch64,
            Self::Ppc64le => Arch::ScmpArchPpc64le,
            Self::Riscv64 => Arch::ScmpArchRiscv64,
            Self::S390x => Arch::ScmpArchS390x,
            Self::Loongarch64 => Arch::ScmpArchLoongarch64,
        }
    }
}

/// The first two numbers of a kernel's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelVersion {
    /// The 6 of 6.1.
    pub major: u16,
    /// The 1 of 6.1.
    pub minor: u16,
}

/// A text that is no version of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a kernel's version (accepted: two numbers with a point, such as \"4.8\")")]
pub struct KernelVersionError {
    /// The text.
    pub text: String,
}

impl KernelVersion {
    /// Reads what uname(2) calls the release: `6.1.0-13-amd64`, `3.12-rc5`.
    ///
    /// # Errors
    /// [`KernelVersionError`] where it does not begin with two numbers.
    pub fn from_release(release: &str) -> Result<Self, KernelVersionError> {
        let refused = || KernelVersionError { text: release.to_owned() };
        let (major, rest) = release.split_once('.').ok_or_else(refused)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let minor = rest.get(..end).and_then(number);
        Ok(Self { major: number(major).ok_or_else(refused)?, minor: minor.ok_or_else(refused)? })
    }

    /// Reads a profile's `minKernel`: exactly two numbers, not both 0.
    pub(super) fn from_profile(text: &str) -> Result<Self, KernelVersionError> {
        let version = text
            .split_once('.')
            .and_then(|(major, minor)| Some(Self { major: number(major)?, minor: number(minor)? }));
        version
            .filter(|version| *version > Self { major: 0, minor: 0 })
            .ok_or_else(|| KernelVersionError { text: text.to_owned() })
    }
}

fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::KernelVersion;

    fn version(major: u16, minor: u16) -> KernelVersion {
        KernelVersion { major, minor }
    }

    #[test]
    fn a_release_is_read_up_to_its_second_number() {
        for (release, expected) in [
            ("6.1.0-13-amd64", version(6, 1)),
            ("3.12-1-amd64", version(3, 12)),
            ("3.12.25-gentoo", version(3, 12)),
            ("5.10+", version(5, 10)),
            ("4.8", version(4, 8)),
        ] {
            assert_eq!(KernelVersion::from_release(release), Ok(expected), "{release}");
        }
        for release in ["", "6", "6.", ".1", "a.b", "6.x", "-6.1", "99999.1"] {
            assert!(KernelVersion::from_release(release).is_err(), "{release}");
        }
    }

    #[test]
    fn a_profile_names_two_numbers() {
        assert_eq!(KernelVersion::from_profile("4.8"), Ok(version(4, 8)));
        for text in ["4", "4.8.1", "4.8-rc1", "0.0", "", "v4.8", "4.+8"] {
            assert!(KernelVersion::from_profile(text).is_err(), "{text}");
        }
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version(4, 10) > version(4, 8));
        assert!(version(5, 0) > version(4, 20));
    }
}
