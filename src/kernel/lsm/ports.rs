//! Keeps reserved ports out of the kernel's automatic choice, net.ipv4.ip_local_reserved_ports: listening or sending
//! without bind(2) asks no hook. What the administrator put there stays; what we added is noted in the module (map
//! `port_notes`), so that a note lives exactly as long as it is needed and a crash is repaired by the next call.

use std::collections::BTreeSet;

use super::abi::PortKey;
use super::control::Control;
use crate::kernel::bpf::Abi;
use crate::kernel::{KernelError, reserved_ports};

/// The module's `struct port_owner`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Owner {
    _owners: [u64; 2],
    _narrow: [u32; 4],
    _added_in: [u32; 2],
    _wanted_in: [u32; 2],
}
// SAFETY: repr(C), integers, the larger ones first: no padding.
unsafe impl Abi for Owner {}

/// Makes the list and the notes say what the module reserves. The caller holds the lock.
pub fn reconcile(control: &Control) -> Result<(), KernelError> {
    let noting = || KernelError::system("note the reserved ports");
    let notes = control.table::<u32, u32>("port_notes")?;
    let keys = control.table::<PortKey, Owner>("port_owners")?.keys().map_err(noting())?;
    let reserved: BTreeSet<u32> = keys.into_iter().map(|key| key.port).collect();
    let noted: BTreeSet<u32> = notes.keys().map_err(noting())?.into_iter().collect();
    if reserved == noted {
        return Ok(());
    }
    let listed = reserved_ports::read()?;
    let (add, remove) = reserved_ports::plan(&reserved, &noted, &listed);
    for port in &add {
        notes.set(*port, 1).map_err(noting())?;
    }
    let mut wanted: BTreeSet<u32> = listed.union(&add).copied().collect();
    wanted.retain(|port| !remove.contains(port));
    if wanted != listed {
        reserved_ports::write(&wanted)?;
    }
    for port in &remove {
        notes.remove(*port).map_err(noting())?;
    }
    Ok(())
}
