//! The program's own `kernel`, with the module over the double in place of the running one.

pub use jailsh::kernel::*;

pub mod netbsd {
    use std::cell::RefCell;

    pub use jailsh::kernel::netbsd::{Netbsd, Nodes};

    use crate::body::Wire;

    thread_local! {
        /// What [`Sysctl`] speaks to.
        pub static SERVED: RefCell<Option<Wire>> = const { RefCell::new(None) };
    }

    pub struct Sysctl;

    fn asked<T>(ask: impl FnOnce(&Wire) -> T) -> T {
        SERVED.with_borrow(|wire| ask(wire.as_ref().expect("a test that serves the module")))
    }

    impl Nodes for Sysctl {
        fn read(&self, node: &str) -> Result<Vec<u8>, i32> {
            asked(|wire| wire.read(node))
        }

        fn write(&self, node: &str, new: &[u8]) -> Result<(), i32> {
            asked(|wire| wire.write(node, new))
        }

        fn exchange(&self, node: &str, new: &[u8]) -> (Vec<u8>, Result<(), i32>) {
            asked(|wire| wire.exchange(node, new))
        }

        fn kill(&self, pid: i32, signal: i32) -> Result<(), i32> {
            asked(|wire| wire.kill(pid, signal))
        }

        fn ticks_per_second(&self) -> u64 {
            asked(Wire::ticks_per_second)
        }

        fn release(&self) -> String {
            asked(Wire::release)
        }
    }
}
