//! `jailsh lsp`: the language server.

use std::path::PathBuf;

use clap::Args;

use super::script::module_path;
use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::lsp::{self, End};

/// Serve an editor on standard input and output: the Language Server Protocol.
///
/// Tells what is wrong with a script while it is written, completes verbs,
/// methods, keys and modules, shows what a name is, and goes to where it was
/// given, in imported files and the standard library too. Nothing is run, no
/// jail is touched, root is not needed. docs/editors.md sets editors up.
///
/// Example: jailsh lsp --stdio
///
/// Exit status: 0 done, 1 the client left without asking to shut down, 64 wrong
/// use.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Lsp {
    /// Taken for editors that give it; there is no other way
    #[arg(long)]
    stdio: bool,
}

impl Lsp {
    pub fn run(self, roots: Vec<PathBuf>) -> Outcome {
        let Lsp { stdio: _ } = self;
        match lsp::serve(module_path(roots)) {
            Ok(End::Asked) => Ok(Exit::DONE),
            Ok(End::Cut) => Ok(Exit::FAILED),
            Err(error) => Err(Failure::new(Exit::FAILED, format!("the client sent no message: {error}"))),
        }
    }
}
