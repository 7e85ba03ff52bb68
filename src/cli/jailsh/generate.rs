//! `jailsh generate`: what a package ships beside the program.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};

use super::Jailsh;
use crate::cli::failure::{Exit, Failure};
use crate::cli::jailctl::Jailctl;
use crate::cli::jailmgr::Jailmgr;
use crate::cli::{Outcome, completion, manual, output};

/// Write the manual pages, or the completions for bash, zsh and fish, made from
/// the same definitions as --help.
///
/// The directory is made if need be; files in it are replaced. The completions
/// ask the tools for the names of jails when they are used.
///
/// Examples: jailsh generate man /usr/share/man/man8
///           jailsh generate completions ./completions
///
/// Exit status: 0 done, 1 failed, 64 wrong use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Generate {
    /// What to write
    #[arg(value_enum)]
    what: What,
    /// Directory for the files
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A page for each tool and verb, section 8
    Man,
    /// NAME.bash, _NAME for zsh and NAME.fish for each tool
    Completions,
}

impl Generate {
    pub fn run(self) -> Outcome {
        let failed = |doing: &str, path: &Path, error: std::io::Error| {
            Failure::new(Exit::FAILED, format!("{doing} {}: {error}", path.display()))
        };
        std::fs::create_dir_all(&self.directory).map_err(|error| failed("cannot make", &self.directory, error))?;
        for tool in [Jailsh::command(), Jailctl::command(), Jailmgr::command()] {
            let files = match self.what {
                What::Man => manual::pages(tool),
                What::Completions => completion::scripts(tool),
            };
            for (name, text) in files {
                let path = self.directory.join(name);
                std::fs::write(&path, text).map_err(|error| failed("cannot write", &path, error))?;
                output::say(path.display())?;
            }
        }
        Ok(Exit::DONE)
    }
}
