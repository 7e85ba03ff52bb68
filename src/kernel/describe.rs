//! What a body enforces, as a value the caller must look at.

use serde::Serialize;

use super::policy::Right;

/// How one right is held on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Enforcement {
    /// A denial is the kernel's, by this mechanism (hook names, for example).
    Enforced { by: String },
    /// The kernel denies what matters, but something smaller gets through.
    Weaker { by: String, gap: String },
    /// Asked for or not, it cannot be held here.
    NotEnforceable { why: String },
}

impl Enforcement {
    /// In the main: fully, or but for something small.
    pub fn is_held(&self) -> bool {
        !matches!(self, Enforcement::NotEnforceable { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RightStatus {
    pub right: Right,
    #[serde(flatten)]
    pub enforcement: Enforcement,
}

/// The answer of [`super::Kernel::describe`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// `lsm`, `landlock`, `sim`.
    pub body: &'static str,
    /// Version of the module's control structures.
    pub abi: u32,
    /// `uname -r`.
    pub kernel: String,
    /// Every right, in table order.
    pub rights: Vec<RightStatus>,
    /// Weaker promises and the like, a sentence each; empty when all holds.
    pub notes: Vec<String>,
}

impl Description {
    /// Of a part: as its right.
    pub fn enforcement(&self, right: Right) -> Option<&Enforcement> {
        self.rights.iter().find(|status| status.right == right.whole()).map(|status| &status.enforcement)
    }
}
