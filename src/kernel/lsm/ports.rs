//! Keeps reserved ports out of the kernel's automatic choice, net.ipv4.ip_local_reserved_ports: listening or sending
//! without bind(2) asks no hook. What the administrator put there stays; what we added is noted in the module (map
//! `port_notes`), so that a note lives exactly as long as it is needed and a crash is repaired by the next call.

use std::collections::BTreeSet;
use std::fs;

use super::abi::Abi;
use super::control::Control;
use crate::kernel::KernelError;

const LIST: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// The module's `struct port_owner`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Owner {
    _jid: u32,
    _added_in: u32,
    _wanted_in: u32,
}
// SAFETY: repr(C), integers of one size.
unsafe impl Abi for Owner {}

/// Makes the list and the notes say what the module reserves. The caller holds the lock.
pub fn reconcile(control: &Control) -> Result<(), KernelError> {
    let noting = || KernelError::system("note the reserved ports");
    let notes = control.table::<u32, u32>("port_notes")?;
    let reserved: BTreeSet<u32> = control.table::<u32, Owner>("port_owners")?.keys().map_err(noting())?.into_iter().collect();
    let noted: BTreeSet<u32> = notes.keys().map_err(noting())?.into_iter().collect();
    if reserved == noted {
        return Ok(());
    }
    let text = fs::read_to_string(LIST).map_err(KernelError::io(format!("read {LIST}")))?;
    let listed = parse(&text);
    let (add, remove) = plan(&reserved, &noted, &listed);
    for port in &add {
        notes.set(*port, 1).map_err(noting())?;
    }
    let mut wanted: BTreeSet<u32> = listed.union(&add).copied().collect();
    wanted.retain(|port| !remove.contains(port));
    if wanted != listed {
        fs::write(LIST, render(&wanted)).map_err(KernelError::io(format!("write {LIST}")))?;
    }
    for port in &remove {
        notes.remove(*port).map_err(noting())?;
    }
    Ok(())
}

/// What to add to the list (and note), and what to remove: never what the administrator listed.
fn plan(reserved: &BTreeSet<u32>, noted: &BTreeSet<u32>, listed: &BTreeSet<u32>) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let add = reserved.iter().filter(|port| noted.contains(port) || !listed.contains(port)).copied().collect();
    let remove = noted.difference(reserved).copied().collect();
    (add, remove)
}

/// `8080,9000-9005`; what is no number is left out, as the kernel never writes it.
fn parse(text: &str) -> BTreeSet<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

fn render(ports: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *port => *last = *port,
            _ => ranges.push((*port, *port)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(ports: &[u32]) -> BTreeSet<u32> {
        ports.iter().copied().collect()
    }

    #[test]
    fn the_kernels_ranges_are_read_and_written() {
        assert_eq!(parse("8080,9000-9002\n"), set(&[8080, 9000, 9001, 9002]));
        assert_eq!(parse("\n"), set(&[]));
        assert_eq!(render(&set(&[1, 2, 3, 5])), "1-3,5\n");
        assert_eq!(render(&set(&[])), "\n");
    }

    #[test]
    fn what_the_administrator_listed_stays() {
        let (add, remove) = plan(&set(&[80]), &set(&[90]), &set(&[80, 90, 100]));
        assert_eq!((add, remove), (set(&[]), set(&[90])));
    }

    #[test]
    fn a_note_whose_port_was_never_written_is_written_now() {
        let (add, _) = plan(&set(&[80]), &set(&[80]), &set(&[]));
        assert_eq!(add, set(&[80]));
    }

    proptest! {
        #[test]
        fn any_list_survives_being_written_and_read(ports in proptest::collection::btree_set(1u32..65536, 0..50)) {
            prop_assert_eq!(parse(&render(&ports)), ports);
        }
    }
}
