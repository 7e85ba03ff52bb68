//! What dpkg notes of the packages of a root, its `status` file (deb-control(5), dpkg(1)).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Installed packages and their versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Packages(BTreeMap<String, String>);

impl Packages {
    /// Of the text of a `status` file: those that are installed and configured.
    pub fn parse(status: &str) -> Packages {
        let mut found = BTreeMap::new();
        for paragraph in status.split("\n\n") {
            let field = |name: &str| paragraph.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let (Some(name), Some(version)) = (field("Package:"), field("Version:")) else { continue };
            if field("Status:").is_some_and(|status| status.split(' ').nth(2) == Some("installed")) {
                found.insert(name.to_owned(), version.to_owned());
            }
        }
        Packages(found)
    }

    pub fn version(&self, package: &PackageName) -> Option<&str> {
        self.0.get(&package.0).map(String::as_str)
    }

    /// From here on it is installed.
    pub fn add(&mut self, package: &PackageName, version: &str) {
        self.0.insert(package.0.clone(), version.to_owned());
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The name of a Debian package: lower case letters, digits and `+-.`, two at least (Debian Policy, 5.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageName(String);

impl PackageName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = String;

    fn from_str(text: &str) -> Result<PackageName, String> {
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let sound = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
        match begins && sound && (2..=128).contains(&text.len()) {
            true => Ok(PackageName(text.to_owned())),
            false => Err(format!("{text:?} is no name of a package; use one like \"nginx-light\"")),
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUS: &str = "\
Package: busybox
Status: install ok installed
Version: 1:1.35.0-4
Description: tiny
 Version: 9 of nothing

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: install ok unpacked
Version: 2
";

    #[test]
    fn what_is_installed_counts_and_nothing_else() {
        let packages = Packages::parse(STATUS);
        assert_eq!(packages.names().collect::<Vec<_>>(), ["busybox"]);
        assert_eq!(packages.version(&"busybox".parse().unwrap()), Some("1:1.35.0-4"));
    }

    #[test]
    fn options_and_paths_are_no_names() {
        for bad in ["", "a", "-y", "Nginx", "a b", "../x", "x=1", "x\n"] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad:?}");
        }
        assert!("libstdc++6".parse::<PackageName>().is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let _ = Packages::parse(&text);
        }
    }
}
