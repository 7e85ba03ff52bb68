//! The range that the kernel picks ports from, made so small for a test that a program can take all of it.

use std::fs;
use std::ops::RangeInclusive;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

const FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// As it was, on drop.
pub struct PortRange {
    before: String,
}

impl PortRange {
    /// In a network of the thread's own, and of all that it starts from then on, so that nobody else runs out of ports.
    #[allow(dead_code, reason = "some tests have a network of their own already")]
    pub fn narrow_apart(ports: RangeInclusive<u16>) -> PortRange {
        leave_network();
        PortRange::narrow(ports)
    }

    pub fn narrow(ports: RangeInclusive<u16>) -> PortRange {
        let before = fs::read_to_string(FILE).expect(FILE);
        fs::write(FILE, format!("{} {}", ports.start(), ports.end())).expect(FILE);
        PortRange { before }
    }
}

impl Drop for PortRange {
    fn drop(&mut self) {
        fs::write(FILE, &self.before).expect(FILE);
    }
}

#[allow(dead_code, reason = "see narrow_apart")]
fn leave_network() {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip is installed");
    assert!(status.success(), "the loopback of a new network: {status}");
}
