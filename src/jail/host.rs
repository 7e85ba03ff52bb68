//! What every verb is given: the kernel body and where things live.

use std::path::PathBuf;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::kernel::system::RUN_DIR;
use crate::kernel::{JailName, Kernel};

/// Where things live on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Base layers and jails; survives reboots. `/var/jailmgr`.
    pub data_dir: PathBuf,
    /// Locks, namespaces, pid files, state; gone after a reboot. `/run/jailsh`.
    pub run_dir: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Config { data_dir: "/var/jailmgr".into(), run_dir: RUN_DIR.into() }
    }
}

impl Config {
    /// `jails/NAME` below the data directory; mode 0700, holds `jail.toml`, `root` (a mount point) and `data`.
    pub fn jail_dir(&self, name: &JailName) -> PathBuf {
        self.data_dir.join("jails").join(name.as_str())
    }

    /// The jail's root as the host names it. Also the label in listings and metrics.
    pub fn root_dir(&self, name: &JailName) -> PathBuf {
        self.jail_dir(name).join("root")
    }

    /// `jails/NAME` below the run directory; holds `mnt` (the pinned mount namespace), the supervisor's pid file and state.
    pub fn run_of(&self, name: &JailName) -> PathBuf {
        self.run_dir.join("jails").join(name.as_str())
    }
}

/// The host as the verbs see it.
#[derive(Clone)]
pub struct Host {
    pub kernel: Rc<dyn Kernel>,
    pub config: Config,
}
