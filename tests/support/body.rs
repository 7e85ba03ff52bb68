//! The kernel body that a test is about, and how much the machine under it may suffer.
//!
//! `scripts/test` says both, with JAILSH_BODY=lsm or landlock, which the machine must then offer, and with JAILSH_GUEST=1
//! where the machine is a guest that ends with the tests. Without JAILSH_BODY nothing is tested, and each test says so.

#![allow(dead_code, reason = "each test uses its part")]

use std::rc::Rc;

use jailsh::kernel::{BodyChoice, Kernel, select};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Lsm,
    Landlock,
}

impl Body {
    /// As `--kernel` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Body::Lsm => "lsm",
            Body::Landlock => "landlock",
        }
    }

    /// A handle on it. The one who chose it made sure that it is there: so this never skips.
    pub fn kernel(self) -> Rc<dyn Kernel> {
        let choice: BodyChoice = self.name().parse().expect("a body of ours");
        select(choice).unwrap_or_else(|error| panic!("JAILSH_BODY is {}: {error}", self.name()))
    }

    /// Does a statement hold on this body only? If not, says why the test is skipped here.
    pub fn is(self, wanted: Body, why: &str) -> bool {
        if self != wanted {
            eprintln!("skipped: only on {}: {why}", wanted.name());
        }
        self == wanted
    }
}

/// The body that was chosen, if one was.
pub fn chosen() -> Option<Body> {
    match std::env::var("JAILSH_BODY").unwrap_or_default().as_str() {
        "" => None,
        "lsm" => Some(Body::Lsm),
        "landlock" => Some(Body::Landlock),
        other => panic!("JAILSH_BODY={other} is no body; use lsm or landlock"),
    }
}

/// The body that was chosen, or `None` after saying why the test is skipped.
pub fn here() -> Option<Body> {
    let body = chosen();
    if body.is_none() {
        eprintln!("skipped: no kernel body was chosen; run scripts/test, which sets JAILSH_BODY");
    }
    body
}

/// Is this a machine that may be harmed?
pub fn in_guest() -> bool {
    std::env::var_os("JAILSH_GUEST").is_some_and(|value| value == "1")
}
