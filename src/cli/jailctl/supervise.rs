//! `jailctl supervise`: a service under a supervisor, in a jail that is up.

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::spec::{Facility, LogLevel};
use crate::jail::{Log, observe};
use crate::supervise;

/// Keep a service running in a jail that is up; without CMD, the jail's own.
///
/// The supervisor goes to the background, restarts the service as the jail's
/// spec says, and sends its output to syslog.
///
/// Example: jailctl supervise -f local3 -o info -e err -t jail-web web
///          jailctl supervise -F web /usr/bin/busybox httpd -f -p 8080
///
/// Exit status: 0 the service runs, 1 failed, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Supervise {
    /// Syslog facility [default: the jail's]
    #[arg(short, long, value_parser = facility)]
    facility: Option<Facility>,
    /// Level of lines from standard output, by name or 0 to 7 [default: the jail's]
    #[arg(short = 'o', long, value_name = "LEVEL", value_parser = level)]
    stdout_level: Option<LogLevel>,
    /// Level of lines from standard error, by name or 0 to 7 [default: the jail's]
    #[arg(short = 'e', long, value_name = "LEVEL", value_parser = level)]
    stderr_level: Option<LogLevel>,
    /// Tag of the lines [default: the jail's]
    #[arg(short, long, value_parser = tag)]
    tag: Option<String>,
    /// Stay in the foreground until a signal comes
    #[arg(short = 'F', long)]
    foreground: bool,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
    /// Program and arguments [default: the jail's]
    #[arg(value_name = "CMD", trailing_var_arg = true)]
    command: Vec<String>,
}

impl Supervise {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let jail = self.jail.resolve(&site)?;
        let seen = observe(&site, &jail.name)?;
        let mut spec = seen.spec.map_err(|why| Failure::new(Exit::DATA, format!("jail {}: {why}", jail.name)))?;
        if !self.command.is_empty() {
            spec.command = self.command;
            spec.services.clear();
        }
        spec.log = Log {
            facility: self.facility.unwrap_or(spec.log.facility),
            stdout: self.stdout_level.unwrap_or(spec.log.stdout),
            stderr: self.stderr_level.unwrap_or(spec.log.stderr),
            tag: self.tag.unwrap_or(spec.log.tag),
        };
        supervise::supervise(&site, &jail.name, jail.jid, &spec, self.foreground)?;
        if !self.foreground {
            output::say(format_args!("jail {}", jail.jid))?;
        }
        Ok(Exit::DONE)
    }
}

fn facility(text: &str) -> Result<Facility, String> {
    text.parse().map_err(|()| format!("{text:?} is no facility; use {}", Facility::names().collect::<Vec<_>>().join(", ")))
}

fn level(text: &str) -> Result<LogLevel, String> {
    text.parse().map_err(|()| format!("{text:?} is no level; use {} or 0 to 7", LogLevel::names().collect::<Vec<_>>().join(", ")))
}

fn tag(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 63 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'%');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no tag; use 1 to 63 printable characters without spaces or %"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_word_makes_the_parsers_panic(text in "\\PC*|[0-9]*|[a-z0-9]*") {
            let _ = (facility(&text), level(&text), tag(&text));
        }
    }

    #[test]
    fn the_reference_systems_words_are_taken() {
        assert_eq!(facility("local3").unwrap().name(), "local3");
        assert_eq!((level("err").unwrap(), level("3").unwrap().name()), ("err".parse().unwrap(), "err"));
        assert!(facility("local9").is_err() && level("8").is_err() && tag("a b").is_err());
    }
}
