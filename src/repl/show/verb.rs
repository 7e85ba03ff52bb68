//! What verbs give: jails, changes, what commands wrote, listings, processes, profiles, errors.

use nix::sys::signal::Signal;

use super::paint::{BOLD, CYAN, DIM, GREEN, Paint, RED, YELLOW};
use super::rows::{listing, pairs, with_foot};
use super::text::{line, raw, wrapped};
use crate::kernel::Processes;
use crate::script::Fault;
use crate::script::reference::View;
use crate::script::seen::{Change, Ran, Seen, SeenJail, view};
use crate::telemetry::processes::{Process, Tree};
use crate::telemetry::{Cell, Format, Grid, Heading, Lines, Observation, Table, ago, explanation, rights, size};

/// As suits each, the last line ended.
pub fn show(seen: &Seen, width: usize, paint: Paint) -> String {
    match seen {
        Seen::Jail(held) => jail(held, width, paint),
        Seen::Change(change) => changed(change, paint),
        Seen::Output(Ok(ran)) => output(ran, paint),
        Seen::Output(Err(why)) => paint.with(YELLOW, &format!("its result is not known: {}", line(why))) + "\n",
        Seen::Record(record) => pairs(&record.pairs(), width, paint),
        Seen::Log(records) if records.is_empty() => "no lines\n".to_owned(),
        Seen::Log(records) => Lines::new(Format::Text, false).render(records).lines().map(|each| logged(each, paint)).collect(),
        Seen::Profile(profile) => {
            let table = explanation(profile).fitted(width, paint.0);
            paint.with(BOLD, &line(&profile.to_string())) + "\n" + with_foot(&table, width, paint).as_str()
        }
        Seen::Difference(lines) if lines.is_empty() => "no difference\n".to_owned(),
        Seen::Difference(lines) => lines.iter().map(|each| difference(each, paint) + "\n").collect(),
        Seen::Error(fault) => error(fault, paint),
        Seen::Copied(copied) => line(&format!("{}: {} files, {}", copied.name, copied.files, size(copied.bytes))) + "\n",
        Seen::Response(response) => {
            let colour = if (200..400).contains(&response.status) { GREEN } else { RED };
            paint.with(colour, &format!("status {}", response.status)) + "\n" + raw(&response.body).as_str()
        }
        Seen::Facts(Ok(serde_json::Value::Object(facts))) => {
            let told = |name: &str, value: &serde_json::Value| match (value.as_str(), value.as_u64()) {
                (Some(text), _) => text.to_owned(),
                (None, Some(bytes)) if name == "memory" => size(bytes),
                _ => value.to_string(),
            };
            let pair = |(name, value): (&String, &_)| (name.clone(), Cell { text: line(&told(name, value)), colour: None });
            pairs(&facts.iter().map(pair).collect::<Vec<_>>(), width, paint)
        }
        Seen::Facts(Ok(other)) => line(&other.to_string()) + "\n",
        Seen::Facts(Err(fault)) => error(fault, paint),
        Seen::Secret(_) => brief(seen) + "\n",
        Seen::Listing(_) | Seen::Processes(_) | Seen::Kernel(_) | Seen::Proof(_) | Seen::Probing(..) => table(seen, width, paint),
    }
}

/// Rows and columns, where there are any.
pub fn table(seen: &Seen, width: usize, paint: Paint) -> String {
    match seen {
        Seen::Listing(rows) | Seen::Record(rows) => listing(rows, width, paint, nothing(rows)),
        Seen::Proof(rows) => listing(rows, width, paint, "no examples"),
        Seen::Probing(rows, summary) => {
            let below = summary.lines().map(|each| wrapped(&line(each), width, 2) + "\n");
            listing(rows, width, paint, "nothing to try") + "\n" + below.collect::<String>().as_str()
        }
        Seen::Processes(tree) => processes(tree, width, paint),
        Seen::Kernel(body) => {
            let head = format!("body {}, ABI {}, kernel {}", body.body, body.abi, body.kernel);
            let notes = body.notes.iter().map(|note| format!("note: {note}"));
            let above = std::iter::once(head).chain(notes).map(|each| wrapped(&line(&each), width, 2) + "\n");
            above.collect::<String>() + listing(&rights(body, None, None), width, paint, "no rights").as_str()
        }
        other => show(other, width, paint),
    }
}

