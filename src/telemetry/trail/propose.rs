//! The smallest profile that a trail asks for, as a script with its reasons. Pure.
//!
//! A right is granted whole unless a part of it has a name of its own (`netlink:audit`): what was opened is named in the reason,
//! path by path, and no two paths become their directory. A right that opens much of the host is not granted but written down, for the administrator to choose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::Entry;
use crate::jail::spec::Profile;
use crate::jail::spec::exposure::{self, Exposure, Score};
use crate::jail::spec::profile::key_of;
use crate::kernel::{ConnectRule, Level, Right, RightSet};
use crate::telemetry::printable;

/// A right of this weight, in percent, or more is flagged.
const WIDE: f64 = 30.0;
/// Uses that one reason names.
const NAMED: usize = 4;

/// A right that was used, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    pub right: Right,
    pub count: u64,
    /// `ping: socket inet raw icmp, 12 times; nc: ..., once`.
    pub seen: String,
}

/// What a trail asks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Of the profile, and of the function that gives it.
    pub name: String,
    #[serde(skip)]
    pub profile: Profile,
    pub grant: Vec<Need>,
    /// Not granted: each opens much of the host.
    pub flagged: Vec<Need>,
    /// What no profile opens.
    pub fences: Vec<Need>,
    /// Where it connected and sent to, each once: what its spec's `connect` can list in place of the right to go anywhere.
    pub connect: Vec<ConnectRule>,
    /// Rights that the jail holds, and high does not, and that it did not use.
    pub unused: Vec<Right>,
    pub score: Score,
    /// If all that is flagged were granted.
    pub score_with_flagged: Score,
}

/// The strictest level and what the trail shows besides. `held`: what the jail held until now.
pub fn propose(jail: &str, trail: &[Entry], held: RightSet) -> Proposal {
    let mut uses: BTreeMap<Right, BTreeMap<(&str, Option<&str>), u64>> = BTreeMap::new();
    for entry in trail {
        let of = uses.entry(entry.narrowest()).or_default();
        *of.entry((entry.command.as_str(), entry.object.as_deref())).or_default() += entry.count;
    }
    let connect: BTreeSet<ConnectRule> = trail.iter().filter_map(Entry::rule).collect();
    let base = Profile::built_in(Level::High);
    let unused = held.iter().filter(|right| !uses.contains_key(right) && !base.rights().holds(*right)).collect();
    let needs: Vec<Need> =
        uses.into_iter().filter(|(right, _)| !base.rights().holds(*right)).map(|(right, uses)| need(right, &uses)).collect();
    let (fences, needs): (Vec<Need>, Vec<Need>) = needs.into_iter().partition(|need| need.right.is_fence());
    let (flagged, grant): (Vec<Need>, Vec<Need>) = needs.into_iter().partition(|need| exposure::weight(need.right).0 >= WIDE);
    let granting = |profile: Profile, need: &Need| profile.with(need.right, Some(need.seen.clone()));
    let name = name_of(jail);
    let profile = Profile { name: Some(name.clone()), ..grant.iter().fold(base, granting) };
    let score_with_flagged = Exposure::of_profile(&flagged.iter().fold(profile.clone(), granting)).score;
    let score = Exposure::of_profile(&profile).score;
    Proposal { name, profile, grant, flagged, fences, connect: connect.into_iter().collect(), unused, score, score_with_flagged }
}

fn need(right: Right, uses: &BTreeMap<(&str, Option<&str>), u64>) -> Need {
    let mut kinds: Vec<_> = uses.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let mut seen = String::new();
    for (at, ((command, object), count)) in kinds.iter().enumerate() {
        let about = object.map_or(String::new(), |object| format!(" {}", printable(object)));
        let one = format!("{}:{about}, {}", printable(command), times(**count));
        let more = format!("and {} more", kinds.len() - at);
        let parted = if seen.is_empty() { "" } else { "; " };
        let is_long = seen.len() + one.len() + 2 * parted.len() + more.len() > Profile::MAX_REASON;
        if at == NAMED || (is_long && at > 0) {
            seen = format!("{seen}{parted}{more}");
            break;
        }
        seen += parted;
        seen += &cut(&one, Profile::MAX_REASON - more.len() - 2);
    }
    Need { right, count: uses.values().sum(), seen: seen.trim().to_owned() }
}

/// Its first bytes, at most so many, without half a character.
fn cut(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}

