//! Mirrors of `kmod/linux/abi.h`, field by field. Any change there raises the ABI number.

use std::mem::size_of;

use crate::kernel::bpf::Abi;
use crate::kernel::policy::{CONNECT_RULES, RESERVATIONS, RawReservation, RawRule};

/// What this program speaks.
pub const ABI: u32 = 6;

pub const NAME_SIZE: usize = 64;
pub const ROOT_SIZE: usize = 256;
pub const PROFILE_SIZE: usize = 32;
pub const RIGHTS: usize = 64;
pub const SAMPLES: usize = 10;
pub const COMMAND_SIZE: usize = 16;
pub const SUBJECT_SIZE: usize = 160;

macro_rules! mirror {
    ($(#[$meta:meta])* $name:ident [$size:expr] { $($field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        #[repr(C)]
        pub struct $name { $(pub $field: $kind,)* }
        // SAFETY: repr(C), integers, arrays of integers and structures of them only, and the assertion below rules out padding.
        unsafe impl Abi for $name {}
        const _: () = assert!(size_of::<$name>() == $size && size_of::<$name>() == 0 $(+ size_of::<$kind>())*);
    };
}

mirror! {
    /// Where a jail may connect to.
    Connect [1288] {
        count: u32,
        unused: u32,
        rules: [RawRule; CONNECT_RULES],
    }
}

mirror! {
    /// The ports that a jail reserves.
    Ports [776] {
        count: u32,
        unused: u32,
        rules: [RawReservation; RESERVATIONS],
    }
}

mirror! {
    /// Whose a port is: a key's port, what kind of entry it is, and the address if there is one.
    PortKey [24] {
        port: u32,
        kind: u32,
        address: [u32; 4],
    }
}

mirror! {
    /// One jail, in its slot.
    Jail [1576] {
        rights: u64,
        parts: u64,
        audited: u64,
        learning_until_ns: u64,
        jid: u32,
        closing: u32,
        held: u32,
        changing: u32,
        processes: i64,
        tasks: i64,
        exited_cpu_ns: u64,
        sampled_total_usec: u64,
        samples_taken: u64,
        samples_usec: [u64; SAMPLES],
        reporting_since_ns: u64,
        reported: u64,
        denials: [u64; RIGHTS],
        audits: [u64; RIGHTS],
        port_generation: u32,
        ports_in_use: u32,
        connect_in_use: u32,
        unused: u32,
        name: [u8; NAME_SIZE],
        root: [u8; ROOT_SIZE],
        profile: [u8; PROFILE_SIZE],
    }
}

mirror! {
    /// What a jail may take of the kernel's tables, in its slot; 0: as much as it likes.
    Bounds [32] {
        most_tasks: u32,
        most_files: u32,
        files: i64,
        tasks_refused: u64,
        files_refused: u64,
    }
}

mirror! {
    InfoCall [24] {
        abi: u32,
        jails: u32,
        events_lost: u64,
        sealed: u32,
        home_device: u32,
    }
}

mirror! {
    CreateCall [2456] {
        abi: u32,
        jid: u32,
        rights: u64,
        parts: u64,
        audited: u64,
        taken_port: u32,
        unused: u32,
        name: [u8; NAME_SIZE],
        root: [u8; ROOT_SIZE],
        profile: [u8; PROFILE_SIZE],
        ports: Ports,
        connect: Connect,
    }
}

mirror! {
    UpdateCall [2104] {
        abi: u32,
        jid: u32,
        rights: u64,
        parts: u64,
        audited: u64,
        taken_port: u32,
        unused: u32,
        ports: Ports,
        connect: Connect,
    }
}

mirror! {
    /// `ctl_enter`, `ctl_close`, `ctl_destroy`, `ctl_seal`.
    JailCall [16] {
        abi: u32,
        jid: u32,
        processes: u64,
    }
}

mirror! {
    HoldCall [16] {
        abi: u32,
        jid: u32,
        held: u32,
        unused: u32,
    }
}

/// Longest time that one call of `ctl_learn` is good for.
pub const LEARN_MS: u32 = 60_000;

mirror! {
    LearnCall [16] {
        abi: u32,
        jid: u32,
        milliseconds: u32,
        unused: u32,
    }
}

mirror! {
    BoundCall [24] {
        abi: u32,
        jid: u32,
        most_tasks: u32,
        most_files: u32,
        left: u32,
        unused: u32,
    }
}

/// Kinds of System V objects.
pub const IPC_MEMORY: u32 = 0;
pub const IPC_SEMAPHORES: u32 = 1;
pub const IPC_MESSAGES: u32 = 2;

mirror! {
    /// Who made an object, and where.
    IpcMaker [12] {
        jid: u32,
        kind: u32,
        namespace: u32,
    }
}

mirror! {
    IpcCall [24] {
        abi: u32,
        jid: u32,
        key: u64,
        id: i32,
        unused: u32,
    }
}

mirror! {
    SampleCall [16] {
        abi: u32,
        jid: u32,
        total_usec: u64,
    }
}

mirror! {
    ArmCall [16] {
        abi: u32,
        home_device: u32,
        next_home_device: u32,
        unused: u32,
    }
}

mirror! {
    DenialEvent [208] {
        jid: u32,
        right: u32,
        pid: i32,
        audited: u32,
        object: u64,
        when_ns: u64,
        command: [u8; COMMAND_SIZE],
        subject: [u8; SUBJECT_SIZE],
    }
}

mirror! {
    TaskRecord [64] {
        jid: u32,
        pid: i32,
        tgid: i32,
        parent: i32,
        exited: u32,
        unused: u32,
        start_ns: u64,
        cpu_ns: u64,
        vmem_pages: u64,
        command: [u8; COMMAND_SIZE],
    }
}

/// Text in a field of fixed size: up to the first zero byte.
pub fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// The other way; `None` if it does not fit with its closing zero byte.
pub fn field<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut field = [0; N];
    if text.len() >= N || text.contains('\0') {
        return None;
    }
    field[..text.len()].copy_from_slice(text.as_bytes());
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_a_field_with_its_closing_zero() {
        assert_eq!(field::<4>("abc"), Some(*b"abc\0"));
        assert_eq!(field::<4>("abcd"), None);
        assert_eq!(field::<4>("a\0"), None);
        assert_eq!(text(b"abc\0"), "abc");
        assert_eq!(text(b"abcd"), "abcd");
    }
}
