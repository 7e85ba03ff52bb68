//! The table of attacks, as the program tells it.

use std::process::Command;

use jailsh::kernel::Right;

use super::program::Program;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    Denied,
    Works,
    Open,
}

/// One line of the table; see attack.h.
#[derive(Debug, Clone)]
pub struct Row {
    pub class: String,
    pub name: String,
    pub expectation: Expectation,
    pub in_chroot: Vec<String>,
    pub in_jail: Vec<String>,
    pub rights: Vec<Right>,
}

/// Every row, in the order of the program.
pub fn rows(program: &Program) -> Vec<Row> {
    let output = Command::new(&program.path).arg("list").output().expect("the attack program runs");
    let table = String::from_utf8(output.stdout).expect("the table is text");
    table.lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let fields: Vec<&str> = line.split('\t').collect();
    let [class, name, expectation, in_chroot, in_jail, rights] = fields[..] else { panic!("a row of six fields: {line:?}") };
    let list = |text: &str| text.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    Row {
        class: class.into(),
        name: name.into(),
        expectation: match expectation {
            "denied" => Expectation::Denied,
            "works" => Expectation::Works,
            _ => Expectation::Open,
        },
        in_chroot: list(in_chroot),
        in_jail: list(in_jail),
        rights: list(rights).iter().map(|right| right.parse().unwrap_or_else(|()| panic!("{name}: no right {right}"))).collect(),
    }
}
