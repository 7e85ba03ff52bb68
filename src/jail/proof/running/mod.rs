//! The probe of a running jail: each thing that its policy refuses is tried inside by a short-lived member, and what held is
//! told. What is tried changes nothing, but the kernel counts its refusals like any other.
//!
//! The program that tries lies in the jail's /tmp while it runs, where the jail's own root could change it: the answer is
//! about the walls around a jail that does not lie, not about one that somebody took over.

mod bait;
mod kit;
mod reach;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use serde::Serialize;

use super::entry::UNKNOWN;
use super::{PROGRAM, judged};
use crate::jail::exec::exec_over;
use crate::jail::spec::connect_anywhere;
use crate::jail::spec::probe::{Example, FEATS, Probe};
use crate::jail::{ExecRequest, Host, JailError, store};
use crate::kernel::module;
use crate::kernel::system::DISCARD;
use crate::kernel::{Description, Enforcement, JailName, Jid, Policy, Protocol, Right, RightSet};

use bait::{Bait, Neighbour};
use kit::Kit;
pub use reach::Reach;

/// For all attempts together; each is a system call or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It got through, and the policy says that it must not.
    Open,
    /// The same, and the body says that it cannot hold the right here.
    Unenforced,
    /// The policy allows it, and it went through.
    Granted,
    /// The policy allows it, and the kernel refused it all the same.
    Refused,
    /// The policy refuses it, and so did the kernel.
    Held,
    /// Nothing is known, for the reason that is told.
    Untried,
}

impl Verdict {
    pub const ALL: [Verdict; 6] =
        [Verdict::Held, Verdict::Granted, Verdict::Refused, Verdict::Open, Verdict::Unenforced, Verdict::Untried];

    pub fn word(self) -> &'static str {
        match self {
            Verdict::Open => "open",
            Verdict::Unenforced => "unenforced",
            Verdict::Granted => "granted",
            Verdict::Refused => "refused",
            Verdict::Held => "held",
            Verdict::Untried => "untried",
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// In the words of `jailsh profile probes`, or in plain ones.
    pub what: String,
    pub verdict: Verdict,
    /// The right or the fence that it turns on.
    pub right: Option<Right>,
    pub errno: Option<String>,
    /// Why it was not tried, or what is to be known of it.
    pub detail: Option<String>,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub jail: JailName,
    pub body: &'static str,
    /// Those that got through first.
    pub attempts: Vec<Attempt>,
    /// By how much the jail's denials rose meanwhile; `None`: this body counts none.
    pub denials: Option<BTreeMap<Right, u64>>,
    /// What the body does not hold anywhere, a sentence each.
    pub notes: Vec<String>,
}

impl Report {
    /// Nothing got through that should not have.
    pub fn is_tight(&self) -> bool {
        !self.attempts.iter().any(|attempt| matches!(attempt.verdict, Verdict::Open | Verdict::Unenforced))
    }