/// In place of a listing without rows.
fn nothing(rows: &Table) -> &'static str {
    match view(rows) {
        Some(View::Jails | View::Status | View::Disk) => "no jails",
        Some(View::Stats) => "no jail is up",
        Some(View::Snapshots) => "no snapshots",
        Some(View::Bases) => "no bases",
        Some(View::Archives) => "no archives",
        Some(View::Garbage) => "nothing to clean up",
        Some(View::Rights) | None => "no rows",
    }
}

/// In a few words, for inside of other values.
pub fn brief(seen: &Seen) -> String {
    let text = match seen {
        Seen::Jail(held) => format!("jail({:?})", held.name().as_str()),
        Seen::Change(change) => change.change.clone(),
        Seen::Output(Ok(ran)) if ran.skipped => "output of nothing that ran".to_owned(),
        Seen::Output(Ok(ran)) => format!("output of {}, status {}", size(ran.stdout.len() as u64), ran.status),
        Seen::Output(Err(_)) => "output that is not known".to_owned(),
        Seen::Listing(rows) => format!("listing of {} rows", rows.len()),
        Seen::Record(record) => {
            let named = record.pairs().into_iter().find(|(key, _)| key == "name");
            named.map_or("record".to_owned(), |(_, name)| format!("record of {}", name.text))
        }
        Seen::Processes(tree) => Processes(tree.processes().count()).to_string(),
        Seen::Kernel(body) => format!("kernel body {}", body.body),
        Seen::Log(records) => format!("log of {} lines", records.len()),
        Seen::Profile(profile) => format!("profile {profile}"),
        Seen::Difference(lines) => format!("difference of {} lines", lines.len()),
        Seen::Proof(rows) => format!("proof of {} examples", rows.len()),
        Seen::Probing(rows, _) => format!("probe of {} attempts", rows.len()),
        Seen::Error(fault) => format!("error: {}", fault.message),
        Seen::Copied(copied) => format!("copy {}", copied.name),
        Seen::Response(response) => format!("response, status {}", response.status),
        Seen::Facts(_) => "facts".to_owned(),
        Seen::Secret(name) => format!("secret({name:?})"),
    };
    line(&text)
}

/// How it is, in a line.
fn jail(held: &SeenJail, width: usize, paint: Paint) -> String {
    let name = held.name();
    let (told, colour) = match held.look() {
        Ok((seen, now)) => (state(&seen, now), colour_of(seen.state())),
        Err(fault) if fault.kind == crate::script::Kind::NoSuchJail => {
            let remedy = if held.spec().is_some() { "create()" } else { "create() with a spec" };
            (vec!["not there yet".to_owned(), format!("its {remedy} makes it")], Some(YELLOW))
        }
        Err(fault) => (vec!["nobody can tell how it is".to_owned(), fault.to_string()], Some(RED)),
    };
    let head = format!("jail {name}: ");
    let shown = wrapped(&line(&format!("{head}{}", told.join(", "))), width, 2) + "\n";
    match (colour, shown.strip_prefix(&head).and_then(|rest| rest.strip_prefix(&told[0]))) {
        (Some(colour), Some(rest)) => format!("{head}{}{rest}", paint.with(colour, &told[0])),
        _ => shown,
    }
}

fn state(seen: &Observation, now: u64) -> Vec<String> {
    let mut told = vec![seen.state().to_owned()];
    let status = seen.supervisor.as_ref().or(seen.last.as_ref());
    if let Some(status) = status {
        told[0] += &format!(" for {}", ago(now.saturating_sub(status.since)));
    }
    if let Some(kernel) = &seen.jail.kernel {
        told.push(format!("jid {}", kernel.jid));
        told.push(Processes(kernel.processes as usize).to_string());
    }
    match &seen.jail.spec {
        Ok(spec) => {
            told.push(format!("profile {}", spec.profile.label()));
            let ports: Vec<String> = spec.policy().ports.iter().map(ToString::to_string).collect();
            match ports.len() {
                0 => {}
                1 => told.push(format!("port {}", ports[0])),
                _ => told.push(format!("ports {}", ports.join(" "))),
            }
        }
        Err(why) => told.push(why.clone()),
    }
    if let Some(status) = status.filter(|status| status.restarts > 0) {
        told.push(format!("{} restart{}", status.restarts, if status.restarts == 1 { "" } else { "s" }));
    }
    if let Some(exit) = status.and_then(|status| status.last_exit.as_ref()) {
        told.push(format!("last exit: {exit}"));
    }
    told
}

