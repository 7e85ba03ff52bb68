//! The root: layers and mounts in a pinned namespace.
