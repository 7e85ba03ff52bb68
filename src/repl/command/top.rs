//! `:top`: the live view, as `jailctl top` has it.

use std::io::IsTerminal;
use std::time::Duration;

use super::{Answer, Command};
use crate::live::{self, Ended, Feed, Glance, Here, Threaded, View};
use crate::repl::shell::{Shell, say};
use crate::telemetry::{Format, Sort, top, totals};

pub const COMMAND: Command = Command { name: "top", arguments: "", help: "watch all jails live; ? tells the keys there", run };

const DELAY: Duration = Duration::from_secs(2);

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if !argument.is_empty() {
        return Err(":top takes nothing; sort and filter by its keys".to_owned());
    }
    let host = shell.session.host().map_err(|fault| fault.to_string())?.clone();
    if !has_screen() {
        let stats = host.kernel.stats(None).map_err(|error| error.to_string())?;
        say(&format!("{}\n\n{}", totals(&stats), top(&stats, Sort::Cpu).render(Format::Text, false)));
        return Ok(Answer::Done);
    }
    let glance = Glance::new(host);
    let mut view = View::new(glance.head(), Sort::Cpu.into(), DELAY);
    let mut feed: Box<dyn Feed> = match shell.open.clone() {
        Some(open) => {
            let threaded = Threaded::new(move || Ok((Glance::new(open()?), ())));
            Box::new(threaded.map_err(|error| format!("cannot make a thread: {error}"))?)
        }
        None => Box::new(Here::new(glance)),
    };
    let look = live::Look { colour: shell.colour, blocks: live::is_unicode() };
    match live::run(&mut view, feed.as_mut(), look).map_err(|error| error.to_string())? {
        Ended::Left => Ok(Answer::Done),
        Ended::By(signal) => Ok(Answer::Leave(128 + signal as u8)),
    }
}

/// A terminal that can be drawn on.
fn has_screen() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
