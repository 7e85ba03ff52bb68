//! How far a profile opens the host: one number, what it is made of, and what closing each part would gain. Pure.
//!
//! Each open right has a weight, the chance in percent that who holds it gets at the host or at other jails with it. The
//! parts are taken as independent: exposure = 10 x (1 - (1 - w1) x (1 - w2) x ...). So a right that is the host's own power
//! makes it 10 whatever else is closed, many small ones add up, and taking a right away never makes it larger. The weights
//! are our judgement, written down in docs/exposure.md; the number compares profiles, it does not predict.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Profile, Spec};
use crate::kernel::{Description, Enforcement, Policy, Right, Verdict};

/// In percent, of each right that a profile can grant, and why so much.
const WEIGHTS: &[(&str, u8, &str)] = &[
    ("kernel_module", 100, "code in the kernel"),
    ("raw_io", 100, "the kernel's memory and ports"),
    ("device", 95, "disks and memory behind device nodes"),
    ("namespaces", 90, "most of CAP_SYS_ADMIN"),
    ("swap", 90, "a file of the jail's holds the host's memory"),
    ("mount", 85, "host file systems come into sight"),
    ("file_handle", 85, "any file of a shared file system"),
    ("sysctl_write", 85, "core_pattern and modprobe are run by the host as root"),
    ("kernel_fs_write", 85, "uevent helpers, control groups, tracing"),
    ("bpf", 80, "programs that see and steer the host"),
    ("mknod", 60, "nodes that another mount or user may open"),
    ("reboot", 60, "ends the host, or starts another kernel"),
    ("perf", 40, "kernel addresses, and what other jails do"),
    ("mac_audit", 40, "the host's own rules and records"),
    ("net_admin", 40, "routes and filters of all"),
    ("checkpoint", 30, "forged process state"),
    ("userns", 30, "much of the kernel opens to who is root in one"),
    ("io_uring_command", 25, "pass-through commands skip checks"),
    ("userfaultfd", 20, "makes races in the kernel easy to win"),
    ("packet_socket", 20, "reads and forges what others send"),
    ("syslog_read", 15, "kernel addresses and other jails' doings"),
    ("socket_family", 15, "rarely used kernel code"),
    ("netlink", 15, "kernel code that watches and steers the host"),
    ("immutable", 10, "files that outlive their jail"),
    ("io_uring_poll", 10, "the kernel's work on nobody's account"),
    ("accounting", 10, "records of the whole host"),
    ("quota", 10, "limits of others"),
    ("priority", 10, "others starve"),
    ("resource", 10, "limits and reserves of others"),
    ("time", 10, "certificates and logs of all"),
    ("keyring", 8, "keys of the same user number on the host"),
    ("raw_socket", 8, "forged packets"),
    ("io_uring", 8, "a large and young part of the kernel's code"),
    ("tty", 5, "terminals of the host"),
    ("wake", 5, "the host's power state"),
    ("chroot", 4, "an old way out where a directory was left open"),
    ("ping", 3, "ICMP of every type, sent and read"),
    ("ptrace", 3, "one service reads another of its jail"),
    ("file_capability", 2, "programs with capabilities, inside"),
    ("ipc_override", 1, "objects of its own jail"),
    ("netlink_route", 1, "tells addresses and routes"),
    ("privileged_port", 1, "a well-known port that nobody reserved"),
    ("audit_write", 1, "records in the host's audit log"),
    ("connect", 1, "what was taken leaves for anywhere"),
    ("setuid_exec", 1, "a fault in a setuid program makes its caller the jail's root"),
    ("loopback_foreign", 1, "services of other jails that trust this machine"),
];

/// Of parts of rights, likewise; what is not named here counts as [`PART`].
const PARTS: &[(&str, u8, &str)] = &[
    ("device:kvm", 25, "a large part of the kernel"),
    ("device:uinput", 25, "keys pressed on the host's console"),
    ("device:watchdog", 20, "resets the host"),
    ("device:ttyS0", 15, "may be the host's console"),
    ("device:dri/card0", 15, "a driver's code, and the screen"),
    ("netlink:netfilter", 10, "kernel code in which many holes were found"),
    ("netlink:xfrm", 10, "kernel code in which many holes were found"),
    ("netlink:connector", 5, "tells of every process of the host"),
    ("netlink:sock_diag", 5, "tells of every connection of the host"),
];
/// Of any other part: one driver, or one family.
const PART: (u8, &str) = (5, "one driver or family of the kernel");

/// Of a fence, which no profile opens, where a kernel cannot hold it.
const FENCE: u8 = 40;
/// What a service that runs as root is worth to who takes it over.
const ROOT_SERVICE: u8 = 10;
/// By so much smaller is what a right counts where the kernel holds all but something small of it.
const GAP: f64 = 0.1;

/// Something that is open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// A right's name, or `root` for a service that runs as root.
    pub what: String,
    /// In percent.
    pub weight: Percent,
    /// The exposure if this alone were closed.
    pub without: Score,
    /// What it opens, or why it is open although the profile keeps it.
    pub opens: String,
    /// Why the profile's author grants or audits it, if that is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It is not held, but let through and told.
    pub audited: bool,
}

