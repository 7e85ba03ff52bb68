//! `jailmgr create`: makes or changes a jail.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Outcome;
use crate::cli::destinations::Destinations;
use crate::cli::failure::{Exit, Failure};
use crate::cli::limits::LimitOptions;
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::site::Site;
use crate::jail::{self, Change, Spec};
use crate::kernel::{JailName, Reservation};

/// Make a jail, or change the one of that name to what the options say.
///
/// A running jail keeps its policy until it is restarted.
///
/// Example: jailmgr create -a -x '/usr/bin/busybox httpd -f -p 8080 -h /var/www/mysite' -l medium -r 8080
///                         -f local3 -o info -e err -t jail-web web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[command(mut_arg("memory", |arg| arg.short('m')), mut_arg("processes", |arg| arg.short('p')))]
#[command(mut_arg("files", |arg| arg.short('d')), mut_arg("socket_buffers", |arg| arg.short('s')))]
pub struct Create {
    /// Start it with jailmgr start --all
    #[arg(short, long)]
    autostart: bool,
    /// The service, split into words as a shell would, but run without one
    #[arg(short = 'x', long, value_name = "CMD", value_parser = words, allow_hyphen_values = true)]
    command: Option<Words>,
    /// Profile: low, medium or high [default: high]
    #[arg(short = 'l', long)]
    profile: Option<String>,
    /// Programs: host, NAME, NAME@VERSION, dir:PATH or tar:PATH#sha256=SUM [default: host]
    #[arg(short, long)]
    base: Option<String>,
    /// Ports that only this jail may bind, as 8080, 53/udp, 127.0.0.2:53, 5000-5010; repeatable
    #[arg(short = 'r', long, value_name = "PORT[,PORT..]", value_delimiter = ',')]
    reserve: Vec<Reservation>,
    #[command(flatten)]
    destinations: Destinations,
    /// Syslog facility of the service's output [default: daemon]
    #[arg(short = 'f', long)]
    facility: Option<String>,
    /// Level of lines from standard output, by name or 0 to 7 [default: notice]
    #[arg(short = 'o', long, value_name = "LEVEL")]
    stdout_level: Option<String>,
    /// Level of lines from standard error, by name or 0 to 7 [default: err]
    #[arg(short = 'e', long, value_name = "LEVEL")]
    stderr_level: Option<String>,
    /// Tag of the lines [default: jail-NAME]
    #[arg(short = 't', long)]
    tag: Option<String>,
    /// Name of the jail
    name: JailName,
    #[command(flatten)]
    limits: LimitOptions,
    /// Processor time in clock ticks of 1/100 s, in each window of -c; in place of --cpu
    #[arg(short = 'q', long, value_name = "TICKS", conflicts_with = "cpu", value_parser = clap::value_parser!(u64).range(1..))]
    cpu_ticks: Option<u64>,
    /// Length of that window in microseconds, rounded up to whole seconds [default: 1000000]
    #[arg(short = 'c', long, value_name = "USEC", requires = "cpu_ticks", value_parser = clap::value_parser!(u64).range(1..))]
    cpu_window: Option<u64>,
}

impl Create {
    pub fn run(self, common: &Common) -> Outcome {
        // Before the kernel is asked: a wrong spec is wrong on any machine.
        let mut spec = Spec::parse(&self.name, &self.tree()).map_err(|error| Failure::new(Exit::USAGE, error.to_string()))?;
        let site = Site::open(common)?;
        let name = &self.name;
        if matches!(spec.base, jail::Base::Directory(_) | jail::Base::Archive { .. }) {
            // Long work of its own, which has something to tell.
            let old = jail::observe(&site, name).ok().and_then(|seen| seen.spec.ok()).map(|old| old.base);
            let mut progress = Progress::new("importing");
            let old = old.as_ref().map(|old| (name, old));
            let (base, imported) = jail::base::resolve(&site.config, &spec.base, old, &mut |tally| progress.show(tally))?;
            drop(progress);
            imported.iter().try_for_each(super::base::say_imported)?;
            spec.base = base;
        }
        match jail::create(&site, name, &spec)? {
            Change::Created => output::say(format_args!("Created jail {name}"))?,
            Change::Unchanged => output::say(format_args!("Unchanged jail {name}"))?,
            Change::Changed { diff } => {
                output::say(format_args!("Changed jail {name}"))?;
                for line in diff {
                    output::say(format_args!("  {}", crate::telemetry::printable(&line)))?;
                }
            }
        }
        Ok(Exit::DONE)
    }

