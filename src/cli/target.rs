//! A jail on the command line: its name, or its number.

use std::str::FromStr;

use super::failure::Failure;
use crate::jail::{Host, JailError, observe};
use crate::kernel::{JailInfo, JailName, Jid, KernelError};

/// Digits are always a jid; no jail can have such a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Name(JailName),
    Jid(Jid),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Target::Name).map_err(|error: crate::kernel::NameError| error.to_string());
        }
        let jid = text.parse().ok().and_then(Jid::new);
        jid.map(Target::Jid).ok_or_else(|| match text.trim_start_matches('0') {
            "" => "jid 0 is the host, not a jail".to_owned(),
            _ => format!("{text} is no jid; the largest is {}", u32::MAX),
        })
    }
}

impl Target {
    /// The jail, which must be in the kernel.
    pub fn resolve(&self, host: &Host) -> Result<JailInfo, Failure> {
        match self {
            Target::Jid(jid) => {
                let found = host.kernel.jail(*jid)?;
                found.ok_or_else(|| KernelError::NoSuchJail(*jid).into())
            }
            Target::Name(name) => match host.kernel.find(name)? {
                Some(jail) => Ok(jail),
                None => {
                    observe(host, name)?;
                    Err(JailError::NotRunning(name.clone()).into())
                }
            },
        }
    }

    /// The jail's name; a jid must be in the kernel.
    pub fn name(&self, host: &Host) -> Result<JailName, Failure> {
        match self {
            Target::Name(name) => Ok(name.clone()),
            Target::Jid(_) => Ok(self.resolve(host)?.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_a_jid_and_the_host_is_no_jail() {
        assert_eq!("3".parse(), Ok(Target::Jid(Jid::new(3).unwrap())));
        assert!(matches!("web".parse(), Ok(Target::Name(_))));
        assert_eq!("0".parse::<Target>(), Err("jid 0 is the host, not a jail".into()));
        assert_eq!("00".parse::<Target>(), Err("jid 0 is the host, not a jail".into()));
        assert!("99999999999".parse::<Target>().unwrap_err().contains("no jid"));
        assert!("0x10".parse::<Target>().is_ok_and(|target| matches!(target, Target::Name(_))));
        assert!("../x".parse::<Target>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9]*") {
            let _ = text.parse::<Target>();
        }
    }
}
