//! Would an action be denied to a jail, what decides that, and what is the smallest remedy? Pure: judged by kmod/policy.

mod action;
mod jail;

use std::net::SocketAddr;

use serde::Serialize;

use super::spec::profile::{Cause, warning};
use super::spec::{Profile, exposure};
use crate::kernel::Protocol;
use crate::kernel::policy::{part_of, right_asked};
use crate::kernel::sim::Deed;
use crate::kernel::{Description, Enforcement, Policy, Right, Verdict};

pub use action::{Action, ActionError};
pub use jail::of_jail;

/// What is asked about.
pub struct Subject<'a> {
    /// As its spec or its script has it.
    pub profile: Option<&'a Profile>,
    /// What is in force: that of the kernel, if the jail is up.
    pub policy: &'a Policy,
    /// Another jail that reserved this; without a protocol it is one that is neither TCP nor UDP.
    pub owner: &'a dyn Fn(SocketAddr, Option<Protocol>) -> Option<String>,
    /// Where the profile says something of a right, as `FILE:LINE`.
    pub place: &'a dyn Fn(Right, Cause) -> Option<String>,
    /// The kernel that would hold it; without one all is taken for enforced.
    pub kernel: Option<&'a Description>,
}

/// What would become of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Allowed,
    /// Let through and told.
    Audited,
    /// Denied by the profile, but this kernel cannot hold it.
    Unenforced,
    Denied,
}

impl Fate {
    pub fn name(self) -> &'static str {
        match self {
            Fate::Allowed => "allowed",
            Fate::Audited => "audited",
            Fate::Unenforced => "not enforced",
            Fate::Denied => "denied",
        }
    }
}

/// One question that the kernel asks when it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Null: free to every jail.
    pub right: Option<Right>,
    pub verdict: Fate,
    /// What decides; null where that is no profile.
    pub cause: Option<Cause>,
    /// In words: `grant`, `not in medium`, `reserved by jail api`.
    pub by: String,
    /// `FILE:LINE`, where it is known.
    pub place: Option<String>,
    pub reason: String,
    pub enforced_by: Option<String>,
}

/// The smallest change that allows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remedy {
    /// What to do; a line to paste follows if there is one.
    pub advice: String,
    /// `profile: #{ ... },` for the spec of a script.
    pub script: Option<String>,
    /// What that opens.
    pub warnings: Vec<String>,
    /// Exposure before and after, of 10.
    pub score: Option<(exposure::Score, exposure::Score)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub action: String,
    pub verdict: Fate,
    pub steps: Vec<Step>,
    /// Null: it is not denied.
    pub remedy: Option<Remedy>,
}

/// Judges the action as the kernel would.
pub fn why(subject: &Subject<'_>, action: &Action) -> Answer {
    let steps: Vec<Step> = match action {
        Action::Example(example) => example.deeds().into_iter().map(|deed| subject.step(deed)).collect(),
        Action::Connect(to, protocol) => subject.reach(*to, *protocol),
    };
    let verdict = steps.iter().map(|step| step.verdict).max().unwrap_or(Fate::Allowed);
    let remedy = (verdict == Fate::Denied).then(|| subject.remedy(&steps, action));
    Answer { action: action.to_string(), verdict, steps, remedy }
}

