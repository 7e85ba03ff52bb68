//! guest: the kernel module itself, through the library: what it counts, whom it lets in, what it refuses, and what is left when
//! jails, loaders and the module come and go. Needs a kernel that takes the module; elsewhere each test says why it is
//! skipped, or fails if JAILSH_BODY=lsm.

mod agreement;
mod auditing;
#[path = "../support/body.rs"]
mod body;
mod bounding;
mod counting;
mod destinations;
mod entering;
mod fences;
mod fixture;
mod guarding;
mod loading;
mod narrow;
mod ports;
mod programs;
#[path = "../support/reaching.rs"]
mod reaching;
mod registry;
mod surface;
