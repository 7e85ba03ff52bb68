//! A tree that is here already, as a new version of a base: what installing packages made of another.

use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use super::catalog::{self, Derived, FORMAT, Manifest, TREE, versions};
use super::import::{Aside, DERIVED, original, sweep};
use super::reference::Pin;
use crate::jail::label::Label;
use crate::jail::store::{Directory, Lock};
use crate::jail::tree::{self, hexadecimal};
use crate::jail::{Config, JailError};
use crate::kernel::system::rename_new;

/// Digits of a name's sum.
const DIGITS: usize = 8;

/// What `base` is with these packages, too. The same packages in another order are the same.
pub fn derive(config: &Config, base: &Pin, packages: &[&str]) -> Result<Derived, JailError> {
    let known = catalog::find(config, base)?;
    let mut derived = known.derived.unwrap_or_else(|| Derived {
        from: base.clone(),
        source: known.source,
        sha256: known.sha256,
        packages: Vec::new(),
    });
    derived.packages.extend(packages.iter().map(|name| (*name).to_owned()));
    derived.packages.sort();
    derived.packages.dedup();
    Ok(derived)
}

impl Derived {
    /// What such a base is called: the name of what it was made of, and the sum of what else makes it what it is.
    fn name(&self) -> Label {
        let mut sum = Sha256::new();
        sum.update(&self.sha256);
        for package in &self.packages {
            sum.update(format!("\n{package}"));
        }
        let digits = &hexadecimal(&sum.finalize())[..DIGITS];
        let name = original(&self.from.name);
        let name: String = name.as_str().chars().take(Label::MAX - DIGITS - 1).collect();
        format!("{name}{DERIVED}{digits}").parse().expect("a label and digits are a label")
    }
}

/// The newest base that is this already.
pub fn made(config: &Config, derived: &Derived) -> Result<Option<Pin>, JailError> {
    let Some(bases) = catalog::bases(config)? else { return Ok(None) };
    let all = versions(&bases, &derived.name())?;
    let same = |manifest: &Manifest| manifest.derived.as_ref() == Some(derived);
    Ok(all.into_iter().rfind(|version| version.manifest.as_ref().is_ok_and(same)).map(|version| version.pin))
}

/// Moves the directory `name` of `parent`, which nobody uses any more, to where bases are, and gives it a name. Where the
/// very same is there already it is left where it is. Both must be on one file system.
pub fn adopt(config: &Config, (parent, name): (&Directory, &str), derived: Derived) -> Result<Pin, JailError> {
    let bases = Directory::open_or_make(&config.data_dir)?.vetted()?.ensure("base", 0o755)?.vetted()?;
    let label = derived.name();
    let lock = Lock::bases(config)?;
    let base = bases.ensure(label.as_str(), 0o700)?.vetted()?;
    sweep(&base)?;
    let aside = Aside::new(&base)?;
    drop(lock);
    let files = parent.sub(name)?;
    let sha256 = tree::digest(&files)?;
    let tally = tree::measure(&files)?;
    tree::to_disk(&files)?;
    rename_new(parent.fd(), name, aside.directory.fd(), TREE)
        .map_err(JailError::system(format!("move {} to where bases are", files.path().display())))?;
    let pin = Pin { name: label, version: sha256[..12].parse().expect("digits are a label") };
    let manifest = Manifest {
        format: FORMAT,
        source: format!("packages:{} {}", derived.from, derived.packages.join(" ")),
        sha256,
        verified: true,
        imported: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        serial: 0,
        entries: tally.entries,
        bytes: tally.bytes,
        derived: Some(derived),
    };
    let _lock = Lock::bases(config)?;
    aside.appear(&bases, &pin, manifest)?;
    Ok(pin)
}