impl Subject<'_> {
    fn step(&self, deed: Deed) -> Step {
        let Some(right) = deed.right() else {
            let (by, reason) = ("free".to_owned(), "every jail may".to_owned());
            return Step { right: None, verdict: Fate::Allowed, cause: None, by, place: None, reason, enforced_by: None };
        };
        match deed {
            Deed::Bind(at, protocol) => self.bind(at, protocol, right),
            Deed::Act(action) => {
                let asked = right_asked(action, self.policy.rights, self.policy.audited).unwrap_or(right);
                // The smallest that would do.
                let part = part_of(action).filter(|_| self.policy.judge(asked) == Verdict::Refused);
                self.asked(part.unwrap_or(asked))
            }
            _ => self.asked(right),
        }
    }

    fn asked(&self, right: Right) -> Step {
        let fate = match self.policy.judge(right) {
            Verdict::Allowed => Fate::Allowed,
            Verdict::Told => Fate::Audited,
            Verdict::Refused => Fate::Denied,
        };
        let (cause, by) = self.cause(right, fate);
        let place = cause.and_then(|cause| (self.place)(right, cause));
        let reason = self.profile.and_then(|profile| profile.reason(right)).unwrap_or_else(|| right.reason()).to_owned();
        self.held(Step { right: Some(right), verdict: fate, cause, by, place, reason, enforced_by: None })
    }

    /// A port is its owner's alone, whatever a profile says.
    fn bind(&self, at: SocketAddr, protocol: Option<Protocol>, fence: Right) -> Step {
        let (verdict, by, reason) = match (self.owner)(at, protocol) {
            Some(owner) => (Fate::Denied, format!("reserved by {owner}"), fence.reason().to_owned()),
            None if self.policy.ports.iter().any(|own| own.reserves(at, protocol)) => {
                (Fate::Allowed, "its own port".to_owned(), "ports of its spec".to_owned())
            }
            None => (Fate::Allowed, "nobody's port".to_owned(), "no jail reserved it".to_owned()),
        };
        let right = (verdict == Fate::Denied).then_some(fence);
        self.held(Step { right, verdict, cause: None, by, place: None, reason, enforced_by: None })
    }

    /// A rule that covers it, or the right to go anywhere; and of a port of another jail on this machine the right to that.
    /// Which other addresses are this machine's is not looked up.
    fn reach(&self, to: SocketAddr, protocol: Protocol) -> Vec<Step> {
        let anywhere = connect_anywhere();
        let rule = self.policy.connect.iter().find(|rule| rule.covers(to, Some(protocol)));
        let mut steps = vec![match rule {
            Some(rule) if !self.policy.rights.holds(anywhere) => Step {
                right: None,
                verdict: Fate::Allowed,
                cause: None,
                by: format!("connect rule {rule}"),
                place: None,
                reason: "its spec lists the destination".into(),
                enforced_by: None,
            },
            _ => match self.asked(anywhere) {
                step if step.cause.is_none() && step.verdict != Fate::Allowed => {
                    Step { by: "no connect rule lists it".into(), ..step }
                }
                step => step,
            },
        }];
        let owner = (self.owner)(to, Some(protocol));
        if let Some(owner) = owner.filter(|_| to.ip().is_loopback() || to.ip().is_unspecified()) {
            let step = self.asked(named("loopback_foreign"));
            steps.push(Step { reason: format!("{}; this one is of {owner}", step.reason), ..step });
        }
        steps
    }

    /// What decides: the profile if it says the same as the policy in force.
    fn cause(&self, right: Right, fate: Fate) -> (Option<Cause>, String) {
        let Some(profile) = self.profile else { return (None, "the policy in force".to_owned()) };
        let cause = profile.cause(right);
        let level = profile.level.name();
        let (says, by) = match cause {
            Cause::Level => (Fate::Allowed, level.to_owned()),
            Cause::Granted => (Fate::Allowed, "grant".to_owned()),
            Cause::Denied => (Fate::Denied, "deny".to_owned()),
            Cause::Audited => (Fate::Audited, "audit".to_owned()),
            Cause::Absent => (Fate::Denied, format!("not in {level}")),
            Cause::Fence => (Fate::Denied, "fence".to_owned()),
        };
        if says == fate { (Some(cause), by) } else { (None, "the policy in force, not its spec".to_owned()) }
    }

    /// What this kernel holds it by, if it is denied or told.
    fn held(&self, step: Step) -> Step {
        let Some(right) = step.right.filter(|_| step.verdict != Fate::Allowed) else { return step };
        match self.kernel.and_then(|kernel| kernel.enforcement(right)) {
            Some(Enforcement::Enforced { by }) => Step { enforced_by: Some(by.clone()), ..step },
            Some(Enforcement::Weaker { by, gap }) => Step { enforced_by: Some(format!("{by}; weaker: {gap}")), ..step },
            Some(Enforcement::NotEnforceable { why }) => {
                Step { verdict: Fate::Unenforced, enforced_by: Some(format!("nothing here: {why}")), ..step }
            }
            None => step,
        }
    }

    fn remedy(&self, steps: &[Step], action: &Action) -> Remedy {
        let missing: Vec<&Step> = steps.iter().filter(|step| step.verdict == Fate::Denied).collect();
        let rights = || missing.iter().filter_map(|step| step.right);
        let none = |advice: String| Remedy { advice, script: None, warnings: Vec::new(), score: None };
        if let Some(port) = missing.iter().find(|step| step.by.starts_with("reserved by ")) {
            return none(format!("the port is {}; use another one, or take it out of that jail's ports", port.by));
        }
        if let Some(fence) = rights().find(|right| right.is_fence()) {
            return none(format!("{fence} is a wall between jails, which no profile opens; do it from the host"));
        }
        if let Action::Connect(to, protocol) = action
            && rights().next() == Some(connect_anywhere())
        {
            let listed = self.policy.connect.iter().map(ToString::to_string).chain([format!("{to}/{protocol}")]);
            let listed: Vec<String> = listed.map(|rule| format!("\"{rule}\"")).collect();
            let script = Some(format!("connect: [{}],", listed.join(", ")));
            return Remedy { script, ..none("to allow it, in its spec".into()) };
        }
        let Some(profile) = self.profile else { return none("grant it in the spec".into()) };
        let before = exposure::Exposure::of_profile(profile).score;
        let reason = Some(format!("for {action}"));
        let wider = rights().fold(profile.clone(), |profile, right| profile.allowing(right, reason.clone()));
        if wider == *profile {
            return none("its spec allows it already; restart the jail".into());
        }
        let after = exposure::Exposure::of_profile(&wider).score;
        Remedy {
            advice: "to allow it, in its spec".into(),
            script: Some(format!("profile: {},", wider.to_script())),
            warnings: rights().filter_map(|right| Some(format!("{right}: {}", warning(right)?))).collect(),
            score: Some((before, after)),
        }
    }
}

