//! What the verbs of one run of a script share: the host, opened when the first verb needs it, so that a script without
//! verbs needs neither root nor the module.

use std::cell::{OnceCell, RefCell};

use super::{Fault, Kind};
use crate::jail::Host;
use crate::kernel::JailName;
use crate::plan::Provenance;

type Open = Box<dyn Fn() -> Result<Host, Fault>>;

/// Lives as long as the script's engine.
pub struct Session {
    open: Open,
    host: OnceCell<Host>,
    /// What the script read; whoever reads on its behalf notes it here.
    pub provenance: RefCell<Provenance>,
}

impl Session {
    pub fn new(open: impl Fn() -> Result<Host, Fault> + 'static) -> Session {
        Session { open: Box::new(open), host: OnceCell::new(), provenance: RefCell::default() }
    }

    pub fn host(&self) -> Result<&Host, Fault> {
        match self.host.get() {
            Some(host) => Ok(host),
            None => {
                let host = (self.open)()?;
                Ok(self.host.get_or_init(|| host))
            }
        }
    }

    /// The jail's number, if it is in the kernel.
    pub fn running(&self, name: &JailName) -> Result<crate::kernel::JailInfo, Fault> {
        let found = self.host()?.kernel.find(name)?;
        found.ok_or_else(|| Fault::new(Kind::NotRunning, format!("jail {name} is not running; start it first")))
    }
}
