//! `jailsh explain`: what an error code or a right means.

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::{Outcome, output};
use crate::jail::spec::nearest;
use crate::jail::spec::profile::meant;
use crate::kernel::Right;
use crate::script::explain;

/// Tell what an error code means, how it comes about and what to do; or what a
/// right is.
///
/// Without NAME all codes are listed. Errors of verbs can also be named by the
/// kind that a script compares, and rights by a capability or a word of other
/// systems: module, dmesg, CAP_NET_RAW.
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
        let text = match (explain::find(&name), name.parse::<Right>(), meant(&name)) {
            (Some(explanation), ..) => explain::told(explanation),
            (None, Ok(right), _) => explain::of_right(right),
            (None, Err(()), Some(right)) => format!("{name:?} is called {right} here.\n\n{}", explain::of_right(right)),
            (None, Err(()), None) => return Err(Failure::new(Exit::FAILED, unknown(&name))),
        };
        output::print(&text)?;
        Ok(Exit::DONE)
    }
}

fn unknown(name: &str) -> String {
    let codes = explain::all().map(|one| one.code.as_str());
    let hint = match nearest(name, codes.chain(Right::all().chain(Right::parts()).map(Right::name))) {
        Some(near) => format!("did you mean {near}?"),
        None => "jailsh explain lists all codes".to_owned(),
    };
    format!("{name:?} is no code and no right; {hint}")
}
