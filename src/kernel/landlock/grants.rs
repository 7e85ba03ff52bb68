//! What a jail asks for that cannot be had here: a right that what confines it stands in the way of, or the lack of one that
//! this kernel cannot enforce. Pure.

use super::BODY;
use crate::kernel::{Description, Enforcement, KernelError, Policy, Right, RightSet};

/// Takes a policy that can be had as it is, but for what is `accepted` to go unenforced.
///
/// # Errors
/// [`KernelError::RightNotEnforceable`], [`KernelError::NotEnforceable`] for a right that cannot be given,
/// [`KernelError::NoAudit`].
pub fn check(policy: &Policy, description: &Description, accepted: RightSet) -> Result<(), KernelError> {
    check_audit(policy)?;
    for right in Right::all() {
        if policy.rights.holds(right) {
            if let Some(why) = refusal(right, policy.rights) {
                let what = format!("granting the right {right}");
                return Err(KernelError::NotEnforceable { what, body: BODY, why: why.into() });
            }
            continue;
        }
        // Nobody's ports are nobody else's to take.
        let idle = right.name() == "port_foreign" && policy.ports.is_empty();
        if let Some(Enforcement::NotEnforceable { why }) = description.enforcement(right)
            && !idle
            && !accepted.contains(right)
        {
            return Err(KernelError::RightNotEnforceable { right, body: BODY, why: why.clone() });
        }
    }
    Ok(())
}

/// # Errors
/// [`KernelError::NoAudit`] for what is to be audited.
pub fn check_audit(policy: &Policy) -> Result<(), KernelError> {
    let why = "Landlock and seccomp let through or refuse, and tell nothing";
    let refused = |right| KernelError::NoAudit { right, body: BODY, why: why.into() };
    policy.audited.iter().next().map_or(Ok(()), |right| Err(refused(right)))
}

/// What a ring's operations would need: they pass no system call filter.
const RING: [&str; 10] = [
    "io_uring",
    "io_uring_poll",
    "io_uring_command",
    "socket_family",
    "raw_socket",
    "ping",
    "packet_socket",
    "netlink",
    "netlink_route",
    "connect",
];

/// May members use io_uring at all?
pub fn has_ring(rights: RightSet) -> bool {
    Right::all().filter(|right| RING.contains(&right.name())).all(|right| rights.holds(right))
}

/// Why a jail cannot be given `right` with the `rights` it is to hold; `None` if it can.
fn refusal(right: Right, rights: RightSet) -> Option<&'static str> {
    match right.name() {
        "mount" => Some("a process in a Landlock domain never mounts; use the lsm body (--kernel lsm)"),
        "io_uring_poll" | "io_uring_command" if !has_ring(rights) => Some(
            "operations of a ring pass no system call filter, so a ring takes io_uring, io_uring_poll, io_uring_command and every right about sockets together",
        ),
        "swap" if !rights.holds("namespaces".parse().expect("a right of the table")) => {
            Some("swapon(2) takes the capability that namespaces grants here; grant that too, or use the lsm body (--kernel lsm)")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Level;
    use crate::kernel::landlock::describe::{Facts, describe};

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

    fn description(ports: Result<(), String>) -> Description {
        describe(&Facts { abi: 7, ports, devices: Ok(()) })
    }

    fn policy(ports: &[i64]) -> Policy {
        let ports = ports.iter().map(|port| port.to_string().parse().unwrap()).collect();
        Policy::new(Level::Medium.rights(), ports)
    }

    #[test]
    fn ports_that_cannot_be_kept_are_refused_unless_that_is_accepted() {
        let weak = description(Err("the platform loads no such programs".into()));
        let error = check(&policy(&[80]), &weak, RightSet::EMPTY).unwrap_err().to_string();
        for part in ["port_foreign", "loads no such programs", "accept_unenforced"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(check(&policy(&[]), &weak, RightSet::EMPTY).is_ok(), "it reserves none");
        assert!(check(&policy(&[80]), &weak, RightSet::EMPTY.with(right("port_foreign"))).is_ok());
        assert!(check(&policy(&[80]), &description(Ok(())), RightSet::EMPTY).is_ok());
    }

    #[test]
    fn a_right_that_cannot_be_given_is_refused_by_name() {
        let all = description(Ok(()));
        let mounter = Policy::new(Level::Low.rights().with(right("mount")), Vec::new());
        let error = check(&mounter, &all, RightSet::EMPTY.with(right("mount"))).unwrap_err().to_string();
        assert!(error.contains("granting the right mount") && error.contains("lsm"), "{error}");
        for level in Level::ALL {
            assert!(check(&Policy::new(level.rights(), Vec::new()), &all, RightSet::EMPTY).is_ok(), "{level:?}");
        }
    }

    #[test]
    fn what_would_only_be_told_is_refused_with_the_body_that_can() {
        let audited = RightSet::EMPTY.with(right("mount"));
        let error = check(&Policy { audited, ..policy(&[]) }, &description(Ok(())), RightSet::EMPTY).unwrap_err();
        insta::assert_snapshot!(error.to_string());
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
