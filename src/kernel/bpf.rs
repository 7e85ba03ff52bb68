//! bpf(2) on pinned objects, behind safe types. Opening a pin and running a program is all that most commands need;
//! the object file is opened by the loader alone.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

/// A value that goes to the kernel and comes back as bytes.
///
/// # Safety
/// `repr(C)`, without padding, and valid for every bit pattern: it is copied to and from the kernel as bytes.
pub unsafe trait Abi: Copy {
    /// All zero.
    fn zeroed() -> Self {
        // SAFETY: an implementor is valid for every bit pattern, zero included.
        unsafe { std::mem::zeroed() }
    }
}

/// An object file in this program: libbpf reads it as an ELF file in place.
#[repr(align(8))]
pub struct Aligned<T: ?Sized>(pub T);

fn path_text(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// libbpf answers a negative errno.
fn errno_of(answer: i32) -> Errno {
    Errno::from_raw(-answer)
}

/// Opens a pinned object. The descriptor is close-on-exec (the kernel's rule for bpf descriptors).
pub fn open_pin(path: &Path) -> Result<OwnedFd, Errno> {
    let path = path_text(path)?;
    // SAFETY: a NUL-terminated path that lives through the call.
    let answer = unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) };
    if answer < 0 {
        return Err(errno_of(answer));
    }
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

/// Pins an object.
pub fn pin(object: BorrowedFd<'_>, path: &Path) -> Result<(), Errno> {
    let path = path_text(path)?;
    // SAFETY: an open descriptor and a NUL-terminated path that live through the call.
    match unsafe { libbpf_sys::bpf_obj_pin(object.as_raw_fd(), path.as_ptr()) } {
        0 => Ok(()),
        answer => Err(errno_of(answer)),
    }
}

/// Ties a program to a control group without a link: it stays with the group and goes with it. `flags` as
/// BPF_PROG_ATTACH takes them: 0 for the only one there and below, which a second call replaces; BPF_F_ALLOW_MULTI.
pub fn attach(
    program: BorrowedFd<'_>,
    group: BorrowedFd<'_>,
    kind: libbpf_sys::bpf_attach_type,
    flags: u32,
) -> Result<(), Errno> {
    // SAFETY: only takes open descriptors and numbers.
    match unsafe { libbpf_sys::bpf_prog_attach(program.as_raw_fd(), group.as_raw_fd(), kind, flags) } {
        0 => Ok(()),
        answer => Err(errno_of(answer)),
    }
}

/// Runs a control program over `call`. Outer error: the kernel did not run it; otherwise its answer. Allocates nothing.
pub fn run<T: Abi>(program: BorrowedFd<'_>, call: &mut T) -> Result<u32, Errno> {
    let size = size_of::<T>() as u32;
    let context: *mut c_void = std::ptr::from_mut(call).cast();
    let mut options = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>() as libbpf_sys::size_t,
        ctx_in: context, // the kernel writes the answer there, too
        ctx_size_in: size,
        ..Default::default()
    };
    // SAFETY: the context is `size` bytes, readable and writable through the call, and valid whatever is written to it.
    match unsafe { libbpf_sys::bpf_prog_test_run_opts(program.as_raw_fd(), &raw mut options) } {
        0 => Ok(options.retval),
        answer => Err(errno_of(answer)),
    }
}

/// A fresh reading of an iterator link.
pub fn start_iterator(link: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: only takes an open descriptor.
    let answer = unsafe { libbpf_sys::bpf_iter_create(link.as_raw_fd()) };
    if answer < 0 {
        return Err(errno_of(answer));
    }
    // SAFETY: a descriptor just made by the kernel, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

/// A map with keys and values of fixed kinds.
pub struct Table<K, V> {
    map: OwnedFd,
    kinds: PhantomData<(K, V)>,
}

// SAFETY: an integer: no padding, every bit pattern valid.
unsafe impl Abi for u32 {}
// SAFETY: likewise.
unsafe impl Abi for u64 {}

impl<K: Abi, V: Abi> Table<K, V> {
    pub fn open(path: &Path) -> Result<Self, Errno> {
        Ok(Table { map: open_pin(path)?, kinds: PhantomData })
    }

    pub fn get(&self, key: K) -> Result<Option<V>, Errno> {
        let mut value = V::zeroed();
        let (key, value_at): (*const c_void, *mut c_void) =
            (std::ptr::from_ref(&key).cast(), std::ptr::from_mut(&mut value).cast());
        // SAFETY: the map was pinned by us with exactly these sizes of key and value.
        match unsafe { libbpf_sys::bpf_map_lookup_elem(self.map.as_raw_fd(), key, value_at) } {
            0 => Ok(Some(value)),
            answer if errno_of(answer) == Errno::ENOENT => Ok(None),
            answer => Err(errno_of(answer)),
        }
    }

    pub fn set(&self, key: K, value: V) -> Result<(), Errno> {
        let (key, value) = (std::ptr::from_ref(&key).cast(), std::ptr::from_ref(&value).cast());
        let any = u64::from(libbpf_sys::BPF_ANY);
        // SAFETY: the map was pinned by us with exactly these sizes of key and value.
        match unsafe { libbpf_sys::bpf_map_update_elem(self.map.as_raw_fd(), key, value, any) } {
            0 => Ok(()),
            answer => Err(errno_of(answer)),
        }
    }

    pub fn remove(&self, key: K) -> Result<(), Errno> {
        // SAFETY: the map was pinned by us with exactly this size of key.
        match unsafe { libbpf_sys::bpf_map_delete_elem(self.map.as_raw_fd(), std::ptr::from_ref(&key).cast()) } {
            0 => Ok(()),
            answer if errno_of(answer) == Errno::ENOENT => Ok(()),
            answer => Err(errno_of(answer)),
        }
    }

    pub fn is_empty(&self) -> Result<bool, Errno> {
        Ok(self.key_after(None)?.is_none())
    }

    fn key_after(&self, key: Option<&K>) -> Result<Option<K>, Errno> {
        let before = key.map_or(std::ptr::null(), |key| std::ptr::from_ref(key).cast());
        let mut next = K::zeroed();
        // SAFETY: the map was pinned by us with exactly this size of key; a null key asks for the first.
        match unsafe { libbpf_sys::bpf_map_get_next_key(self.map.as_raw_fd(), before, std::ptr::from_mut(&mut next).cast()) } {
            0 => Ok(Some(next)),
            answer if errno_of(answer) == Errno::ENOENT => Ok(None),
            answer => Err(errno_of(answer)),
        }
    }

    /// All keys. One that is removed meanwhile may make the walk start over, so a key can come twice.
    pub fn keys(&self) -> Result<Vec<K>, Errno> {
        let mut keys: Vec<K> = Vec::new();
        while let Some(next) = self.key_after(keys.last())? {
            keys.push(next);
        }
        Ok(keys)
    }
}
