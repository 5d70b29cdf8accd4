//! Resource limits of the process (`process.rlimits`); `file_limit` is the one of open files.

use std::collections::BTreeMap;

use oci_spec::runtime::{PosixRlimit, PosixRlimitBuilder, PosixRlimitType};

use crate::BuildError;

/// What is limited, as getrlimit(2) names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// Address space in bytes.
    AddressSpace,
    /// Size of a core file in bytes.
    Core,
    /// CPU time in seconds.
    Cpu,
    /// Data segment in bytes.
    Data,
    /// Size of a file in bytes.
    FileSize,
    /// Number of file locks and leases.
    Locks,
    /// Locked memory in bytes.
    LockedMemory,
    /// Memory of POSIX message queues in bytes.
    MessageQueues,
    /// Ceiling of the nice value (20 − nice).
    Nice,
    /// Number of open files.
    OpenFiles,
    /// Number of processes of the user.
    Processes,
    /// Resident set in bytes; without effect since Linux 2.4.30.
    ResidentSet,
    /// Ceiling of the real-time priority.
    RealtimePriority,
    /// CPU time under real-time scheduling without a system call that blocks, in microseconds.
    RealtimeTime,
    /// Number of pending signals.
    PendingSignals,
    /// Stack in bytes.
    Stack,
}

/// A limit and how far the process may raise it; [`u64::MAX`] is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is enforced.
    pub soft: u64,
    /// Up to where the process can raise it.
    pub hard: u64,
}

impl Limit {
    /// One number for both, as `file_limit` sets it.
    #[must_use]
    pub const fn fixed(value: u64) -> Self {
        Self { soft: value, hard: value }
    }
}

impl LimitKind {
    fn to_spec(self) -> PosixRlimitType {
        match self {
            Self::AddressSpace => PosixRlimitType::RlimitAs,
            Self::Core => PosixRlimitType::RlimitCore,
            Self::Cpu => PosixRlimitType::RlimitCpu,
            Self::Data => PosixRlimitType::RlimitData,
            Self::FileSize => PosixRlimitType::RlimitFsize,
            Self::Locks => PosixRlimitType::RlimitLocks,
            Self::LockedMemory => PosixRlimitType::RlimitMemlock,
            Self::MessageQueues => PosixRlimitType::RlimitMsgqueue,
            Self::Nice => PosixRlimitType::RlimitNice,
            Self::OpenFiles => PosixRlimitType::RlimitNofile,
            Self::Processes => PosixRlimitType::RlimitNproc,
            Self::ResidentSet => PosixRlimitType::RlimitRss,
            Self::RealtimePriority => PosixRlimitType::RlimitRtprio,
            Self::RealtimeTime => PosixRlimitType::RlimitRttime,
            Self::PendingSignals => PosixRlimitType::RlimitSigpending,
            Self::Stack => PosixRlimitType::RlimitStack,
        }
    }
}

pub(crate) fn rlimits(rlimits: BTreeMap<LimitKind, Limit>) -> Result<Option<Vec<PosixRlimit>>, BuildError> {
    let mut list = Vec::with_capacity(rlimits.len());
    for (kind, Limit { soft, hard }) in rlimits {
        let kind = kind.to_spec();
        let refused = || BuildError::SoftLimit { limit: kind.to_string(), soft, hard };
        if soft > hard {
            return Err(refused());
        }
        // The type has no setters, and its builder can miss nothing here.
        let limit = PosixRlimitBuilder::default().typ(kind).soft(soft).hard(hard).build();
        list.push(limit.map_err(|_| refused())?);
    }
    Ok((!list.is_empty()).then_some(list))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{Limit, LimitKind};
    use crate::testing::{check, refused};

    #[test]
    fn each_limit_is_written_and_what_is_not_named_is_inherited() {
        check(
            |plan| {
                plan.rlimits = [
                    (LimitKind::OpenFiles, Limit::fixed(65536)),
                    (LimitKind::LockedMemory, Limit { soft: 65536, hard: u64::MAX }),
                ]
                .into();
            },
            expect![[r#"
                + process.rlimits: [{"hard":18446744073709551615,"soft":65536,"type":"RLIMIT_MEMLOCK"},{"hard":65536,"soft":65536,"type":"RLIMIT_NOFILE"}]
            "#]],
        );
    }

    #[test]
    fn a_soft_limit_over_the_hard_one_is_refused() {
        refused(
            |plan| plan.rlimits = [(LimitKind::OpenFiles, Limit { soft: 2, hard: 1 })].into(),
            expect!["RLIMIT_NOFILE: the soft limit 2 is over the hard limit 1"],
        );
    }
}