/// A part of a hundred, with one decimal.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

/// 0.0 for nothing open to 10.0 for all of the host.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Score(f64);

impl Score {
    /// `None` beyond 0 to 10.
    pub fn new(score: f64) -> Option<Score> {
        (0.0..=10.0).contains(&score).then_some(Score(score))
    }

    /// As it is shown, with one decimal: two scores that look alike are alike.
    pub fn value(self) -> f64 {
        (self.0 * 10.0).round() / 10.0
    }

    pub fn word(self) -> &'static str {
        match self.value() {
            score if score < 2.0 => "tight",
            score if score < 4.0 => "guarded",
            score if score < 7.0 => "exposed",
            _ => "open",
        }
    }

    /// More than `most`, by what is shown.
    pub fn exceeds(self, most: Score) -> bool {
        self.value() > most.value()
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.value())
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0 * 10.0).round() / 10.0)
    }
}

/// What is open, the heaviest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exposure {
    pub score: Score,
    pub word: &'static str,
    pub parts: Vec<Part>,
}

impl Exposure {
    /// Of a profile where all of it is enforced.
    pub fn of_profile(profile: &Profile) -> Exposure {
        Exposure::sum(open(profile, &profile.policy(Vec::new())))
    }

    /// Of a jail on this machine: what its kernel does not hold is open too, and so is what root can do who runs a service.
    /// `policy` is the one that the kernel knows of, if the jail runs. Without a kernel all is taken for enforced.
    pub fn of_jail(spec: &Spec, policy: Option<Policy>, kernel: Option<&Description>) -> Exposure {
        let policy = policy.unwrap_or_else(|| spec.policy());
        let rights = policy.open();
        let mut parts = open(&spec.profile, &policy);
        let told = kernel.iter().flat_map(|kernel| &kernel.rights);
        for status in told.filter(|status| !rights.holds(status.right)) {
            let (share, why) = match &status.enforcement {
                Enforcement::Enforced { .. } => continue,
                Enforcement::Weaker { gap, .. } => (GAP, gap),
                Enforcement::NotEnforceable { why } => (1.0, why),
            };
            let opens = format!("not wholly held by this kernel: {why}");
            parts.push(Part::new(status.right.name(), weight(status.right).0 * share, opens));
        }
        if runs_as_root(spec) {
            let opens = "a service runs as root, so who takes it over may try all that root may in this jail; set user";
            parts.push(Part::new("root", f64::from(ROOT_SERVICE), opens));
        }
        Exposure::sum(parts)
    }

    fn sum(mut parts: Vec<Part>) -> Exposure {
        parts.sort_by(|a, b| b.weight.0.total_cmp(&a.weight.0).then_with(|| a.what.cmp(&b.what)));
        let closed: Vec<f64> = parts.iter().map(|part| 1.0 - part.weight.0 / 100.0).collect();
        let score = |left_out: Option<usize>| {
            let kept = closed.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
            Score(10.0 * (1.0 - kept.map(|(_, closed)| closed).product::<f64>()))
        };
        for (at, part) in parts.iter_mut().enumerate() {
            part.without = score(Some(at));
        }
        Exposure { score: score(None), word: score(None).word(), parts }
    }
}

impl Part {
    fn new(what: &str, weight: f64, opens: impl Into<String>) -> Part {
        Part {
            what: what.into(),
            weight: Percent(weight),
            without: Score(0.0),
            opens: opens.into(),
            reason: None,
            audited: false,
        }
    }
}

/// An audited right is as open as one that is held.
fn open(profile: &Profile, policy: &Policy) -> Vec<Part> {
    let part = |right: Right| {
        let (weight, opens) = weight(right);
        let audited = policy.judge(right) == Verdict::Told;
        let reasons = if audited { &profile.audit } else { &profile.grant };
        Part { reason: reasons.of(right).map(str::to_owned), audited, ..Part::new(right.name(), weight, opens) }
    };
    policy.open().iter().map(part).collect()
}

/// In percent, and why so much.
pub fn weight(right: Right) -> (f64, &'static str) {
    if right.is_fence() {
        return (f64::from(FENCE), right.reason());
    }
    if right.is_part() {
        let known = PARTS.iter().find(|(name, ..)| *name == right.name()).map_or(PART, |(_, weight, why)| (*weight, why));
        return (f64::from(known.0), known.1);
    }
    let known = WEIGHTS.iter().find(|(name, ..)| *name == right.name());
    // A right that the table does not know counts like the worst; a test keeps it from coming to that.
    known.map_or((100.0, "not weighed"), |(_, weight, why)| (f64::from(*weight), why))
}

fn runs_as_root(spec: &Spec) -> bool {
    let is_root = |user: Option<&String>| user.is_none_or(|user| user == "root" || user == "0");
    let single = !spec.command.is_empty() && is_root(spec.user.as_ref());
    single || spec.services.iter().any(|service| is_root(service.user.as_ref().or(spec.user.as_ref())))
}

