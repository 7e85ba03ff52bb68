//! The files of one simulated jail. Paths resolve as those of a real jail do from the host: links are followed inside of
//! the jail, never at the last step.

use std::collections::BTreeMap;

use nix::errno::Errno;

use crate::jail::{self, Marks};
use crate::plan::{Digest, Entry, JailPath};

/// More links than this are a circle, as in the kernel (MAXSYMLINKS in include/linux/namei.h).
const MAX_LINKS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File { bytes: Vec<u8>, mode: u32, uid: u32, gid: u32 },
    Directory { mode: u32, uid: u32, gid: u32 },
    Link { target: String },
}

/// Nodes by their real path below the top, without a slash in front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Node>);

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

impl Tree {
    /// What a new jail has, as far as it is the same on every host.
    pub fn seeded() -> Tree {
        let mut tree = Tree::default();
        for (path, mode) in jail::seeded_directories() {
            tree.0.insert(path, Node::Directory { mode, uid: 0, gid: 0 });
        }
        for (path, text) in jail::seeded_files() {
            tree.0.insert(path.to_owned(), Node::File { bytes: text.into(), mode: 0o644, uid: 0, gid: 0 });
        }
        for (path, target) in jail::seeded_links() {
            tree.0.insert(path.to_owned(), Node::Link { target: target.to_owned() });
        }
        tree
    }

    /// The real path of a directory; `None`: there is none.
    fn directory(&self, path: &str) -> Result<Option<String>, Errno> {
        let names = |path: &str| path.split('/').rev().map(str::to_owned).collect::<Vec<_>>();
        let mut ahead = names(path);
        let mut at = String::new();
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    at = at.rsplit_once('/').map_or(String::new(), |(above, _)| above.to_owned());
                    continue;
                }
                _ => {}
            }
            let next = below(&at, &name);
            match self.0.get(&next) {
                None => return Ok(None),
                Some(Node::Directory { .. }) => at = next,
                Some(Node::File { .. }) => return Err(Errno::ENOTDIR),
                Some(Node::Link { target }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::ELOOP);
                    }
                    if target.starts_with('/') {
                        at.clear();
                    }
                    ahead.extend(names(target));
                }
            }
        }
        Ok(Some(at))
    }

    /// The real path of what a path names; `None`: there is no directory for it.
    fn place(&self, path: &JailPath) -> Result<Option<String>, Errno> {
        let (above, name) = path.relative().rsplit_once('/').unwrap_or(("", path.relative()));
        Ok(self.directory(above)?.map(|above| below(&above, name)))
    }

    fn needed(&self, path: &JailPath) -> Result<String, Errno> {
        self.place(path)?.ok_or(Errno::ENOENT)
    }

    fn node(&self, path: &JailPath) -> Result<Option<&Node>, Errno> {
        Ok(self.place(path)?.and_then(|place| self.0.get(&place)))
    }

    pub fn entry(&self, path: &JailPath) -> Result<Entry, Errno> {
        Ok(match self.node(path)? {
            None => Entry::Absent,
            Some(Node::File { bytes, mode, uid, gid }) => {
                Entry::File { sha256: Digest::of(bytes), size: bytes.len() as u64, mode: *mode, uid: *uid, gid: *gid }
            }
            Some(Node::Directory { mode, uid, gid }) => Entry::Directory { mode: *mode, uid: *uid, gid: *gid },
            Some(Node::Link { target }) => Entry::Link { target: target.clone() },
        })
    }

    /// The bytes of a file.
    pub fn read(&self, path: &JailPath) -> Result<Option<&[u8]>, Errno> {
        Ok(match self.node(path)? {
            Some(Node::File { bytes, .. }) => Some(bytes),
            _ => None,
        })
    }

    pub fn write(&mut self, path: &JailPath, bytes: Vec<u8>, marks: Marks) -> Result<(), Errno> {
        let place = self.needed(path)?;
        let (mode, uid, gid) = match self.0.get(&place) {
            Some(Node::Directory { .. }) => return Err(Errno::EISDIR),
            Some(Node::File { mode, uid, gid, .. }) => (*mode, *uid, *gid),
            _ => (0o644, 0, 0),
        };
        let (mode, uid, gid) = marked(marks, (mode, uid, gid));
        self.0.insert(place, Node::File { bytes, mode, uid, gid });
        Ok(())
    }

    /// Sets mode and owners of a file or directory.
    pub fn set(&mut self, path: &JailPath, marks: Marks) -> Result<(), Errno> {
        let place = self.needed(path)?;
        match self.0.get_mut(&place) {
            None => return Err(Errno::ENOENT),
            Some(Node::Link { .. }) => return Err(Errno::ELOOP),
            Some(Node::File { mode, uid, gid, .. } | Node::Directory { mode, uid, gid }) => {
                (*mode, *uid, *gid) = marked(marks, (*mode, *uid, *gid));
            }
        }
        Ok(())
    }

    pub fn make_directory(&mut self, path: &JailPath, marks: Marks) -> Result<(), Errno> {
        let place = self.needed(path)?;
        match self.0.get(&place) {
            None => {
                let (mode, uid, gid) = marked(marks, (0o755, 0, 0));
                self.0.insert(place, Node::Directory { mode, uid, gid });
                Ok(())
            }
            Some(Node::Directory { .. }) => self.set(path, marks),
            Some(_) => Err(Errno::ENOTDIR),
        }
    }

    pub fn link(&mut self, path: &JailPath, target: &str) -> Result<(), Errno> {
        let place = self.needed(path)?;
        if let Some(Node::Directory { .. }) = self.0.get(&place) {
            return Err(Errno::EISDIR);
        }
        self.0.insert(place, Node::Link { target: target.to_owned() });
        Ok(())
    }

    /// Names in a directory, in order; none if there is no directory.
    pub fn names(&self, path: &JailPath) -> Result<Vec<String>, Errno> {
        let Some(place) = self.place(path)? else { return Ok(Vec::new()) };
        if !matches!(self.0.get(&place), Some(Node::Directory { .. })) {
            return Ok(Vec::new());
        }
        let inside = format!("{place}/");
        let below = self.0.range(inside.clone()..).take_while(|(path, _)| path.starts_with(&inside));
        let names = below.map(|(path, _)| &path[inside.len()..]).filter(|name| !name.contains('/'));
        Ok(names.map(str::to_owned).collect())
    }

    /// What is there, with all in it.
    pub fn remove(&mut self, path: &JailPath) -> Result<(), Errno> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        let inside = format!("{place}/");
        self.0.retain(|path, _| *path != place && !path.starts_with(&inside));
        Ok(())
    }
}

