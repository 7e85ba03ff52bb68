//! Where the program has the fields of what it hands to mount(2).

use std::mem::offset_of;

use crate::args::{ExportArgs30, NullArgs, PtyfsArgs, TmpfsArgs};

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