    pub fn count(&self, verdict: Verdict) -> usize {
        self.attempts.iter().filter(|attempt| attempt.verdict == verdict).count()
    }
}

/// Tries what the jail's policy in force refuses, and what it grants.
///
/// # Errors
/// [`JailError::NotRunning`], and those of [`crate::jail::exec`].
pub fn probe(host: &Host, name: &JailName) -> Result<Report, JailError> {
    let Some(jail) = host.kernel.find(name)? else {
        store::jail(&host.config, name)?;
        return Err(JailError::NotRunning(name.clone()));
    };
    super::expect_feats(host)?;
    let description = host.kernel.describe();
    let bait = Bait::lay(host, jail.jid)?;
    let tries = tries(&bait, open_to(&jail.policy));
    let before = denials(host, jail.jid)?;
    let answers = ask(host, name, bait, &tries)?;
    let after = denials(host, jail.jid)?;
    let mut attempts: Vec<Attempt> =
        tries.into_iter().zip(answers).map(|(attempt, answer)| attempt.told(answer, &description)).collect();
    for attempt in &mut attempts {
        let is_audited = |right: Right| !jail.policy.rights.holds(right) && jail.policy.audited.holds(right);
        if attempt.verdict == Verdict::Granted && attempt.right.is_some_and(is_audited) {
            attempt.detail = Some("audited: let through and told".to_owned());
        }
    }
    let notes = notes(&attempts, &description);
    attempts.extend(untried(&attempts, jail.policy.open()));
    attempts.sort_by_key(|attempt| match attempt.verdict {
        Verdict::Open => 0,
        Verdict::Unenforced => 1,
        Verdict::Untried => 3,
        _ => 2,
    });
    let rose = before.zip(after).map(|(before, after)| {
        let by = |(right, count): (Right, u64)| (right, count.saturating_sub(before.get(&right).copied().unwrap_or(0)));
        after.into_iter().map(by).filter(|(_, by)| *by > 0).collect()
    });
    Ok(Report { jail: name.clone(), body: description.body, attempts, denials: rose, notes })
}

/// What gets through though a right is held, and what the body says of itself.
fn notes(attempts: &[Attempt], description: &Description) -> Vec<String> {
    let is_held = |right| attempts.iter().any(|attempt| attempt.right == Some(right) && attempt.verdict == Verdict::Held);
    let gaps = description.rights.iter().filter_map(|status| match &status.enforcement {
        Enforcement::Weaker { gap, .. } if is_held(status.right) => Some(format!("{} is held, but {gap}", status.right)),
        _ => None,
    });
    gaps.chain(description.notes.iter().cloned()).collect()
}

fn denials(host: &Host, jid: Jid) -> Result<Option<BTreeMap<Right, u64>>, JailError> {
    Ok(host.kernel.stats(Some(jid))?.into_iter().next().and_then(|stats| stats.denials))
}

/// What the policy lets through, where the attempts turn on it: a list of destinations may have the one that is tried.
fn open_to(policy: &Policy) -> RightSet {
    let tried = SocketAddr::from(([127, 0, 0, 1], DISCARD));
    match policy.connect.iter().any(|rule| rule.covers(tried, Some(Protocol::Udp))) {
        true => policy.open().with(connect_anywhere()),
        false => policy.open(),
    }
}

/// What is to be tried.
struct Try {
    what: String,
    /// As the program inside is told; `None`: there is nothing to try it on.
    order: Option<String>,
    allowed: bool,
    right: Option<Right>,
    detail: Option<String>,
    /// An absent file says no more than that.
    is_open: bool,
}

fn tries(bait: &Bait, rights: RightSet) -> Vec<Try> {
    let feats = FEATS.iter().map(Probe::Feat);
    let mut tries: Vec<Try> = feats.map(|probe| of_probe(&probe, rights)).collect();
    for right in Right::all() {
        let substitute = Example::Right(right).probe();
        let is_new = |probe: &Probe| !tries.iter().any(|one| one.what == probe.to_string());
        if let Some(probe) = substitute.filter(is_new) {
            let one = of_probe(&probe, rights);
            tries.push(one);
        }
    }
    for path in ["open /proc/kcore", "write /proc/sysrq-trigger", "write /proc/sys/kernel/core_pattern"] {
        if let Ok(Example::Probe(probe)) = path.parse() {
            tries.push(of_probe(&probe, rights));
        }
    }
    tries.extend(walls(bait));
    tries
}

fn of_probe(probe: &Probe, rights: RightSet) -> Try {
    let refusal = judged(probe.deeds(), Policy::new(rights, Vec::new()));
    let right = refusal.or_else(|| Example::Probe(probe.clone()).right().filter(|right| !right.is_fence()));
    Try {
        what: probe.to_string(),
        order: Some(probe.to_string()),
        allowed: refusal.is_none(),
        right,
        detail: None,
        is_open: matches!(probe, Probe::Open { .. }),
    }
}

/// What no profile opens.
fn walls(bait: &Bait) -> Vec<Try> {
    let fence = |name: &str| name.parse::<Right>().ok();
    let wall = |what: &str, name: &str, order: Option<String>, detail: Option<String>| Try {
        what: what.to_owned(),
        order,
        allowed: false,
        right: fence(name),
        detail,
        is_open: false,
    };
    let Neighbour { member, port } = &bait.neighbour;
    let lonely = || Some("no other jail runs".to_owned());
    let of = |owner: &JailName| Some(format!("of {owner}"));
    let (pid, whose) = (member.as_ref().map(|(pid, _)| *pid), member.as_ref().map_or_else(lonely, |(_, owner)| of(owner)));
    let reach = |make: fn(i32) -> Reach| pid.map(|pid| make(pid).to_string());
    let port_order = port.as_ref().map(|(order, _)| order.to_string());
    let port_detail = match port {
        Some((order, owner)) => Some(format!("port {} of {owner}", order.to_string().trim_start_matches("bind "))),
        None => Some("no other jail has a reserved port that nothing listens on".to_owned()),
    };
    vec![
        wall("see a process of another jail", "process_see", reach(Reach::See), whose.clone()),
        wall("signal a process of another jail", "process_signal", reach(Reach::Signal), whose.clone()),
        wall("trace a process of another jail", "process_trace", reach(Reach::Trace), whose),
        wall("bind another jail's port", "port_foreign", port_order, port_detail),
        wall("attach shared memory of the host", "ipc_foreign", Some(Reach::Segment(bait.segment.0).to_string()), None),
        wall(
            "connect to an abstract socket of the host",
            "unix_foreign",
            Some(Reach::Socket(bait.socket.clone()).to_string()),
            None,
        ),
        // In the order in which they were sent.
        wall("open what is in a directory handed in", "descriptor_receive", Some(Reach::Directory.to_string()), None),
        wall("open a file handed in again, to write", "foreign_mount", Some(Reach::File.to_string()), None),
        Try { is_open: true, ..wall("list the module's files", "module_tamper", Some(format!("open {}", module::FILES)), None) },
    ]
}

/// What is left of the rights table, with the reason.
fn untried(attempts: &[Attempt], rights: RightSet) -> Vec<Attempt> {
    let is_left = |right: &Right| !attempts.iter().any(|attempt| attempt.right == Some(*right));
    let row = |right: Right| {
        let why = match right.name() {
            "process_table" => "that would take stopping the jail",
            "jail_enter" => "a member has nothing to enter by",
            "io_uring_command" => "that would take a device of this machine",
            _ if rights.holds(right) => "granted, and nothing harmless stands for it",
            _ => "nothing harmless stands for it",
        };
        Attempt { what: right.to_string(), verdict: Verdict::Untried, right: Some(right), errno: None, detail: Some(why.into()) }
    };
    Right::all().filter(is_left).map(row).collect()
}

/// Answers of a system that ran out of something, or of a name that is taken: they say nothing of a right.
const SAYS_NOTHING: [Errno; 12] = [
    Errno::EADDRINUSE,
    Errno::EEXIST,
    Errno::ENOSPC,
    Errno::EDQUOT,
    Errno::ENOMEM,
    Errno::EMFILE,
    Errno::ENFILE,
    Errno::EAGAIN,
    Errno::EINTR,
    Errno::EIO,
    Errno::EBUSY,
    Errno::ETIMEDOUT,
];

impl Try {
    /// With the answer from inside: 0 or an errno.
    fn told(self, answer: Option<i32>, description: &Description) -> Attempt {
        let enforcement = self.right.and_then(|right| description.enforcement(right));
        let errno = answer.filter(|answer| *answer != 0).map(Errno::from_raw);
        let passed = answer == Some(0);
        // As the module answers it; an address in use says so as well, but of those no port was chosen.
        let reserved = errno == Some(Errno::EADDRINUSE) && self.right.is_some_and(|right| right.name() == "port_foreign");
        let verdict = match (errno, self.allowed) {
            _ if self.order.is_none() => Verdict::Untried,
            (Some(Errno::UnknownErrno), _) => Verdict::Untried,
            (Some(errno), _) if SAYS_NOTHING.contains(&errno) && !reserved => Verdict::Untried,
            _ if passed && self.allowed => Verdict::Granted,
            _ if passed && enforcement.is_some_and(|enforcement| !enforcement.is_held()) => Verdict::Unenforced,
            _ if passed => Verdict::Open,
            (_, true) => Verdict::Refused,
            (_, false) => Verdict::Held,
        };
        let about = match (verdict, errno, enforcement) {
            (Verdict::Held, Some(Errno::ENOENT), _) if self.is_open => Some("nothing of the kind is inside".to_owned()),
            (Verdict::Unenforced, _, Some(Enforcement::NotEnforceable { why })) => Some(why.clone()),
            (Verdict::Refused, ..) => Some("granted, and refused all the same: see the notes".to_owned()),
            (Verdict::Untried, Some(Errno::UnknownErrno), _) => Some("it was ended before it answered".to_owned()),
            (Verdict::Untried, Some(_), _) => Some("it failed before the right was asked for".to_owned()),
            _ => None,
        };
        let detail = self.detail.into_iter().chain(about).collect::<Vec<_>>().join("; ");
        Attempt {
            what: self.what,
            verdict,
            right: self.right,
            errno: errno.filter(|errno| *errno != Errno::UnknownErrno).map(|errno| format!("{errno:?}")),
            detail: Some(detail).filter(|detail| !detail.is_empty()),
        }
    }
}

/// The answers, in the order of `tries`.
fn ask(host: &Host, name: &JailName, bait: Bait, tries: &[Try]) -> Result<Vec<Option<i32>>, JailError> {
    let kit = Kit::place(host, name)?;
    let orders = tries.iter().filter_map(|one| one.order.clone());
    let argv = kit.argv().into_iter().chain(orders).collect();
    let request = ExecRequest { argv, capture: true, timeout: Some(PATIENCE), ..ExecRequest::default() };
    let stdin = bait.descriptors.try_clone().map_err(JailError::io("keep a socket"))?;
    let output = exec_over(host, name, &request, stdin)?;
    if output.status != 0 {
        let why = output.stderr.lines().next_back().unwrap_or_default();
        return Err(JailError::Conflict {
            what: format!("{PROGRAM} ended in jail {name} with status {}: {}", output.status, why.escape_debug()),
            remedy: "a probe runs from the jail's /tmp, as its root; both must be possible".into(),
        });
    }
    let mut answers = output.stdout.lines().map(|line| line.parse().unwrap_or(UNKNOWN));
    Ok(tries.iter().map(|one| one.order.as_ref().map(|_| answers.next().unwrap_or(UNKNOWN))).collect())
}

#[cfg(test)]
mod tests;
