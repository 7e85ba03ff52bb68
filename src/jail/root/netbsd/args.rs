//! The structures that mount(2) of NetBSD takes, as its headers have them; `tests/netbsd/mounts.rs` compares each with C's.

use std::ffi::{c_char, c_int, c_short, c_ushort, c_void};

/// `struct null_args` (miscfs/nullfs/null.h): a target, and room that nothing reads.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct NullArgs {
    pub target: *const c_char,
    pub unused: ExportArgs30,
}

/// `struct export_args30` (sys/mount.h).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ExportArgs30 {
    pub flags: c_int,
    pub root: u32,
    pub anon_unused: c_ushort,
    pub anon_uid: u32,
    pub anon_gid: u32,
    pub anon_ngroups: c_short,
    pub anon_groups: [u32; 16],
    pub addr: *const c_void,
    pub addrlen: c_int,
    pub mask: *const c_void,
    pub masklen: c_int,
    pub indexfile: *const c_char,
}

/// `struct tmpfs_args` (fs/tmpfs/tmpfs_args.h).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct TmpfsArgs {
    pub version: c_int,
    /// 0: as many as the size has room for.
    pub nodes_max: u64,
    /// Bytes.
    pub size_max: i64,
    pub root_uid: u32,
    pub root_gid: u32,
    pub root_mode: u32,
}

pub const TMPFS_VERSION: c_int = 1;

/// `struct ptyfs_args` (fs/ptyfs/ptyfs.h).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct PtyfsArgs {
    pub version: c_int,
    pub gid: u32,
    pub mode: u32,
    pub flags: c_int,
}

pub const PTYFS_VERSION: c_int = 2;
