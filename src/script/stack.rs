//! Room for deep scripts: the interpreter recurses on the main thread's stack, whose bound this process may raise.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the limits of [`super::Limits`] can take at the worst, in unoptimized builds too.
pub const SIZE: u64 = 96 << 20;

/// A raised bound; put back on drop. Linux leaves 128 MiB below the main stack free whatever the bound was at exec
/// (`mmap_base` in arch/x86/mm/mmap.c), so it can grow into them. Processes that a verb starts in a jail have theirs
/// reset on the way in.
pub struct Room {
    before: Option<(u64, u64)>,
}

impl Room {
    /// Does nothing where the hard bound forbids it; a script then ends by the guard page instead of by its limits.
    pub fn make() -> Room {
        let before = getrlimit(Resource::RLIMIT_STACK).ok().filter(|(soft, hard)| *soft < SIZE && *hard >= SIZE);
        let raised = before.filter(|(_, hard)| setrlimit(Resource::RLIMIT_STACK, SIZE, *hard).is_ok());
        Room { before: raised }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some((soft, hard)) = self.before {
            // Lowering a soft bound cannot fail.
            let _ = setrlimit(Resource::RLIMIT_STACK, soft, hard);
        }
    }
}