    fn tree(&self) -> Value {
        let log =
            [("facility", &self.facility), ("stdout", &self.stdout_level), ("stderr", &self.stderr_level), ("tag", &self.tag)];
        let log: serde_json::Map<_, _> =
            log.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?.into()))).collect();
        let mut limits = self.limits.tree();
        if let Some(ticks) = self.cpu_ticks {
            limits.insert("cpu".into(), share_of(ticks, self.cpu_window.unwrap_or(WINDOW_USEC)).into());
        }
        let command = self.command.as_ref().map(|words| words.0.clone()).unwrap_or_default();
        json!({ "command": command, "profile": self.profile, "base": self.base, "ports": self.reserve, "connect": self.destinations.tree(), "limits": limits, "log": log, "autostart": self.autostart })
    }
}

/// Microseconds of the usual window of `-c`.
const WINDOW_USEC: u64 = 1_000_000;

/// The reference system's quota as a share of one processor, which holds in every tenth of a second in place of a window.
fn share_of(ticks: u64, window_usec: u64) -> String {
    let seconds = window_usec.div_ceil(1_000_000);
    let tenths = ticks.saturating_mul(10) / seconds;
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// A command line split into words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words(Vec<String>);

fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if words.is_empty() => Err("the command is empty; name a program".into()),
        Some(words) => Ok(Words(words)),
        None => Err(unclosed(text)),
    }
}

/// Says which quote was not closed.
fn unclosed(text: &str) -> String {
    let mut open: Option<(usize, char)> = None;
    let mut escaped = false;
    for (at, c) in text.chars().enumerate() {
        match (open, c) {
            _ if escaped => escaped = false,
            (None | Some((_, '"')), '\\') => escaped = true,
            (None, '\'' | '"') => open = Some((at + 1, c)),
            (Some((_, quote)), c) if c == quote => open = None,
            _ => {}
        }
    }
    match open {
        Some((at, quote)) => {
            format!("the {} quote at character {at} is not closed", if quote == '"' { "double" } else { "single" })
        }
        None => "it ends with a backslash that escapes nothing; double it or remove it".into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_in_a_window_are_a_share_of_a_processor() {
        let shares = [(50, 1_000_000), (200, 1_000_000), (50, 1), (50, 1_000_001), (1, 3_000_000)];
        assert_eq!(shares.map(|(ticks, window)| share_of(ticks, window)), ["50.0%", "200.0%", "50.0%", "25.0%", "0.3%"]);
    }

    #[test]
    fn an_open_quote_is_named_with_its_place() {
        assert_eq!(words("echo 'a b").unwrap_err(), "the single quote at character 6 is not closed");
        assert_eq!(words("echo \"it's\" \"b").unwrap_err(), "the double quote at character 13 is not closed");
        assert_eq!(words("echo \\").unwrap_err(), "it ends with a backslash that escapes nothing; double it or remove it");
        assert_eq!(words("  ").unwrap_err(), "the command is empty; name a program");
    }

    #[test]
    fn words_are_split_but_nothing_is_expanded() {
        let split = words("/bin/sh -c 'echo $HOME; ls *' \"a b\" c\\ d").unwrap();
        assert_eq!(split.0, ["/bin/sh", "-c", "echo $HOME; ls *", "a b", "c d"]);
    }

    proptest! {
        #[test]
        fn quoted_words_come_back_as_they_were(argv in proptest::collection::vec("[^\\x00]{1,20}", 1..6)) {
            let line = shlex::try_join(argv.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(words(&line).unwrap().0, argv);
        }

        #[test]
        fn no_line_makes_it_panic(text in "\\PC*|['\"\\\\ a#]*") {
            let _ = words(&text);
        }
    }
}
