//! The host that the verbs work on, as the common options and the configuration file say.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::config;
use super::failure::Failure;
use super::options::Common;
use crate::jail::{Config, Host, JailError};
use crate::kernel::{BodyChoice, KernelError, RightSet, select_accepting};

/// What the options and the configuration file together ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub kernel: BodyChoice,
    data_dir: Option<PathBuf>,
    run_dir: Option<PathBuf>,
    accepted: RightSet,
}

impl Plan {
    pub fn new(common: &Common) -> Result<Plan, Failure> {
        Self::of(common, common.config.is_some())
    }

    /// For who makes the configuration file: one that was asked for may be absent still.
    pub fn to_be(common: &Common) -> Result<Plan, Failure> {
        Self::of(common, false)
    }

    fn of(common: &Common, must_be: bool) -> Result<Plan, Failure> {
        let path = common.config.clone().unwrap_or_else(|| config::PATH.into());
        let file = config::File::read(&path, must_be)?;
        Ok(Plan {
            kernel: common.kernel.or(file.kernel).unwrap_or(BodyChoice::Auto),
            data_dir: common.data_dir.clone().or(file.data_dir),
            run_dir: common.run_dir.clone(),
            accepted: file.accept_unenforced,
        })
    }

    /// Where the data and the state of this host are, whichever body holds its jails.
    pub fn directories(&self) -> Config {
        let usual = Config::default();
        Config {
            data_dir: self.data_dir.clone().unwrap_or(usual.data_dir),
            run_dir: self.run_dir.clone().unwrap_or(usual.run_dir),
        }
    }

    /// Opens the kernel body. A simulation keeps its files in a directory of its own, unless told where.
    pub fn open(&self) -> Result<Site, JailError> {
        let sim = self.kernel == BodyChoice::Sim;
        if !sim && !nix::unistd::geteuid().is_root() {
            return Err(KernelError::NotPermitted.into());
        }
        let kernel = select_accepting(self.kernel, self.accepted)?;
        let scratch = if sim { Some(Scratch::new()?) } else { None };
        let mut config = Config::default();
        if let Some(Scratch(path)) = &scratch {
            config = Config { data_dir: path.join("data"), run_dir: path.join("run") };
        }
        config.data_dir = self.data_dir.clone().unwrap_or(config.data_dir);
        config.run_dir = self.run_dir.clone().unwrap_or(config.run_dir);
        Ok(Site { host: Host { kernel, config }, scratch })
    }
}

/// An open host.
pub struct Site {
    pub host: Host,
    /// Removed when the site is dropped.
    pub scratch: Option<Scratch>,
}

impl Site {
    pub fn open(common: &Common) -> Result<Site, Failure> {
        Ok(Plan::new(common)?.open()?)
    }
}

impl Deref for Site {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

/// A directory that vanishes with its value.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Result<Scratch, JailError> {
        let template = std::env::temp_dir().join("jailsh-XXXXXX");
        let path = nix::unistd::mkdtemp(&template).map_err(JailError::system("making a temporary directory"))?;
        Ok(Scratch(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Bringing a jail up may have made the run directory a mount of its own.
        crate::jail::forget_run_dir(&self.0.join("run"));
        // Only a temporary directory: what cannot be removed harms nobody.
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulations_directory_vanishes_with_it() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        std::fs::create_dir_all(path.join("data/jails/web")).unwrap();
        drop(scratch);
        assert!(!path.exists());
    }
}
