//! The programs of `kmod/linux/cgroup.bpf.c`: loading them, and finding out whether this kernel takes their like.

use std::collections::HashSet;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libbpf_rs::{Object, ObjectBuilder};
use nix::errno::Errno;

use crate::kernel::bpf::Aligned;
use crate::kernel::detached::open_directory;
use crate::kernel::{KernelError, cgroup};

static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/cgroup.o")));

/// Tells one build of the programs from another (FNV-1a).
pub fn digest() -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    OBJECT.0.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// Loads these programs and the maps in `maps`; attaches nothing.
pub fn load(programs: &[&str], maps: &[&str]) -> Result<Object, KernelError> {
    let wanted: HashSet<&str> = programs.iter().chain(maps).copied().collect();
    let failed = |error: libbpf_rs::Error| KernelError::Other {
        doing: "load the control group programs".into(),
        why: format!("{error:#}"),
    };
    // it would write to standard error; what failed is in the answer
    libbpf_rs::set_print(None);
    let mut open = ObjectBuilder::default().open_memory(&OBJECT.0).map_err(failed)?;
    for mut program in open.progs_mut() {
        let is_wanted = program.name().to_str().is_some_and(|name| wanted.contains(name));
        program.set_autoload(is_wanted);
    }
    for mut map in open.maps_mut() {
        let is_wanted = map.name().to_str().is_some_and(|name| wanted.contains(name));
        map.set_autocreate(is_wanted).map_err(failed)?;
    }
    open.load().map_err(failed)
}

/// The group that all processes are in or below.
pub fn root_group() -> Result<OwnedFd, KernelError> {
    let Some(mount) = cgroup::mount() else {
        return Err(KernelError::Other {
            doing: "find the root control group".into(),
            why: "no cgroup2 file system is mounted at or below /sys/fs/cgroup; mount one".into(),
        });
    };
    open_directory(&mount).map_err(KernelError::io(format!("open {}", mount.display())))
}

/// A kind of program, by the kernel's numbers.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub program: libbpf_sys::bpf_prog_type,
    pub attach: libbpf_sys::bpf_attach_type,
}

/// Loads `program`, which must allow everything, and attaches it to the root group for an instant: the place and the
/// privilege that the real ones need. Its link goes with this process, so nothing can stay. Answers in one sentence why not.
pub fn try_out(kind: Kind, program: &[u64]) -> Result<(), String> {
    let root = root_group().map_err(|error| error.to_string())?;
    let program = load_instructions(kind, program).map_err(|errno| explain("load", errno))?;
    let none = std::ptr::null();
    // SAFETY: open descriptors; no options are given.
    let answer = unsafe { libbpf_sys::bpf_link_create(program.as_raw_fd(), root.as_raw_fd(), kind.attach, none) };
    opened(answer).map(drop).map_err(|errno| explain("attach", errno))
}

/// libbpf answers a descriptor or a negative errno.
fn opened(answer: i32) -> Result<OwnedFd, Errno> {
    if answer < 0 {
        return Err(Errno::from_raw(-answer));
    }
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

/// One instruction of BPF, see Documentation/bpf/instruction-set.rst.
pub const fn instruction(code: u8, destination: u8, offset: i16, immediate: i32) -> u64 {
    code as u64 | (destination as u64) << 8 | (offset as u16 as u64) << 16 | (immediate as u32 as u64) << 32
}

pub const MOVE: u8 = 0xb7;
pub const CALL: u8 = 0x85;
pub const JUMP_IF_NOT_EQUAL: u8 = 0x55;
pub const EXIT: u8 = 0x95;

fn load_instructions(kind: Kind, program: &[u64]) -> Result<OwnedFd, Errno> {
    let options = libbpf_sys::bpf_prog_load_opts {
        sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as libbpf_sys::size_t,
        expected_attach_type: kind.attach,
        ..Default::default()
    };
    // SAFETY: the instructions have the layout of struct bpf_insn and, like the names and options, live through the call.
    let answer = unsafe {
        libbpf_sys::bpf_prog_load(
            kind.program,
            c"jail_probe".as_ptr(),
            c"GPL".as_ptr(),
            program.as_ptr().cast(),
            program.len() as libbpf_sys::size_t,
            (&raw const options).cast_mut(),
        )
    };
    opened(answer)
}

fn explain(step: &str, errno: Errno) -> String {
    match errno {
        Errno::EPERM | Errno::EACCES => format!("the platform lets nobody {step} control group programs ({errno})"),
        Errno::EINVAL => format!("this kernel cannot {step} control group programs; use one with CONFIG_CGROUP_BPF=y ({errno})"),
        errno => format!("this kernel did not {step} a trivial control group program ({errno})"),
    }
}
