//! What must hold of every input, a file each: what cargo-fuzz calls, and what `tests/fuzz.rs` calls with the committed inputs
//! and changes of them. A judge panics where it does not hold.

mod check;
mod control;
mod keeper;
mod log;
mod plan;
mod policy;
mod port;
mod spec;
mod tar;

/// A judge, and the folder of `fuzz/corpus` with its inputs.
pub struct Judge {
    pub name: &'static str,
    pub judge: fn(&[u8]),
}

pub const JUDGES: [Judge; 9] = [
    Judge { name: "check", judge: check::judge },
    Judge { name: "control", judge: control::judge },
    Judge { name: "keeper", judge: keeper::judge },
    Judge { name: "log", judge: log::judge },
    Judge { name: "plan", judge: plan::judge },
    Judge { name: "policy", judge: policy::judge },
    Judge { name: "port", judge: port::judge },
    Judge { name: "spec", judge: spec::judge },
    Judge { name: "tar", judge: tar::judge },
];

/// Calls the judge of that name.
pub fn judge(name: &str, input: &[u8]) {
    let found = JUDGES.iter().find(|one| one.name == name).expect("a judge of that name");
    (found.judge)(input);
}
