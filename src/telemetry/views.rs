//! The listings: which columns, from what.

use std::collections::BTreeMap;

use super::Observation;
use super::cell::Value;
use super::table::{Column, Table};
use crate::jail::spec::Profile;
use crate::kernel::{Description, Enforcement, JailInfo, JailStats, Policy, Right, Verdict};

const MANAGER: [Column; 8] = [
    Column::new("NAME", 16),
    Column::new("ROOT", 0).weighing(1),
    Column::new("SUPERVISE_CMD", 0),
    Column::new("AUTOSTART", 0),
    Column::verbose("JID", 0).weighing(3),
    Column::verbose("PROFILE", 0).weighing(4),
    Column::verbose("PORTS", 0).weighing(4),
    Column::verbose("STATE", 0).weighing(5),
];

/// `jailmgr list`: the jails of the data directory.
pub fn manager(jails: &[Observation]) -> Table {
    let row = |seen: &Observation| {
        let spec = seen.jail.spec.as_ref().ok();
        vec![
            Value::text(&seen.jail.name),
            Value::text(&seen.root),
            match &seen.jail.spec {
                Ok(spec) => Value::Text(spec.commands().map(quoted).collect::<Vec<_>>().join("; ")),
                Err(why) => Value::Text(format!("unreadable: {why}")),
            },
            spec.map_or(Value::Absent, |spec| Value::Flag(spec.autostart)),
            jid(seen.jail.kernel.as_ref()),
            spec.map_or(Value::Absent, |spec| Value::text(spec.profile.label())),
            spec.map_or(Value::Absent, |spec| Value::Text(ports(&spec.policy()))),
            Value::State(seen.state().to_owned()),
        ]
    };
    Table::new(&MANAGER, jails.iter().map(row).collect())
}

const STATUS: [Column; 9] = [
    Column::new("NAME", 16),
    Column::new("JID", 0),
    Column::new("STATE", 0).weighing(5),
    Column::new("PROCS", 0),
    Column::new("SUPERVISOR", 0).weighing(1),
    Column::new("SERVICE", 0).weighing(1),
    Column::new("RESTARTS", 0).weighing(3),
    Column::new("SINCE", 0).weighing(4),
    Column::new("LAST_EXIT", 0).weighing(3),
];

/// `jailctl status`, `jailmgr status`. `now`: seconds since the epoch.
pub fn status(jails: &[Observation], now: u64) -> Table {
    let pid = |pid: i32| Value::Number(pid.unsigned_abs().into());
    let row = |seen: &Observation| {
        let kernel = seen.jail.kernel.as_ref();
        let supervisor = seen.supervisor.as_ref();
        let told = supervisor.or(seen.last.as_ref());
        vec![
            Value::text(&seen.jail.name),
            jid(kernel),
            Value::State(seen.state().to_owned()),
            kernel.map_or(Value::Absent, |jail| Value::Number(jail.processes)),
            supervisor.map_or(Value::Absent, |status| pid(status.pid)),
            supervisor.and_then(|status| status.service).map_or(Value::Absent, pid),
            told.map_or(Value::Absent, |status| Value::Number(status.restarts)),
            told.map_or(Value::Absent, |status| Value::Since { at: status.since, now }),
            match (seen.state(), told) {
                (Observation::ORPHANED, told) => Value::Text(orphaned(told.map(|status| status.pid))),
                (_, told) => Value::maybe(told.and_then(|status| status.last_exit.as_ref())),
            },
        ]
    };
    Table::new(&STATUS, jails.iter().map(row).collect())
}

fn orphaned(pid: Option<i32>) -> String {
    let who = pid.map_or("its supervisor".to_owned(), |pid| format!("its supervisor, pid {pid},"));
    format!("{who} was killed; jailmgr restart takes over")
}

const RIGHTS: [Column; 6] = [
    Column::new("RIGHT", 20),
    Column::new("POLICY", 8),
    Column::new("DENIALS", 0).weighing(1),
    Column::new("AUDITED", 0).weighing(1),
    Column::new("ENFORCED BY", 0),
    Column::verbose("REASON", 0),
];

