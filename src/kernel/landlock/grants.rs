//! Rights that a jail cannot be given here, because what confines it stands in their way.

use crate::kernel::{Right, RightSet};

/// What a ring's operations would need: they pass no system call filter.
const RING: [&str; 7] =
    ["io_uring_poll", "io_uring_command", "socket_family", "raw_socket", "packet_socket", "netlink", "netlink_route"];

/// May members use io_uring at all?
pub fn has_ring(rights: RightSet) -> bool {
    Right::all().filter(|right| RING.contains(&right.name())).all(|right| rights.holds(right))
}

/// Why a jail cannot be given `right` with the `rights` it is to hold; `None` if it can.
pub fn refusal(right: Right, rights: RightSet) -> Option<&'static str> {
    match right.name() {
        "mount" => Some("a process in a Landlock domain never mounts; use the lsm body (--kernel lsm)"),
        "io_uring_poll" | "io_uring_command" if !has_ring(rights) => Some(
            "operations of a ring pass no system call filter, so a ring takes io_uring_poll, io_uring_command and every right about sockets together",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Level;

    fn right(name: &str) -> Right {
        name.parse().unwrap()
    }

    #[test]
    fn every_level_can_be_given() {
        for level in Level::ALL {
            let rights = level.rights();
            assert!(rights.iter().all(|right| refusal(right, rights).is_none()), "{level:?}");
            assert!(!has_ring(rights), "{level:?}");
        }
    }

    #[test]
    fn a_ring_is_given_with_all_it_could_do_or_not_at_all() {
        let all = RING.iter().fold(Level::Medium.rights(), |set, name| set.with(right(name)));
        assert!(has_ring(all) && refusal(right("io_uring_poll"), all).is_none());
        let less = all.without(right("netlink"));
        assert!(!has_ring(less) && refusal(right("io_uring_poll"), less).is_some());
        assert!(refusal(right("mount"), all).is_some());
    }
}
