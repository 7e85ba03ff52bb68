//! What a data layer is seeded with, for programs of a Debian-like host.

/// The top-level directories of the data layer and their modes.
pub const DIRECTORIES: [(&str, u32); 7] =
    [("etc", 0o755), ("var", 0o755), ("home", 0o755), ("root", 0o700), ("srv", 0o755), ("opt", 0o755), ("tmp", 0o1777)];

/// Directories inside /var.
pub const VAR: [(&str, u32); 9] = [
    ("cache", 0o755),
    ("lib", 0o755),
    ("local", 0o755),
    ("log", 0o755),
    ("mail", 0o755),
    ("opt", 0o755),
    ("spool", 0o755),
    ("tmp", 0o1777),
    ("www", 0o755),
];

/// Directories inside /etc.
pub const ETC: [&str; 3] = ["ssl", "profile.d", "opt"];

/// Links, by their paths.
pub const LINKS: [(&str, &str); 3] = [("etc/mtab", "../proc/self/mounts"), ("var/run", "/run"), ("var/lock", "/run/lock")];

/// Files of /etc whose text is ours.
pub const TEXTS: [(&str, &str); 3] = [("passwd", PASSWD), ("group", GROUP), ("nsswitch.conf", NSSWITCH)];

/// Root and the system users that Debian numbers alike everywhere; all locked, there being no shadow file.
const PASSWD: &str = "\
root:*:0:0:root:/root:/bin/sh
daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:*:2:2:bin:/bin:/usr/sbin/nologin
sys:*:3:3:sys:/dev:/usr/sbin/nologin
mail:*:8:8:mail:/var/mail:/usr/sbin/nologin
www-data:*:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

const GROUP: &str = "\
root:*:0:
daemon:*:1:
bin:*:2:
sys:*:3:
adm:*:4:
tty:*:5:
disk:*:6:
mail:*:8:
www-data:*:33:
shadow:*:42:
utmp:*:43:
staff:*:50:
users:*:100:
nogroup:*:65534:
";

const NSSWITCH: &str = "\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
rpc: files
";

pub const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";

/// Files of the host's /etc that programs of /usr look for. Missing ones are passed over; their links are followed.
pub const CONTENTS: [&str; 2] = ["resolv.conf", "hosts"];

/// The same, but a symlink stays a symlink (it leads into /usr, which a jail shares).
pub const FILES: [&str; 18] = [
    "alternatives",
    "bash.bashrc",
    "bindresvport.blacklist",
    "debian_version",
    "ethertypes",
    "gai.conf",
    "host.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "login.defs",
    "magic",
    "mime.types",
    "networks",
    "os-release",
    "profile",
];

pub const MORE_FILES: [&str; 8] =
    ["protocols", "rpc", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone"];