fn colour_of(state: &str) -> Option<&'static str> {
    match state {
        "running" | "up" => Some(GREEN),
        "down" | "stopped" => None,
        "failed" | "orphaned" | "unreadable" | "degraded" => Some(RED),
        _ => Some(YELLOW),
    }
}

fn changed(change: &Change, paint: Paint) -> String {
    let colour = match change {
        Change { failed: true, .. } => RED,
        Change { changed: false, .. } => DIM,
        Change { change, .. } if change.starts_with("would ") => YELLOW,
        _ => GREEN,
    };
    let mut shown = paint.with(colour, &line(&change.change));
    if let Some(error) = &change.error {
        shown += &format!(": {}", line(error));
    }
    shown.push('\n');
    for each in &change.diff {
        shown += &format!("  {}\n", difference(each, paint));
    }
    shown
}

/// A line of a unified difference, or of a spec's: `+`, `-`, `~`.
fn difference(text: &str, paint: Paint) -> String {
    let shown = line(text);
    // A right of a profile stands after the key.
    let said = text.trim_start();
    let said = said.strip_prefix("profile: ").filter(|rest| rest.get(1..2) == Some(" ")).unwrap_or(said);
    let colour = match said.chars().next() {
        Some('+') => GREEN,
        Some('-') => RED,
        Some('~') => YELLOW,
        Some('@') => CYAN,
        _ => return shown,
    };
    paint.with(colour, &shown)
}

fn output(ran: &Ran, paint: Paint) -> String {
    if ran.skipped {
        return paint.dim("did not run: its guard says that it need not") + "\n";
    }
    let mut shown = raw(&ran.stdout);
    for each in ran.stderr.lines() {
        shown += &format!("{} {}\n", paint.with(RED, "stderr:"), line(each));
    }
    let signal = ran.status.checked_sub(128).and_then(|number| Signal::try_from(number).ok());
    match (ran.status, signal) {
        (0, _) if shown.is_empty() => shown += &(paint.dim("exit status 0, no output") + "\n"),
        (0, _) => {}
        (status, Some(signal)) => shown += &(paint.with(RED, &format!("exit status {status}: {}", signal.as_str())) + "\n"),
        (status, None) => shown += &(paint.with(RED, &format!("exit status {status}")) + "\n"),
    }
    shown
}

/// A line that was rendered already: what is before its text stays in the background.
fn logged(text: &str, paint: Paint) -> String {
    let Some((head, tail)) = text.split_once(": ") else { return paint.with(YELLOW, text) + "\n" };
    let head = format!("{head}:");
    let head = if head.ends_with("stderr:") { paint.with(RED, &head) } else { paint.dim(&head) };
    format!("{head} {tail}\n")
}

fn error(fault: &Fault, paint: Paint) -> String {
    let mut shown = format!("{} {}\n", paint.with(RED, &format!("error ({}):", fault.kind.name())), line(&fault.message));
    if let Some(hint) = &fault.hint {
        shown += &format!("{} {}\n", paint.with(CYAN, "hint:"), line(hint));
    }
    shown
}

/// As a tree; what each is called goes last and is shortened.
fn processes(tree: &Tree, width: usize, paint: Paint) -> String {
    if tree.processes().next().is_none() {
        return "no processes\n".to_owned();
    }
    let heading =
        |name: &str, right, weight| Heading { name: name.into(), width: 0, right, elastic: !right && weight > 3, weight };
    let plain = |text: String| Cell { text, colour: None };
    let row = |(process, branch): (&Process, &str)| {
        let seconds = process.ticks / 100;
        vec![
            plain(process.pid.to_string()),
            plain(process.state.to_string()),
            plain(format!("{}:{:02}.{:02}", seconds / 60, seconds % 60, process.ticks % 100)),
            plain(format!("{branch}{}", line(&process.command))),
        ]
    };
    let headings = vec![
        heading("PID", true, u8::MAX),
        heading("STAT", false, 1),
        heading("TIME", true, 2),
        heading("COMMAND", false, u8::MAX),
    ];
    with_foot(&Grid { headings, rows: tree.branches().map(row).collect() }.fitted(width, paint.0), width, paint)
}
