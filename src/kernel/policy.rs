//! Safe names for `kmod/policy`, the decisions shared with the kernel. Nothing is decided here.

use std::ffi::{CStr, c_char};
use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod ports;

pub use ports::{
    CONNECT_RULES, RESERVATIONS, RESERVED_PORTS, RawDestination, RawReservation, RawRule, is_here, is_reservation, may_bind,
    overlap, reserves, right_of_reaching, rule_covers,
};

mod ffi {
    use std::ffi::{c_char, c_int, c_uint};

    // SAFETY: kmod/policy/policy.c, compiled by build.rs, defines these with exactly these types; all are pure and
    // total: any argument value is fine.
    unsafe extern "C" {
        pub safe fn jail_policy_count() -> c_uint;
        pub safe fn jail_policy_name(right: c_uint) -> *const c_char;
        pub safe fn jail_policy_reason(right: c_uint) -> *const c_char;
        pub safe fn jail_policy_level_mask(level: c_uint) -> u64;
        pub safe fn jail_policy_fences() -> u64;
        pub safe fn jail_policy_grave() -> u64;
        pub safe fn jail_policy_holds(mask: u64, right: c_uint) -> c_int;
        pub safe fn jail_policy_judge(held: u64, audited: u64, right: c_uint) -> c_uint;
        pub safe fn jail_policy_may_act(actor: c_uint, target: c_uint) -> c_int;
        pub safe fn jail_policy_may_act_on(actor: c_uint, target: c_uint, arriving: c_int) -> c_int;
        pub safe fn jail_policy_may_share_ipc(actor: c_uint, owner: c_uint) -> c_int;
        pub safe fn jail_policy_may_reach_unix(actor: c_uint, owner: c_uint, has_path: c_int) -> c_int;
        pub safe fn jail_policy_capability(cap: c_uint) -> c_uint;
        pub safe fn jail_policy_capability_with(held: u64, audited: u64, cap: c_uint) -> c_uint;
        pub safe fn jail_policy_part_name(part: c_uint) -> *const c_char;
        pub safe fn jail_policy_part_about(part: c_uint) -> *const c_char;
        pub safe fn jail_policy_part_right(part: c_uint) -> c_uint;
        pub safe fn jail_policy_part_major(part: c_uint) -> c_uint;
        pub safe fn jail_policy_part_minor(part: c_uint) -> c_uint;
        pub safe fn jail_policy_part_of_socket(family: c_uint, protocol: c_uint) -> c_uint;
        pub safe fn jail_policy_part_of_device(block: c_int, major: c_uint, minor: c_uint) -> c_uint;
        pub safe fn jail_policy_judge_part(held: u64, audited: u64, parts: u64, right: c_uint, part: c_uint) -> c_uint;
        pub safe fn jail_policy_judge_learned(held: u64, granted: u64, right: c_uint, part: c_uint) -> c_uint;
        pub safe fn jail_policy_mknod(mode: c_uint) -> c_uint;
        pub safe fn jail_policy_device(block: c_int, major: c_uint, minor: c_uint, is_pty: c_int) -> c_uint;
        pub safe fn jail_policy_open(fs: c_uint, write: c_int) -> c_uint;
        pub safe fn jail_policy_mount(kind: c_uint) -> c_uint;
        pub safe fn jail_policy_change(fs: c_uint) -> c_uint;
        pub safe fn jail_policy_received(mode: c_uint, is_namespace: c_int) -> c_uint;
        pub safe fn jail_policy_socket(family: c_uint, kind: c_uint, protocol: c_uint) -> c_uint;
        pub safe fn jail_policy_socket_option(level: c_uint, option: c_uint) -> c_uint;
        pub safe fn jail_policy_kauth_count() -> c_uint;
        pub safe fn jail_policy_kauth_name(question: c_uint) -> *const c_char;
        pub safe fn jail_policy_kauth(question: c_uint) -> c_uint;
        pub safe fn jail_policy_kauth_fence(question: c_uint) -> c_uint;
        /// Writes `count` bytes to `rights`.
        pub unsafe fn jail_policy_sockets(family: c_uint, kind: c_uint, count: c_uint, rights: *mut u8);
    }
}

