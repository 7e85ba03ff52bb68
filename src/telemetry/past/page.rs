//! For a browser: one page that needs nothing else, with the state of all jails and pictures of their last hours. It can be
//! read without JavaScript, and what comes from a jail is text in it, never markup.

use std::fmt::Write;

use super::chart::chart;
use super::{Measured, Past, Span};
use crate::kernel::Processes;
use crate::telemetry::{Measure, ago, moment, printable, short};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Where and when the page was made.
pub struct Head {
    pub host: String,
    /// `lsm`, `landlock`.
    pub body: String,
    /// `uname -r`.
    pub kernel: String,
    pub span: Span,
}

/// A jail of the page.
pub struct Reported {
    pub past: Past,
    pub now: Measure,
    /// As `jailctl status` has it.
    pub state: String,
    /// When that was entered, in seconds since the epoch.
    pub since: Option<u64>,
}

/// The whole page.
pub fn page(head: &Head, jails: &[Reported]) -> String {
    let processes: u64 = jails.iter().map(|jail| jail.now.stats.processes).sum();
    let count = format!("{} jail{}, {}", jails.len(), if jails.len() == 1 { "" } else { "s" }, Processes(processes as usize));
    let host = escape(&head.host);
    let made = moment::second(head.span.to);
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>Jails of {host}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Jails of {host}</h1>\n<p class=\"about\">{count}. The last {span}, until {made}; times are UTC. \
         {body} on Linux {kernel}, jailsh {version}.</p>\n",
        span = ago(head.span.to.saturating_sub(head.span.from)),
        made = made.replace('T', " ").replace('Z', ""),
        body = escape(&head.body),
        kernel = escape(&head.kernel),
        version = env!("CARGO_PKG_VERSION"),
    );
    if jails.is_empty() {
        text += "<p class=\"none\">No jail is in the kernel.</p>\n";
    } else {
        text += &overview(jails, head.span);
    }
    for jail in jails {
        text += &section(jail, head.span);
    }
    let _ = write!(text, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    text
}

fn overview(jails: &[Reported], span: Span) -> String {
    let mut text = "<div class=\"wide\"><table>\n<thead><tr><th>jail<th class=\"number\">jid<th>state<th>since\
                    <th class=\"number\">CPU<th class=\"number\">most<th class=\"number\">memory<th class=\"number\">most\
                    <th class=\"number\">processes<th class=\"number\">restarts<th class=\"number\">denials</thead>\n<tbody>\n"
        .to_owned();
    for jail in jails {
        let (stats, usage) = (&jail.now.stats, &jail.now.usage);
        let shown = |measured: Measured, value: Option<f64>| value.map_or("-".to_owned(), |value| measured.show(value));
        let most = |measured: Measured| shown(measured, jail.past.series(measured).and_then(|series| series.most()));
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        let denials = stats.denials.as_ref().map(|denials| denials.values().sum());
        let _ = write!(
            text,
            "<tr><td><a href=\"#{name}\">{name}</a><td class=\"number\">{jid}<td>{state}<td>{since}",
            name = stats.name,
            jid = stats.jid,
            state = escape(&jail.state),
            since = jail.since.map_or("-".to_owned(), |since| ago(span.to.saturating_sub(since))),
        );
        for cell in [
            // A tick is 1/100 s, so ticks in a second are percent.
            Measured::Cpu.show(stats.cpu_ticks_1s as f64),
            most(Measured::Cpu),
            usage.memory_bytes.map_or("-".to_owned(), short),
            most(Measured::Memory),
            stats.processes.to_string(),
            number(jail.now.restarts),
            number(denials),
        ] {
            let _ = write!(text, "<td class=\"number\">{cell}");
        }
        text += "\n";
    }
    text + "</tbody>\n</table></div>\n"
}

fn section(jail: &Reported, span: Span) -> String {
    let stats = &jail.now.stats;
    let mut text = format!(
        "<section id=\"{name}\">\n<h2>{name} <small>jid {jid}, {state}</small></h2>\n",
        name = stats.name,
        jid = stats.jid,
        state = escape(&jail.state)
    );
    if jail.past.is_empty() {
        text += "<p class=\"none\">No supervisor has looked after it, so nobody knows its past.</p>\n";
    } else {
        text += "<div class=\"charts\">\n";
        Measured::ALL.into_iter().for_each(|measured| text += &figure(jail, measured, span));
        text += "</div>\n";
    }
    let denied = stats.denials.iter().flatten();
    let rows: String = denied.map(|(right, count)| format!("<tr><td class=\"right\">{right}<td>{count}\n")).collect();
    if !rows.is_empty() {
        let _ = write!(
            text,
            "<details>\n<summary>denials by right, since the jail was created</summary>\n<table>\n{rows}</table>\n</details>\n"
        );
    }
    text + "</section>\n"
}

fn figure(jail: &Reported, measured: Measured, span: Span) -> String {
    let limits = &jail.now.limits;
    let limit = match measured {
        Measured::Memory => limits.memory.map(|bytes| bytes.0 as f64),
        Measured::Processes => limits.processes.map(|processes| processes as f64),
        Measured::Cpu | Measured::Denials => None,
    };
    let title = match measured {
        Measured::Cpu => "CPU, of one processor",
        Measured::Memory => "memory",
        Measured::Processes => "processes",
        Measured::Denials => "denials",
    };
    match jail.past.series(measured) {
        None => format!("<figure><figcaption><b>{title}</b></figcaption><p class=\"none\">not counted here</p></figure>\n"),
        Some(series) => {
            let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| measured.show(value));
            format!(
                "<figure><figcaption><b>{title}</b><output>{} now, {} most</output></figcaption>{}</figure>\n",
                shown(series.latest()),
                shown(series.most()),
                chart(measured, &series, span, limit),
            )
        }
    }
}

fn escape(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
