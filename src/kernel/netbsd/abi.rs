//! Mirrors of `kmod/netbsd/abi.h`, field by field; `tests/netbsd` compares each offset with C's. Any change there raises
//! the ABI number. And NetBSD's error numbers, which are not this machine's.

use std::mem::{offset_of, size_of};

/// What this program speaks.
pub const ABI: u32 = 2;

pub const NAME_SIZE: usize = 64;
pub const ROOT_SIZE: usize = 256;
pub const PROFILE_SIZE: usize = 32;
pub const PORTS: usize = 32;
pub const RIGHTS: usize = 64;
pub const COMMAND_SIZE: usize = 32;

pub const UPDATE_RIGHTS: u32 = 0x1;
pub const UPDATE_PORTS: u32 = 0x2;
pub const UPDATE_CLOSE: u32 = 0x4;

/// A jail's state while processes may enter it.
pub const ACTIVE: u32 = 2;

/// `sys/errno.h` of NetBSD.
pub mod errno {
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const EBUSY: i32 = 16;
    pub const EEXIST: i32 = 17;
    pub const EPROTONOSUPPORT: i32 = 43;
    pub const EADDRINUSE: i32 = 48;
}

/// Where a field lies: structure, field, offset, size.
pub type Place = (&'static str, &'static str, usize, usize);

/// A structure that crosses the border as bytes.
///
/// # Safety
/// `repr(C)`, without padding, and valid for every bit pattern.
pub unsafe trait Record: Copy {
    /// All zero.
    fn zeroed() -> Self {
        // SAFETY: an implementor is valid for every bit pattern, zero included.
        unsafe { std::mem::zeroed() }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: an implementor has no padding, so each of its bytes is initialised; they live as long as it does.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }

    /// As many as the bytes hold; what is left over at the end is dropped.
    fn read_all(bytes: &[u8]) -> Vec<Self> {
        let (chunks, _) = bytes.split_at(bytes.len() / size_of::<Self>() * size_of::<Self>());
        // SAFETY: each chunk is as long as the structure, which is valid for every bit pattern; it may lie unaligned.
        chunks.chunks_exact(size_of::<Self>()).map(|chunk| unsafe { chunk.as_ptr().cast::<Self>().read_unaligned() }).collect()
    }
}

macro_rules! mirror {
    ($($(#[$meta:meta])* $name:ident = $c_name:literal { $($field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy)]
            #[repr(C)]
            pub struct $name { $(pub $field: $kind,)* }
            // SAFETY: repr(C), integers and arrays of integers only, and the assertion below rules out padding.
            unsafe impl Record for $name {}
            const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$kind>())*);
        )*

        /// Every field of every structure; the size of a whole one is under an empty name.
        pub fn places() -> Vec<Place> {
            vec![$(
                $(($c_name, stringify!($field), offset_of!($name, $field), size_of::<$kind>()),)*
                ($c_name, "", 0, size_of::<$name>()),
            )*]
        }
    };
}

mirror! {
    /// Written to `create` and read back.
    Create = "jail_create" {
        version: u32,
        jid: u32,
        rights: u64,
        port_count: u32,
        taken_port: u32,
        ports: [u16; PORTS],
        name: [u8; NAME_SIZE],
        root: [u8; ROOT_SIZE],
        profile: [u8; PROFILE_SIZE],
        owner: [u8; NAME_SIZE],
        unused: [u64; 4],
    }
    /// Written to `update` and read back.
    Update = "jail_update" {
        version: u32,
        jid: u32,
        rights: u64,
        changes: u32,
        port_count: u32,
        taken_port: u32,
        unused1: u32,
        ports: [u16; PORTS],
        owner: [u8; NAME_SIZE],
        unused2: [u64; 4],
    }
    /// Written to `signal` and read back.
    Signal = "jail_signal" {
        version: u32,
        jid: u32,
        signal: i32,
        count: u32,
    }
    /// One jail of `list`.
    Info = "jail_info" {
        version: u32,
        jid: u32,
        rights: u64,
        state: u32,
        port_count: u32,
        processes: u64,
        references: u64,
        memory_bytes: u64,
        cpu_ticks: u64,
        cpu_ticks_1s: u64,
        cpu_ticks_10s: u64,
        created_s: u64,
        denials: [u64; RIGHTS],
        ports: [u16; PORTS],
        name: [u8; NAME_SIZE],
        root: [u8; ROOT_SIZE],
        profile: [u8; PROFILE_SIZE],
        unused: [u64; 4],
    }
    /// One process of `members`.
    MemberRecord = "jail_member" {
        version: u32,
        jid: u32,
        pid: i32,
        arriving: u32,
        cpu_ticks: u64,
        memory_bytes: u64,
        command: [u8; COMMAND_SIZE],
    }
}

/// The text before the first NUL.
pub fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// `None` if it does not fit with a NUL behind it.
pub fn fill<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut field = [0; N];
    field.get_mut(..text.len()).filter(|_| text.len() < N)?.copy_from_slice(text.as_bytes());
    Some(field)
}
