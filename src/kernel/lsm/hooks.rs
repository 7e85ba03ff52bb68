//! The table of hooks (`kmod/linux/hooks.def`), and which of them the running kernel has.

use std::ffi::{CStr, c_char, c_int};

use libbpf_rs::btf::{Btf, types};

use crate::kernel::RightSet;

/// What the module does without a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is not loaded.
    Required,
    /// The rights that no other hook holds are not enforceable.
    Optional,
    /// One of several programs for the same hook must fit.
    OneOf,
}

#[derive(Debug, Clone, Copy)]
pub struct Hook {
    /// The program, also its pin's name.
    pub program: &'static str,
    /// The kernel function it is attached to; empty for a control program.
    pub function: &'static str,
    /// `None`: any.
    pub arguments: Option<usize>,
    pub need: Need,
    /// The rights whose denials come from here.
    pub rights: RightSet,
}

impl Hook {
    /// The hook's short name, as in the kernel's documentation.
    pub fn name(&self) -> &'static str {
        match self.function.strip_prefix("bpf_lsm_") {
            Some(hook) => hook,
            None if self.function.is_empty() => self.program,
            None => self.function,
        }
    }

    /// Has the kernel this hook, with the arguments the program was written for?
    pub fn fits(&self, kernel: &Btf<'_>) -> bool {
        if self.function.is_empty() {
            return true;
        }
        let Some(function) = kernel.type_by_name::<types::Func<'_>>(self.function) else { return false };
        let prototype = function.next_type().and_then(|kind| types::FuncProto::try_from(kind).ok());
        prototype.is_some_and(|prototype| self.arguments.is_none_or(|count| prototype.len() == count))
    }
}

#[repr(C)]
struct RawHook {
    program: *const c_char,
    function: *const c_char,
    arguments: c_int,
    need: c_int,
    rights: u64,
}

// SAFETY: kmod/linux/hooks.c, compiled by build.rs, defines these with exactly these types; the count is that of the array,
// and nothing ever writes to them.
unsafe extern "C" {
    static jail_hooks: [RawHook; 0];
    static jail_hook_count: u64;
}

fn text(pointer: *const c_char) -> &'static str {
    // SAFETY: hooks.c fills every entry with string literals, which live as long as the program.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap_or("?")
}

/// The whole table.
pub fn all() -> Vec<Hook> {
    // SAFETY: an array of exactly that many entries, see the extern block.
    let raw = unsafe { std::slice::from_raw_parts((&raw const jail_hooks).cast::<RawHook>(), jail_hook_count as usize) };
    let hook = |raw: &RawHook| Hook {
        program: text(raw.program),
        function: text(raw.function),
        arguments: usize::try_from(raw.arguments).ok(),
        need: match raw.need {
            0 => Need::Required,
            1 => Need::Optional,
            _ => Need::OneOf,
        },
        rights: RightSet::from_mask(raw.rights),
    };
    raw.iter().map(hook).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Right;

    #[test]
    fn every_right_is_held_by_some_hook() {
        let held = all().iter().fold(0, |mask, hook| mask | hook.rights.mask());
        let open: Vec<Right> = Right::all().filter(|right| held >> right.index() & 1 == 0).collect();
        assert!(open.is_empty(), "no hook for {open:?}");
    }

    #[test]
    fn a_program_is_listed_once() {
        let mut names: Vec<&str> = all().iter().map(|hook| hook.program).collect();
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
