//! What can go wrong at the kernel boundary.

use nix::errno::Errno;

use super::policy::Right;
use super::reservation::Reservation;
use super::types::{JailName, Jid};

#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    #[error("only root on the host may do this; run it as root, outside of any jail")]
    NotPermitted,
    #[error("jail {0} is already in the kernel; stop it first or pick another name")]
    NameTaken(JailName),
    #[error(
        "port {port} is reserved by jail {owner}{}; pick another port or destroy that jail",
        if port == theirs { String::new() } else { format!(" ({theirs})") }
    )]
    PortTaken { port: Reservation, owner: String, theirs: Reservation },
    #[error("no jail with jid {0} in the kernel")]
    NoSuchJail(Jid),
    #[error("jail {jid} still has {members} member(s); stop it first")]
    Busy { jid: Jid, members: u64 },
    #[error("{what} cannot be had from the {body} body: {why}")]
    NotEnforceable { what: String, body: &'static str, why: String },
    #[error(
        "right {right} cannot be kept from a jail by the {body} body: {why}; grant it, use another kernel, or accept it: accept_unenforced = [\"{right}\"] in the configuration file"
    )]
    RightNotEnforceable { right: Right, body: &'static str, why: String },
    #[error("right {right} cannot be audited by the {body} body: {why}; grant or deny it, or use the lsm body (--kernel lsm)")]
    NoAudit { right: Right, body: &'static str, why: String },
    #[error("the module is not loaded; run `jailsh kmod load`")]
    NotLoaded,
    #[error("this kernel refuses the module: {why}; {remedy}")]
    Refused { why: String, remedy: String },
    #[error(
        "the loaded module speaks ABI {found}, this jailsh speaks {ours}; stop all jails and run `jailsh kmod unload`, or use the jailsh that loaded it"
    )]
    Abi { found: u32, ours: u32 },
    #[error("this machine cannot hold jails by Landlock: {why}; {remedy}")]
    NoLandlock { why: String, remedy: String },
    #[error(
        "this machine can hold no jails, neither by Landlock ({landlock}) nor by the module ({module}); {remedy}; `jailsh doctor` tells more"
    )]
    NoBody { module: String, landlock: String, remedy: String },
    #[error("the sim body never runs a command; use --kernel auto")]
    Simulated,
    #[error("{doing}: {errno}")]
    System { doing: String, errno: Errno },
    #[error("{doing}: {why}")]
    Other { doing: String, why: String },
}

impl KernelError {
    /// For `map_err` on a system call: says what was being done.
    pub fn system(doing: impl Into<String>) -> impl FnOnce(Errno) -> KernelError {
        let doing = doing.into();
        move |errno| KernelError::System { doing, errno }
    }

    /// The same for [`std::io::Error`].
    pub fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> KernelError {
        let doing = doing.into();
        move |error| match error.raw_os_error() {
            Some(raw) => KernelError::System { doing, errno: Errno::from_raw(raw) },
            None => KernelError::Other { doing, why: error.to_string() },
        }
    }
}