/// `my-web.1` is `my_web_1_profile`: a name of profiles and of functions, and none that Rhai keeps for itself.
fn name_of(jail: &str) -> String {
    const END: &str = "_profile";
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let mut name: String = jail.chars().map(letter).collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "jail_");
    }
    name.truncate(Profile::MAX_NAME - END.len());
    name + END
}

impl Proposal {
    /// Rights that are used and stay denied.
    pub fn is_flagged(&self, right: Right) -> bool {
        self.flagged.iter().chain(&self.fences).any(|need| need.right == right)
    }

    /// A script that gives the profile: `jailsh profile show` takes it, and `import`.
    pub fn script(&self, jail: &str, how: &str) -> String {
        let all: u64 = self.grant.iter().chain(&self.flagged).chain(&self.fences).map(|need| need.count).sum();
        let mut text = format!(
            "// A profile for {}, proposed by jailsh learn: {how}; {all} uses of rights that high does not hold.\n\
             // What was not done meanwhile is denied. Exposure {} of 10; with all that is flagged {}.\n",
            printable(jail),
            self.score,
            self.score_with_flagged
        );
        for fence in &self.fences {
            let _ = writeln!(text, "// No profile opens {}: {}", fence.right, fence.seen);
        }
        if !self.unused.is_empty() {
            let names: Vec<&str> = self.unused.iter().map(|right| right.name()).collect();
            let _ = writeln!(text, "// Held until now and not used: {}", names.join(", "));
        }
        let rules: Vec<String> = self.connect.iter().map(|rule| format!("\"{rule}\"")).collect();
        match rules.len() {
            0 => {}
            1..=ConnectRule::MAX => {
                let _ = writeln!(
                    text,
                    "// Where it went, for its spec, in place of anywhere:\n//     connect: [{}],",
                    rules.join(", ")
                );
            }
            count => {
                let _ = writeln!(
                    text,
                    "// It went to {count} places, and a spec's connect lists {} at most: put networks or port ranges for some.",
                    ConnectRule::MAX
                );
                rules.iter().for_each(|rule| text += &format!("//     {rule},\n"));
            }
        }
        let _ =
            writeln!(text, "fn {}() {{\n    profile(#{{\n        name: \"{}\",\n        base: \"high\",", self.name, self.name);
        if !self.grant.is_empty() || !self.flagged.is_empty() {
            text += "        grant: #{\n";
            for need in &self.grant {
                let _ = writeln!(text, "            {},", entry(need));
            }
            for need in &self.flagged {
                let (weight, opens) = exposure::weight(need.right);
                let _ = writeln!(
                    text,
                    "            // WARNING: {} opens much of the host ({weight} %: {opens}). It is your choice:",
                    need.right
                );
                let _ = writeln!(text, "            // {},", entry(need));
            }
            text += "        },\n";
        }
        if !self.grant.is_empty() {
            let names: Vec<String> = self.grant.iter().map(|need| format!("\"{}\"", need.right)).collect();
            let _ = writeln!(text, "        must_allow: [{}],", names.join(", "));
        }
        text + "    })\n}\n"
    }
}