/// A named thing a jail may do, or a fence between jails that no profile opens. Its number is ABI. Or a part of a right
/// that can be granted by itself, as `device:kvm` and `netlink:generic`: numbers from [`FIRST_PART`] on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right(u8);

/// The kernel counts and describes whole rights, whose mask has 64 bits; the bits of parts come after them.
const FIRST_PART: u8 = 64;
const PARTS: u8 = 64;

impl Right {
    /// Every part of a right, in the order of the table.
    pub fn parts() -> impl Iterator<Item = Right> {
        (0..PARTS).filter(|bit| !ffi::jail_policy_part_name((*bit).into()).is_null()).map(|bit| Right(FIRST_PART + bit))
    }

    fn of_part(bit: u32) -> Option<Right> {
        u8::try_from(bit).ok().filter(|bit| *bit < PARTS).map(|bit| Right(FIRST_PART + bit))
    }

    fn part(self) -> Option<u32> {
        self.0.checked_sub(FIRST_PART).map(u32::from)
    }

    /// Can it only be granted beside others of its right?
    pub fn is_part(self) -> bool {
        self.part().is_some()
    }

    /// The right that it is a part of; any other is itself.
    pub fn whole(self) -> Right {
        self.part().map_or(self, |part| Right(ffi::jail_policy_part_right(part) as u8))
    }

    /// Of a device: its name below /dev, and its major and minor number.
    pub fn device(self) -> Option<(&'static str, u32, u32)> {
        let part = self.part()?;
        let name = self.name().strip_prefix("device:")?;
        Some((name, ffi::jail_policy_part_major(part), ffi::jail_policy_part_minor(part)))
    }

    /// How many there are, parts not counted.
    pub fn count() -> usize {
        ffi::jail_policy_count() as usize
    }

    /// Every right as a whole, in table order.
    pub fn all() -> impl Iterator<Item = Right> {
        (0..ffi::jail_policy_count()).filter_map(Right::from_index)
    }

    /// `None` beyond the table.
    pub fn from_index(index: u32) -> Option<Right> {
        (index < ffi::jail_policy_count()).then_some(Right(index as u8))
    }

    pub fn index(self) -> u32 {
        u32::from(self.0)
    }

    /// Its name in scripts, listings and logs.
    pub fn name(self) -> &'static str {
        text(self.part().map_or_else(|| ffi::jail_policy_name(self.index()), |part| ffi::jail_policy_part_name(part)))
    }

    /// Why it matters, one line.
    pub fn reason(self) -> &'static str {
        text(self.part().map_or_else(|| ffi::jail_policy_reason(self.index()), |part| ffi::jail_policy_part_about(part)))
    }

    /// Is one use of it, or of the right that it is a part of, enough to end the host or the walls? It is granted by name or
    /// refused, and never let through to be observed.
    pub fn is_grave(self) -> bool {
        ffi::jail_policy_grave() >> self.whole().index() & 1 == 1
    }

    /// A wall between jails: counted like a right, granted by no profile.
    pub fn is_fence(self) -> bool {
        !self.is_part() && ffi::jail_policy_fences() >> self.index() & 1 == 1
    }
}

fn text(pointer: *const c_char) -> &'static str {
    if pointer.is_null() {
        return "?";
    }
    // SAFETY: not null, and the C side returns only string literals, which live as long as the program.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap_or("?")
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Right {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for Right {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Right::all().chain(Right::parts()).find(|right| right.name() == name).ok_or(())
    }
}

impl<'de> Deserialize<'de> for Right {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|()| D::Error::custom(format!("{name:?} is no right; jailsh explain RIGHT knows them")))
    }
}

/// A question of NetBSD's kauth(9): its name there, the right that it takes, and for one about a process the fence
/// around those of others.
pub struct KauthQuestion {
    pub name: &'static str,
    pub right: Option<Right>,
    pub fence: Option<Right>,
}

/// Every question that the policy knows, in the order of its table.
pub fn kauth_questions() -> impl Iterator<Item = KauthQuestion> {
    (0..ffi::jail_policy_kauth_count()).map(|question| {
        let name = text(ffi::jail_policy_kauth_name(question));
        let fence = name.starts_with("PROCESS ").then(|| ffi::jail_policy_kauth_fence(question));
        KauthQuestion {
            name,
            right: Right::from_index(ffi::jail_policy_kauth(question)),
            fence: fence.and_then(Right::from_index),
        }
    })
}

