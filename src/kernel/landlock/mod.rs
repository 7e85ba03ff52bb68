//! The jail without the module: one Landlock domain per jail, seccomp and the capability bounding set for rights, an IPC
//! namespace, cgroup v2 membership as identity, cgroup BPF programs for ports and devices.
//!
//! A domain can only be inherited, so a process comes in by being forked from the jail's keeper. Touches
//! `/run/jailsh/landlock`, the cgroup2 file system, and net.ipv4.ip_local_reserved_ports.

mod calls;
mod describe;
mod devices;
mod filter;
mod ports;
mod probe;
mod walls;
