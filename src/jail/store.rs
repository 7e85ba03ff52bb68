//! Files of a jail, written atomically.

/// Held while a verb changes a jail; released on drop, also by kill -9.
pub struct Lock {}