/// `ping: "ping: socket inet raw icmp, once"`, as Rhai takes it.
fn entry(need: &Need) -> String {
    let text: String = need.seen.chars().flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect();
    format!("{}: \"{text}\"", key_of(need.right.name()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Jid, Policy};
    use crate::telemetry::trail::{Outcome, replay};

    fn used(right: Right, command: &str, object: Option<&str>, count: u64) -> Entry {
        Entry {
            time: String::new(),
            jail: "web".into(),
            jid: Jid::new(3).unwrap(),
            verdict: Outcome::Audited,
            right,
            object: object.map(str::to_owned),
            pid: 8,
            command: command.into(),
            count,
            lost: 0,
        }
    }

    fn right(name: &str) -> Right {
        name.parse().unwrap()
    }

    #[test]
    fn a_proposal_says_who_needs_what_flags_what_is_wide_and_leaves_out_what_was_not_used() {
        let device = |path: &str, count| used(right("device"), "sm\u{1b}art\"d", Some(path), count);
        let trail = [
            used(right("ping"), "ping", Some("socket inet raw icmp"), 12),
            used(right("ping"), "traceroute", Some("socket inet raw icmp"), 1),
            used(right("chroot"), "sshd", Some("capability sys_chroot"), 2),
            used(right("privileged_port"), "httpd", Some("capability net_bind_service"), 1),
            device("/dev/sda", 3),
            device("/dev/sdb", 2),
            device("/dev/sdc", 2),
            device("/dev/sdd", 2),
            device("/dev/sde", 1),
            device("/dev/sdf", 1),
            used(right("process_see"), "ps", Some("process 1"), 9),
        ];
        let proposal = propose("my-web.1", &trail, Level::Low.rights());
        insta::assert_snapshot!(proposal.script("my-web.1", "watched for 60 s"));
        let replay = replay(&trail, &proposal.profile.policy(Vec::new()));
        assert!(replay.uses.iter().all(|one| one.now == Outcome::Allowed || proposal.is_flagged(one.right)));
        assert_eq!(propose("web", &[], RightSet::EMPTY).script("web", "watched for 1 s").lines().count(), 8);
    }

    #[test]
    fn where_it_went_is_proposed_as_rules_each_once_and_never_made_wider() {
        let to = |place: &str| used(right("connect"), "app", Some(place), 2);
        let trail = ["to 10.0.0.1:5432/tcp", "to [fd00::7]:53/udp", "to 10.0.0.1:5432/tcp", "to 192.0.2.7", "port 80"].map(to);
        let proposal = propose("web", &trail, RightSet::EMPTY);
        insta::assert_snapshot!(proposal.script("web", "watched for 60 s"));
        let policy = Policy { connect: proposal.connect.clone(), ..Policy::new(RightSet::EMPTY, Vec::new()) };
        let denied = replay(&trail, &policy).uses.into_iter().filter(|one| one.now == Outcome::Denied);
        assert_eq!(denied.map(|one| one.object.unwrap()).collect::<Vec<_>>(), ["port 80"], "what was proposed lets it through");
        let many: Vec<Entry> = (1..=33).map(|host| to(&format!("to 10.0.0.{host}:80/tcp"))).collect();
        let script = propose("web", &many, RightSet::EMPTY).script("web", "watched for 60 s");
        assert!(script.contains("33 places") && script.contains("//     \"10.0.0.33:80/tcp\","), "{script}");
    }

    #[test]
    fn a_part_is_proposed_where_it_does_and_the_whole_right_where_it_does_not() {
        let trail = [
            used(right("netlink"), "sshd", Some("socket netlink audit"), 2),
            used(right("device"), "qemu", Some("/dev/kvm, device 10:232"), 1),
            used(right("device"), "sm", Some("/dev/x, device 10:232, device 8:0"), 1),
        ];
        let proposal = propose("web", &trail, RightSet::EMPTY);
        insta::assert_snapshot!(proposal.script("web", "watched for 60 s"));
        let replay = replay(&trail, &proposal.profile.policy(Vec::new()));
        assert_eq!(replay.uses.iter().filter(|one| one.now == Outcome::Denied).count(), 1);
    }

    proptest! {
        #[test]
        fn nothing_is_denied_but_what_is_flagged_and_nothing_is_granted_that_was_not_used(
            uses in prop::collection::vec((0..Right::count(), "\\PC{0,200}", prop::option::of("\\PC{0,160}"), 1_u64..99), 0..30),
            jail in "[A-Za-z0-9][A-Za-z0-9._-]{0,62}", held in any::<u64>(),
        ) {
            let trail: Vec<Entry> = uses
                .iter()
                .map(|(at, command, object, count)| used(Right::from_index(*at as u32).unwrap(), command, object.as_deref(), *count))
                .collect();
            let proposal = propose(&jail, &trail, RightSet::from_mask(held));
            let replay = replay(&trail, &proposal.profile.policy(Vec::new()));
            prop_assert!(replay.uses.iter().all(|one| one.now == Outcome::Allowed || proposal.is_flagged(one.right)));
            let used: Vec<Right> = trail.iter().map(|entry| entry.right).collect();
            prop_assert!(proposal.profile.grant.rights().all(|right| used.contains(&right) && exposure::weight(right).0 < WIDE));
            // A profile's parser takes it, reasons included.
            prop_assert_eq!(&Profile::parse("profile", &proposal.profile.to_tree()).unwrap(), &proposal.profile);
            prop_assert!(proposal.profile.grant.iter().all(|(_, reason)| reason.is_some_and(|reason| reason.len() <= Profile::MAX_REASON)));
        }
    }
}
