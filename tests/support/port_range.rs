//! The range that the kernel picks ports from, made so small for a test that a program can take all of it.

use std::fs;
use std::ops::RangeInclusive;

const FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// As it was, on drop.
pub struct PortRange {
    before: String,
}

impl PortRange {
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
