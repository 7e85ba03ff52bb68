//! The structures that mount(2) of NetBSD takes, as its headers have them; `tests/netbsd` compares each with C's.

use std::ffi::{c_char, c_int, c_short, c_ushort, c_void};
use std::mem::offset_of;

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

/// Header, structure, field, offset; the size of the whole under an empty field.
pub fn places() -> Vec<(&'static str, &'static str, &'static str, usize)> {
    let null = ("miscfs/nullfs/null.h", "null_args");
    let (tmpfs, ptyfs) = (("fs/tmpfs/tmpfs_args.h", "tmpfs_args"), ("fs/ptyfs/ptyfs.h", "ptyfs_args"));
    let export = |offset: usize| offset_of!(NullArgs, unused) + offset;
    let table = [
        (null, "la.target", offset_of!(NullArgs, target)),
        (null, "la._pad1.ex_flags", export(offset_of!(ExportArgs30, flags))),
        (null, "la._pad1.ex_root", export(offset_of!(ExportArgs30, root))),
        (null, "la._pad1.ex_anon.cr_groups", export(offset_of!(ExportArgs30, anon_groups))),
        (null, "la._pad1.ex_addr", export(offset_of!(ExportArgs30, addr))),
        (null, "la._pad1.ex_mask", export(offset_of!(ExportArgs30, mask))),
        (null, "la._pad1.ex_indexfile", export(offset_of!(ExportArgs30, indexfile))),
        (null, "", size_of::<NullArgs>()),
        (tmpfs, "ta_version", offset_of!(TmpfsArgs, version)),
        (tmpfs, "ta_nodes_max", offset_of!(TmpfsArgs, nodes_max)),
        (tmpfs, "ta_size_max", offset_of!(TmpfsArgs, size_max)),
        (tmpfs, "ta_root_uid", offset_of!(TmpfsArgs, root_uid)),
        (tmpfs, "ta_root_gid", offset_of!(TmpfsArgs, root_gid)),
        (tmpfs, "ta_root_mode", offset_of!(TmpfsArgs, root_mode)),
        (tmpfs, "", size_of::<TmpfsArgs>()),
        (ptyfs, "version", offset_of!(PtyfsArgs, version)),
        (ptyfs, "gid", offset_of!(PtyfsArgs, gid)),
        (ptyfs, "mode", offset_of!(PtyfsArgs, mode)),
        (ptyfs, "flags", offset_of!(PtyfsArgs, flags)),
        (ptyfs, "", size_of::<PtyfsArgs>()),
    ];
    table.into_iter().map(|((header, name), field, offset)| (header, name, field, offset)).collect()
}
