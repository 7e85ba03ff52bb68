//! The decisions of kmod/policy, asked from Rust: the profiles against a table written out by hand, the rest against an
//! independent model over random subjects and objects.

use std::net::{IpAddr, Ipv6Addr};

use jailsh::kernel::policy::{
    self, Action, FsKind, Level, MountKind, RawDestination, RawReservation, Right, RightSet, Verdict, right_of,
};
use proptest::prelude::*;

fn right(name: &str) -> Right {
    name.parse().unwrap_or_else(|()| panic!("no right named {name}"))
}

fn needs(action: Action) -> &'static str {
    right_of(action).map_or("free", Right::name)
}

#[test]
fn the_rights_table_is_as_documented() {
    let mark = |level: Level, right: Right| if level.rights().holds(right) { "yes" } else { "-" };
    let row = |right: Right| {
        let kind = match (right.is_fence(), right.is_grave()) {
            (true, _) => "fence",
            (_, true) => "grave",
            _ => "right",
        };
        let [low, medium, high] = Level::ALL.map(|level| mark(level, right));
        format!("{:<18} {kind:<5} {low:<4} {medium:<4} {high:<4} {}", right.name(), right.reason())
    };
    let table: Vec<String> = Right::all().map(row).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn a_stricter_profile_never_grants_what_a_laxer_one_keeps() {
    for right in Right::all() {
        let [low, medium, high] = Level::ALL.map(|level| level.rights().holds(right));
        assert!(low || !medium, "{right}: medium grants what low denies");
        assert!(medium || !high, "{right}: high grants what medium denies");
    }
}

#[test]
fn what_can_end_the_host_or_the_walls_is_in_no_level_and_cannot_be_audited() {
    let grave: Vec<Right> = Right::all().filter(|right| right.is_grave()).collect();
    let everything = RightSet::from_mask(u64::MAX);
    for right in &grave {
        assert!(Level::ALL.iter().all(|level| !level.rights().holds(*right)), "{right}");
        assert_eq!(policy::judge(RightSet::EMPTY, everything, *right), Verdict::Refused, "{right}");
        assert_eq!(policy::judge_learned(RightSet::EMPTY, *right, None), Verdict::Refused, "{right}");
        assert!(!RightSet::auditable().holds(*right), "{right}");
    }
    let names: Vec<&str> = grave.iter().map(|right| right.name()).collect();
    let expected = "mount device kernel_module bpf namespaces reboot sysctl_write kernel_fs_write raw_io file_handle swap";
    assert_eq!(names.join(" "), expected);
    // A part of one that is held is held while somebody learns, and its like is not.
    let (kvm, fuse) = (right("device:kvm"), right("device:fuse"));
    let held = RightSet::EMPTY.with(kvm);
    assert_eq!(policy::judge_learned(held, kvm, None), Verdict::Told);
    assert_eq!(policy::judge_learned(held, right("device"), Some(kvm)), Verdict::Told);
    assert_eq!(policy::judge_learned(held, fuse, None), Verdict::Refused);
}

#[test]
fn no_mask_holds_a_fence() {
    let everything = RightSet::from_mask(u64::MAX);
    for right in Right::all() {
        assert_eq!(everything.holds(right), !right.is_fence(), "{right}");
    }
}

proptest! {
    #[test]
    fn a_right_is_allowed_if_held_told_if_audited_and_else_refused(held in any::<u64>(), audited in any::<u64>(), index in 0..Right::count()) {
        let right = Right::from_index(index as u32).unwrap();
        let verdict = policy::judge(RightSet::from_mask(held), RightSet::from_mask(audited), right);
        let expected = match (right.is_fence(), held >> index & 1, audited >> index & 1) {
            (true, ..) => Verdict::Refused,
            (false, 1, _) => Verdict::Allowed,
            (false, _, 1) if !right.is_grave() => Verdict::Told,
            _ => Verdict::Refused,
        };
        prop_assert_eq!(verdict, expected);
        // Who learns is told of all that goes through, and only what is grave or a fence goes no further than it does otherwise.
        let goes = if right.is_grave() || right.is_fence() { expected == Verdict::Allowed } else { true };
        let learned = policy::judge_learned(RightSet::from_mask(held), right, None);
        prop_assert_eq!(learned, if goes { Verdict::Told } else { Verdict::Refused });
        // Auditing lets no right through that is not audited, and takes none away.
        let plain = policy::judge(RightSet::from_mask(held), RightSet::EMPTY, right);
        prop_assert!(plain == verdict || (plain == Verdict::Refused && verdict == Verdict::Told));
    }
}

#[test]
fn names_are_unique_and_in_the_fields_spelling() {
    let names: Vec<&str> = Right::all().map(Right::name).collect();
    for (i, name) in names.iter().enumerate() {
        assert!(!names[..i].contains(name), "{name} is there twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(right(name).index() as usize, i);
    }
    assert!("no_such_right".parse::<Right>().is_err());
}

#[test]
fn capabilities_that_stay_inside_a_root_are_free_and_the_others_take_a_named_right() {
    const FREE: [(u32, &str); 11] = [
        (0, "chown"),
        (1, "dac_override"),
        (3, "fowner"),
        (4, "fsetid"),
        (5, "kill"),
        (6, "setgid"),
        (7, "setuid"),
        (8, "setpcap"),
        (11, "net_broadcast"),
        (27, "mknod, judged by the node's kind"),
        (28, "lease"),
    ];
    for cap in 0..=40 {
        let free = FREE.iter().any(|(number, _)| *number == cap);
        assert_eq!(right_of(Action::Capability(cap)).is_none(), free, "capability {cap}");
    }
    for (cap, name) in
        [(2, "file_handle"), (10, "privileged_port"), (12, "net_admin"), (16, "kernel_module"), (21, "namespaces"), (39, "bpf")]
    {
        assert_eq!(needs(Action::Capability(cap)), name);
    }
}

#[test]
fn a_capability_of_a_newer_kernel_takes_a_right_no_profile_grants() {
    for cap in [41, 63, 64, u32::MAX] {
        let right = right_of(Action::Capability(cap)).expect("never free");
        assert!(Level::ALL.iter().all(|level| !level.rights().holds(right)));
    }
}

#[test]
fn only_harmless_devices_and_ptys_are_free() {
    let device = |block, major, minor, pty| needs(Action::Device { block, major, minor, pty });
    for minor in 0..16 {
        let harmless = matches!(minor, 3 | 5 | 7 | 8 | 9);
        assert_eq!(device(false, 1, minor, false), if harmless { "free" } else { "device" }, "char 1:{minor}");
        assert_eq!(device(true, 1, minor, false), "device", "block 1:{minor}");
    }
    assert_eq!([device(false, 5, 0, false), device(false, 5, 1, false), device(false, 5, 2, false)], ["free", "device", "free"]);
    assert_eq!(device(false, 136, 7, true), "free");
    assert_eq!(device(true, 136, 7, true), "device");
    assert_eq!(device(false, 10, 200, false), "device");
}

#[test]
fn nodes_are_judged_by_their_kind() {
    for (mode, name) in
        [(0o060600, "mknod"), (0o020600, "mknod"), (0o010600, "free"), (0o140600, "free"), (0o100600, "free"), (0, "free")]
    {
        assert_eq!(needs(Action::Mknod(mode)), name, "{mode:o}");
    }
}

#[test]
fn the_hosts_files_are_read_only_and_other_jails_ipc_is_unreadable() {
    let open = |fs, write| needs(Action::Open { fs, write });
    assert_eq!([open(FsKind::Ordinary, false), open(FsKind::Ordinary, true)], ["free", "free"]);
    assert_eq!([open(FsKind::ProcProcess, false), open(FsKind::ProcProcess, true)], ["free", "free"]);
    assert_eq!([open(FsKind::ProcHost, false), open(FsKind::ProcHost, true)], ["free", "sysctl_write"]);
    assert_eq!([open(FsKind::ProcIpc, false), open(FsKind::ProcIpc, true)], ["ipc_foreign", "ipc_foreign"]);
    assert_eq!([open(FsKind::Kernel, false), open(FsKind::Kernel, true)], ["free", "kernel_fs_write"]);
    assert_eq!([open(FsKind::KernelHidden, false), open(FsKind::KernelHidden, true)], ["kernel_fs_write", "kernel_fs_write"]);
    let changes = [FsKind::Ordinary, FsKind::ProcHost, FsKind::Kernel, FsKind::KernelHidden].map(|fs| needs(Action::Change(fs)));
    assert_eq!(changes, ["free", "sysctl_write", "kernel_fs_write", "kernel_fs_write"]);
}

#[test]
fn sockets_that_forge_or_watch_take_their_right() {
    let socket = |family, kind, protocol| needs(Action::Socket { family, kind, protocol });
    assert_eq!([socket(1, 3, 0), socket(2, 1, 6), socket(10, 2, 17)], ["free"; 3]);
    assert_eq!([socket(2, 3, 0), socket(10, 3, 6), socket(2, 3, 255)], ["raw_socket"; 3]);
    assert_eq!([socket(2, 3, 1), socket(10, 3, 58), socket(2, 2, 1), socket(10, 2, 58)], ["ping"; 4]);
    assert_eq!([socket(16, 3, 0), socket(16, 3, 15), socket(17, 3, 768)], ["netlink_route", "netlink", "packet_socket"]);
    for family in [15, 38, 40, 44, 0, 999] {
        assert_eq!(socket(family, 1, 0), "socket_family", "family {family}");
    }
}

#[test]
fn a_part_is_of_netlink_or_device_and_does_for_its_action_alone() {
    use jailsh::kernel::policy::{part_of, right_asked};
    let parts: Vec<Right> = Right::parts().collect();
    assert!(parts.len() > 20);
    let sockets = (0..64).map(|protocol| Action::Socket { family: 16, kind: 3, protocol });
    let nodes = (0..256).flat_map(|major| (0..256).map(move |minor| Action::Device { block: false, major, minor, pty: false }));
    let actions: Vec<Action> = sockets.chain(nodes).collect();
    for part in &parts {
        assert_eq!(part.name().parse(), Ok(*part));
        assert!(["netlink", "device"].contains(&part.whole().name()) && !part.is_fence(), "{part}");
        let held = RightSet::EMPTY.with(*part);
        assert!(held.holds(*part) && !held.holds(part.whole()) && held.iter().eq([*part]));
        let opened: Vec<&Action> = actions.iter().filter(|action| part_of(**action) == Some(*part)).collect();
        assert_eq!(opened.len(), 1, "{part}");
        assert_eq!(right_of(*opened[0]), Some(part.whole()), "{part}");
        for action in &actions {
            let asked = right_asked(*action, held, RightSet::EMPTY);
            let verdict = asked.map_or(Verdict::Allowed, |right| policy::judge(held, RightSet::EMPTY, right));
            let is_allowed = action == opened[0] || right_of(*action).is_none();
            assert_eq!(verdict == Verdict::Allowed, is_allowed, "{part}: {action:?}");
        }
        let whole = RightSet::EMPTY.with(part.whole());
        assert!(whole.holds(*part) && whole.with(*part).without(part.whole()) == RightSet::EMPTY);
    }
    assert_eq!(part_of(Action::Device { block: true, major: 10, minor: 232, pty: false }), None, "disks have none");
}

#[test]
fn files_on_mounts_of_another_tree_are_out_of_reach() {
    let kinds = [MountKind::Own, MountKind::Kernel, MountKind::Foreign].map(|kind| needs(Action::OpenOn(kind)));
    assert_eq!(kinds, ["free", "free", "foreign_mount"]);
}

#[test]
fn received_directories_and_namespaces_are_refused() {
    let receive = |mode, namespace| needs(Action::Receive { mode, namespace });
    assert_eq!(receive(0o040755, false), "descriptor_receive");
    assert_eq!(receive(0o100444, true), "descriptor_receive");
    assert_eq!([receive(0o100644, false), receive(0o140777, false), receive(0o010600, false)], ["free"; 3]);
}

fn words(address: IpAddr) -> [u32; 4] {
    let octets = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    std::array::from_fn(|word| u32::from_ne_bytes(std::array::from_fn(|byte| octets[4 * word + byte])))
}

fn of_words(words: [u32; 4]) -> Ipv6Addr {
    let octets: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    <[u8; 16]>::try_from(octets).expect("sixteen").into()
}

fn any_address(texts: &'static [&str]) -> impl Strategy<Value = IpAddr> {
    proptest::sample::select(texts).prop_map(|text| text.parse().expect("an address"))
}

fn any_reservation() -> impl Strategy<Value = RawReservation> {
    let address = any_address(&["127.0.0.1", "127.0.0.2", "10.0.0.1", "::1", "::2", "fe80::1"]);
    (1_u16..8, 0_u16..3, 1_u16..4, proptest::option::of(address)).prop_map(|(first, more, protocols, address)| RawReservation {
        address: address.map_or([0; 4], words),
        first_port: first,
        last_port: first + more,
        protocols,
        family: address.map_or(0, |address| if address.is_ipv4() { 4 } else { 6 }),
    })
}

fn any_place() -> impl Strategy<Value = RawDestination> {
    let address = any_address(&[
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "::",
        "::1",
        "::2",
        "::ffff:127.0.0.2",
        "::ffff:0.0.0.0",
        "::127.0.0.2",
    ]);
    (address, 0_u16..12, proptest::sample::select(vec![1_u16, 2, 4])).prop_map(|(address, port, protocol)| RawDestination {
        address: words(address),
        port,
        protocol,
    })
}

proptest! {
    #[test]
    fn the_host_acts_on_all_and_a_member_on_its_own_jail(actor in 0_u32..6, target in 0_u32..6) {
        prop_assert_eq!(policy::may_act(actor, target), actor == 0 || actor == target);
        prop_assert_eq!(policy::may_act_on(actor, target, false), actor == 0 || actor == target);
        prop_assert_eq!(policy::may_act_on(actor, target, true), actor == 0, "a newcomer is the host's alone");
        prop_assert_eq!(policy::may_share_ipc(actor, target), actor == 0 || actor == target);
    }

    #[test]
    fn a_reserved_port_has_one_binder(actor: u32, other: u32, owner in 1..u32::MAX) {
        prop_assert!(policy::may_bind(actor, 0));
        prop_assert!(policy::may_bind(owner, owner));
        prop_assert_eq!(policy::may_bind(other, owner), other == owner);
        prop_assert!(!policy::may_bind(0, owner), "the host is not exempt");
    }

    /// By the words of ipv6(7) and RFC 4291 instead of words of memory.
    #[test]
    fn what_a_reservation_keeps_is_what_its_words_say(reserved in any_reservation(), at in any_place()) {
        let address = of_words(at.address);
        let theirs = of_words(reserved.address);
        let stands_for_it = match address.to_ipv4_mapped() {
            Some(v4) => v4.is_unspecified() && reserved.family == 4,
            None => address.is_unspecified(),
        };
        let by_address = reserved.family == 0 || stands_for_it || address == theirs;
        let by_port = (reserved.first_port..=reserved.last_port).contains(&at.port);
        let by_protocol = reserved.protocols & at.protocol != 0;
        let is_other = at.protocol & 4 != 0;
        prop_assert_eq!(policy::reserves(&reserved, &at), by_port && (is_other || by_protocol && by_address));
    }

    #[test]
    fn what_is_no_reservation_the_module_takes_for_none(mut reserved in any_reservation(), way in 0..7) {
        prop_assert!(policy::is_reservation(&reserved));
        match way {
            0 => reserved.first_port = 0,
            1 => (reserved.first_port, reserved.last_port) = (reserved.last_port + 1, reserved.first_port),
            2 => reserved.protocols = 0,
            3 => reserved.protocols |= 4,
            4 => reserved.family = 5,
            5 => (reserved.family, reserved.address) = (6, [0; 4]),
            _ => (reserved.family, reserved.address) = (6, words("127.0.0.1".parse().unwrap())),
        }
        prop_assert!(!policy::is_reservation(&reserved));
    }

    #[test]
    fn a_unix_socket_of_another_jail_is_never_reached(actor in 1_u32..6, owner in 0_u32..6, has_path: bool) {
        let expected = actor == owner || (owner == 0 && has_path);
        prop_assert_eq!(policy::may_reach_unix(actor, owner, has_path), expected);
        prop_assert!(policy::may_reach_unix(0, owner, has_path));
    }

    #[test]
    fn any_question_has_an_answer_inside_the_table(a: u32, b: u32, c: u32, flag: bool) {
        let actions = [
            Action::Capability(a),
            Action::Mknod(a),
            Action::Device { block: flag, major: a, minor: b, pty: c % 2 == 0 },
            Action::Receive { mode: a, namespace: flag },
            Action::Socket { family: a, kind: b, protocol: c },
        ];
        for action in actions {
            if let Some(right) = right_of(action) {
                prop_assert!((right.index() as usize) < Right::count(), "{:?}", action);
            }
        }
    }

    #[test]
    fn a_set_is_what_was_put_in(mask: u64, index in 0_u32..64) {
        let set = RightSet::from_mask(mask);
        if let Some(right) = Right::from_index(index) {
            prop_assert_eq!(set.with(right).holds(right), !right.is_fence());
            prop_assert!(!set.without(right).holds(right));
            prop_assert_eq!(set.holds(right), !right.is_fence() && mask >> index & 1 == 1);
        } else {
            prop_assert!(index as usize >= Right::count());
        }
    }
}
