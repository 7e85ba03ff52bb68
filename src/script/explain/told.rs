//! Explanations as text for a terminal.

use super::{Example, Explanation};
use crate::jail::spec::Profile;
use crate::kernel::{Level, Right, Verdict};
use crate::script::reference::LibraryFunction;

/// Columns of a line.
const WIDTH: usize = 80;
/// Columns before a reason in a list of rights.
const INDENT: usize = 20;

/// All of it, as `jailsh explain` prints it.
pub fn told(explanation: &Explanation) -> String {
    let Explanation { code, title, text, example, remedy } = explanation;
    let indented = |script: &str| script.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let example = match example {
        Example::Script(script) => indented(script),
        Example::With(options, script) => {
            format!("    jailsh {} FILE, with this FILE:\n\n{}", options.join(" "), indented(script))
        }
        Example::Importing { module: (name, text), script } => {
            format!("{}\n    with {name}.rhai beside it:\n\n{}", indented(script), indented(text))
        }
        Example::Told(how) => indented(how),
    };
    format!("{code}: {title}\n\n{}\nExample:\n\n{example}\nRemedy:\n\n{}", wrapped(text), wrapped(remedy))
}

/// A right: what it lets do, and who has it.
pub fn of_right(right: Right) -> String {
    let name = right.name();
    if right.is_fence() {
        let text = format!("A fence, which holds in every profile: {}.", right.reason());
        return format!("{name}: a wall between jails\n\n{}", wrapped(&text));
    }
    if right.is_part() {
        let whole = right.whole();
        let text = format!(
            "It lets a jail have {}, and nothing else of {whole}. A profile grants it beside other rights: \
             grant = {{ \"{name}\" = \"why\" }}. It cannot be denied or audited by itself.",
            right.reason()
        );
        return format!("{name}: a part of the right {whole}\n\n{}", wrapped(&text));
    }
    let granting: Vec<&str> = Level::ALL.into_iter().filter(|level| level.rights().holds(right)).map(Level::name).collect();
    let granting = match granting.is_empty() {
        true => "No built-in profile grants it.".to_owned(),
        false => format!("Granted by the built-in profiles {}.", granting.join(" and ")),
    };
    let grave = match right.is_grave() {
        true => {
            " One use of it can end the host or the walls: it is granted by name or refused, never let through to be watched."
        }
        false => "",
    };
    let text = format!("{}. {granting}{grave}", right.reason());
    let remedy = format!(
        "A profile grants it with a reason: `jailsh doc spec.profile`. `jailctl info NAME` tells what holds {name} here."
    );
    let parts: Vec<&str> = Right::parts().filter(|part| part.whole() == right).map(Right::name).collect();
    let parts = match parts.is_empty() {
        true => String::new(),
        false => format!("\n{}", wrapped(&format!("Parts that can be granted by themselves: {}.", parts.join(", ")))),
    };
    format!("{name}: a right that a profile grants or keeps\n\n{}{parts}\n{}", wrapped(&text), wrapped(&remedy))
}

/// A profile: what it is for, what it lets do and what it refuses, each with its reason. `function`: what gives it.
pub fn of_profile(function: &LibraryFunction, profile: &Profile) -> String {
    let name = &function.name;
    let policy = profile.policy(Vec::new());
    let list = |heading: &str, verdict: Verdict| {
        let parts = Right::parts().filter(|part| profile.grant.contains(*part));
        let rights = Right::all().filter(|right| !right.is_fence()).chain(parts);
        let lines: String =
            rights.filter(|right| policy.judge(*right) == verdict).map(|right| reasoned(profile, right)).collect();
        if lines.is_empty() { lines } else { format!("\n{heading}:\n\n{lines}") }
    };
    let sort = match name.parse::<Level>() {
        Ok(_) => format!("a built-in profile, for a spec: profile = \"{name}\""),
        Err(()) => format!("a profile of std/profiles, based on {}", profile.level.name()),
    };
    let words = &function.words;
    let details = if words.details.is_empty() { String::new() } else { format!("\n{}", wrapped(&words.details)) };
    let remedy = format!(
        "`jailsh profile show {name}` tells it to programs, `jailsh profile check --real {name}` tries what it promises, and \
         `jailsh doc std/profiles` how a script uses and changes it."
    );
    [
        format!("{name}: {sort}\n\n{}{details}", wrapped(&format!("{}.", words.summary))),
        list("It grants", Verdict::Allowed),
        list("It lets through and tells", Verdict::Told),
        list("It denies", Verdict::Refused),
        format!("\n{}", wrapped(&remedy)),
    ]
    .concat()
}

/// `  ping              asks whether a host is there`
fn reasoned(profile: &Profile, right: Right) -> String {
    let reason = profile.reason(right).unwrap_or_else(|| right.reason());
    let lines = lines(reason, WIDTH - INDENT);
    format!("{:<INDENT$}{}\n", format!("  {right} "), lines.join(&format!("\n{:INDENT$}", "")))
}

fn wrapped(text: &str) -> String {
    lines(text, WIDTH).join("\n") + "\n"
}

/// Of at most so many columns, unless a word is longer.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            *line += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
