//! user and group: lines of a jail's /etc/passwd, /etc/group and /etc/shadow.

use rhai::{Engine, Map};

use super::change::{Change, submit};
use super::method_of_one;
use crate::kernel::JailName;
use crate::plan::{AccountName, GroupRef, GroupWish, UserWish, decide};
use crate::script::convert::Options;
use crate::script::{Fault, Kind, Session};

pub fn register(engine: &mut Engine) {
    method_of_one(engine, "user", user);
    method_of_one(engine, "group", group);
}

fn name(text: &str) -> Result<AccountName, Fault> {
    text.parse().map_err(|why: String| Fault::new(Kind::Value, why))
}

fn user(session: &Session, jail: &JailName, who: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("user", options, &["uid", "gid", "home", "shell", "groups", "system", "absent"])?;
    let own_group = match options.get("gid") {
        Some(text) if text.is_string() => Some(GroupRef::Name(name(&text.to_string())?)),
        Some(number) if number.is_int() => options.id("gid")?.map(GroupRef::Number),
        Some(_) => return Err(options.wrong("gid", "a number, or the name of a group")),
        None => None,
    };
    let groups = options.texts("groups")?.map(|groups| groups.iter().map(|group| name(group)).collect::<Result<_, _>>());
    let wish = UserWish {
        name: name(&who)?,
        uid: options.id("uid")?,
        group: own_group,
        home: options.text("home")?,
        shell: options.text("shell")?,
        groups: groups.transpose()?,
        system: options.flag("system", false)?,
        absent: options.flag("absent", false)?,
    };
    submit(session, jail, "unchanged", |seen| decide::user(seen, jail, &wish))
}

fn group(session: &Session, jail: &JailName, which: String, options: &Map) -> Result<Change, Fault> {
    let options = Options::new("group", options, &["gid", "system", "absent"])?;
    let wish = GroupWish {
        name: name(&which)?,
        gid: options.id("gid")?,
        system: options.flag("system", false)?,
        absent: options.flag("absent", false)?,
    };
    submit(session, jail, "unchanged", |seen| decide::group(seen, jail, &wish))
}
