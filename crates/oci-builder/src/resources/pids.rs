//! `pids_limit` (`linux.resources.pids`): how many tasks (processes and threads) a container can have.

use oci_spec::runtime::LinuxPids;

use crate::BuildError;

/// Limit on the number of processes and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PidsLimit {
    /// No limit of its own.
    Unlimited,
    /// At most this many, from 1.
    Most(u64),
}

impl PidsLimit {
    /// The limit that a job's number stands for: none where it is not positive, as in the Go driver.
    #[must_use]
    pub fn of_option(pids_limit: i64) -> Self {
        match u64::try_from(pids_limit) {
            Ok(0) | Err(_) => Self::Unlimited,
            Ok(most) => Self::Most(most),
        }
    }

    pub(super) fn into_spec(self) -> Result<Option<LinuxPids>, BuildError> {
        let Self::Most(most) = self else { return Ok(None) };
        let accepted = "1 to 9223372036854775807";
        let limit = i64::try_from(most).ok().filter(|&limit| limit > 0).ok_or(BuildError::Range {
            option: "pids_limit",
            value: most,
            accepted,
        })?;
        let mut pids = LinuxPids::default();
        pids.set_limit(limit);
        Ok(Some(pids))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::PidsLimit;
    use crate::testing::{check, refused};

    #[test]
    fn a_limit_is_written() {
        check(
            |plan| plan.resources.pids = PidsLimit::Most(64),
            expect![[r#"
            + linux.resources.pids: {"limit":64}
        "#]],
        );
    }

    #[test]
    fn numbers_that_are_not_positive_limit_nothing() {
        assert_eq!(PidsLimit::of_option(64), PidsLimit::Most(64));
        assert_eq!(PidsLimit::of_option(0), PidsLimit::Unlimited);
        assert_eq!(PidsLimit::of_option(-1), PidsLimit::Unlimited);
    }

    #[test]
    fn a_container_without_any_process_is_refused() {
        refused(
            |plan| plan.resources.pids = PidsLimit::Most(0),
            expect!["pids_limit is out of range: 0 (accepted: 1 to 9223372036854775807)"],
        );
    }
}