fn connect_anywhere() -> Right {
    named("connect")
}

fn named(right: &str) -> Right {
    right.parse().expect("a right of the table")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jail::spec::probe::FEATS;
    use crate::kernel::{Level, RightStatus};

    fn asked(profile: &Profile, text: &str, kernel: Option<&Description>) -> Answer {
        let owner = |at: SocketAddr, _| (at.port() == 8080).then(|| "jail api".to_owned());
        let place = |right: Right, _: Cause| Some(format!("jail.toml:{}", right.index()));
        let policy = profile.policy(vec!["443".parse().unwrap()]);
        let subject = Subject { profile: Some(profile), policy: &policy, owner: &owner, place: &place, kernel };
        why(&subject, &text.parse().unwrap())
    }

    #[test]
    fn each_answer_names_what_decides_and_the_smallest_remedy() {
        let right = |name: &str| name.parse().unwrap();
        let profile = Profile::built_in(Level::Medium)
            .with(right("ping"), Some("pings its peers".into()))
            .without(right("ptrace"), Some("no debuggers".into()))
            .auditing(right("chroot"), Some("does it need that?".into()));
        let actions =
            ["ping", "ptrace", "chroot", "mount", "bind 80", "bind 443", "bind 8080", "see host", "open /etc/passwd", "quota"];
        let answers: Vec<Answer> = actions.iter().map(|text| asked(&profile, text, None)).collect();
        insta::assert_snapshot!(serde_json::to_string_pretty(&answers).unwrap());
    }

    #[test]
    fn a_destination_is_judged_by_the_rules_and_the_remedy_is_one_rule_more() {
        let profile = Profile::built_in(Level::High);
        let rules = vec!["10.0.0.0/8:5432".parse().unwrap()];
        let rights = profile.rights().without(connect_anywhere()).without(named("loopback_foreign"));
        let limited = Policy { connect: rules, ..Policy::new(rights, Vec::new()) };
        let open = profile.policy(Vec::new());
        let owner = |at: SocketAddr, _| (at.port() == 8080).then(|| "jail api".to_owned());
        let asked = |policy: &Policy, text: &str| {
            let subject = Subject { profile: Some(&profile), policy, owner: &owner, place: &|_, _| None, kernel: None };
            let answer = why(&subject, &text.parse().unwrap());
            let steps: Vec<String> = answer.steps.iter().map(|step| format!("{} ({})", step.verdict.name(), step.by)).collect();
            let remedy = answer.remedy.map_or("-".into(), |remedy| remedy.script.unwrap_or(remedy.advice));
            format!("{text}: {}: {}: {remedy}", answer.verdict.name(), steps.join(", "))
        };
        let texts = ["connect 10.1.2.3:5432", "connect 10.1.2.3:80", "connect [fd00::1]:53/udp", "connect 127.0.0.1:8080"];
        let shown = [&limited, &open].map(|policy| texts.map(|text| asked(policy, text)).join("\n"));
        insta::assert_snapshot!(shown.join("\n---\n"));
    }

    #[test]
    fn the_smallest_remedy_is_a_part_of_a_right_where_that_does() {
        let high = Profile::built_in(Level::High);
        let told = |profile: &Profile, action: &str| {
            let answer = asked(profile, action, None);
            let rights: Vec<&str> = answer.steps.iter().filter_map(|step| step.right.map(Right::name)).collect();
            let script = answer.remedy.and_then(|remedy| remedy.script).unwrap_or("-".into());
            format!("{action}: {} by {}: {script}", answer.verdict.name(), rights.join(", "))
        };
        let parted = high.with("device:net/tun".parse().unwrap(), None);
        let shown = ["open /dev/kvm", "open /dev/sda", "netlink", "write /dev/net/tun"].map(|action| told(&high, action));
        insta::assert_snapshot!(
            [shown.join("\n"), told(&parted, "open /dev/net/tun"), told(&parted, "open /dev/kvm")].join("\n")
        );
    }

    #[test]
    fn what_a_kernel_cannot_hold_is_said_and_is_not_denied() {
        let enforcement = |right: Right| match right.name() {
            "mount" => Enforcement::NotEnforceable { why: "no hook".into() },
            _ => Enforcement::Enforced { by: "capable".into() },
        };
        let rights = Right::all().map(|right| RightStatus { right, enforcement: enforcement(right) }).collect();
        let kernel = Description { body: "lsm", abi: 2, kernel: "6.1".into(), rights, notes: Vec::new() };
        let high = Profile::built_in(Level::High);
        let mount = asked(&high, "mount", Some(&kernel));
        assert_eq!(mount.steps.iter().map(|step| step.verdict).collect::<Vec<_>>(), [Fate::Unenforced, Fate::Denied]);
        assert_eq!(mount.verdict, Fate::Denied, "the capability is held");
    }

    #[test]
    fn a_policy_that_is_not_the_specs_is_said_to_decide() {
        let profile = Profile::built_in(Level::Low);
        let policy = Level::High.rights();
        let subject = Subject {
            profile: Some(&profile),
            policy: &Policy::new(policy, Vec::new()),
            owner: &|_, _| None,
            place: &|_, _| None,
            kernel: None,
        };
        let answer = why(&subject, &"ptrace".parse().unwrap());
        assert_eq!((answer.verdict, answer.steps[0].by.as_str()), (Fate::Denied, "the policy in force, not its spec"));
        assert_eq!(answer.remedy.unwrap().advice, "its spec allows it already; restart the jail");
    }

    proptest! {
        #[test]
        fn the_remedy_allows_the_action_and_nothing_else(
            level in prop::sample::select(Level::ALL.to_vec()), feat in 0..FEATS.len(), denied in 0..Right::count(),
        ) {
            let profile = Profile::built_in(level).without(Right::from_index(denied as u32).unwrap(), None);
            let answer = asked(&profile, FEATS[feat].name, None);
            let Some(script) = answer.remedy.and_then(|remedy| remedy.script) else { return Ok(()) };
            prop_assert!(script.starts_with("profile: "));
            let needed: Vec<Right> = answer.steps.iter().filter(|step| step.verdict == Fate::Denied).filter_map(|step| step.right).collect();
            let wider = needed.iter().fold(profile.clone(), |profile, right| profile.allowing(*right, None));
            prop_assert_eq!(asked(&wider, FEATS[feat].name, None).verdict, Fate::Allowed);
            let added: Vec<Right> = wider.rights().iter().filter(|right| !profile.rights().holds(*right)).collect();
            prop_assert!(added.iter().all(|right| needed.contains(right)));
        }
    }
}
