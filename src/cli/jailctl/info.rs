//! `jailctl info`: what is enforced on one jail, and by what.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::failure::Exit;
use crate::cli::options::Common;
use crate::cli::output::{self, Shape};
use crate::cli::site::Site;
use crate::cli::target::Target;
use crate::jail::spec::profile::Reasons;
use crate::jail::spec::{Profile, connect_anywhere};
use crate::jail::{Spec, Uptime, uptime};
use crate::kernel::{ConnectRule, JailName, JailStats, Limits, Policy, Reservation, Right, Usage};
use crate::supervise::Status;
use crate::telemetry::{self, Format, Observation, Table};

/// Show a jail's policy and limits, what enforces each right here, how often each
/// was denied, and how often one that is audited was let through.
///
/// TSV and names are those of the rights.
///
/// Examples: jailctl info web
///           jailctl info -o json web
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Info {
    /// Name or jid
    #[arg(value_name = "NAME|JID")]
    jail: Target,
    #[command(flatten)]
    shape: Shape,
}

/// One jail, whole.
#[derive(Serialize)]
struct Sheet {
    name: JailName,
    jid: Option<u32>,
    root: String,
    profile: Option<String>,
    ports: Vec<Reservation>,
    /// Nothing for anywhere.
    connect: Option<Vec<ConnectRule>>,
    limits: Limits,
    processes: u64,
    memory: Option<u64>,
    /// How often it came to a limit, by what happened then.
    limits_reached: BTreeMap<&'static str, u64>,
    /// The spec was changed since the jail was brought up.
    restart_needed: bool,
    /// What can be audited is let through to it now, and told to `jailsh learn`.
    learning: bool,
    supervisor: Option<Status>,
    spec_error: Option<String>,
    body: &'static str,
    kernel: String,
    notes: Vec<String>,
    rights: Table,
    /// When it was brought up, in seconds since the epoch, and seconds since then.
    started: Option<u64>,
    uptime: Option<u64>,
    /// What its own files take, in bytes.
    disk: Option<u64>,
    /// The profile of the spec; its reasons are those of `rights`.
    #[serde(skip)]
    changed: Option<Profile>,
}

impl Info {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let seen = Observation::one(&site, &self.jail.name(&site)?)?;
        let stats = match &seen.jail.kernel {
            Some(jail) => site.kernel.stats(Some(jail.jid))?.pop(),
            None => None,
        };
        let held = match &seen.jail.kernel {
            Some(jail) => Some((site.kernel.limits(jail.jid)?, site.kernel.usage(jail.jid)?)),
            None => None,
        };
        let up = seen.jail.kernel.as_ref().and_then(|jail| uptime(&site, &jail.name));
        let sheet = Sheet::new(seen, stats.as_ref(), held, up, site.kernel.describe());
        match self.shape.format() {
            Format::Json => output::json(&sheet)?,
            Format::Text => output::print(&sheet.text())?,
            Format::Tsv | Format::Names => self.shape.print(&sheet.rights, false, "")?,
        }
        Ok(Exit::DONE)
    }
}

impl Sheet {
    fn new(
        seen: Observation,
        stats: Option<&JailStats>,
        limited: Option<(Limits, Usage)>,
        up: Option<Uptime>,
        description: crate::kernel::Description,
    ) -> Sheet {
        let of_spec = || seen.jail.spec.as_ref().ok().map(|spec| spec.limits.clone()).unwrap_or_default();
        let (limits, usage) = limited.unwrap_or_else(|| (of_spec(), Usage::default()));
        let wanted = seen.jail.spec.as_ref().ok().map(Spec::policy);
        let held = seen.jail.kernel.as_ref().map(|jail| jail.policy.clone());
        let restart_needed = wanted.is_some() && held.is_some() && wanted != held;
        let label = seen.jail.spec.as_ref().ok().map(|spec| spec.profile.label());
        let policy: Option<Policy> = held.or(wanted);
        let changed = seen.jail.spec.as_ref().ok().map(|spec| spec.profile.clone());
        Sheet {
            name: seen.jail.name,
            jid: seen.jail.kernel.as_ref().map(|jail| jail.jid.get()),
            root: seen.root,
            profile: seen.jail.kernel.as_ref().map(|jail| jail.profile.clone()).or(label),
            ports: policy.iter().flat_map(|policy| policy.ports.iter().copied()).collect(),
            connect: policy.as_ref().filter(|held| !held.rights.holds(connect_anywhere())).map(|held| held.connect.clone()),
            limits,
            processes: seen.jail.kernel.as_ref().map_or(0, |jail| jail.processes),
            memory: usage.memory_bytes,
            limits_reached: reached(&usage),
            restart_needed,
            learning: stats.is_some_and(|stats| stats.learning),
            supervisor: seen.supervisor,
            spec_error: seen.jail.spec.err(),
            body: description.body,
            kernel: description.kernel.clone(),
            notes: description.notes.clone(),
            rights: telemetry::rights(&description, policy.as_ref().map(|policy| (policy, stats)), changed.as_ref()),
            started: up.map(|up| up.started_ms / 1000),
            uptime: up.map(|up| up.up.as_secs()),
            disk: usage.disk_bytes,
            changed,
        }
    }

