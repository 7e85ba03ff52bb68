//! An answer of `jailsh why` as people read it. Pure.

use super::{Column, Format, Table, Value, printable};
use crate::jail::why::Answer;

const STEPS: [Column; 6] = [
    Column::new("RIGHT", 16),
    Column::new("VERDICT", 8),
    Column::new("BY", 0),
    Column::new("WHERE", 0),
    Column::new("ENFORCED BY", 0),
    Column::verbose("REASON", 0),
];

/// Each question that the kernel asks.
pub fn steps(answer: &Answer) -> Table {
    let row = |step: &crate::jail::why::Step| {
        vec![
            Value::maybe(step.right),
            Value::text(step.verdict.name()),
            Value::text(&step.by),
            Value::maybe(step.place.as_ref()),
            Value::maybe(step.enforced_by.as_ref()),
            Value::text(&step.reason),
        ]
    };
    Table::new(&STEPS, answer.steps.iter().map(row).collect())
}

/// The verdict, what makes it, and the remedy. `subject`: the jail or the profile.
pub fn text(subject: &str, answer: &Answer) -> String {
    let mut lines = vec![format!("{subject}: {}: {}", answer.action, answer.verdict.name()), String::new()];
    lines.push(steps(answer).render(Format::Text, false).trim_end().to_owned());
    lines.push(String::new());
    let mut reasons: Vec<String> =
        answer.steps.iter().filter_map(|step| Some(format!("{}: {}", step.right?, step.reason))).collect();
    reasons.dedup();
    lines.append(&mut reasons);
    if let Some(remedy) = &answer.remedy {
        lines.extend(remedy.warnings.iter().map(|warning| format!("  {warning}")));
        lines.push(String::new());
        match &remedy.script {
            Some(script) => lines.push(format!("{}:\n  {script}", remedy.advice)),
            None => lines.push(remedy.advice.clone()),
        }
        lines.extend(remedy.score.map(|(before, after)| format!("its exposure is {before} now, and would be {after} of 10")));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.iter().flat_map(|line| line.split('\n')).map(|line| format!("{}\n", printable(line))).collect()
}
