//! The smallest change of a profile that allows what was denied, as a line of a script. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::jail::spec::Profile;
use crate::kernel::{Denial, JailName, Level, Right, RightSet};
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
        lines.extend(warning(name, *right).map(|warning| format!("  {warning}")));
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
    let text = literal(&serde_json::to_value(&wider).unwrap_or_default());
    lines.push(format!("\nTo allow that for good, in its spec:\n  profile: {text},"));
    lines.push(format!(
        "To try it until the jail is restarted, where the kernel body can:\n  jail(\"{name}\").update(#{{ profile: {text} }});"
    ));
    lines.join("\n")
}

/// Given by its level again, or else granted, with who needs it as the reason.
fn granting(mut profile: Profile, right: Right, denial: &Denial) -> Profile {
    profile.deny.remove(right);
    if !profile.level.rights().holds(right) {
        let who = printable(&denial.command);
        profile.grant.insert(right, Some(format!("{who} needs it")));
    }
    profile
}

fn warning(name: &JailName, right: Right) -> Option<String> {
    if right.is_fence() {
        return Some("a wall between jails: no profile opens it".to_owned());
    }
    let granting: Vec<&str> = Level::ALL.into_iter().filter(|level| level.rights().holds(right)).map(Level::name).collect();
    match granting[..] {
        [] => Some(format!("warning: no built-in profile grants it; with it a process of {name} reaches beyond its jail")),
        [only] => Some(format!("note: of the built-in profiles only {only} grants it")),
        _ => None,
    }
}

/// JSON as Rhai writes it, without the keys of empty lists.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let said = map.iter().filter(|(_, value)| !value.as_array().is_some_and(Vec::is_empty));
            let entries: Vec<String> = said.map(|(key, value)| format!("{key}: {}", literal(value))).collect();
            if entries.is_empty() { "#{}".to_owned() } else { format!("#{{ {} }}", entries.join(", ")) }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary;
    use super::*;
    use crate::kernel::{Jid, Object};

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
        let ping = || [denial("raw_socket", RAW, "ping"), denial("raw_socket", RAW, "ping")];
        let wide = [
            denial("mount", Object::Nothing, "mount"),
            denial("chroot", Object::Nothing, "sh\u{1b}[2J"),
            denial("process_signal", Object::Process(1), "killall"),
        ];
        let medium = Profile::built_in(Level::Medium);
        let denied = Profile::built_in(Level::Low).without("raw_socket".parse().unwrap(), None);
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
        let text = |profile: &Profile| literal(&serde_json::to_value(profile).unwrap());
        assert_eq!(text(&Profile::built_in(Level::Medium)), "\"medium\"");
        let right: Right = "raw_socket".parse().unwrap();
        let before = Profile::built_in(Level::Medium);
        let after = granting(before.clone(), right, &denial("raw_socket", RAW, "ping"));
        assert_eq!(after.rights(), before.rights().with(right));
        let parsed = Profile::parse("profile", &serde_json::to_value(&after).unwrap()).unwrap();
        assert_eq!(parsed, after);
    }
}
