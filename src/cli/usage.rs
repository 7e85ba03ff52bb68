//! Wrong use: clap's findings in one line, with the exit status of sysexits.h.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::failure::{Exit, Failure};
use super::output;

/// Help and version go to standard output and are no failure. `words`: those that followed the tool's name.
pub fn failure<T: CommandFactory>(mut words: impl Iterator<Item = String>, error: &clap::Error) -> Failure {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match output::print(&error.render().to_string()) {
            Ok(()) => Failure::silent(Exit::DONE),
            Err(failure) => failure,
        };
    }
    let tool = T::command();
    let name = tool.get_name();
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Failure::new(Exit::USAGE, format!("a verb is missing; see {name} --help"))
        }
        _ => {
            let text = error.render().to_string();
            // Not every error of clap's shows the usage.
            let help = verb(&text).unwrap_or_else(|| match words.find(|word| tool.find_subcommand(word).is_some()) {
                Some(verb) => format!("{name} {verb}"),
                None => name.to_owned(),
            });
            Failure::new(Exit::USAGE, format!("{}; see {help} --help", sentence(&text)))
        }
    }
}

/// `jailmgr create` of `Usage: jailmgr create [OPTIONS] <NAME>`.
fn verb(text: &str) -> Option<String> {
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "))?;
    let words = usage.split(' ').take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    Some(words.collect::<Vec<_>>().join(" "))
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
        assert_eq!(verb("x\n\nUsage: jailmgr create [OPTIONS] <NAME>\n").as_deref(), Some("jailmgr create"));
        assert_eq!(verb("x\n"), None);
        let text = "error: the following required arguments were not provided:\n  <NAME>\n\nUsage: x\n";
        assert_eq!(sentence(text), "the following required arguments were not provided: <NAME>");
    }
}
