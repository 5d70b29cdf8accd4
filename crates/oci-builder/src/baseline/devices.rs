//! Which device numbers every container may use. The nodes themselves are made by the runtime.

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType};

/// A number that is left open stands for all.
struct Rule {
    kind: LinuxDeviceType,
    major: Option<i64>,
    minor: Option<i64>,
    access: &'static str,
}

const fn char(major: i64, minor: i64) -> Rule {
    Rule { kind: LinuxDeviceType::C, major: Some(major), minor: Some(minor), access: "rwm" }
}

const fn create_any(kind: LinuxDeviceType) -> Rule {
    Rule { kind, major: None, minor: None, access: "m" }
}

/// null, zero, full, random, urandom, tty, console, ptmx and the pseudo terminals; any node may be created,
/// but not opened.
const ALLOWED: [Rule; 11] = [
    create_any(LinuxDeviceType::C),
    create_any(LinuxDeviceType::B),
    char(1, 3),
    char(1, 5),
    char(1, 7),
    char(1, 8),
    char(1, 9),
    char(5, 0),
    char(5, 1),
    char(5, 2),
    Rule { kind: LinuxDeviceType::C, major: Some(136), minor: None, access: "rwm" },
];

/// The rules in order: everything denied, then what is allowed.
pub(crate) fn rules() -> Vec<LinuxDeviceCgroup> {
    std::iter::once(all(false)).chain(ALLOWED.iter().map(Rule::to_spec)).collect()
}

/// One rule for every device.
pub(crate) fn all(allow: bool) -> LinuxDeviceCgroup {
    let mut rule = LinuxDeviceCgroup::default();
    rule.set_allow(allow).set_typ(None).set_major(None).set_minor(None).set_access(Some("rwm".to_owned()));
    rule
}

impl Rule {
    fn to_spec(&self) -> LinuxDeviceCgroup {
        let mut rule = LinuxDeviceCgroup::default();
        rule.set_allow(true)
            .set_typ(Some(self.kind))
            .set_major(self.major)
            .set_minor(self.minor)
            .set_access(Some(self.access.to_owned()));
        rule
    }
}
