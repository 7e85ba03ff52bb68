//! Which body to use: asked for, or the best that the machine offers.

use std::str::FromStr;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "linux")]
use linux as here;
#[cfg(target_os = "netbsd")]
use netbsd as here;

pub use here::{BODIES, BodyChoice, keepers_body, select, select_accepting};

impl BodyChoice {
    /// As `--kernel` takes it.
    pub fn name(self) -> &'static str {
        here::NAMES.iter().find(|(_, choice)| *choice == self).expect("every choice has a name").0
    }
}

impl FromStr for BodyChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = here::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let [first @ .., last] = here::NAMES.map(|(known, _)| known);
            format!("{name:?} is no kernel body here; use {} or {last}", first.join(", "))
        })
    }
}
