//! `jailmgr config`: a jail's spec, shown or changed.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::editor;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::jail::spec::assign;
use crate::jail::{self, Change, JailError, Spec};
use crate::kernel::JailName;
use crate::telemetry::printable;

/// Show a jail's jail.toml, or change it.
///
/// A change is checked first, then put in place in one step, then shown. A jail
/// that is up keeps its policy until it is restarted. --set takes a TOML value
/// or a plain text, and does not keep comments.
///
/// Examples: jailmgr config --edit web
///           jailmgr config --set profile=medium --set 'ports=[80,443]' --set log.tag=web web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 65 the spec is wrong, 69 the
/// kernel cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Config {
    /// Open it in $VISUAL, $EDITOR or vi
    #[arg(long, conflicts_with = "set")]
    edit: bool,
    /// Set a key; dots lead into tables; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["edit", "set"])]
    json: bool,
    /// Name of the jail
    name: JailName,
}

impl Config {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let name = &self.name;
        let before = jail::spec_text(&site, name)?;
        let wrong = |error| JailError::Spec { path: format!("jail {name}"), error };
        if self.edit {
            let change = editor::edit(&before, &format!("{name}.toml"), |text| Ok(jail::configure(&site, name, text)?))?;
            return tell(name, change);
        }
        if self.set.is_empty() {
            match self.json {
                true => output::json(&Spec::from_toml(name, &before).map_err(wrong)?.to_tree())?,
                false => output::print(&shown(&before))?,
            }
            return Ok(Exit::DONE);
        }
        let mut text = before;
        for (key, value) in &self.set {
            text = assign(&text, key, value).map_err(wrong)?;
        }
        // Every key stays in the file, so that it shows what can be changed.
        let spec = Spec::from_toml(name, &text).map_err(wrong)?;
        tell(name, jail::configure(&site, name, &spec.to_toml())?)
    }
}

/// The file as it is, but for what a terminal would take as a command.
fn shown(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", printable(line))).collect()
}

fn tell(name: &JailName, change: Change) -> Outcome {
    match change {
        Change::Changed { diff } => {
            output::say(format_args!("Changed jail {name}"))?;
            for line in diff {
                output::say(format_args!("  {}", printable(&line)))?;
            }
        }
        Change::Unchanged | Change::Created => output::say(format_args!("Unchanged jail {name}"))?,
    }
    Ok(Exit::DONE)
}

/// `KEY=VALUE`
fn assignment(text: &str) -> Result<(String, String), String> {
    let is_key = |key: &str| {
        key.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))
    };
    match text.split_once('=') {
        Some((key, value)) if is_key(key.trim()) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("{text:?} sets nothing; use KEY=VALUE, such as profile=medium or log.tag=web")),
    }
}