fn marked(marks: Marks, (mode, uid, gid): (u32, u32, u32)) -> (u32, u32, u32) {
    (marks.mode.unwrap_or(mode), marks.uid.unwrap_or(uid), marks.gid.unwrap_or(gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> JailPath {
        text.parse().unwrap()
    }

    #[test]
    fn links_are_followed_inside_of_the_jail_and_not_at_the_end() {
        let mut tree = Tree::seeded();
        tree.make_directory(&path("/srv/a"), Marks::default()).unwrap();
        tree.link(&path("/srv/up"), "../../../srv/a").unwrap();
        tree.link(&path("/srv/top"), "/srv/up").unwrap();
        tree.write(&path("/srv/top/x"), b"1".to_vec(), Marks::default()).unwrap();
        assert_eq!(tree.read(&path("/srv/a/x")).unwrap(), Some(&b"1"[..]));
        assert!(matches!(tree.entry(&path("/srv/top")).unwrap(), Entry::Link { .. }));
        tree.link(&path("/srv/loop"), "loop").unwrap();
        assert_eq!(tree.entry(&path("/srv/loop/x")), Err(Errno::ELOOP));
        assert_eq!(tree.entry(&path("/srv/a/x/y")), Err(Errno::ENOTDIR));
        assert_eq!(tree.write(&path("/srv/b/x"), Vec::new(), Marks::default()), Err(Errno::ENOENT));
        tree.remove(&path("/srv/top")).unwrap();
        assert!(tree.read(&path("/srv/a/x")).unwrap().is_some());
        tree.remove(&path("/srv/a")).unwrap();
        assert_eq!(tree.entry(&path("/srv/a/x")).unwrap(), Entry::Absent);
    }
}
