//! Who runs in the jail: users and groups from the jail's own files. The text is hostile; this part is pure.

/// A uid or gid, as the files write them. The last one means "no change" to setuid(2) and is never taken.
const NO_ID: u32 = u32::MAX;
/// Supplementary groups at most.
const MAX_GROUPS: usize = 256;
const DEFAULT_SHELL: &str = "/bin/sh";

/// Whom the caller asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Uid(u32),
    Name(String),
}

impl Who {
    /// Root if absent. Digits are a uid, whatever names the jail's files hold; `None` for a number that is no uid.
    pub fn parse(user: Option<&str>) -> Option<Who> {
        match user {
            None => Some(Who::Uid(0)),
            Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => id(text.as_bytes()).map(Who::Uid),
            Some(text) if text.is_empty() || text.bytes().any(|b| b == b':' || b.is_ascii_control()) => None,
            Some(text) => Some(Who::Name(text.to_owned())),
        }
    }
}

/// What a process takes from its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// The account in `passwd`. A uid that the file does not know is taken as it is, with a group of the same number.
pub fn find(passwd: &[u8], who: &Who) -> Option<Account> {
    let found = lines(passwd).filter_map(account).find(|account| match who {
        Who::Uid(uid) => account.uid == *uid,
        Who::Name(name) => account.name == *name,
    });
    match (found, who) {
        (None, Who::Uid(uid)) => Some(stranger(*uid)),
        // Root is root, whatever group the jail's file gives it.
        (Some(account), Who::Uid(0)) => Some(Account { gid: 0, ..account }),
        (found, _) => found,
    }
}

/// The groups of an account: its own, and those of `group` that list it.
pub fn groups(group: &[u8], account: &Account) -> Vec<u32> {
    let mut groups = vec![account.gid];
    for line in lines(group) {
        let Some([_, _, gid, members]) = fields::<4>(line) else { continue };
        let Some(gid) = id(gid) else { continue };
        let listed = members.split(|b| *b == b',').any(|member| member == account.name.as_bytes());
        if listed && !groups.contains(&gid) && groups.len() < MAX_GROUPS {
            groups.push(gid);
        }
    }
    groups
}

/// The number of a group in `group`.
pub fn group_id(group: &[u8], name: &str) -> Option<u32> {
    lines(group).filter_map(fields::<4>).find(|[known, ..]| *known == name.as_bytes()).and_then(|[_, _, gid, _]| id(gid))
}

fn stranger(uid: u32) -> Account {
    let name = if uid == 0 { "root".to_owned() } else { uid.to_string() };
    Account { name, uid, gid: uid, home: "/".into(), shell: DEFAULT_SHELL.into() }
}

fn account(line: &[u8]) -> Option<Account> {
    let [name, _, uid, gid, _, home, shell] = fields::<7>(line)?;
    Some(Account {
        name: text(name).filter(|name| !name.is_empty())?,
        uid: id(uid)?,
        gid: id(gid)?,
        home: text(home).filter(|home| home.starts_with('/')).unwrap_or_else(|| "/".into()),
        shell: text(shell).filter(|shell| shell.starts_with('/')).unwrap_or_else(|| DEFAULT_SHELL.into()),
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|b| *b == b'\n')
}

/// Exactly `N` fields between colons.
fn fields<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let mut split = line.split(|b| *b == b':');
    let mut found = [&line[..0]; N];
    for field in &mut found {
        *field = split.next()?;
    }
    split.next().is_none().then_some(found)
}

/// Decimal digits only: no sign, no blank, nothing that a laxer parser would turn into 0.
fn id(field: &[u8]) -> Option<u32> {
    let digits = !field.is_empty() && field.len() <= 10 && field.iter().all(u8::is_ascii_digit);
    let number = if digits { std::str::from_utf8(field).ok()?.parse().ok()? } else { return None };
    (number != NO_ID).then_some(number)
}

/// UTF-8 without control characters: it ends up in the environment.
fn text(field: &[u8]) -> Option<String> {
    std::str::from_utf8(field).ok().filter(|text| !text.chars().any(char::is_control)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &[u8] = b"root:*:0:7:root:/root:/bin/bash\n+::::::\nwww:x:33:34:w:/var/www:/usr/sbin/nologin\n";

    #[test]
    fn a_name_a_number_and_nothing_find_their_account() {
        let www = Account { name: "www".into(), uid: 33, gid: 34, home: "/var/www".into(), shell: "/usr/sbin/nologin".into() };
        assert_eq!(find(PASSWD, &Who::Name("www".into())), Some(www.clone()));
        assert_eq!(find(PASSWD, &Who::Uid(33)), Some(www));
        let root = find(PASSWD, &Who::parse(None).unwrap()).unwrap();
        assert_eq!((root.uid, root.gid, root.shell.as_str()), (0, 0, "/bin/bash"));
    }

    #[test]
    fn an_unknown_name_is_nobody_and_an_unknown_number_is_itself() {
        assert_eq!(find(PASSWD, &Who::Name("ww".into())), None);
        assert_eq!(find(PASSWD, &Who::Uid(1000)).unwrap().gid, 1000);
        assert_eq!(find(b"", &Who::Uid(0)).unwrap().name, "root");
    }

    #[test]
    fn hostile_lines_name_nobody() {
        for line in [
            "x:*:-1:0::/:/bin/sh",
            "x:*:+0:0::/:/bin/sh",
            "x:*: 0:0::/:/bin/sh",
            "x:*:0x0:0::/:/bin/sh",
            "x:*:4294967295:0::/:/bin/sh",
            "x:*:4294967296:0::/:/bin/sh",
            "x:*::0::/:/bin/sh",
            "x:*:0:0::/",
            "x:*:0:0::/:/bin/sh:more",
            "x\u{7}:*:0:0::/:/bin/sh",
        ] {
            assert_eq!(find(line.as_bytes(), &Who::Name("x".into())), None, "{line:?}");
        }
    }

    #[test]
    fn a_home_or_shell_that_is_no_absolute_path_falls_back() {
        let found = find(b"x:*:5:5::../..:sh\n", &Who::Name("x".into())).unwrap();
        assert_eq!((found.home.as_str(), found.shell.as_str()), ("/", "/bin/sh"));
    }

    #[test]
    fn users_that_setuid_would_misread_are_refused() {
        for bad in ["4294967295", "99999999999", "", "a:b", "a\n"] {
            assert_eq!(Who::parse(Some(bad)), None, "{bad:?}");
        }
        assert_eq!(Who::parse(Some("0")), Some(Who::Uid(0)));
        assert_eq!(Who::parse(Some("-1")), Some(Who::Name("-1".into())));
    }

    #[test]
    fn groups_are_those_that_list_the_user_and_bounded() {
        let www = find(PASSWD, &Who::Uid(33)).unwrap();
        assert_eq!(groups(b"a:*:1:www\nb:*:2:x,www\nc:*:3:wwww\nd:*:-4:www\n", &www), [34, 1, 2]);
        let many: String = (1000..3000).map(|n| format!("g:*:{n}:www\n")).collect();
        assert_eq!(groups(many.as_bytes(), &www).len(), MAX_GROUPS);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(passwd: Vec<u8>, group: Vec<u8>) {
            let account = find(&passwd, &Who::Uid(1)).unwrap();
            prop_assert!(groups(&group, &account).len() <= MAX_GROUPS);
        }
    }
}
