//! Users and groups of a jail, as texts of /etc/passwd, /etc/group and /etc/shadow (passwd(5), group(5), shadow(5)). What is
//! not asked for stays byte for byte. Pure; the texts are the jail's, and may be hostile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where the numbers of people and of services are taken from, as in Debian's adduser.conf.
const PEOPLE: std::ops::RangeInclusive<u32> = 1000..=59_999;
const SYSTEM: std::ops::RangeInclusive<u32> = 100..=999;
/// The number that chown(2) takes for "as it is".
const NO_ID: u32 = u32::MAX;
const LOCKED: &str = "!";

/// A name of a user or group, as useradd(8) takes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

impl AccountName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = String;

    fn from_str(text: &str) -> Result<AccountName, String> {
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let sound = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        match begins && sound && text.len() <= 32 {
            true => Ok(AccountName(text.to_owned())),
            false => Err(format!("{text:?} is no name of a user or group; use up to 32 of a-z, 0-9, _ and -, a letter first")),
        }
    }
}

impl TryFrom<String> for AccountName {
    type Error = String;

    fn try_from(text: String) -> Result<AccountName, String> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> String {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user's own group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRef {
    Number(u32),
    Name(AccountName),
}

/// A user as it is to be. What is not named is left as it is; for a new one it is what is usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserWish {
    pub name: AccountName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// The groups that list it: these and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<AccountName>>,
    /// A new one is a service: a number below 1000, no home and no shell.
    #[serde(default)]
    pub system: bool,
    #[serde(default)]
    pub absent: bool,
}

/// A group as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupWish {
    pub name: AccountName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    #[serde(default)]
    pub system: bool,
    #[serde(default)]
    pub absent: bool,
}

/// Why a wish cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct AccountError {
    pub what: String,
    pub remedy: String,
}

fn error(what: impl Into<String>, remedy: impl Into<String>) -> AccountError {
    AccountError { what: what.into(), remedy: remedy.into() }
}

/// The files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    pub passwd: String,
    pub group: String,
    /// `None`: the jail has no such file, and gets none.
    pub shadow: Option<String>,
}

impl Accounts {
    /// The files with the user as it is to be.
    ///
    /// # Errors
    /// A number or group that cannot be; anything that would make a second root.
    pub fn with_user(&self, wish: &UserWish) -> Result<Accounts, AccountError> {
        let name = wish.name.as_str();
        for (what, path) in [("home", &wish.home), ("shell", &wish.shell)] {
            if let Some(path) = path.as_ref().filter(|path| !is_path(path)) {
                return Err(error(format!("{path:?} is no {what}"), "use an absolute path without colons"));
            }
        }
        let mut table = Tables::read(self);
        if wish.absent {
            table.remove_user(name)?;
        } else {
            table.put_user(wish)?;
        }
        Ok(table.written(self))
    }

    /// The same for a group.
    ///
    /// # Errors
    /// A number that is taken; a group that is needed.
    pub fn with_group(&self, wish: &GroupWish) -> Result<Accounts, AccountError> {
        let mut table = Tables::read(self);
        if wish.absent {
            table.remove_group(wish.name.as_str())?;
        } else {
            table.put_group(wish)?;
        }
        Ok(table.written(self))
    }
}

/// An absolute path that fits into a field.
fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 1024 && !text.contains(|c: char| c == ':' || c.is_control())
}

/// The lines of each file.
struct Tables {
    passwd: Vec<String>,
    group: Vec<String>,
    shadow: Option<Vec<String>>,
}

/// Exactly `N` fields.
fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.split(':').collect::<Vec<_>>().try_into().ok()
}

/// As the kernel would take it: digits alone.
fn number(field: &str) -> Option<u32> {
    let digits = !field.is_empty() && field.len() <= 10 && field.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| field.parse().ok()).flatten().filter(|id| *id != NO_ID)
}

fn name_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default()
}

impl Tables {
    fn read(files: &Accounts) -> Tables {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Tables { passwd: lines(&files.passwd), group: lines(&files.group), shadow: files.shadow.as_deref().map(lines) }
    }

    /// A file of which no line changed keeps its every byte.
    fn written(self, old: &Accounts) -> Accounts {
        let text = |lines: &[String], old: &str| match lines.iter().map(String::as_str).eq(old.lines()) {
            true => old.to_owned(),
            false => lines.iter().map(|line| format!("{line}\n")).collect(),
        };
        Accounts {
            passwd: text(&self.passwd, &old.passwd),
            group: text(&self.group, &old.group),
            shadow: self.shadow.map(|lines| text(&lines, old.shadow.as_deref().unwrap_or_default())),
        }
    }

