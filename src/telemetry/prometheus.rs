//! The Prometheus text format (exposition format 0.0.4), in the reference system's names, labels and order.

use std::fmt::Write;

use crate::kernel::JailStats;

type Read = fn(&JailStats) -> u64;

/// Name, meaning and value of each metric. Integers only: the ten-second mean is cut, as the reference system does.
const METRICS: [(&str, &str, Read); 5] = [
    ("jail_cpu_usage_ticks_1s", "CPU time of the last second, in hundredths of a second.", |jail| jail.cpu_ticks_1s),
    ("jail_cpu_usage_ticks_10s_avg", "Mean of the last ten values of jail_cpu_usage_ticks_1s.", |jail| jail.cpu_ticks_10s as u64),
    ("jail_processes", "Processes that run in the jail.", |jail| jail.processes),
    ("jail_references", "Processes of the jail, those included that ended and were not waited for.", |jail| jail.references),
    ("jail_vmem_bytes", "Sum of the virtual memory of the jail's processes.", |jail| jail.vmem_bytes),
];

/// All metrics of all jails; nothing when there is no jail.
pub fn exposition(stats: &[JailStats]) -> String {
    let mut text = String::new();
    if stats.is_empty() {
        return text;
    }
    for (name, help, _) in METRICS {
        text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
    }
    for jail in stats {
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
    use crate::telemetry::views::tests::web;

    #[test]
    fn the_text_is_the_walkthroughs_with_a_line_of_help_for_each_metric() {
        let text = exposition(&[web()]);
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
        assert_eq!(exposition(&[]), "");
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