/// A set of rights as the kernel keeps it: in the lower half whole ones, in the upper half parts.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct RightSet(u128);

impl RightSet {
    pub const EMPTY: RightSet = RightSet(0);

    /// Whole rights alone.
    pub fn from_mask(mask: u64) -> RightSet {
        RightSet(mask.into())
    }

    /// The same whole rights, and these parts.
    #[must_use]
    pub fn with_parts(self, parts: u64) -> RightSet {
        RightSet(u128::from(self.mask()) | u128::from(parts) << FIRST_PART)
    }

    /// A bit per part.
    pub fn parts(self) -> u64 {
        (self.0 >> FIRST_PART) as u64
    }

    /// Every right but the fences.
    pub fn grantable() -> RightSet {
        RightSet::from_mask(!ffi::jail_policy_fences()).iter().collect()
    }

    /// Every right whose use can be let through and told.
    pub fn auditable() -> RightSet {
        RightSet::grantable().iter().filter(|right| !right.is_grave()).collect()
    }

    /// A bit per whole right.
    pub fn mask(self) -> u64 {
        self.0 as u64
    }

    pub fn with(self, right: Right) -> RightSet {
        RightSet(self.0 | 1 << right.index())
    }

    /// With a right go its parts.
    pub fn without(self, right: Right) -> RightSet {
        let parts = Right::parts().filter(|part| part.whole() == right);
        RightSet(parts.chain([right]).fold(self.0, |set, right| set & !(1 << right.index())))
    }

    /// Does it hold the right? Fences never are; a part is held with its right.
    pub fn holds(self, right: Right) -> bool {
        (right.is_part() && self.contains(right)) || ffi::jail_policy_holds(self.mask(), right.whole().index()) != 0
    }

    /// Was it put in? True of fences too, which no set makes a jail hold.
    pub fn contains(self, right: Right) -> bool {
        self.0 >> right.index() & 1 == 1
    }

    /// Whole rights, and parts of those that it does not hold as a whole.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        let parts = Right::parts().filter(move |part| self.contains(*part) && !self.holds(part.whole()));
        Right::all().filter(move |right| self.holds(*right)).chain(parts)
    }
}

impl FromIterator<Right> for RightSet {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> RightSet {
        rights.into_iter().fold(RightSet::EMPTY, RightSet::with)
    }
}

impl fmt::Debug for RightSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What becomes of a use of a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Refused,
    Allowed,
    /// Let through, and told like a denial.
    Told,
}

/// By the rights that are held and those that are audited.
pub fn judge(held: RightSet, audited: RightSet, right: Right) -> Verdict {
    let answer = match right.part() {
        Some(part) => ffi::jail_policy_judge_part(held.mask(), audited.mask(), held.parts(), right.whole().index(), part),
        None => ffi::jail_policy_judge(held.mask(), audited.mask(), right.index()),
    };
    verdict(answer)
}

/// The same while somebody learns what is used, and where `part` of the right would do: all but grave rights that are not held
/// is let through, and all of it told.
pub fn judge_learned(held: RightSet, right: Right, part: Option<Right>) -> Verdict {
    /// No part's number.
    const NO_PART: u32 = PARTS as u32;
    let part = part.or(Some(right)).and_then(Right::part).unwrap_or(NO_PART);
    verdict(ffi::jail_policy_judge_learned(held.mask(), held.parts(), right.whole().index(), part))
}

fn verdict(answer: u32) -> Verdict {
    match answer {
        1 => Verdict::Allowed,
        2 => Verdict::Told,
        _ => Verdict::Refused,
    }
}

/// The built-in profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Low,
    Medium,
    High,
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Low, Level::Medium, Level::High];

    pub fn name(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }

    /// What it grants.
    pub fn rights(self) -> RightSet {
        RightSet::from_mask(ffi::jail_policy_level_mask(self as u32))
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Level::ALL.into_iter().find(|level| level.name() == name).ok_or(())
    }
}

