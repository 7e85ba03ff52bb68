//! The system call filter of a jail, generated from the rights table: what takes a right the jail lacks is refused.
//!
//! Calls that no row names are allowed, which the kernel finds out once and keeps in a bitmap: they cost nothing.

use std::collections::BTreeMap;

use nix::errno::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    sock_filter,
};

use super::calls::{self, Argument, Compare, Row};
use super::sockets;
use crate::kernel::{Right, RightSet};

#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
const TARGET: (TargetArch, u32) = (TargetArch::x86_64, 0xc000_003e);
#[cfg(target_arch = "aarch64")]
const TARGET: (TargetArch, u32) = (TargetArch::aarch64, 0xc000_00b7);

/// The x32 calls of x86-64 bear this bit, and are other doors to the same kernel functions.
const X32_BIT: u32 = 0x4000_0000;
/// What a tracer sets to have no call made; its answer is the tracer's.
const NO_CALL: u32 = u32::MAX;

/// Offsets in struct seccomp_data, seccomp(2).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// The seccomp program for members that hold these rights.
pub fn program(rights: RightSet) -> BpfProgram {
    let lacking: Vec<&Row> = calls::all().filter(|row| applies(row, rights)).collect();
    let (absent, refused): (Vec<&Row>, Vec<&Row>) = lacking.into_iter().partition(|row| row.errno == libc::ENOSYS);
    let mut program = preamble(&absent);
    program.extend(refusing(&refused, rights));
    program
}

fn applies(row: &Row, rights: RightSet) -> bool {
    row.rights.iter().any(|name| !name.parse::<Right>().is_ok_and(|right| rights.holds(right)))
}

/// Without this a list of what is refused has holes: the same calls have other numbers for 32-bit and x32 programs.
fn preamble(absent: &[&Row]) -> BpfProgram {
    let no_such_call = || statement(RETURN, libc::SECCOMP_RET_ERRNO | Errno::ENOSYS as u32);
    let mut program = vec![
        statement(LOAD, ARCHITECTURE),
        jump(IF_EQUAL, TARGET.1, 1, 0),
        no_such_call(),
        statement(LOAD, NUMBER),
        jump(IF_AT_LEAST, X32_BIT, 0, 2),
        jump(IF_EQUAL, NO_CALL, 1, 0),
        no_such_call(),
    ];
    for call in absent.iter().flat_map(|row| row.calls) {
        program.push(jump(IF_EQUAL, call.number as u32, 0, 1));
        program.push(no_such_call());
    }
    program
}

/// The rows that are refused as a matter of right.
fn refusing(rows: &[&Row], rights: RightSet) -> BpfProgram {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for row in rows {
        for call in row.calls {
            rules.entry(call.number).or_default().extend(row.cases.iter().map(|case| rule(case)));
        }
    }
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        rules.insert(call, sockets::refused(rights).iter().map(|case| rule(case)).collect());
    }
    rules.retain(|_, rules| !rules.is_empty());
    // To the compiler a call without rules is one that is refused whatever its arguments.
    for call in rows.iter().filter(|row| row.cases.is_empty()).flat_map(|row| row.calls) {
        rules.insert(call.number, Vec::new());
    }
    let refuse = SeccompAction::Errno(Errno::EPERM as u32);
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, TARGET.0)
        .and_then(BpfProgram::try_from)
        .expect("the table has few rows, and none without a condition")
}

fn rule(case: &[Argument]) -> SeccompRule {
    let conditions = case.iter().map(condition).collect::<Result<Vec<_>, _>>();
    conditions.and_then(SeccompRule::new).expect("a condition, on one of six registers")
}

fn condition(argument: &Argument) -> Result<SeccompCondition, seccompiler::BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    let (length, operator, value) = match argument.compare {
        Compare::Is(value) => (Dword, SeccompCmpOp::Eq, value),
        Compare::IsNot(value) => (Dword, SeccompCmpOp::Ne, value),
        Compare::AtLeast(value) => (Dword, SeccompCmpOp::Ge, value),
        Compare::AtMost(value) => (Dword, SeccompCmpOp::Le, value),
        Compare::Bits { mask, value } => (Dword, SeccompCmpOp::MaskedEq(mask.into()), value),
        Compare::NotNull => (Qword, SeccompCmpOp::Ne, 0),
    };
    SeccompCondition::new(argument.index, length, operator, value.into())
}

fn statement(code: u16, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
