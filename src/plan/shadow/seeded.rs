//! What a jail is made with, as [`crate::jail`] fills its data: of the host's own base from texts of ours, of others from theirs.

use super::{Known, ROOT, Shadow};
use crate::jail::{self, Base, Digest, Entry};
use crate::kernel::JailName;
use crate::plan::{Content, JailPath, Observe, ObserveError};

impl<O: Observe> Shadow<O> {
    /// What a jail that the plan makes will have before anything is put into it, as far as that is known.
    pub(super) fn seeded(&self, jail: &JailName, path: &JailPath) -> Result<Known, ObserveError> {
        let spec = self.jails.get(jail).and_then(|seen| seen.as_ref()?.spec.as_ref().ok());
        let Some(spec) = spec else { return Ok((Entry::Absent, None)) };
        let relative = path.relative();
        if spec.base != Base::Host {
            let seed = self.below.seed(&spec.base, path)?;
            // As `jail::data` fills it: nothing of /tmp, and the host's way to resolve names where the base has none.
            let given = ["etc/resolv.conf", "etc/hosts"].contains(&relative);
            let hollow = matches!(&seed.entry, Entry::Absent | Entry::Link { .. } | Entry::File { size: 0, .. });
            return Ok(match (&seed.entry, jail::seeded_directory(relative)) {
                (Entry::Absent | Entry::Unknown, Some(mode)) if path.parent().is_none() => {
                    (Entry::Directory { mode, uid: ROOT, gid: ROOT }, None)
                }
                _ if given && hollow => (Entry::Unknown, None),
                _ if relative.starts_with("tmp/") => (Entry::Absent, None),
                (Entry::Absent, _) => Self::text_of_ours(relative),
                _ => (seed.entry, seed.bytes.map(Content::bytes)),
            });
        }
        if let Some(mode) = jail::seeded_directory(relative) {
            return Ok((Entry::Directory { mode, uid: ROOT, gid: ROOT }, None));
        }
        Ok(Self::text_of_ours(relative))
    }

    /// The tables of users that we give a jail whose base has none. The other files may be the host's.
    fn text_of_ours(path: &str) -> Known {
        let ours = jail::seeded_files().find(|(name, _)| path == *name);
        let Some((_, text)) = ours.filter(|(name, _)| matches!(name.as_str(), "etc/passwd" | "etc/group")) else {
            return (Entry::Absent, None);
        };
        let (sha256, size) = (Digest::of(text), text.len() as u64);
        (Entry::File { sha256, size, mode: 0o644, uid: ROOT, gid: ROOT }, Some(Content::text(text)))
    }
}
