//! A plan as a file: the actions, and what they rest on.

use serde::{Deserialize, Serialize};

use super::provenance::Provenance;
use super::{Action, Digest, Fact};

/// Of the file's form. An unknown one is refused.
pub const VERSION: u32 = 1;
const FORMAT: &str = "jailsh-plan";

/// A plan with everything it takes to judge and to perform it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub format: String,
    pub version: u32,
    /// The jailsh that wrote it.
    pub jailsh: String,
    /// Seconds since the epoch.
    pub made: u64,
    pub host: String,
    pub script: Source,
    /// What the script read besides.
    pub provenance: Provenance,
    /// What was looked at on the host, with the digest of the answer.
    pub facts: Vec<Observed>,
    pub actions: Vec<Action>,
}

/// The script that a plan was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub name: String,
    pub sha256: Digest,
    pub args: Vec<String>,
}

/// A fact and what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    #[serde(flatten)]
    pub fact: Fact,
    pub digest: Digest,
}

/// Why a text is no plan.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("no plan: {0}; make one with jailsh plan --json FILE")]
    Syntax(String),
    #[error("a plan of version {found}, and this jailsh knows version {VERSION}; make it again with this one")]
    Version { found: u32 },
}

impl Document {
    pub fn new(
        made: u64,
        host: String,
        script: Source,
        provenance: Provenance,
        facts: Vec<(Fact, Digest)>,
        actions: Vec<Action>,
    ) -> Document {
        Document {
            format: FORMAT.into(),
            version: VERSION,
            jailsh: env!("CARGO_PKG_VERSION").into(),
            made,
            host,
            script,
            provenance,
            facts: facts.into_iter().map(|(fact, digest)| Observed { fact, digest }).collect(),
            actions,
        }
    }

    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a plan holds texts, numbers, lists and maps");
        text.push('\n');
        text
    }

    /// # Errors
    /// It is no plan, or one of another version.
    pub fn parse(text: &str) -> Result<Document, DocumentError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let syntax = |error: serde_json::Error| DocumentError::Syntax(error.to_string());
        let head: Head = serde_json::from_str(text).map_err(syntax)?;
        if head.format != FORMAT {
            return Err(DocumentError::Syntax(format!("its format is {:?}", head.format.chars().take(40).collect::<String>())));
        }
        if head.version != VERSION {
            return Err(DocumentError::Version { found: head.version });
        }
        serde_json::from_str(text).map_err(syntax)
    }

    pub fn facts(&self) -> Vec<(Fact, Digest)> {
        self.facts.iter().map(|seen| (seen.fact.clone(), seen.digest.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SITE: &str = include_str!("../../fuzz/corpus/plan/site.json");

    #[test]
    fn a_plan_is_written_as_it_was_read() {
        let plan = Document::parse(SITE).unwrap();
        assert_eq!(Document::parse(&plan.to_json()).unwrap(), plan);
        assert!(plan.actions.len() > 3 && !plan.facts.is_empty());
    }

    #[test]
    fn paths_that_climb_and_names_that_are_none_are_no_plan() {
        for (good, bad) in [("/var/www/site\"", "/var/../../etc\""), ("\"coreweb\"", "\"../web\""), ("\"write\"", "\"wreck\"")] {
            assert!(SITE.contains(good), "{good}");
            assert!(matches!(Document::parse(&SITE.replace(good, bad)), Err(DocumentError::Syntax(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_plan_is_one_error_or_still_a_plan(at in 0..SITE.len(), length in 0_usize..40, put in "[ -~]{0,6}") {
            let mut text = SITE.as_bytes().to_vec();
            let end = (at + length).min(text.len());
            text.splice(at..end, put.bytes());
            if let Ok(plan) = Document::parse(&String::from_utf8_lossy(&text)) {
                prop_assert_eq!(Document::parse(&plan.to_json()).unwrap(), plan);
            }
        }
    }
}
