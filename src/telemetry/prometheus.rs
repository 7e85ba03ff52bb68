//! The Prometheus text format (exposition format 0.0.4): first the reference system's five metrics in its names, labels and
//! order, then counters and gauges in base units. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Measure;
use crate::kernel::{JailStats, Right};

type Read = fn(&JailStats) -> u64;

/// Name, meaning and value of each metric. Integers only: the ten-second mean is cut, as the reference system does.
const METRICS: [(&str, &str, Read); 5] = [
    ("jail_cpu_usage_ticks_1s", "CPU time of the last second, in hundredths of a second.", |jail| jail.cpu_ticks_1s),
    ("jail_cpu_usage_ticks_10s_avg", "Mean of the last ten values of jail_cpu_usage_ticks_1s.", |jail| jail.cpu_ticks_10s as u64),
    ("jail_processes", "Processes that run in the jail.", |jail| jail.processes),
    ("jail_references", "Processes of the jail, those included that ended and were not waited for.", |jail| jail.references),
    ("jail_vmem_bytes", "Sum of the virtual memory of the jail's processes.", |jail| jail.vmem_bytes),
];

/// One number of a jail; `None` where nobody counts it, and then there is no sample.
type ReadMore = fn(&Measure) -> Option<f64>;

/// Beside those: name, type, meaning, value. A jail's name is the only label, for its number is another one after each start.
const MORE: [(&str, &str, &str, ReadMore); 24] = [
    ("jail_start_time_seconds", "gauge", "When the jail was brought up, in seconds since the epoch.", |jail| {
        jail.started_ms.map(|ms| ms as f64 / 1e3)
    }),
    (
        "jail_cpu_seconds_total",
        "counter",
        "CPU time of all members since the jail was brought up, ended ones included.",
        |jail| Some(jail.stats.cpu_usec as f64 / 1e6),
    ),
    ("jail_cpu_limit_ratio", "gauge", "CPU time that the jail may use in a second; 1 is one processor.", |jail| {
        jail.limits.cpu.map(|cpu| cpu.quota_usec() as f64 / cpu.period_usec() as f64)
    }),
    ("jail_cpu_throttled_periods_total", "counter", "Periods of the CPU limit in which it was used up.", |jail| {
        jail.usage.throttled_periods.map(|count| count as f64)
    }),
    ("jail_cpu_throttled_seconds_total", "counter", "Time that members waited for the next period of the CPU limit.", |jail| {
        jail.usage.throttled_usec.map(|usec| usec as f64 / 1e6)
    }),
    ("jail_memory_bytes", "gauge", "Memory in use, page cache included.", |jail| {
        jail.usage.memory_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_memory_peak_bytes", "gauge", "The most memory that was in use since the jail was brought up.", |jail| {
        jail.usage.memory_peak_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_memory_resident_bytes", "gauge", "Anonymous memory in use.", |jail| {
        jail.usage.resident_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_memory_limit_bytes", "gauge", "Memory that the jail may use.", |jail| jail.limits.memory.map(|bytes| bytes.0 as f64)),
    ("jail_oom_kills_total", "counter", "Processes that were killed because memory came to its limit.", |jail| {
        jail.usage.oom_kills.map(|count| count as f64)
    }),
    ("jail_processes_limit", "gauge", "Processes that the jail may have.", |jail| jail.limits.processes.map(f64::from)),
    ("jail_fork_failures_total", "counter", "Processes that were refused because their limit was reached.", |jail| {
        jail.usage.forks_refused.map(|count| count as f64)
    }),
    ("jail_files_open", "gauge", "Open files, of jails that have a limit of them.", |jail| {
        jail.usage.files.map(|count| count as f64)
    }),
    ("jail_files_limit", "gauge", "Files that the jail may have open.", |jail| jail.limits.files.map(f64::from)),
    ("jail_file_failures_total", "counter", "Files that were not opened because their limit was reached.", |jail| {
        jail.usage.files_refused.map(|count| count as f64)
    }),
    ("jail_io_read_bytes_total", "counter", "Bytes read from disks.", |jail| jail.usage.io_read_bytes.map(|bytes| bytes as f64)),
    ("jail_io_written_bytes_total", "counter", "Bytes written to disks, as far as the control groups see them.", |jail| {
        jail.usage.io_written_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_network_receive_bytes_total", "counter", "Bytes of IP packets received by sockets made in the jail.", |jail| {
        jail.usage.network_received_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_network_transmit_bytes_total", "counter", "Bytes of IP packets sent by sockets made in the jail.", |jail| {
        jail.usage.network_sent_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_disk_bytes", "gauge", "Space that the jail's own files take, of jails that have a limit of it.", |jail| {
        jail.usage.disk_bytes.map(|bytes| bytes as f64)
    }),
    ("jail_disk_files", "gauge", "Files and directories of its own, of such jails.", |jail| {
        jail.usage.disk_files.map(|count| count as f64)
    }),
    ("jail_disk_limit_bytes", "gauge", "Space that the jail's own files may take.", |jail| {
        jail.limits.disk.map(|bytes| bytes.0 as f64)
    }),
    ("jail_restarts_total", "counter", "Restarts of the jail's services since its supervisor began.", |jail| {
        jail.restarts.map(|count| count as f64)
    }),
    ("jail_supervised", "gauge", "1 if a supervisor holds the jail.", |jail| Some(f64::from(u8::from(jail.supervised)))),
];

type Counts = fn(&JailStats) -> Option<&BTreeMap<Right, u64>>;

/// Counted by right.
const BY_RIGHT: [(&str, &str, Counts); 2] = [
    ("jail_denials_total", "Actions that the kernel refused, by right.", |jail| jail.denials.as_ref()),
    ("jail_audited_total", "Uses of audited rights that were let through, by right.", |jail| jail.audits.as_ref()),
];

/// What answers: for `jailsh_build_info`.
pub struct Build<'a> {
    pub version: &'a str,
    pub body: &'a str,
}

/// All metrics of all jails; nothing when there is no jail.
pub fn exposition(jails: &[Measure], build: &Build<'_>) -> String {
    if jails.is_empty() {
        return String::new();
    }
    let mut text = of_the_reference(jails);
    for (name, kind, help, read) in MORE {
        let samples = jails.iter().filter_map(|jail| Some((jail, read(jail)?)));
        let lines: String = samples.map(|(jail, value)| format!("{name}{{name=\"{}\"}} {value}\n", jail.stats.name)).collect();
        family(&mut text, (name, kind, help), &lines);
    }
    for (name, help, counts) in BY_RIGHT {
        let mut lines = String::new();
        for jail in jails {
            for (right, count) in counts(&jail.stats).into_iter().flatten() {
                lines += &format!("{name}{{name=\"{}\",right=\"{right}\"}} {count}\n", jail.stats.name);
            }
        }
        family(&mut text, (name, "counter", help), &lines);
    }
    let info =
        format!("jailsh_build_info{{version=\"{}\",body=\"{}\"}} 1\n", label_value(build.version), label_value(build.body));
    family(&mut text, ("jailsh_build_info", "gauge", "Which jailsh answers, over which kernel body."), &info);
    text
}

/// One without samples is left out.
fn family(text: &mut String, (name, kind, help): (&str, &str, &str), samples: &str) {
    if !samples.is_empty() {
        *text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}");
    }
}

