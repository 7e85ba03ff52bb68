//! `jailsh doc`: the reference of the script API.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::{Outcome, output, screen};
use crate::script::Fault;
use crate::script::reference::render::{self, Paper};
use crate::script::reference::{self, Page};

/// Columns of what is no terminal.
const USUAL: usize = 80;

/// Tell what scripts can use: functions, types, the keys of a spec, the standard
/// library, and Rhai's own functions.
///
/// Without NAME all names by chapter. A method is named with its type or
/// without, a key with its map, a function of a module with the module.
///
/// Examples: jailsh doc exec
///           jailsh doc spec.ports
///           jailsh doc Output.status
///           jailsh doc --html reference.html
///
/// Exit status: 0 done, 1 no such name or a failure, 64 wrong use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Doc {
    /// What to tell of: exec, Jail.exec, spec.ports, text.trim, std/profiles
    #[arg(value_name = "NAME")]
    page: Option<String>,
    /// Print JSON: all of the reference, or the pages of NAME
    #[arg(long)]
    json: bool,
    /// Write all of it as one page for browsers; of a directory its reference.html
    #[arg(long, value_name = "FILE|DIR", conflicts_with_all = ["page", "json"])]
    html: Option<PathBuf>,
}

impl Doc {
    pub fn run(self) -> Outcome {
        if let Some(path) = &self.html {
            return write(path);
        }
        let paper = Paper { width: width(), colour: output::colour() };
        let Some(name) = &self.page else {
            match self.json {
                true => output::json(&reference::dump())?,
                false => output::print(&render::overview(paper))?,
            }
            return Ok(Exit::DONE);
        };
        let pages = reference::find(name);
        if pages.is_empty() {
            let hint = match reference::meant(name) {
                Some(near) => format!("did you mean {near}?"),
                None => "jailsh doc lists all names".to_owned(),
            };
            return Err(Failure::new(Exit::FAILED, format!("nothing is named {name:?}; {hint}")));
        }
        if self.json {
            output::json(&pages)?;
        } else {
            let pages: Vec<String> = pages.iter().map(|page: &Page| render::page(page, paper)).collect();
            output::print(&pages.join("\n\n"))?;
        }
        Ok(Exit::DONE)
    }
}

fn width() -> usize {
    if std::io::stdout().is_terminal() { screen::size().1 } else { USUAL }
}

fn write(path: &Path) -> Outcome {
    let path = if path.is_dir() { path.join("reference.html") } else { path.to_owned() };
    let failed = |error| Failure::new(Exit::FAILED, Fault::file(&path, &error).to_string());
    std::fs::write(&path, render::html()).map_err(failed)?;
    output::say(path.display())?;
    Ok(Exit::DONE)
}