/// What holds each right, and for one jail whether it has it, how often it was refused, or let through and told, and why its profile says so.
pub fn rights(description: &Description, jail: Option<(&Policy, Option<&JailStats>)>, profile: Option<&Profile>) -> Table {
    let row = |status: &crate::kernel::RightStatus| {
        let right = status.right;
        let policy = jail.map(|(policy, _)| match (right.is_fence(), policy.judge(right)) {
            (true, _) => "fence",
            (false, Verdict::Allowed) => "granted",
            (false, Verdict::Told) => "audited",
            (false, Verdict::Refused) => "denied",
        });
        let stats = jail.and_then(|(_, stats)| stats);
        let count = |counts: Option<&BTreeMap<Right, u64>>| {
            counts.map_or(Value::Absent, |counts| Value::Number(counts.get(&right).copied().unwrap_or(0)))
        };
        vec![
            Value::text(right),
            policy.map_or_else(|| Value::text(if right.is_fence() { "fence" } else { "right" }), Value::text),
            count(stats.and_then(|stats| stats.denials.as_ref())),
            count(stats.and_then(|stats| stats.audits.as_ref())),
            match &status.enforcement {
                Enforcement::Enforced { by } => Value::Parts(by.clone()),
                Enforcement::Weaker { by, gap } => Value::Text(format!("{by}; WEAKER: {gap}")),
                Enforcement::NotEnforceable { why } => Value::Text(format!("NOT ENFORCED: {why}")),
            },
            Value::text(profile.and_then(|profile| profile.reason(right)).unwrap_or_else(|| right.reason())),
        ]
    };
    Table::new(&RIGHTS, description.rights.iter().map(row).collect())
}

fn jid(jail: Option<&JailInfo>) -> Value {
    jail.map_or(Value::Absent, |jail| Value::Number(jail.jid.get().into()))
}

fn ports(policy: &Policy) -> String {
    policy.ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// An argv as a shell would take it.
fn quoted(argv: &[String]) -> String {
    shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" "))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::jail::Observed;
    use crate::kernel::Jid;
    use crate::supervise::Status;
    use crate::telemetry::{Format, jails, stats};

    /// The walkthrough's jail.
    pub fn web() -> JailStats {
        JailStats {
            jid: Jid::new(3).unwrap(),
            name: "web".parse().unwrap(),
            root: "/var/jailmgr/jails/web/root".into(),
            cpu_ticks_1s: 0,
            cpu_ticks_10s: 0.0,
            processes: 1,
            references: 2,
            vmem_bytes: 154_025_984,
            cpu_usec: 10_000,
            denials: Some(BTreeMap::from([("mount".parse().unwrap(), 2), ("process_signal".parse().unwrap(), 3)])),
            audits: None,
            learning: false,
        }
    }

    #[test]
    fn the_stats_table_is_the_walkthroughs() {
        assert_eq!(
            stats(&[web()], |_| Some(3_725)).render(Format::Text, false),
            "ID       NAME             CPU1S      CPU10S     PROC       REFS       VMEM\n\
             3        web              0          0.0        1          2          154025984\n"
        );
    }

    #[test]
    fn verbose_stats_add_root_and_the_sum_of_denials() {
        insta::assert_snapshot!(stats(&[web()], |_| Some(3_725)).render(Format::Text, true));
        insta::assert_snapshot!("stats as json", stats(&[web()], |_| Some(3_725)).render(Format::Json, false));
    }

    #[test]
    fn the_jails_in_the_kernel_are_listed_in_the_reference_systems_columns() {
        assert_eq!(
            jails(&[web()], |_| None).render(Format::Text, false),
            "ID       REFS     PROCS    NAME             ROOT\n\
             3        2        1        web              /var/jailmgr/jails/web/root\n"
        );
    }

    #[test]
    fn a_broken_spec_is_listed_and_a_down_jail_has_no_jid() {
        let spec =
            crate::jail::Spec::from_toml(&"web".parse().unwrap(), "command = [\"/bin/sh\", \"-c\", \"exec httpd\"]").unwrap();
        let seen = |name: &str, spec, supervisor| Observation {
            jail: Observed { name: name.parse().unwrap(), spec, kernel: None, pinned: false },
            root: format!("/var/jailmgr/jails/{name}/root"),
            supervisor,
            last: None,
            frozen: false,
        };
        let running = Status {
            pid: 8252,
            state: "running".into(),
            since: 1_000,
            restarts: 1,
            last_exit: Some("exit status 1".into()),
            service: Some(6488),
            services: Vec::new(),
        };
        let jails = [seen("web", Ok(spec), Some(running)), seen("bad", Err("line 1: no = sign".into()), None)];
        insta::assert_snapshot!(format!(
            "{}\n{}",
            manager(&jails).render(Format::Text, false),
            status(&jails, 90_125).render(Format::Text, false)
        ));
    }
}
