//! Trees to import, export and copy, and what they look like from outside: for comparison to the last bit.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

/// A root with nothing but a static busybox, as small as a base can be.
pub fn busybox_root(at: &Path) {
    for name in ["bin", "etc", "var/lib", "home", "root", "opt/tool", "dev", "proc"] {
        fs::create_dir_all(at.join(name)).unwrap();
    }
    fs::copy("/usr/bin/busybox", at.join("bin/busybox")).unwrap();
    for name in ["sh", "cat", "ls", "id", "touch", "echo", "sleep", "seq", "mkdir", "ln"] {
        symlink("busybox", at.join("bin").join(name)).unwrap();
    }
    symlink("bin", at.join("sbin")).unwrap();
    fs::write(at.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:7:7::/:/bin/sh\n").unwrap();
    fs::write(at.join("etc/version"), "one\n").unwrap();
    fs::write(at.join("bin/version"), "one\n").unwrap();
    fs::write(at.join("opt/tool/file"), "tool\n").unwrap();
    fs::write(at.join("bin/su"), "no program\n").unwrap();
    fs::set_permissions(at.join("bin/su"), fs::Permissions::from_mode(0o4755)).unwrap();
}

/// Everything a file system can hold: odd names, modes, owners, times, links, holes, attributes.
pub fn odd_files(at: &Path) {
    fs::create_dir_all(at.join("deep/er")).unwrap();
    fs::write(at.join("deep/file"), "content\n").unwrap();
    fs::write(at.join("deep/empty"), "").unwrap();
    fs::write(at.join(std::ffi::OsStr::from_bytes(b"new\nline \xff\x1b[2J")), "odd name\n").unwrap();
    fs::write(at.join("x".repeat(255)), "long name\n").unwrap();
    fs::hard_link(at.join("deep/file"), at.join("deep/er/same")).unwrap();
    symlink("/etc/shadow", at.join("absolute")).unwrap();
    symlink("../../../../../../etc", at.join("upwards")).unwrap();
    symlink("y".repeat(300), at.join("long link")).unwrap();
    nix::unistd::mkfifo(&at.join("pipe"), Mode::S_IRUSR).unwrap();
    fs::write(at.join("setuid"), "s").unwrap();
    chown(at.join("setuid"), Some(33), Some(3_000_000_000)).unwrap();
    fs::set_permissions(at.join("setuid"), fs::Permissions::from_mode(0o6751)).unwrap();
    lchown(at.join("absolute"), Some(5), Some(6)).unwrap();
    let hole = fs::File::create(at.join("hole")).unwrap();
    hole.set_len(64 << 20).unwrap();
    std::os::unix::fs::FileExt::write_at(&hole, b"middle", 32 << 20).unwrap();
    fs::set_permissions(at.join("deep/er"), fs::Permissions::from_mode(0o2500)).unwrap();
    set_xattr(&at.join("deep/file"), c"user.note", b"a\0b");
    // A version 2 capability: cap_net_bind_service, effective.
    let bind = [&0x0200_0001_u32.to_le_bytes()[..], &0x400_u32.to_le_bytes(), &[0; 12]].concat();
    set_xattr(&at.join("setuid"), c"security.capability", &bind);
    for (name, seconds, nanoseconds) in [("deep", 1_000_000_000, 123_456_789), ("deep/file", -5, 250_000_000), ("absolute", 7, 1)]
    {
        let time = TimeSpec::new(seconds, nanoseconds);
        utimensat(nix::fcntl::AT_FDCWD, &at.join(name), &time, &time, UtimensatFlags::NoFollowSymlink).unwrap();
    }
}

/// Directories inside each other, beyond what a path can name.
pub fn dig(at: &Path, depth: usize) {
    let mut here = open(nix::fcntl::AT_FDCWD, at);
    for _ in 0..depth {
        nix::sys::stat::mkdirat(&here, "dd", Mode::S_IRWXU).unwrap();
        here = open(&here, Path::new("dd"));
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT;
    let file = nix::fcntl::openat(&here, "file", flags, Mode::S_IRUSR).unwrap();
    nix::unistd::write(file, b"end\n").unwrap();
}

/// How deep it goes, and the file at the bottom.
pub fn bottom(at: &Path) -> (usize, String) {
    let mut here = open(nix::fcntl::AT_FDCWD, at);
    let mut depth = 0;
    while let Ok(next) = nix::fcntl::openat(&here, "dd", OFlag::O_DIRECTORY, Mode::empty()) {
        here = next;
        depth += 1;
    }
    let mut text = String::new();
    let file = nix::fcntl::openat(&here, "file", OFlag::O_RDONLY, Mode::empty()).unwrap();
    std::io::Read::read_to_string(&mut fs::File::from(file), &mut text).unwrap();
    (depth, text)
}

fn open(from: impl AsFd, name: &Path) -> OwnedFd {
    nix::fcntl::openat(from, name, OFlag::O_DIRECTORY, Mode::empty()).unwrap()
}

fn set_xattr(path: &Path, name: &std::ffi::CStr, value: &[u8]) {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: NUL-terminated texts, and a value as long as said.
    let done = unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    assert_eq!(done, 0, "{name:?}: {}", std::io::Error::last_os_error());
}

fn xattr(path: &Path, name: &std::ffi::CStr) -> Option<Vec<u8>> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    let mut value = vec![0; 256];
    // SAFETY: NUL-terminated texts, and room as large as said.
    let length = unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(length).ok()?);
    Some(value)
}

/// A tree as lines: path to all that is known of it.
pub fn portrait(at: &Path) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    look(at, at, &mut inodes, &mut lines);
    lines
}

fn look(top: &Path, at: &Path, inodes: &mut BTreeMap<u64, usize>, lines: &mut BTreeMap<String, String>) {
    let found = fs::symlink_metadata(at).unwrap();
    let count = inodes.len();
    let same = *inodes.entry(found.ino()).or_insert(count);
    let what = match () {
        () if found.is_symlink() => format!("-> {:?}", fs::read_link(at).unwrap()),
        () if found.is_file() => format!("{:?}", digest(&fs::read(at).unwrap())),
        () => String::new(),
    };
    let attributes = [c"user.note", c"security.capability"].map(|name| xattr(at, name));
    let mode = if found.is_symlink() { found.mode() & !0o7777 } else { found.mode() };
    let line = format!(
        "{mode:o} {}:{} {}.{:09} nlink {} same as {same} {attributes:?} {what}",
        found.uid(),
        found.gid(),
        found.mtime(),
        found.mtime_nsec(),
        if found.is_dir() { 0 } else { found.nlink() },
    );
    lines.insert(format!("{:?}", at.strip_prefix(top).unwrap()), line);
    if found.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| look(top, entry, inodes, lines));
    }
}

fn digest(bytes: &[u8]) -> (usize, u64) {
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    (bytes.len(), sum)
}

/// Names in a directory, hidden ones too.
pub fn names(at: &Path) -> Vec<String> {
    let mut names: Vec<String> = match fs::read_dir(at) {
        Ok(entries) => entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    names
}
