//! The module's sysctl(7) nodes, as bytes. On NetBSD they are sysctlbyname(3)'s; tests have them from the module over the
//! double of the kernel.

/// Calls below `security.models.jail`. Errors are NetBSD's numbers.
pub trait Nodes {
    /// Reads a node, however long it is.
    fn read(&self, node: &str) -> Result<Vec<u8>, i32>;

    /// Writes a node.
    fn write(&self, node: &str, new: &[u8]) -> Result<(), i32>;

    /// Writes a node and reads as much of it in the same call. What was read comes with an error as well.
    fn exchange(&self, node: &str, new: &[u8]) -> (Vec<u8>, Result<(), i32>);

    /// Ticks of the statistics clock in a second (kern.clockrate, `stathz`).
    fn ticks_per_second(&self) -> u64;

    /// `uname -r`.
    fn release(&self) -> String;
}
