//! unpack: an archive of the host's, as a directory inside a jail.

use rhai::{Engine, Map};

use super::change::{Change, submit};
use super::copy::note;
use super::{files, method};
use crate::jail::Digest;
use crate::kernel::JailName;
use crate::plan::decide::{self, UnpackWanted};
use crate::plan::{Archive, Part};
use crate::script::convert::Options;
use crate::script::{Fault, Kind, Session};

/// Names that can be taken from the beginning of a path.
const MAX_STRIP: u32 = 64;

pub fn register(engine: &mut Engine) {
    method(engine, "unpack", unpack);
}

fn unpack(session: &Session, jail: &JailName, archive: String, at: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("unpack", options, &["sha256", "strip", "owner", "group", "creates", "restart"])?;
    let strip = options.id("strip")?.unwrap_or(0);
    if strip > MAX_STRIP {
        return Err(options.wrong("strip", "a number from 0 to 64"));
    }
    let expected: Option<Digest> = options
        .text("sha256")?
        .map(|text| text.parse())
        .transpose()
        .map_err(|why: String| Fault::new(Kind::Spec, format!("unpack: {why}")))?;
    let (path, creates) = (files::path(&at)?, options.text("creates")?.map(|path| files::path(&path)).transpose()?);
    let (owner, group) = (options.text("owner")?, options.text("group")?);
    let restart = options.flag("restart", false)?;
    let file = session.host_path(&archive)?;
    let Part::File { sha256, .. } = note(session, &file)? else { return Err(Fault::new(Kind::Path, archive)) };
    if let Some(expected) = expected.filter(|expected| expected.as_str() != sha256.as_str()) {
        let why = format!(
            "{}: its sha256 is {sha256}, not {}; fetch it again, or find out who changed it",
            file.display(),
            expected.as_str()
        );
        return Err(Fault::new(Kind::Archive, why));
    }
    let archive = Archive { file, sha256, strip, owner, group };
    let wanted = UnpackWanted { path, archive, creates, restart };
    submit(session, jail, "unchanged", |seen| decide::unpack(seen, jail, &wanted))
}
