//! The table of docs/enforcement.md: every right, and what holds it in each body where all that the body uses is there.

use super::landlock::describe::{Facts, describe};
use super::landlock::probe::ABI_NEEDED;
use super::{Enforcement, RightStatus, lsm};

/// As Markdown, a row for each right in table order.
pub fn markdown() -> String {
    let facts = Facts { abi: ABI_NEEDED, ports: Ok(()), devices: Ok(()) };
    let landlock = describe(&facts);
    let mut table = String::from("| right | lsm | landlock |\n|---|---|---|\n");
    for (module, domain) in lsm::describe::with_every_hook().iter().zip(&landlock.rights) {
        table += &format!("| {} | {} | {} |\n", module.right, cell(module), cell(domain));
    }
    let of_landlock = landlock.notes.iter().map(String::as_str).collect();
    let notes: [(&str, Vec<&str>); 2] = [("lsm", lsm::describe::notes().collect()), ("landlock", of_landlock)];
    for (body, notes) in notes {
        table += &format!("\nOf the {body} body besides:\n\n");
        notes.iter().for_each(|note| table += &format!("* {note}\n"));
    }
    table
}

fn cell(status: &RightStatus) -> String {
    match &status.enforcement {
        Enforcement::Enforced { by } => by.clone(),
        Enforcement::Weaker { by, gap } => format!("{by}; **open:** {gap}"),
        Enforcement::NotEnforceable { why } => format!("**not enforceable:** {why}"),
    }
}