    fn text(&self) -> String {
        let dash = || "-".to_owned();
        let mut facts = vec![
            ("jail", self.name.to_string()),
            ("jid", self.jid.map_or_else(dash, |jid| jid.to_string())),
            ("state", self.supervisor.as_ref().map_or_else(|| if self.jid.is_some() { "up" } else { "down" }.into(), state)),
            ("uptime", self.uptime.map_or_else(dash, telemetry::ago)),
            ("root", self.root.clone()),
            ("profile", self.profile.clone().unwrap_or_else(dash)),
            (
                "ports",
                if self.ports.is_empty() {
                    dash()
                } else {
                    self.ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
                },
            ),
            ("limits", listed(self.limits.entries().into_iter().map(|(key, value)| format!("{key} {value}")))),
            ("processes", self.processes.to_string()),
            ("memory", self.memory.map_or_else(dash, telemetry::size)),
            ("enforced by", format!("{} on kernel {}", self.body, self.kernel)),
        ];
        facts.extend(self.disk.map(|bytes| ("disk", telemetry::size(bytes))));
        if let Some(rules) = &self.connect {
            let named = rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            facts.push(("connects to", if rules.is_empty() { "nowhere".into() } else { named }));
        }
        if !self.limits_reached.is_empty() {
            facts.push(("reached", listed(self.limits_reached.iter().map(|(what, count)| format!("{what} {count}")))));
        }
        if let Some(last) = self.supervisor.as_ref().and_then(|status| status.last_exit.clone()) {
            facts.push(("last exit", last));
        }
        if self.restart_needed {
            facts.push(("pending", "the spec was changed; restart the jail to apply it".into()));
        }
        if self.learning {
            facts.push(("learning", "what can be audited is let through and told, until jailsh learn ends".into()));
        }
        for (what, reasons) in self.changed.iter().flat_map(lists) {
            let said = |(right, reason): (Right, Option<&str>)| reason.map_or(right.to_string(), |why| format!("{right}: {why}"));
            facts.extend(reasons.iter().map(|change| (what, said(change))));
        }
        facts.extend(self.spec_error.iter().map(|why| ("spec", format!("unreadable: {why}"))));
        facts.extend(self.notes.iter().map(|note| ("note", note.clone())));
        let lines = facts.iter().map(|(key, value)| format!("{key:<12} {}\n", telemetry::printable(value)));
        format!("{}\n{}", lines.collect::<String>(), self.rights.render(Format::Text, false))
    }
}

fn lists(profile: &Profile) -> [(&'static str, &Reasons); 3] {
    [("granted", &profile.grant), ("denied", &profile.deny), ("audited", &profile.audit)]
}

fn listed(entries: impl Iterator<Item = String>) -> String {
    let text = entries.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "-".into() } else { text }
}

/// What happened at limits, if it ever did.
fn reached(usage: &Usage) -> BTreeMap<&'static str, u64> {
    let counts = [
        ("throttled", usage.throttled_periods),
        ("oom_kills", usage.oom_kills),
        ("forks_refused", usage.forks_refused),
        ("files_refused", usage.files_refused),
    ];
    counts.into_iter().filter_map(|(what, count)| Some((what, count.filter(|count| *count > 0)?))).collect()
}

fn state(status: &Status) -> String {
    let service = status.service.map_or_else(String::new, |pid| format!(", service {pid}"));
    format!("{} (supervisor {}{service}, {} restarts)", status.state, status.pid, status.restarts)
}
