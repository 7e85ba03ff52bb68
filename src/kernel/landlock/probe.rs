//! Can this kernel hold a Landlock body, and if not, what is missing?

use crate::kernel::KernelError;

/// Domains can be scoped, so that signals and abstract sockets stay inside, since this ABI (Linux 6.12).
pub const ABI_NEEDED: u32 = 6;

/// The Landlock ABI of this kernel, asked of the kernel itself.
///
/// # Errors
/// [`KernelError::Refused`] with the remedy: not built in, switched off at boot, or older than [`ABI_NEEDED`].
pub fn abi() -> Result<u32, KernelError> {
    unimplemented!()
}
