//! How many arenas the system's allocator keeps. A crate of its own, as it holds the only `unsafe` of Kvit.
//!
//! glibc gives each thread an arena until there are eight for each core, and what one thread frees no
//! other takes. A run's sixteen threads on two cores held a third more memory so: 359 MB at 20,000 bills
//! instead of 262 (docs/PERFORMANCE.md). The number can be set from outside (`MALLOC_ARENA_MAX`), which
//! whoever starts Kvit would have to know, or by a call that Rust has no safe word for.

/// From here on, the allocator makes no more arenas than the machine has cores, and at least two. To be
/// called before threads start. Where the allocator is not glibc's, or `MALLOC_ARENA_MAX` is set, nothing
/// changes.
pub fn no_more_than_cores() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let arenas = i32::try_from(cores.max(2)).unwrap_or(i32::MAX);
        // A limit that is refused leaves the allocator as it was.
        #[expect(
            unsafe_code,
            reason = "a third less memory, measured; mallopt has no safe form"
        )]
        // SAFETY: mallopt takes two numbers and touches the allocator's own settings, under its own lock.
        let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
    }
}
