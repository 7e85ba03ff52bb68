//! Explanations as text for a terminal.

use super::{Example, Explanation};
use crate::kernel::{Level, Right};

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
    let text = format!("{}. {granting}", right.reason());
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

/// Lines of at most 80 columns.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= 80 {
            *line += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n") + "\n"
}
