//! `jailctl info`: what is enforced on one jail, and by what.

use clap::Args;
use serde_json::json;

use super::Outcome;
use super::failure::Exit;
use super::host::{self, Target};
use super::output::{self, Shape};
use crate::kernel::{Description, Enforcement, JailInfo, JailStats, Kernel};
use crate::supervise;
use crate::telemetry::{Column, Format, Table, Value, printable};

/// Show a jail's policy, and what enforces each right here.
///
/// And how often each was denied.
///
/// TSV and names are those of the rights.
///
/// Example: jailctl info web
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

const RIGHTS: [Column; 4] =
    [Column::new("RIGHT", 20), Column::new("POLICY", 8), Column::new("DENIALS", 0), Column::new("ENFORCED BY", 0)];

impl Info {
    pub fn run(self) -> Outcome {
        let kernel = host::kernel()?;
        let jail = self.jail.resolve(&kernel)?;
        let stats = kernel.stats(Some(jail.jid))?.pop();
        let supervisor = supervise::supervisor(&jail.name)?;
        let description = kernel.describe();
        let rights = rights(&description, &jail, stats.as_ref());
        let ports = &jail.policy.ports;
        match self.shape.format() {
            Format::Json => output::json(&json!({
                "name": jail.name, "jid": jail.jid, "root": jail.root, "profile": jail.profile, "ports": ports,
                "processes": jail.processes, "supervisor": supervisor, "body": description.body,
                "kernel": description.kernel, "notes": description.notes, "rights": rights,
            }))?,
            Format::Text => {
                let dash = || "-".to_owned();
                let list = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let mut facts = vec![
                    ("jail", jail.name.to_string()),
                    ("jid", jail.jid.to_string()),
                    ("root", jail.root.clone()),
                    ("profile", jail.profile.clone()),
                    ("ports", if list.is_empty() { dash() } else { list }),
                    ("processes", jail.processes.to_string()),
                    ("supervisor", supervisor.map_or_else(dash, |pid| format!("pid {pid}"))),
                    ("enforced by", format!("{} on NetBSD {}", description.body, description.kernel)),
                ];
                facts.extend(description.notes.iter().map(|note| ("note", note.clone())));
                let lines: String = facts.iter().map(|(key, value)| format!("{key:<12} {}\n", printable(value))).collect();
                output::print(&format!("{lines}\n{}", rights.render(Format::Text, false)))?;
            }
            Format::Tsv | Format::Names => self.shape.print(&rights, false, "")?,
        }
        Ok(Exit::DONE)
    }
}

fn rights(description: &Description, jail: &JailInfo, stats: Option<&JailStats>) -> Table {
    let denials = stats.and_then(|stats| stats.denials.as_ref());
    let rows = description.rights.iter().map(|status| {
        vec![
            Value::text(status.right),
            Value::text(if jail.policy.rights.holds(status.right) { "granted" } else { "denied" }),
            Value::Number(denials.and_then(|denials| denials.get(&status.right)).copied().unwrap_or(0)),
            Value::Text(match &status.enforcement {
                Enforcement::Enforced { by } => by.clone(),
                Enforcement::Weaker { by, gap } => format!("{by}; open: {gap}"),
                Enforcement::NotEnforceable { why } => format!("not enforceable: {why}"),
            }),
        ]
    });
    Table::new(&RIGHTS, rows.collect())
}
