//! Wrong use: clap's findings in one line, with the exit status of sysexits.h.

use clap::error::ErrorKind;

use super::failure::{Exit, Failure};
use super::output;

/// Help and version go to standard output and are no failure.
pub fn failure(tool: &str, error: &clap::Error) -> Failure {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match output::print(&error.render().to_string()) {
            Ok(()) => Failure::silent(Exit::DONE),
            Err(failure) => failure,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Failure::new(Exit::USAGE, format!("a verb is missing; see {tool} --help"))
        }
        _ => {
            let text = error.render().to_string();
            Failure::new(Exit::USAGE, format!("{}; see {} --help", sentence(&text), verb(tool, &text)))
        }
    }
}

/// `jailmgr create` of `Usage: jailmgr create [OPTIONS] <NAME>`.
fn verb(tool: &str, text: &str) -> String {
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or(tool);
    let words = usage.split(' ').take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    words.collect::<Vec<_>>().join(" ")
}

/// clap's first paragraphs as one line.
fn sentence(text: &str) -> String {
    let mut sentence = String::new();
    for line in text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")) {
        let line = line.trim_start_matches("error: ").trim_start_matches("tip: ");
        if line.is_empty() {
            continue;
        }
        if !sentence.is_empty() {
            sentence += if sentence.ends_with(':') || line.starts_with('[') || line.starts_with('<') { " " } else { "; " };
        }
        sentence += line;
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claps_paragraphs_become_one_line() {
        let text = "error: unexpected argument '--kernl' found\n\n  tip: a similar argument exists: '--kernel'\n\nUsage: x\n\nFor more information, try '--help'.\n";
        assert_eq!(sentence(text), "unexpected argument '--kernl' found; a similar argument exists: '--kernel'");
        assert_eq!(verb("jailmgr", "x\n\nUsage: jailmgr create [OPTIONS] <NAME>\n"), "jailmgr create");
        assert_eq!(verb("jailmgr", "x\n"), "jailmgr");
        let text = "error: the following required arguments were not provided:\n  <NAME>\n\nUsage: x\n";
        assert_eq!(sentence(text), "the following required arguments were not provided: <NAME>");
    }
}