    /// The first line of a name counts, as for getpwnam(3).
    fn user(&self, name: &str) -> Option<(usize, [&str; 7])> {
        self.passwd.iter().enumerate().find_map(|(at, line)| Some((at, fields::<7>(line).filter(|[is, ..]| *is == name)?)))
    }

    fn group(&self, name: &str) -> Option<(usize, [&str; 4])> {
        self.group.iter().enumerate().find_map(|(at, line)| Some((at, fields::<4>(line).filter(|[is, ..]| *is == name)?)))
    }

    fn user_of(&self, uid: u32) -> Option<&str> {
        let users = self.passwd.iter().filter_map(|line| fields::<7>(line));
        users.into_iter().find(|[_, _, is, ..]| number(is) == Some(uid)).map(|[name, ..]| name)
    }

    fn group_of(&self, gid: u32) -> Option<&str> {
        let groups = self.group.iter().filter_map(|line| fields::<4>(line));
        groups.into_iter().find(|[_, _, is, _]| number(is) == Some(gid)).map(|[name, ..]| name)
    }

    /// One above the largest that is taken, else the first that is free. A number that was somebody's is not given again
    /// as long as others are there.
    fn free(&self, system: bool) -> Result<u32, AccountError> {
        let range = if system { SYSTEM } else { PEOPLE };
        let is_free = |id: &u32| self.user_of(*id).is_none() && self.group_of(*id).is_none();
        let users = self.passwd.iter().filter_map(|line| fields::<7>(line).and_then(|[_, _, uid, ..]| number(uid)));
        let groups = self.group.iter().filter_map(|line| fields::<4>(line).and_then(|[_, _, gid, _]| number(gid)));
        let largest = users.chain(groups).filter(|id| range.contains(id)).max();
        let next = largest.map_or(*range.start(), |largest| largest + 1);
        let found = Some(next).filter(|id| range.contains(id)).or_else(|| range.clone().find(is_free));
        found.ok_or_else(|| error(format!("no number from {} to {} is free", range.start(), range.end()), "name one"))
    }

    fn put_user(&mut self, wish: &UserWish) -> Result<(), AccountError> {
        let name = wish.name.as_str();
        let old = self.user(name).map(|(at, fields)| (at, fields.map(str::to_owned)));
        let was = old.as_ref().and_then(|(_, fields)| number(&fields[2]));
        let uid = match (wish.uid, was) {
            (Some(uid), _) | (None, Some(uid)) => uid,
            (None, None) if name == "root" => 0,
            (None, None) => self.free(wish.system)?,
        };
        check("user", name, uid)?;
        if let Some(other) = self.user_of(uid).filter(|other| *other != name) {
            return Err(error(format!("the number {uid} is user {other}'s"), "pick another, or remove that user first"));
        }
        let gid = match (&wish.group, old.as_ref().and_then(|(_, fields)| number(&fields[3]))) {
            (Some(GroupRef::Number(gid)), _) if *gid == NO_ID => return Err(no_number(*gid)),
            (Some(GroupRef::Number(gid)), _) => *gid,
            (None, Some(gid)) => {
                // One of its own name comes back where somebody took it away.
                if self.group_of(gid).is_none() && self.group(name).is_none() {
                    self.push_group(name, gid);
                }
                gid
            }
            (Some(GroupRef::Name(group)), _) => self.gid_of(group)?,
            (None, None) => self.own_group(name, uid, wish.system)?,
        };
        let usual_home = || if wish.system { "/nonexistent".to_owned() } else { format!("/home/{name}") };
        let usual_shell = || if wish.system { "/usr/sbin/nologin" } else { "/bin/sh" }.to_owned();
        let password = if self.shadow.is_some() { "x" } else { "*" };
        let [_, password, _, _, about, home, shell] = match &old {
            Some((_, fields)) => fields.clone(),
            None => [String::new(), password.into(), String::new(), String::new(), String::new(), usual_home(), usual_shell()],
        };
        let (home, shell) = (wish.home.clone().unwrap_or(home), wish.shell.clone().unwrap_or(shell));
        let line = format!("{name}:{password}:{uid}:{gid}:{about}:{home}:{shell}");
        match old {
            Some((at, _)) => self.passwd[at] = line,
            None => self.passwd.push(line),
        }
        if let Some(shadow) = &mut self.shadow
            && !shadow.iter().any(|line| name_of(line) == name)
        {
            shadow.push(format!("{name}:{LOCKED}:::::::"));
        }
        match &wish.groups {
            Some(groups) => self.list_in(name, groups),
            None => Ok(()),
        }
    }

    fn gid_of(&self, group: &AccountName) -> Result<u32, AccountError> {
        let found = self.group(group.as_str()).and_then(|(_, [_, _, gid, _])| number(gid));
        found.ok_or_else(|| error(format!("no group {group}"), format!("make it first with group(\"{group}\"), or name another")))
    }

