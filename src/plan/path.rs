//! A path inside a jail, as a script names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Absolute, without `.`, `..`, doubled slashes or control characters; `/` itself is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JailPath(String);

/// Why a text is no path inside a jail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is no path inside a jail: {why}; {remedy}")]
pub struct PathError {
    pub path: String,
    pub why: &'static str,
    pub remedy: String,
}

/// The kernel's PATH_MAX, less room for what the host puts in front.
const MAX: usize = 3800;
/// NAME_MAX.
const MAX_NAME: usize = 255;
/// Where a jail has files of its own; the rest is its base, read-only and shared.
const WRITABLE: [&str; 7] = ["etc", "var", "home", "root", "srv", "opt", "tmp"];

impl JailPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the top.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0[1..].split('/')
    }

    pub fn name(&self) -> &str {
        self.names().next_back().unwrap_or_default()
    }

    /// `None` for what lies at the top.
    pub fn parent(&self) -> Option<JailPath> {
        let (above, _) = self.0.rsplit_once('/')?;
        (!above.is_empty()).then(|| JailPath(above.to_owned()))
    }

    /// Is it this path or below it?
    pub fn is_within(&self, above: &JailPath) -> bool {
        self.0.strip_prefix(&above.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub fn join(&self, name: &str) -> Result<JailPath, PathError> {
        format!("{}/{name}", self.0).parse()
    }

    /// Relative to the top, as openat2(2) takes it.
    pub fn relative(&self) -> &str {
        &self.0[1..]
    }

    /// # Errors
    /// It lies in the base, which jails share and none may change.
    pub fn writable(&self) -> Result<(), PathError> {
        let top = self.names().next().unwrap_or_default();
        if WRITABLE.contains(&top) {
            return Ok(());
        }
        let where_to = WRITABLE.map(|name| format!("/{name}")).join(", ");
        Err(PathError {
            path: self.0.clone(),
            why: "it lies outside of what a jail has for itself",
            remedy: format!("use one below {where_to}"),
        })
    }
}

impl FromStr for JailPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<JailPath, PathError> {
        let bad = |why| Err(PathError { path: text.chars().take(120).collect(), why, remedy: "use one like /etc/motd".into() });
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        if !text.starts_with('/') {
            return bad("it does not start with \"/\"");
        }
        if trimmed.is_empty() {
            return bad("it is the root itself");
        }
        if trimmed.len() > MAX || trimmed.split('/').any(|name| name.len() > MAX_NAME) {
            return bad("it is too long");
        }
        if trimmed.chars().any(char::is_control) {
            return bad("it holds a control character");
        }
        if trimmed[1..].split('/').any(|name| matches!(name, "" | "." | "..")) {
            return bad("it holds an empty name, \".\" or \"..\"");
        }
        Ok(JailPath(trimmed.to_owned()))
    }
}

impl TryFrom<String> for JailPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<JailPath, PathError> {
        text.parse()
    }
}

impl From<JailPath> for String {
    fn from(path: JailPath) -> String {
        path.0
    }
}

impl fmt::Display for JailPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_lead_elsewhere_is_no_path() {
        for bad in
            ["", "/", "etc/motd", "/etc/../x", "/etc//x", "/./etc", "/a\nb", "/a\0", "//", &format!("/{}", "x".repeat(256))]
        {
            assert!(bad.parse::<JailPath>().is_err(), "{bad:?}");
        }
        let path: JailPath = "/etc/nginx/".parse().unwrap();
        assert_eq!((path.as_str(), path.name(), path.relative()), ("/etc/nginx", "nginx", "etc/nginx"));
        assert_eq!(path.parent().unwrap().as_str(), "/etc");
        assert_eq!(path.parent().unwrap().parent(), None);
    }

    #[test]
    fn the_base_is_not_for_writing() {
        assert!("/etc/motd".parse::<JailPath>().unwrap().writable().is_ok());
        let error = "/usr/bin/x".parse::<JailPath>().unwrap().writable().unwrap_err();
        insta::assert_snapshot!(error, @r#""/usr/bin/x" is no path inside a jail: it lies outside of what a jail has for itself; use one below /etc, /var, /home, /root, /srv, /opt, /tmp"#);
    }

    proptest! {
        #[test]
        fn a_path_that_parses_never_climbs(text in "[/a.\\PC]{0,20}") {
            if let Ok(path) = text.parse::<JailPath>() {
                prop_assert!(path.names().all(|name| !name.is_empty() && name != "." && name != ".."));
                prop_assert_eq!(path.to_string().parse::<JailPath>().unwrap(), path);
            }
        }
    }
}
