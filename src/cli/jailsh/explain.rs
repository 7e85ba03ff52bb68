//! `jailsh explain`: what an error code or a right means.

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::{Outcome, output};
use crate::jail::spec::nearest;
use crate::kernel::{Level, Right};
use crate::script::explain::{self, Example, Explanation};

/// Tell what an error code means, how it comes about and what to do; or what a
/// right is.
///
/// Without NAME all codes are listed. Errors of verbs can also be named by the
/// kind that a script compares.
///
/// Examples: jailsh explain E0302
///           jailsh explain not_running
///           jailsh explain mount
///
/// Exit status: 0 done, 1 no such name, 64 wrong use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Explain {
    /// A code, a kind of error, or a right
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Explain {
    pub fn run(self) -> Outcome {
        let Some(name) = self.name else {
            output::print(&explain::all().map(|one| format!("{}  {}\n", one.code, one.title)).collect::<String>())?;
            return Ok(Exit::DONE);
        };
        let text = match (explain::find(&name), name.parse::<Right>()) {
            (Some(explanation), _) => told(explanation),
            (None, Ok(right)) => of_right(right),
            (None, Err(())) => return Err(Failure::new(Exit::FAILED, unknown(&name))),
        };
        output::print(&text)?;
        Ok(Exit::DONE)
    }
}

fn unknown(name: &str) -> String {
    let codes = explain::all().map(|one| one.code.as_str());
    let hint = match nearest(name, codes.chain(Right::all().map(Right::name))) {
        Some(near) => format!("did you mean {near}?"),
        None => "jailsh explain lists all codes".to_owned(),
    };
    format!("{name:?} is no code and no right; {hint}")
}

fn told(explanation: &Explanation) -> String {
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

fn of_right(right: Right) -> String {
    let name = right.name();
    if right.is_fence() {
        let text = format!("A fence, which holds in every profile: {}.", right.reason());
        return format!("{name}: a wall between jails\n\n{}", wrapped(&text));
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
    format!("{name}: a right that a profile grants or keeps\n\n{}\n{}", wrapped(&text), wrapped(&remedy))
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
