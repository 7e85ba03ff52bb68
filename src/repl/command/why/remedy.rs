//! The smallest change of a profile that allows what was denied, as a line of a script. Pure.

use std::collections::BTreeMap;

use crate::jail::spec::Profile;
use crate::jail::spec::profile::warning;
use crate::kernel::{Denial, JailName, Right, RightSet};
use crate::telemetry::printable;

/// What each right is about, what granting it would open, and the line. `profile`: as the spec has it, if that can be read;
/// `live`: as the kernel has it.
pub fn of(name: &JailName, profile: Option<&Profile>, live: RightSet, denials: &[(u64, &Denial)]) -> String {
    let mut rights: BTreeMap<Right, &Denial> = BTreeMap::new();
    for (_, denial) in denials {
        rights.insert(denial.right, denial);
    }
    let mut lines: Vec<String> = Vec::new();
    for right in rights.keys() {
        lines.push(format!("{right}: {}", right.reason()));
        lines.extend(warning(*right).map(|warning| format!("  {warning}")));
    }
    let missing: Vec<(Right, &Denial)> = rights.into_iter().filter(|(right, _)| !right.is_fence()).collect();
    if missing.is_empty() {
        return lines.join("\n");
    }
    let all_held = |held: RightSet| missing.iter().all(|(right, _)| held.holds(*right));
    if all_held(live) {
        lines.push("\nBy now it is allowed.".to_owned());
        return lines.join("\n");
    }
    let Some(profile) = profile else { return lines.join("\n") };
    if all_held(profile.rights()) {
        lines.push(format!("\nIts spec allows it already; it holds from the next restart on:\n  jail(\"{name}\").restart();"));
        return lines.join("\n");
    }
    let wider = missing.iter().fold(profile.clone(), |profile, (right, denial)| granting(profile, *right, denial));
    let text = wider.to_script();
    lines.push(format!("\nTo allow that for good, in its spec:\n  profile: {text},"));
    lines.push(format!(
        "To try it until the jail is restarted, where the kernel body can:\n  jail(\"{name}\").update(#{{ profile: {text} }});"
    ));
    lines.join("\n")
}

/// Given by its level again, or else granted, with who needs it as the reason.
fn granting(profile: Profile, right: Right, denial: &Denial) -> Profile {
    profile.allowing(right, Some(format!("{} needs it", printable(&denial.command))))
}

#[cfg(test)]
mod tests {
    use super::super::summary;
    use super::*;
    use crate::kernel::{Jid, Level, Object};

    const RAW: Object = Object::Socket { family: 2, kind: 3, protocol: 1 };

    fn denial(right: &str, object: Object, command: &str) -> Denial {
        let right = right.parse().unwrap();
        let (jid, command) = (Jid::new(3).unwrap(), command.into());
        Denial { jid, right, audited: false, pid: 812, command, object, subject: None, when_ns: 0 }
    }

    fn told(profile: Option<&Profile>, denials: &[Denial]) -> String {
        let name = "web".parse().unwrap();
        let denials: Vec<(u64, &Denial)> = (0..).map(|n| 1_795_472_159_007 + 1000 * n).zip(denials).collect();
        format!("{}\n\n{}\n", summary::of(&name, &denials), of(&name, profile, RightSet::EMPTY, &denials))
    }

    #[test]
    fn each_case_has_its_remedy() {
        let ping = || [denial("ping", RAW, "ping"), denial("ping", RAW, "ping")];
        let wide = [
            denial("mount", Object::Nothing, "mount"),
            denial("chroot", Object::Nothing, "sh\u{1b}[2J"),
            denial("process_signal", Object::Process(1), "killall"),
        ];
        let medium = Profile::built_in(Level::Medium);
        let denied = Profile::built_in(Level::Low).without("ping".parse().unwrap(), None);
        let kept = Profile::built_in(Level::High).with("ptrace".parse().unwrap(), Some("it debugs itself".into()));
        let shown = [
            told(Some(&medium), &ping()),
            told(Some(&denied), &ping()),
            told(Some(&kept), &wide),
            told(Some(&Profile::built_in(Level::Low)), &ping()),
            told(Some(&medium), &[denial("process_see", Object::Process(7), "ps")]),
            told(None, &ping()),
        ];
        insta::assert_snapshot!(shown.join("----\n"));
        let name = "web".parse().unwrap();
        let live = Level::Low.rights();
        assert!(of(&name, Some(&medium), live, &[(0, &ping()[0])]).ends_with("\n\nBy now it is allowed."));
    }

    #[test]
    fn the_remedy_is_a_profile_and_grants_no_more_than_was_denied() {
        assert_eq!(Profile::built_in(Level::Medium).to_script(), "\"medium\"");
        let right: Right = "ping".parse().unwrap();
        let before = Profile::built_in(Level::Medium);
        let after = granting(before.clone(), right, &denial("ping", RAW, "ping"));
        assert_eq!(after.rights(), before.rights().with(right));
        let parsed = Profile::parse("profile", &serde_json::to_value(&after).unwrap()).unwrap();
        assert_eq!(parsed, after);
    }
}
