//! `jailctl exec`: a command or a shell in a running jail.

use std::time::Duration;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{self, Failure};
use crate::cli::options::Common;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::{self, ExecRequest, JailError};
use crate::script::duration;

/// Run a command in a running jail; without one, an interactive shell.
///
/// The command gets a clean environment, no descriptor but the standard three,
/// and on a terminal a pty of its own.
///
/// Examples: jailctl exec web
///           jailctl exec -u www-data -E LANG=C web id
///
/// Exit status: the command's, 128+n when signal n ended it, 124 after
/// --timeout, 126 not executable, 127 not found; 1 the jail is not running, 64
/// wrong use, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Exec {
    /// User of the jail's /etc/passwd, or a number [default: root]
    #[arg(short, long)]
    user: Option<String>,
    /// Directory to start in [default: the user's home]
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable of the environment; repeatable
    #[arg(short = 'E', long, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Kill the command and what it started after this long (90, 500ms, 2m, 1h)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Give the command a pty [default: if standard input is a terminal]
    #[arg(long, overrides_with = "no_pty")]
    pty: bool,
    /// Give it pipes, also on a terminal
    #[arg(long, overrides_with = "pty")]
    no_pty: bool,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
    /// Program and arguments
    #[arg(value_name = "CMD", trailing_var_arg = true)]
    command: Vec<String>,
}

impl Exec {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let name = self.jail.name(&site)?;
        let request = ExecRequest {
            program: None,
            argv: self.command,
            env: self.env.into_iter().collect(),
            user: self.user,
            workdir: self.workdir,
            capture: false,
            input: None,
            timeout: self.timeout,
            pty: (self.pty || self.no_pty).then_some(self.pty),
        };
        match jail::exec(&site, &name, &request) {
            Ok(output) => Ok(failure::Exit::of_command(output.status)),
            Err(error @ JailError::NoSuchUser { .. }) => Err(Failure::new(failure::Exit::USAGE, error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

/// `KEY=VALUE`
fn variable(text: &str) -> Result<(String, String), String> {
    let fits = |key: &str| {
        !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !key.as_bytes()[0].is_ascii_digit()
    };
    match text.split_once('=') {
        Some((key, value)) if fits(key) => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is no variable; use KEY=VALUE with letters, digits and _ in the key")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_may_hold_anything_and_a_key_may_not() {
        assert_eq!(variable("A_1=b=c d"), Ok(("A_1".into(), "b=c d".into())));
        for bad in ["", "=", "A", "1A=b", "A B=c", "LD-X=c", "ü=c"] {
            assert!(variable(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_can_be_written_back(text in "\\PC*|[A-Z_0-9]*=\\PC*") {
            if let Ok((key, value)) = variable(&text) {
                prop_assert_eq!(format!("{key}={value}"), text);
            }
        }
    }
}
