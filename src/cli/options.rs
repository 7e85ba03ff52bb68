//! The options that all three tools have.

use std::path::PathBuf;

use clap::Args;

use crate::kernel::{self, BodyChoice};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    #[arg(long, global = true, value_name = "BODY", help = kernel::BODIES)]
    pub kernel: Option<BodyChoice>,
    /// Where base layers and jails are kept [default: /var/jailmgr]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where locks and state of running jails are kept
    #[arg(long, global = true, value_name = "DIR", hide = true)]
    pub run_dir: Option<PathBuf>,
    /// Configuration file [default: /etc/jailsh/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