    /// The group of the user's own name, made if need be.
    fn own_group(&mut self, name: &str, uid: u32, system: bool) -> Result<u32, AccountError> {
        if let Some((_, [_, _, gid, _])) = self.group(name) {
            return number(gid).ok_or_else(|| error(format!("group {name} has no number"), "mend /etc/group"));
        }
        let gid = if self.group_of(uid).is_none() { uid } else { self.free(system)? };
        self.push_group(name, gid);
        Ok(gid)
    }

    fn push_group(&mut self, name: &str, gid: u32) {
        self.group.push(format!("{name}:{}:{gid}:", if self.shadow.is_some() { "x" } else { "*" }));
    }

    /// These groups list the user, and no others.
    fn list_in(&mut self, name: &str, groups: &[AccountName]) -> Result<(), AccountError> {
        for group in groups {
            self.gid_of(group)?;
        }
        for line in &mut self.group {
            let Some([group, password, gid, members]) = fields::<4>(line) else { continue };
            let listed = members.split(',').any(|member| member == name);
            let wanted = groups.iter().any(|wanted| wanted.as_str() == group);
            let members: Vec<&str> = members.split(',').filter(|member| !member.is_empty() && *member != name).collect();
            *line = match (listed, wanted) {
                (false, true) => format!("{group}:{password}:{gid}:{}", [members, vec![name]].concat().join(",")),
                (true, false) => format!("{group}:{password}:{gid}:{}", members.join(",")),
                _ => continue,
            };
        }
        Ok(())
    }

    fn remove_user(&mut self, name: &str) -> Result<(), AccountError> {
        if name == "root" {
            return Err(error("root cannot be removed", "name another user"));
        }
        self.list_in(name, &[])?;
        self.passwd.retain(|line| name_of(line) != name);
        if let Some(shadow) = &mut self.shadow {
            shadow.retain(|line| name_of(line) != name);
        }
        // Its own group goes with it, unless it is somebody else's, too.
        if let Some((_, [_, _, gid, ""])) = self.group(name)
            && self.primary_of(number(gid)).is_none()
        {
            self.group.retain(|line| name_of(line) != name);
        }
        Ok(())
    }

    fn primary_of(&self, gid: Option<u32>) -> Option<&str> {
        let users = self.passwd.iter().filter_map(|line| fields::<7>(line));
        users.into_iter().find(|[_, _, _, is, ..]| gid.is_some() && number(is) == gid).map(|[name, ..]| name)
    }

    fn put_group(&mut self, wish: &GroupWish) -> Result<(), AccountError> {
        let name = wish.name.as_str();
        let old = self.group(name).map(|(at, fields)| (at, fields.map(str::to_owned)));
        let was = old.as_ref().and_then(|(_, fields)| number(&fields[2]));
        let gid = match (wish.gid, was) {
            (Some(gid), _) | (None, Some(gid)) => gid,
            (None, None) if name == "root" => 0,
            (None, None) => self.free(wish.system)?,
        };
        check("group", name, gid)?;
        if let Some(other) = self.group_of(gid).filter(|other| *other != name) {
            return Err(error(format!("the number {gid} is group {other}'s"), "pick another, or remove that group first"));
        }
        match old {
            Some((at, [_, password, _, members])) => self.group[at] = format!("{name}:{password}:{gid}:{members}"),
            None => self.group.push(format!("{name}:{}:{gid}:", if self.shadow.is_some() { "x" } else { "*" })),
        }
        Ok(())
    }

    fn remove_group(&mut self, name: &str) -> Result<(), AccountError> {
        if name == "root" {
            return Err(error("group root cannot be removed", "name another group"));
        }
        let gid = self.group(name).and_then(|(_, [_, _, gid, _])| number(gid));
        if let Some(user) = self.primary_of(gid) {
            return Err(error(format!("group {name} is user {user}'s own"), "give that user another group first, or remove it"));
        }
        self.group.retain(|line| name_of(line) != name);
        Ok(())
    }
}

/// Only root is root.
fn check(what: &str, name: &str, id: u32) -> Result<(), AccountError> {
    match (name, id) {
        ("root", 0) => Ok(()),
        ("root", _) => Err(error(format!("{what} root has the number 0 and no other"), "leave the number out")),
        (_, 0) => Err(error(format!("{what} {name} would be a second root, with the number 0"), "give it another number")),
        (_, NO_ID) => Err(no_number(id)),
        _ => Ok(()),
    }
}

fn no_number(id: u32) -> AccountError {
    error(format!("{id} is no number of a user or group"), "use one below 4294967295")
}

#[cfg(test)]
mod tests;
