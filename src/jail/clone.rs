//! A new jail from another one's data and spec.

use super::label::Label;
use super::snapshot::{self, still};
use super::store::{self, Lock};
use super::tree::{self, Tally, Watch};
use super::{Host, JailError, Spec};
use crate::kernel::{JailName, Reservation, conflict};

/// What is to be cloned, and how.
pub struct CloneRequest {
    pub from: JailName,
    pub to: JailName,
    /// From this snapshot instead of the jail as it is.
    pub snapshot: Option<Label>,
    /// The new jail's ports; the other's cannot be its own, too.
    pub ports: Vec<Reservation>,
    /// Freeze the jail if it runs.
    pub live: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloned {
    /// Ports of the original that the clone does not have.
    pub dropped: Vec<Reservation>,
    pub tally: Tally,
}

/// Makes the clone; it appears whole. Takes both jails' locks.
pub fn clone(host: &Host, request: &CloneRequest, watch: Watch<'_>) -> Result<Cloned, JailError> {
    let (from, to) = (&request.from, &request.to);
    let _locks = both(host, from, to)?;
    let jails = store::jails_or_make(&host.config)?;
    // Both: what a cut rollback of the one left may hold its snapshots.
    store::sweep(&host.config, from)?;
    store::sweep(&host.config, to)?;
    let jail = store::jail(&host.config, from)?;
    expect_free(&jails, to)?;
    let source = match &request.snapshot {
        Some(label) => snapshot::find(&jail, from, label)?,
        None => store::jail(&host.config, from)?,
    };
    let mut spec = store::read_spec(&source, from)?.ok_or_else(|| store::no_such_jail(&host.config, from))?;
    let ports = std::mem::replace(&mut spec.ports, request.ports.clone());
    if let Some(found) = conflict(&spec.ports, [(from, ports.as_slice())]) {
        return Err(JailError::Conflict {
            what: format!("port {} is reserved by jail {from}, which is cloned", found.wanted),
            remedy: "give the clone another one".into(),
        });
    }
    retag(&mut spec, from, to);
    let data = source.sub("data")?.vetted()?;
    let mut tally = Tally::default();
    let mut copy = |_| {
        store::appear(&jails, to.as_str(), 0o700, |made| {
            made.make("root", 0o755)?;
            let target = made.make("data", 0o755)?;
            tally = tree::copy(&data, &target, &|_| false, watch)?;
            store::write_first_spec(made, &spec)?;
            tree::to_disk(made)
        })
    };
    match request.snapshot {
        Some(_) => copy(false)?,
        None => still(host, from, request.live, &mut copy)?,
    };
    Ok(Cloned { dropped: ports, tally })
}

/// The locks of two jails, always in the same order, so that no two commands wait for each other.
pub fn both(host: &Host, one: &JailName, other: &JailName) -> Result<(Lock, Lock), JailError> {
    if one == other {
        let remedy = "choose another name".into();
        return Err(JailError::Conflict { what: format!("both jails are called {one}"), remedy });
    }
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    Ok((Lock::jail(host, first)?, Lock::jail(host, second)?))
}

/// There is no jail of that name yet.
pub fn expect_free(jails: &store::Directory, name: &JailName) -> Result<(), JailError> {
    match jails.status(name.as_str())? {
        None => Ok(()),
        Some(_) => Err(JailError::Conflict {
            what: format!("jail {name} is there already"),
            remedy: "choose another name or destroy that jail first".into(),
        }),
    }
}

/// A tag that was made from the old name is made from the new one.
pub fn retag(spec: &mut Spec, from: &JailName, to: &JailName) {
    if spec.log.tag == Spec::default_tag(from) {
        spec.log.tag = Spec::default_tag(to);
    }
}
