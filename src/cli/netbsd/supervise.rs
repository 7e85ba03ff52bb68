//! `jailctl supervise`: a service under a supervisor, in a jail.

use clap::Args;

use super::failure::Exit;
use super::host::{self, Target};
use super::{Outcome, output};
use crate::jail::Command;
use crate::jail::spec::{Facility, LogLevel};
use crate::supervise::{self, Service};

/// Keep a service running in a jail.
///
/// The supervisor goes to the background, starts the service again whenever it
/// ends, after a pause that grows, and sends its output to syslog. jailctl
/// destroy --stop ends it.
///
/// Example: jailctl supervise -f local3 -t web web /usr/libexec/httpd -b -f /var/www
///
/// A service that detaches from its caller would be taken for one that ended.
///
/// Exit status: 0 the service runs, 1 failed, 64 wrong use, 69 the kernel
/// cannot do it, 77 not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Supervise {
    /// Syslog facility
    #[arg(short, long, value_parser = facility, default_value = "daemon")]
    facility: Facility,
    /// Level of lines from standard output, by name or 0 to 7
    #[arg(short = 'o', long, value_name = "LEVEL", value_parser = level, default_value = "info")]
    stdout_level: LogLevel,
    /// Level of lines from standard error, by name or 0 to 7
    #[arg(short = 'e', long, value_name = "LEVEL", value_parser = level, default_value = "warning")]
    stderr_level: LogLevel,
    /// Tag of the lines [default: jail-NAME]
    #[arg(short, long)]
    tag: Option<String>,
    /// User of the jail's /etc/passwd, or a number [default: root]
    #[arg(short, long)]
    user: Option<String>,
    /// Stay in the foreground until a signal comes
    #[arg(short = 'F', long)]
    foreground: bool,
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
    /// Program and arguments
    #[arg(value_name = "CMD", trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

impl Supervise {
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jail = self.jail.resolve(&kernel)?;
        let service = Service {
            tag: self.tag.unwrap_or_else(|| format!("jail-{}", jail.name)),
            name: jail.name,
            jid: jail.jid,
            command: Command {
                root: jail.root.into(),
                argv: self.command,
                env: Default::default(),
                user: self.user,
                workdir: None,
                term: None,
            },
            facility: self.facility,
            levels: [self.stdout_level, self.stderr_level],
            foreground: self.foreground,
        };
        supervise::supervise(&service, &kernel)?;
        if !self.foreground {
            output::say(format_args!("jail {}", service.jid))?;
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
