//! The budget of file descriptors: while few are left starts and execs are refused, rather than failing in their middle.
//!
//! A running task has no descriptor of its own: its log pipes are the shim's, and its wait is a call on the one
//! connection to containerd. While its usage is read it has [`StatsReader::DESCRIPTORS_MAX`], and an exec
//! has three. What is kept free serves what must not fail: stops, the end of tasks, new connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use linux_host::cgroup::stats::StatsReader;

use crate::error::DriverError;

/// Descriptors that starts and execs leave to everything else.
const KEPT_FREE: u64 = 40;
/// The most that one start has open at a time: objects of mounts, the driver's files, the image's passwd.
const OF_START: u64 = 16;
/// Pipes of an exec.
const OF_EXEC: u64 = 3;

/// Counts the descriptors that starts under way may still open.
#[derive(Debug, Clone, Default)]
pub(crate) struct FdBudget(Arc<AtomicU64>);

/// The permit of a start under way; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct FdPermit {
    budget: Arc<AtomicU64>,
    descriptors: u64,
}

impl Drop for FdPermit {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.descriptors, Ordering::Relaxed);
    }
}

impl FdBudget {
    /// Takes a permit for a start, from its request to its end, for the sources of the job's mounts, which it holds as long,
    /// and for the reading of its task's usage.
    ///
    /// # Errors
    /// [`DriverError::Descriptors`].
    pub(crate) fn for_start(&self, mounts: usize) -> Result<FdPermit, DriverError> {
        let further = u64::try_from(StatsReader::DESCRIPTORS_MAX + mounts).unwrap_or(u64::from(u32::MAX));
        let permit = FdPermit { budget: Arc::clone(&self.0), descriptors: OF_START + further };
        let together = self.0.fetch_add(permit.descriptors, Ordering::Relaxed) + permit.descriptors;
        require("a start", KEPT_FREE + together).map(|()| permit)
    }

    /// Makes sure that an exec finds room.
    ///
    /// # Errors
    /// [`DriverError::Descriptors`].
    pub(crate) fn for_exec(&self) -> Result<(), DriverError> {
        require("an exec", KEPT_FREE + OF_EXEC)
    }
}

fn require(what: &'static str, needed: u64) -> Result<(), DriverError> {
    // Without a single free one they cannot even be counted.
    let free = linux_host::limits::free_descriptors().unwrap_or(0);
    if free >= needed { Ok(()) } else { Err(DriverError::Descriptors { what, free, needed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_refused_in_one_sentence() {
        require("a start", 1).unwrap();
        let error = require("a start", u64::MAX).unwrap_err();
        assert!(error.is_recoverable());
        let text = error.to_string();
        assert!(text.starts_with("a start needs 18446744073709551615 free file descriptors, and "), "{text}");
    }

    #[test]
    fn a_permit_is_given_back() {
        let budget = FdBudget::default();
        let (one, two) = (budget.for_start(0).unwrap(), budget.for_start(3).unwrap());
        assert_eq!(budget.0.load(Ordering::Relaxed), one.descriptors + two.descriptors);
        assert_eq!(two.descriptors, one.descriptors + 3);
        drop((one, two));
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }
}