/// The kind of file system a file lies on, as the policy sees it (`enum jp_fs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsKind {
    Ordinary = 0,
    ProcProcess = 1,
    ProcHost = 2,
    ProcIpc = 3,
    Kernel = 4,
    KernelHidden = 5,
}

/// Whose mount a file lies on, as the policy sees it (`enum jp_mount`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    Own = 0,
    Kernel = 1,
    Foreign = 2,
}

/// An action, as the kernel's hooks ask about it. `None` as answer: free to every jail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Number of capabilities(7).
    Capability(u32),
    /// mode_t.
    Mknod(u32),
    Device {
        block: bool,
        major: u32,
        minor: u32,
        pty: bool,
    },
    Open {
        fs: FsKind,
        write: bool,
    },
    Change(FsKind),
    OpenOn(MountKind),
    Receive {
        mode: u32,
        namespace: bool,
    },
    Socket {
        family: u32,
        kind: u32,
        protocol: u32,
    },
}

/// The right that an action takes.
pub fn right_of(action: Action) -> Option<Right> {
    Right::from_index(match action {
        Action::Capability(cap) => ffi::jail_policy_capability(cap),
        Action::Mknod(mode) => ffi::jail_policy_mknod(mode),
        Action::Device { block, major, minor, pty } => ffi::jail_policy_device(block.into(), major, minor, pty.into()),
        Action::Open { fs, write } => ffi::jail_policy_open(fs as u32, write.into()),
        Action::Change(fs) => ffi::jail_policy_change(fs as u32),
        Action::OpenOn(kind) => ffi::jail_policy_mount(kind as u32),
        Action::Receive { mode, namespace } => ffi::jail_policy_received(mode, namespace.into()),
        Action::Socket { family, kind, protocol } => ffi::jail_policy_socket(family, kind, protocol),
    })
}

/// The part of a right that would do for the action.
pub fn part_of(action: Action) -> Option<Right> {
    Right::of_part(match action {
        Action::Device { block, major, minor, .. } => ffi::jail_policy_part_of_device(block.into(), major, minor),
        Action::Socket { family, protocol, .. } => ffi::jail_policy_part_of_socket(family, protocol),
        _ => return None,
    })
}

/// The right that an action takes of who holds and is audited for these: a part that is held does, and some capabilities are
/// asked without what they are used for, so that more than one right serves.
pub fn right_asked(action: Action, held: RightSet, audited: RightSet) -> Option<Right> {
    match action {
        Action::Capability(cap) => Right::from_index(ffi::jail_policy_capability_with(held.mask(), audited.mask(), cap)),
        other => part_of(other).filter(|part| held.contains(*part)).or_else(|| right_of(other)),
    }
}

/// The rights that sockets of one family and kind take, by protocol, from 0 on: `right_of` for each, at once.
pub fn rights_of_sockets<const N: usize>(family: u32, kind: u32) -> [Option<Right>; N] {
    let mut numbers = [0_u8; N];
    // SAFETY: as many bytes as said.
    unsafe { ffi::jail_policy_sockets(family, kind, N as u32, numbers.as_mut_ptr()) };
    let count = Right::count();
    numbers.map(|number| (usize::from(number) < count).then_some(Right(number)))
}

/// May a process of jail `actor` act on one of jail `target` (0: the host)?
pub fn may_act(actor: u32, target: u32) -> bool {
    ffi::jail_policy_may_act(actor, target) != 0
}

/// The same for a target that entered its jail but still runs the program that brought it in.
pub fn may_act_on(actor: u32, target: u32, arriving: bool) -> bool {
    ffi::jail_policy_may_act_on(actor, target, arriving.into()) != 0
}

/// The right that setting an option of a socket takes, numbers of setsockopt(2).
pub fn right_of_socket_option(level: u32, option: u32) -> Option<Right> {
    Right::from_index(ffi::jail_policy_socket_option(level, option))
}

/// May `actor` use an IPC object that `owner` made?
pub fn may_share_ipc(actor: u32, owner: u32) -> bool {
    ffi::jail_policy_may_share_ipc(actor, owner) != 0
}

/// May `actor` connect or send to a unix socket of `owner`?
pub fn may_reach_unix(actor: u32, owner: u32, has_path: bool) -> bool {
    ffi::jail_policy_may_reach_unix(actor, owner, has_path.into()) != 0
}
