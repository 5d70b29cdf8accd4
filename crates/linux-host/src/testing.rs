//! What tests of this crate share.

use std::cell::Cell;

/// Fails a test that needs root with a text that says so.
pub(crate) fn require_root() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root: run the tests as root");
}

/// Which kernel a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// The one that is there.
    Own,
    /// One without the calls that came after 4.18, for the thread that runs the test.
    Old,
}

thread_local! {
    static KERNEL: Cell<Kernel> = const { Cell::new(Kernel::Own) };
}

impl Kernel {
    /// Makes this the kernel of the thread.
    pub(crate) fn enter(self) {
        KERNEL.set(self);
    }

    pub(crate) fn of_thread() -> Self {
        KERNEL.get()
    }
}

/// Runs a test with the calls of new kernels, and with what stands in for them.
pub(crate) fn on_both_kernels(test: impl Fn()) {
    for kernel in [Kernel::Own, Kernel::Old] {
        kernel.enter();
        test();
    }
    Kernel::Own.enter();
}

pub(crate) fn is_old_kernel() -> bool {
    Kernel::of_thread() == Kernel::Old
}
