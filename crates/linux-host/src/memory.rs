//! How the C library's allocator behaves in this process.

/// Arenas that serve a process of a few threads well.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// Keeps the allocator from making an arena for each thread (`M_ARENA_MAX`, mallopt(3)): a burst of work on many threads
/// would leave its memory scattered over all of them, and the process would grow with every burst. To be called before
/// the first thread is started. Without effect on other C libraries, which have no arenas.
pub fn few_arenas() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "mallopt has no safe form")]
    // SAFETY: mallopt takes two numbers and changes a setting of the allocator, under its own lock.
    let set = unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
    #[cfg(target_env = "gnu")]
    tracing::trace!(set, "arenas of the allocator");
}
