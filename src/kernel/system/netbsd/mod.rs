//! NetBSD. None of it ever ran there; docs/netbsd.md says what is checked without.

pub mod capability;
pub mod changes;
pub mod executable;
pub mod feats;
pub mod files;
pub mod handle;
pub mod memory;
pub mod pidfd;
pub mod processes;
pub mod reset;
pub mod signals;
pub mod sockets;

/// What to do instead where `jailmgr bootstrap` has no files for boot to write.
pub const BOOT: Option<&str> =
    Some("on NetBSD jails are started by rc.d(8); copy src/jail/root/netbsd/rc.d/* to /etc/rc.d, as docs/netbsd.md says");
/// Where programs are looked for: those of the base, and of pkgsrc.
pub const PATH: &str = "/sbin:/usr/sbin:/bin:/usr/bin:/usr/pkg/sbin:/usr/pkg/bin:/usr/local/sbin:/usr/local/bin";
/// Where the system's log listens.
pub const SYSLOG: &str = "/var/run/log";
/// Where the state of running jails is kept; gone after a boot.
pub const RUN_DIR: &str = "/var/run/jailsh";