fn of_the_reference(jails: &[Measure]) -> String {
    let mut text = String::new();
    for (name, help, _) in METRICS {
        text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
    }
    for jail in jails.iter().map(|jail| &jail.stats) {
        let labels =
            format!("jid=\"{}\",name=\"{}\",root=\"{}\"", jail.jid, label_value(jail.name.as_str()), label_value(&jail.root));
        for (name, _, read) in METRICS {
            text += &format!("{name}{{{labels}}} {}\n", read(jail));
        }
    }
    text
}

/// Escapes a label's value: backslash, quote and newline as the format has it; carriage return and tab become spaces,
/// as in the reference system; any other control character becomes visible.
fn label_value(value: &str) -> String {
    let mut safe = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => safe.push_str("\\\\"),
            '"' => safe.push_str("\\\""),
            '\n' => safe.push_str("\\n"),
            '\r' | '\t' => safe.push(' '),
            c if c.is_control() => write!(safe, "\\\\x{:02x}", u32::from(c)).expect("a String takes all"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Bytes, Limits, Usage};
    use crate::telemetry::views::tests::web;

    const BUILD: Build<'_> = Build { version: "0.1.0", body: "lsm" };

    fn plain() -> Measure {
        Measure {
            stats: web(),
            usage: Usage::default(),
            limits: Limits::default(),
            supervised: false,
            restarts: None,
            started_ms: None,
        }
    }

    #[test]
    fn counters_and_gauges_in_base_units_follow_and_what_nobody_counts_is_left_out() {
        let usage = Usage {
            memory_bytes: Some(12_345_678),
            memory_peak_bytes: Some(1 << 40),
            oom_kills: Some(0),
            throttled_usec: Some(1_500_000),
            ..Usage::default()
        };
        let limits = Limits { cpu: "150%".parse().ok(), memory: Some(Bytes(1 << 30)), processes: Some(64), ..Limits::default() };
        let mut other = plain();
        other.stats.name = "db".parse().unwrap();
        other.stats.denials = None;
        let all = exposition(
            &[
                Measure { usage, limits, supervised: true, restarts: Some(2), started_ms: Some(1_800_000_000_250), ..plain() },
                other,
            ],
            &BUILD,
        );
        let (_, more) = all.split_at(all.find("# HELP jail_start_time_seconds").unwrap());
        insta::assert_snapshot!(more);
    }

    #[test]
    fn the_text_is_the_walkthroughs_with_a_line_of_help_for_each_metric() {
        let text = of_the_reference(&[plain()]);
        assert!(exposition(&[plain()], &BUILD).starts_with(&text));
        let (help, text): (Vec<&str>, Vec<&str>) = text.split_inclusive('\n').partition(|line| line.starts_with("# HELP "));
        assert_eq!(help.len(), METRICS.len());
        assert_eq!(
            text.concat(),
            r#"# TYPE jail_cpu_usage_ticks_1s gauge
# TYPE jail_cpu_usage_ticks_10s_avg gauge
# TYPE jail_processes gauge
# TYPE jail_references gauge
# TYPE jail_vmem_bytes gauge
jail_cpu_usage_ticks_1s{jid="3",name="web",root="/var/jailmgr/jails/web/root"} 0
jail_cpu_usage_ticks_10s_avg{jid="3",name="web",root="/var/jailmgr/jails/web/root"} 0
jail_processes{jid="3",name="web",root="/var/jailmgr/jails/web/root"} 1
jail_references{jid="3",name="web",root="/var/jailmgr/jails/web/root"} 2
jail_vmem_bytes{jid="3",name="web",root="/var/jailmgr/jails/web/root"} 154025984
"#
        );
    }

    #[test]
    fn without_jails_there_is_no_text() {
        assert_eq!(exposition(&[], &BUILD), "");
    }

    proptest! {
        #[test]
        fn a_label_cannot_end_its_quotes_or_its_line(value in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f\"\\\\]*") {
            let safe = label_value(&value);
            prop_assert!(!safe.chars().any(char::is_control));
            let unescaped = safe.replace("\\\\", "").replace("\\\"", "").replace("\\n", "");
            prop_assert!(!unescaped.contains('"') && !unescaped.contains('\\'));
        }
    }
}
