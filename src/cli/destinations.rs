//! Where a jail may connect and send to, as an option: the same of `jailmgr create` and `jailctl update`.

use clap::Args;
use serde_json::{Value, json};

/// The word for no destination at all.
const NOWHERE: &str = "nowhere";

/// Checked as the spec's `connect` is.
#[derive(Debug, Args)]
pub struct Destinations {
    /// Where alone it may connect and send to: ADDRESS[/PREFIX][:PORT[-PORT]][/tcp or /udp], any for every address;
    /// `nowhere`; repeatable
    #[arg(long, value_name = "DESTINATION[,..]", value_delimiter = ',')]
    connect: Vec<String>,
}

impl Destinations {
    /// As the spec's key; null if it was not given.
    pub fn tree(&self) -> Value {
        match self.connect.as_slice() {
            [] => Value::Null,
            [word] if word == NOWHERE => json!([]),
            destinations => json!(destinations),
        }
    }
}
