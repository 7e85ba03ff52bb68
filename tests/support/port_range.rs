//! The range that the kernel picks ports from, made so small for a test that a program can take all of it.

use std::fs;
use std::ops::RangeInclusive;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

use super::body;

const FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// As it was, on drop. Outside of a guest the test's thread, and all that it starts from then on, are in a network of
/// their own, so that nobody else runs out of ports.
pub struct PortRange {
    before: String,
}

impl PortRange {
    pub fn narrow(ports: RangeInclusive<u16>) -> PortRange {
        if !body::in_guest() {
            leave_network();
        }
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

fn leave_network() {
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip is installed");
    assert!(status.success(), "the loopback of a new network: {status}");
}
