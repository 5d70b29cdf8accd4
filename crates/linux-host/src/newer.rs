//! System calls that are newer than the oldest kernel that is supported, 4.18. What stands in for one is where it is used.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

/// A call that the kernel may not have. It is asked once: no version is read, as distributions add calls to old kernels.
pub(crate) struct NewerCall {
    is_missing: AtomicBool,
}

impl NewerCall {
    pub(crate) const fn new() -> Self {
        Self { is_missing: AtomicBool::new(false) }
    }

    /// What the call gives, or nothing where the kernel does not have it.
    pub(crate) fn run<T>(&self, call: impl FnOnce() -> Result<T, Errno>) -> Option<Result<T, Errno>> {
        if self.is_missing.load(Ordering::Relaxed) || is_old_kernel() {
            return None;
        }
        match call() {
            Err(Errno::NOSYS) => {
                self.is_missing.store(true, Ordering::Relaxed);
                None
            }
            outcome => Some(outcome),
        }
    }
}

#[cfg(not(test))]
fn is_old_kernel() -> bool {
    false
}

#[cfg(test)]
use crate::testing::is_old_kernel;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_the_kernel_does_not_have_is_asked_for_once() {
        let call = NewerCall::new();
        assert_eq!(call.run(|| Ok(1)), Some(Ok(1)));
        assert_eq!(call.run(|| Err::<(), _>(Errno::PERM)), Some(Err(Errno::PERM)));
        assert_eq!(call.run(|| Err::<(), _>(Errno::NOSYS)), None);
        assert_eq!(call.run(|| -> Result<(), _> { panic!("asked again") }), None);
    }
}
