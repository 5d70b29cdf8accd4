//! What the fuzz targets (`tests/fuzz`) need of the kernel.
#![allow(unsafe_code, reason = "signal stacks are set by calls of the C library")]

use std::ptr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Room for a handler that reports an overflow of the stack, in bytes.
const SIZE: usize = 256 * 1024;

/// What a thread of the driver has of stack, in bytes.
const STACK: u64 = 2 * 1024 * 1024;

/// What this process may map beside what it has at the start, in bytes: far more than any input is worth.
const MEMORY: u64 = 1 << 30;

/// Bounds the stack of this process's first thread and its memory, so that a recursion or an allocation without measure
/// ends it.
///
/// # Errors
/// What the kernel says.
pub fn bound() -> std::io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let mapped = mapped.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or_default() * 1024;
    for (resource, bytes) in [(Resource::Stack, STACK), (Resource::As, mapped + MEMORY)] {
        setrlimit(resource, Rlimit { current: Some(bytes), ..getrlimit(resource) })?;
    }
    Ok(())
}

/// Gives handlers of SIGSEGV that this thread gets a stack of their own, so that an overflow of its stack can be
/// reported. Handlers that are set later keep that.
///
/// # Errors
/// What the kernel says.
pub fn report_overflows() -> std::io::Result<()> {
    let stack = libc::stack_t {
        // The stack is needed to the end of the process.
        ss_sp: Box::leak(vec![0_u8; SIZE].into_boxed_slice()).as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: SIZE,
    };
    // SAFETY: the memory is this process's own for ever, and the structures are whole.
    let failed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaltstack(&raw const stack, ptr::null_mut()) != 0
            || libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) != 0
    };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
