//! What a data layer is seeded with, for programs of NetBSD's base system.

/// The top-level directories of the data layer and their modes.
pub const DIRECTORIES: [(&str, u32); 5] = [("etc", 0o755), ("var", 0o755), ("home", 0o755), ("root", 0o700), ("tmp", 0o1777)];

/// Directories inside /var, as hier(7) has them.
pub const VAR: [(&str, u32); 9] = [
    ("cache", 0o755),
    ("crash", 0o755),
    ("db", 0o755),
    ("log", 0o755),
    ("mail", 0o755),
    ("run", 0o755),
    ("spool", 0o755),
    ("tmp", 0o1777),
    ("www", 0o755),
];

/// Directories inside /etc.
pub const ETC: [&str; 1] = ["rc.conf.d"];

/// Links, by their paths.
pub const LINKS: [(&str, &str); 0] = [];

/// Files of /etc whose text is ours.
pub const TEXTS: [(&str, &str); 0] = [];

pub const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// Files of the host's /etc that programs of /usr look for. Missing ones are passed over; their links are followed.
pub const CONTENTS: [&str; 2] = ["resolv.conf", "hosts"];

/// The same, but a symlink stays a symlink. Users are the host's: they are public, and their passwords are in another file
/// (passwd(5)), which is not copied.
pub const FILES: [&str; 10] = [
    "csh.cshrc",
    "csh.login",
    "group",
    "localtime",
    "login.conf",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "passwd",
    "profile",
];

pub const MORE_FILES: [&str; 8] =
    ["protocols", "pwd.db", "rpc", "services", "shells", "openssl/certs", "openssl/openssl.cnf", "ttys"];
