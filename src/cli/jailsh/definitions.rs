//! `jailsh definitions`: the reference for editors.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::{Outcome, output};
use crate::script::Fault;
use crate::script::reference::{self, render};

/// Write what editors need to know of the script API: definition files of Rhai,
/// and all of the reference as JSON.
///
/// The directory is made if need be; files in it are replaced: jailsh.d.rhai,
/// rhai.d.rhai, one for each module of the standard library, reference.json.
/// Editors that speak the language server protocol need none of them: see
/// jailsh lsp.
///
/// Example: jailsh definitions ~/.local/share/jailsh
///
/// Exit status: 0 done, 1 failed, 64 wrong use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Definitions {
    /// Directory for the files
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Definitions {
    pub fn run(self) -> Outcome {
        let failed = |path: &Path, error| Failure::new(Exit::FAILED, Fault::file(path, &error).to_string());
        std::fs::create_dir_all(&self.directory).map_err(|error| failed(&self.directory, error))?;
        let json = serde_json::to_string_pretty(&reference::dump()).expect("texts and lists") + "\n";
        for (name, text) in render::definitions::definitions().into_iter().chain([("reference.json".to_owned(), json)]) {
            let path = self.directory.join(name);
            std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
            output::say(path.display())?;
        }
        Ok(Exit::DONE)
    }
}
