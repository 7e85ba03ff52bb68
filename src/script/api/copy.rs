//! copy: files of the host, inside a jail.

use std::collections::BTreeMap;
use std::path::Path;

use rhai::{Engine, Map};

use super::change::{Change, submit};
use super::{files, method};
use crate::jail::{self, Listed};
use crate::kernel::JailName;
use crate::perform::noted;
use crate::plan::decide::{self, CopyWanted, Item};
use crate::plan::{Content, Digest, Part};
use crate::script::convert::Options;
use crate::script::{Fault, Session};

pub fn register(engine: &mut Engine) {
    method(engine, "copy", copy);
}

/// Notes a file of the host's with its sum, here and in the ledger.
pub fn note(session: &Session, path: &Path) -> Result<Part, Fault> {
    std::fs::metadata(path).map_err(|error| Fault::file(path, &error))?;
    let part = noted(path)?;
    if let Part::File { sha256, .. } = &part {
        session.read(path, sha256.clone());
    }
    Ok(part)
}

/// What is at a path of the host's, with the sums of all files.
fn items(session: &Session, source: &Path) -> Result<BTreeMap<String, Item>, Fault> {
    let item = |(name, entry): (String, Listed)| -> Result<(String, Item), Fault> {
        let item = match entry {
            Listed::Directory { mode } => {
                // What was added to it later is not in the plan: a `/` at the end says that the names are meant.
                let path = source.join(&name);
                let digest = Digest::try_from(jail::names_digest(&path.canonicalize().unwrap_or(path.clone()))?);
                session.read(&path.join(""), digest.unwrap_or_else(|_| Digest::of("")));
                Item::Directory { mode }
            }
            Listed::File { path, mode } => Item::File { content: Content(vec![note(session, &path)?]), mode },
            Listed::Link { target } => Item::Link { target },
        };
        Ok((name, item))
    };
    std::fs::metadata(source).map_err(|error| Fault::file(source, &error))?;
    jail::list(source)?.into_iter().map(item).collect()
}

fn copy(session: &Session, jail: &JailName, source: String, at: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("copy", options, &["mode", "directory_mode", "owner", "group", "delete", "restart"])?;
    let mut wanted = CopyWanted {
        path: files::path(&at)?,
        items: BTreeMap::new(),
        mode: options.mode("mode")?,
        directory_mode: options.mode("directory_mode")?,
        owner: options.text("owner")?,
        group: options.text("group")?,
        delete: options.flag("delete", false)?,
        restart: options.flag("restart", false)?,
    };
    wanted.items = items(session, &session.host_path(&source)?)?;
    submit(session, jail, "unchanged", |seen| decide::copy(seen, jail, &wanted))
}
