//! Users and groups inside a jail.

use super::file::occupied;
use super::{DecideError, action, known};
use crate::kernel::JailName;
use crate::plan::action::Step;
use crate::plan::difference::difference;
use crate::plan::{AccountError, Accounts, Action, Entry, GroupWish, JailPath, Observe, UserWish};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const SHADOW: &str = "/etc/shadow";

/// A user is to be there, or gone.
pub fn user(seen: &dyn Observe, jail: &JailName, wish: &UserWish) -> Result<Vec<Action>, DecideError> {
    decide(seen, jail, Step::User { user: wish.clone() })
}

/// The same for a group.
pub fn group(seen: &dyn Observe, jail: &JailName, wish: &GroupWish) -> Result<Vec<Action>, DecideError> {
    decide(seen, jail, Step::Group { group: wish.clone() })
}

fn decide(seen: &dyn Observe, jail: &JailName, step: Step) -> Result<Vec<Action>, DecideError> {
    known(seen, jail)?;
    let old = accounts_of(seen, jail)?;
    let new =
        granted(&old, &step).map_err(|AccountError { what, remedy }| DecideError::Unfit { jail: jail.clone(), what, remedy })?;
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let detail = new.iter().flat_map(|(path, text)| match path.as_str() {
        PASSWD => told(path, &old.passwd, text),
        GROUP => told(path, &old.group, text),
        _ => vec![format!("{path}: what it holds is not shown")],
    });
    let begins = |text: &str, name: &str| text.lines().any(|line| line.split(':').next() == Some(name));
    let new = match &step {
        Step::User { user } => !user.absent && !begins(&old.passwd, user.name.as_str()),
        Step::Group { group } => !group.absent && !begins(&old.group, group.name.as_str()),
        _ => false,
    };
    Ok(vec![Action { new, detail: detail.collect(), ..action(jail, step) }])
}

/// The lines that change, without passwords and without the lines around them, which are of other people.
fn told(path: &JailPath, old: &str, new: &str) -> Vec<String> {
    let changes = difference(Some(old.as_bytes()), new.as_bytes());
    let changes = changes.into_iter().filter(|line| line.starts_with(['+', '-']));
    changes.map(|line| format!("{path}: {}", without_password(&line))).collect()
}

fn without_password(line: &str) -> String {
    let mut fields: Vec<&str> = line.split(':').collect();
    if let Some(password) = fields.get_mut(1).filter(|password| password.len() > 1) {
        *password = "(not shown)";
    }
    fields.join(":")
}

/// A jail's files of users and groups.
///
/// # Errors
/// One of them is no text file.
pub fn accounts_of(seen: &dyn Observe, jail: &JailName) -> Result<Accounts, DecideError> {
    let text = |path: &str| -> Result<Option<String>, DecideError> {
        let path: JailPath = path.parse()?;
        match seen.entry(jail, &path)? {
            Entry::Absent | Entry::Unknown => return Ok(None),
            Entry::File { .. } => {}
            other => return Err(occupied(jail, &path, &other, "a file")),
        }
        let text = seen.bytes(jail, &path)?.and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Some).ok_or_else(|| DecideError::Unfit {
            jail: jail.clone(),
            what: format!("{path} is no text, or too long for a list of users"),
            remedy: "mend it with file".into(),
        })
    };
    Ok(Accounts { passwd: text(PASSWD)?.unwrap_or_default(), group: text(GROUP)?.unwrap_or_default(), shadow: text(SHADOW)? })
}

/// The files that a wish for a user or group changes, with their new texts, in the order in which they are to be written:
/// a user is there once all that belongs to it is.
///
/// # Errors
/// The wish does not fit what the files hold.
pub fn granted(old: &Accounts, step: &Step) -> Result<Vec<(JailPath, String)>, AccountError> {
    let new = match step {
        Step::User { user } => old.with_user(user)?,
        Step::Group { group } => old.with_group(group)?,
        _ => return Ok(Vec::new()),
    };
    let shadow = new.shadow.filter(|new| Some(new) != old.shadow.as_ref());
    let files = [
        (GROUP, Some(new.group).filter(|new| *new != old.group)),
        (SHADOW, shadow),
        (PASSWD, Some(new.passwd).filter(|new| *new != old.passwd)),
    ];
    let path = |path: &str| path.parse().expect("a path of our own");
    Ok(files.into_iter().filter_map(|(at, text)| Some((path(at), text?))).collect())
}
