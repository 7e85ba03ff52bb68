//! Other systems' and tools' words for rights, so that who knows those is led to ours. Pure.

use crate::kernel::policy::{Action, right_of};
use crate::kernel::{CAPABILITIES, Right};

/// Word and right, by name.
const WORDS: &[(&str, &str)] = &[
    ("module", "kernel_module"),
    ("modules", "kernel_module"),
    ("kmod", "kernel_module"),
    ("insmod", "kernel_module"),
    ("ipc", "ipc_override"),
    ("sysvipc", "ipc_override"),
    ("sysctl", "sysctl_write"),
    ("syslog", "syslog_read"),
    ("dmesg", "syslog_read"),
    ("raw", "raw_socket"),
    ("allow.raw_sockets", "raw_socket"),
    ("packet", "packet_socket"),
    ("icmp", "ping"),
    ("rtnetlink", "netlink_route"),
    ("netlink:route", "netlink_route"),
    ("swapon", "swap"),
    ("swapoff", "swap"),
    ("uring", "io_uring"),
    ("setuid", "setuid_exec"),
    ("suid", "setuid_exec"),
    ("clock", "time"),
    ("kexec", "reboot"),
    ("unshare", "namespaces"),
    ("debugger", "ptrace"),
    ("low_port", "privileged_port"),
    ("outbound", "connect"),
    ("loopback", "loopback_foreign"),
    ("realtime", "priority"),
    ("nice", "priority"),
    ("devices", "device"),
];

/// Those of the table.
pub fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

/// The right that another word for it means: of the table, or a capability's name (capabilities(7)), with or without `CAP_`.
pub fn meant(word: &str) -> Option<Right> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    if let Some((_, right)) = WORDS.iter().find(|(known, _)| *known == word) {
        return right.parse().ok();
    }
    let name = word.strip_prefix("cap_").unwrap_or(&word);
    let number = CAPABILITIES.iter().position(|known| *known == name)?;
    right_of(Action::Capability(u32::try_from(number).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_word_leads_to_a_right_that_can_be_granted_and_is_no_right_itself() {
        for (word, right) in WORDS {
            assert!(word.parse::<Right>().is_err(), "{word} is a right");
            assert_eq!(meant(word).map(Right::name), Some(*right), "{word}");
            assert!(!meant(word).unwrap().is_fence(), "{word}");
        }
    }

    #[test]
    fn capabilities_lead_to_the_right_that_their_use_takes() {
        let named = |word| meant(word).map(Right::name);
        let found = ["CAP_SYS_ADMIN", "net_raw", "cap-sys-module", "chown", "cap_nothing", ""].map(named);
        assert_eq!(found, [Some("namespaces"), Some("raw_socket"), Some("kernel_module"), None, None, None]);
    }
}
