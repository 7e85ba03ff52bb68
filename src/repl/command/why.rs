//! `:why`: what a jail was denied last, and the smallest remedy; without a denial, what the last error means; with an action,
//! whether it would be denied.

mod remedy;
mod summary;

use super::{Answer, Command};
use crate::jail::why;
use crate::kernel::{Denial, JailName, RightSet};
use crate::live::clocks;
use crate::repl::shell::{Shell, say};
use crate::script::explain;
use crate::telemetry::{self, Denials, Observation, printable};

pub const COMMAND: Command = Command {
    name: "why",
    arguments: "[NAME [ACTION]]",
    help: "tell what a jail was denied and what would allow it, whether an action would be, or what the last error means",
    run,
};

fn run(shell: &mut Shell, argument: &str) -> Result<Answer, String> {
    if let Some((name, action)) = argument.split_once(' ') {
        return judged(shell, name, action);
    }
    let named = match argument {
        "" => shell.used(),
        name => Some(name.parse::<JailName>().map_err(|error| error.to_string())?),
    };
    let host = shell.session.host().map_err(|fault| fault.to_string())?.clone();
    let known = denials(shell);
    let newest = |known: &Denials| {
        let jails = host.kernel.list().unwrap_or_default();
        let last = |jid| known.of(jid).next_back().map(|(at, _)| at);
        jails.into_iter().filter_map(|jail| Some((last(jail.jid)?, jail.name))).max().map(|(_, name)| name)
    };
    let name = named.clone().or_else(|| known.as_ref().ok().and_then(newest));
    let mut told = Vec::new();
    if let Some(name) = name {
        let seen = Observation::one(&host, &name).map_err(|error| error.to_string())?;
        let jid = seen.jail.kernel.as_ref().map(|jail| jail.jid);
        let of: Vec<(u64, &Denial)> = known.iter().flat_map(|known| jid.map(|jid| known.of(jid))).flatten().collect();
        if of.is_empty() {
            told.push(summary::without(&seen, known.as_ref().err()));
        } else {
            told.push(summary::of(&name, &of));
            let profile = seen.jail.spec.as_ref().ok().map(|spec| &spec.profile);
            let live = seen.jail.kernel.as_ref().map_or(RightSet::EMPTY, |jail| jail.policy.rights);
            told.push(remedy::of(&name, profile, live, &of));
        }
    }
    if named.is_none() && told.is_empty() {
        told.extend(last_error(shell));
    }
    if told.is_empty() {
        told.push("nothing was denied and nothing failed in this session".to_owned());
        told.extend(known.err().map(|why| format!("note: denials are not seen: {}", printable(&why))));
    }
    say(&told.join("\n\n"));
    Ok(Answer::Done)
}

/// As `jailsh why NAME ACTION`.
fn judged(shell: &mut Shell, name: &str, action: &str) -> Result<Answer, String> {
    let name = name.parse::<JailName>().map_err(|error| error.to_string())?;
    let action: why::Action = action.parse().map_err(|error| format!("{error}"))?;
    let host = shell.session.host().map_err(|fault| fault.to_string())?;
    let answer = why::of_jail(host, &name, &action).map_err(|error| error.to_string())?;
    say(telemetry::why::text(name.as_str(), &answer).trim_end());
    Ok(Answer::Done)
}

/// Those that the thread saw, or where there is none, those that the kernel still has.
fn denials(shell: &mut Shell) -> Result<Denials, String> {
    if let Some(seen) = shell.events.denials() {
        return seen;
    }
    let host = shell.session.host().map_err(|fault| fault.to_string())?;
    let (found, lost) = host.kernel.denials().map_err(|error| error.to_string())?;
    shell.events.keep(&found, lost, clocks());
    Ok(shell.events.kept())
}

/// `error[E0303]` in what was told last, explained.
fn last_error(shell: &Shell) -> Option<String> {
    let report = shell.failure.as_ref()?;
    let (_, rest) = report.split_once("error[")?;
    let (code, _) = rest.split_once(']')?;
    explain::find(code).map(|explanation| explain::told(explanation).trim_end().to_owned())
}