/// The table of docs/exposure.md: the weights, and what the standard profiles come to by them.
pub fn markdown(profiles: &[(String, Profile)]) -> String {
    let mut text = String::from("| right | weight | because of |\n|---|---:|---|\n");
    for (name, weight, why) in WEIGHTS {
        text += &format!("| {name} | {weight} % | {why} |\n");
    }
    for (name, weight, why) in PARTS {
        text += &format!("| {name} | {weight} % | {why} |\n");
    }
    text += &format!("| any other part of device or netlink | {} % | {} |\n", PART.0, PART.1);
    text += &format!("| a fence that the kernel cannot hold | {FENCE} % | it parts jails |\n");
    text += &format!("| a service that runs as root | {ROOT_SERVICE} % | most faults of kernels want root |\n");
    text += "\n| profile | exposure | |\n|---|---:|---|\n";
    for (name, profile) in profiles {
        let exposure = Exposure::of_profile(profile);
        text += &format!("| {name} | {} | {} |\n", exposure.score, exposure.word);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Level, RightStatus};

    fn rights() -> impl Iterator<Item = Right> {
        Right::all().filter(|right| !right.is_fence())
    }

    #[test]
    fn every_right_is_weighed_once_and_nothing_else() {
        let mut weighed: Vec<&str> = WEIGHTS.iter().map(|(name, ..)| *name).collect();
        let mut known: Vec<&str> = rights().map(Right::name).collect();
        weighed.sort_unstable();
        known.sort_unstable();
        assert_eq!(weighed, known);
        assert!(WEIGHTS.is_sorted_by(|(_, a, _), (_, b, _)| a >= b), "the heaviest come first");
    }

    #[test]
    fn the_levels_come_in_their_order_and_the_hosts_power_is_all_of_it() {
        let [low, medium, high] = [Level::Low, Level::Medium, Level::High].map(|level| score(&Profile::built_in(level)));
        assert!(high < medium && medium < low, "{high} {medium} {low}");
        let module = Profile::built_in(Level::High).with("kernel_module".parse().unwrap(), None);
        assert_eq!(score(&module).to_string(), "10.0");
    }

    #[test]
    fn what_a_kernel_does_not_hold_and_a_service_of_roots_is_open_too() {
        let name = "web".parse().unwrap();
        let spec =
            |user: &str| Spec::from_toml(&name, &format!("command = [\"/bin/true\"]\nprofile = \"high\"\n{user}")).unwrap();
        let held = |right: Right| match right.name() {
            "process_see" => Enforcement::NotEnforceable { why: "no way".into() },
            "ptrace" => Enforcement::Weaker { by: "walls".into(), gap: "a door".into() },
            _ => Enforcement::Enforced { by: "walls".into() },
        };
        let rights = Right::all().map(|right| RightStatus { right, enforcement: held(right) }).collect();
        let kernel = Description { body: "sim", abi: 1, kernel: "6.1".into(), rights, notes: Vec::new() };
        let parts = |spec: &Spec| {
            let exposure = Exposure::of_jail(spec, None, Some(&kernel));
            exposure.parts.into_iter().map(|part| (part.what, part.weight.0)).collect::<Vec<_>>()
        };
        let expected = [
            ("process_see", 40.0),
            ("root", 10.0),
            ("connect", 1.0),
            ("loopback_foreign", 1.0),
            ("privileged_port", 1.0),
            ("setuid_exec", 1.0),
            ("ptrace", 0.3),
        ];
        let expected = expected.map(|(what, weight)| (what.to_owned(), weight));
        let found = parts(&spec(""));
        assert_eq!(
            found.iter().map(|(what, _)| what).collect::<Vec<_>>(),
            expected.iter().map(|(what, _)| what).collect::<Vec<_>>()
        );
        assert!(found.iter().zip(&expected).all(|((_, a), (_, b))| (a - b).abs() < 1e-9), "{found:?}");
        assert!(parts(&spec("user = \"nobody\"")).iter().all(|(what, _)| what != "root"));
    }

    fn score(profile: &Profile) -> Score {
        Exposure::of_profile(profile).score
    }

    proptest! {
        #[test]
        fn a_right_more_never_makes_it_smaller_and_each_part_says_what_closing_it_gains(
            picked in proptest::collection::vec(0..rights().count(), 0..12),
            more in 0..rights().count(),
        ) {
            let all: Vec<Right> = rights().collect();
            let profile = picked.iter().fold(Profile::built_in(Level::High), |profile, at| profile.with(all[*at], None));
            let larger = profile.with(all[more], None);
            prop_assert!(score(&larger) >= score(&profile));
            let exposure = Exposure::of_profile(&larger);
            prop_assert!(Score::new(exposure.score.0).is_some());
            for part in &exposure.parts {
                let closed = larger.without(part.what.parse().unwrap(), None);
                prop_assert!((score(&closed).0 - part.without.0).abs() < 1e-9);
            }
        }
    }
}
