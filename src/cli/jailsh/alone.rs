//! One at a time: runs that share a name take turns.

use std::time::Duration;

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::site::Plan;
use crate::jail::{Lock, Turn, TurnName};
use crate::script::duration;

#[derive(Debug, Args)]
pub struct Alone {
    /// Run only while no other run holds this name
    #[arg(long, value_name = "NAME")]
    lock: Option<TurnName>,
    /// Wait so long for the name (90, 500ms, 2m, 1h) [default: not at all]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, requires = "lock")]
    lock_wait: Option<Duration>,
    /// If another run holds the name, do nothing and exit 0
    #[arg(long, requires = "lock")]
    skip_if_locked: bool,
}

impl Alone {
    /// Held for as long as the value; `None` where no name was given.
    pub fn begin(&self, common: &Common) -> Result<Option<Lock>, Failure> {
        let Some(name) = &self.lock else { return Ok(None) };
        let config = Plan::new(common)?.directories();
        match Lock::turn(&config, name, self.lock_wait.unwrap_or_default())? {
            Turn::Mine(lock) => Ok(Some(lock)),
            Turn::Held(_) if self.skip_if_locked => Err(Failure::silent(Exit::DONE)),
            Turn::Held(holder) => {
                let by = holder.map_or(String::new(), |pid| format!(", by process {pid}"));
                let remedy = "wait for it with --lock-wait, or pass this run over with --skip-if-locked";
                Err(Failure::new(Exit::LATER, format!("lock {name} is held by another run{by}; {remedy}")))
            }
        }
    }
}
