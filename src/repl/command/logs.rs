//! `:logs`: what a jail's service and its supervisor wrote.

use std::time::Duration;

use super::{Answer, Command};
use crate::jail::observe;
use crate::kernel::JailName;
use crate::repl::shell::{Shell, say};
use crate::script::Hearing;
use crate::supervise;
use crate::telemetry::{Format, Lines};

pub const COMMAND: Command = Command {
    name: "logs",
    arguments: "[NAME] [-f] [LINES]",
    help: "show the last lines of a jail's log; -f follows it until Ctrl-C",
    run,
};

/// Lines that are shown if nobody says how many.
const USUAL: usize = 20;
/// Between two looks at the log.
const STEP: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    name: Option<JailName>,
    follow: bool,
    lines: usize,
}

fn parse(argument: &str) -> Result<Asked, String> {
    let mut asked = Asked { name: None, follow: false, lines: USUAL };
    for word in argument.split_whitespace() {
        if word == "-f" {
            asked.follow = true;
        } else if let Ok(lines) = word.parse() {
            asked.lines = lines;
        } else if asked.name.is_some() || word.starts_with('-') {
            return Err(format!("{word:?} is too much; use :logs NAME -f LINES"));
        } else {
            asked.name = Some(word.parse().map_err(|error: crate::kernel::NameError| error.to_string())?);
        }
    }
    Ok(asked)
}

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    let asked = parse(argument)?;
    let name = asked.name.or_else(|| shell.used()).ok_or("no jail was named; use :logs NAME, or :use NAME before")?;
    let host = shell.session.host().map_err(|fault| fault.to_string())?;
    observe(host, &name).map_err(|error| error.to_string())?;
    let log = supervise::log(host, &name).and_then(|mut log| Some((log.read()?, log)));
    let Some((records, mut log)) = log else {
        return Err(format!("jail {name} has no log: it is kept from the start of its service until the jail is taken down"));
    };
    let mut lines = Lines::new(Format::Text, false);
    let from = records.len() - asked.lines.min(records.len());
    tell(&lines.render(&records[from..]));
    let _hearing = Hearing::begin();
    let mut is_over = !asked.follow;
    while !is_over && !Hearing::is_pending() {
        std::thread::sleep(STEP);
        // Asked before the last look, so that nothing comes after it.
        is_over = log.is_over();
        tell(&lines.render(&log.read().unwrap_or_default()));
    }
    Ok(Answer::Done)
}

fn tell(text: &str) {
    if !text.is_empty() {
        say(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_any_order() {
        let asked = |name: Option<&str>, follow, lines| Asked { name: name.map(|name| name.parse().unwrap()), follow, lines };
        assert_eq!(parse(""), Ok(asked(None, false, 20)));
        assert_eq!(parse("-f web 7"), Ok(asked(Some("web"), true, 7)));
        assert_eq!(parse("3  web"), Ok(asked(Some("web"), false, 3)));
        assert!(parse("web db").is_err() && parse("-x").is_err() && parse("../web").is_err());
    }
}
