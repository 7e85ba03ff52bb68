//! The ports that the kernel never picks by itself, net.ipv4.ip_local_reserved_ports of the caller's network namespace.
//! What the administrator put there stays; each body notes in its own way what it added.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;

use super::KernelError;

const LIST: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// Every second port, five digits and a comma each, is the longest that there is.
const LONGEST: usize = 1 << 18;

/// The list as it is. The kernel tells it in one read(2), however little that has room for: the rest of a number that was cut
/// off is gone (kernel/sysctl.c, proc_do_large_bitmap).
pub fn read() -> Result<BTreeSet<u32>, KernelError> {
    let mut text = vec![0; LONGEST];
    let told = fs::File::open(LIST).and_then(|mut file| file.read(&mut text)).map_err(KernelError::io(format!("read {LIST}")))?;
    Ok(parse(&String::from_utf8_lossy(&text[..told])))
}

/// Replaces the list; at once if it has less than a page, else page by page.
pub fn write(ports: &BTreeSet<u32>) -> Result<(), KernelError> {
    fs::write(LIST, render(ports)).map_err(KernelError::io(format!("write {LIST}")))
}

/// What to add to the list (and note), and what to remove: never what the administrator listed.
pub fn plan(reserved: &BTreeSet<u32>, noted: &BTreeSet<u32>, listed: &BTreeSet<u32>) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let add = reserved.iter().filter(|port| noted.contains(port) || !listed.contains(port)).copied().collect();
    let remove = noted.difference(reserved).copied().collect();
    (add, remove)
}

/// `8080,9000-9005`; what is no number is left out, as the kernel never writes it.
pub fn parse(text: &str) -> BTreeSet<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// The text that [`parse`] reads.
pub fn render(ports: &BTreeSet<u32>) -> String {
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
