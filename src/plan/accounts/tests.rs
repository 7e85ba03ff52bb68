//! Wishes for users and groups over texts that may be anything.

use proptest::prelude::*;

use super::*;

fn files(shadow: bool) -> Accounts {
    Accounts {
        passwd: "root:x:0:0:root:/root:/bin/sh\n# a remark\nwww-data:x:33:33:www:/var/www:/usr/sbin/nologin\n+::::::\n".into(),
        group: "root:x:0:\nwww-data:x:33:\nadm:x:4:daemon,web\n".into(),
        shadow: shadow.then(|| "root:*:19000:0:99999:7:::\n".into()),
    }
}

fn wish(name: &str) -> UserWish {
    UserWish {
        name: name.parse().unwrap(),
        uid: None,
        group: None,
        home: None,
        shell: None,
        groups: None,
        system: false,
        absent: false,
    }
}

fn group(name: &str) -> GroupWish {
    GroupWish { name: name.parse().unwrap(), gid: None, system: false, absent: false }
}

#[test]
fn a_user_gets_a_number_a_group_of_its_own_and_no_password() {
    let made = files(true).with_user(&wish("web")).unwrap();
    assert!(made.passwd.ends_with("+::::::\nweb:x:1000:1000::/home/web:/bin/sh\n"), "{}", made.passwd);
    assert!(made.group.ends_with("web:x:1000:\n"));
    assert!(made.shadow.as_deref().unwrap().ends_with("web:!:::::::\n"));
    let service = files(false).with_user(&UserWish { system: true, ..wish("app") }).unwrap();
    assert!(service.passwd.ends_with("app:*:100:100::/nonexistent:/usr/sbin/nologin\n"));
    assert_eq!(service.shadow, None);
    let next = made.with_user(&wish("db")).unwrap();
    assert!(next.passwd.ends_with("db:x:1001:1001::/home/db:/bin/sh\n"));
}

#[test]
fn what_is_named_changes_and_the_rest_stays() {
    let groups = Some(vec!["www-data".parse().unwrap()]);
    let wanted = UserWish { shell: Some("/bin/bash".into()), groups, uid: Some(1234), ..wish("web") };
    let made = files(true).with_user(&wish("web")).unwrap().with_user(&wanted).unwrap();
    assert!(made.passwd.ends_with("web:x:1234:1000::/home/web:/bin/bash\n"), "{}", made.passwd);
    assert_eq!(made.group, "root:x:0:\nwww-data:x:33:web\nadm:x:4:daemon\nweb:x:1000:\n");
    assert_eq!(made.with_user(&wanted).unwrap(), made);
    assert!(made.passwd.starts_with("root:x:0:0:root:/root:/bin/sh\n# a remark\n"));
}

#[test]
fn a_user_that_goes_takes_its_own_group_and_its_memberships_along() {
    let made = files(true).with_user(&wish("web")).unwrap();
    let gone = made.with_user(&UserWish { absent: true, ..wish("web") }).unwrap();
    assert_eq!((gone.passwd, gone.shadow), (files(true).passwd, files(true).shadow));
    assert_eq!(gone.group, "root:x:0:\nwww-data:x:33:\nadm:x:4:daemon\n");
    let kept = UserWish { group: Some(GroupRef::Name("web".parse().unwrap())), ..wish("db") };
    let shared = made.with_user(&kept).unwrap().with_user(&UserWish { absent: true, ..wish("web") }).unwrap();
    assert!(shared.group.contains("web:x:1000:\n"), "it is db's: {}", shared.group);
}

#[test]
fn what_would_make_a_second_root_or_break_others_is_refused() {
    let second = Accounts { passwd: "root:x:0:0::/:/bin/sh\nweb:x:0:0::/:/bin/sh\n".into(), ..files(true) };
    let root = || wish("root");
    let refused = [
        files(true).with_user(&UserWish { uid: Some(0), ..wish("web") }),
        second.with_user(&wish("web")),
        files(true).with_user(&UserWish { uid: Some(33), ..wish("web") }),
        files(true).with_user(&UserWish { uid: Some(NO_ID), ..wish("web") }),
        files(true).with_user(&UserWish { uid: Some(7), ..root() }),
        files(true).with_user(&UserWish { absent: true, ..root() }),
        files(true).with_user(&UserWish { group: Some(GroupRef::Name("wbe".parse().unwrap())), ..wish("web") }),
        files(true).with_user(&UserWish { groups: Some(vec!["wheel".parse().unwrap()]), ..wish("web") }),
        files(true).with_user(&UserWish { home: Some("/x:0:0".into()), ..wish("web") }),
        files(true).with_user(&UserWish { shell: Some("/bin/sh\nroot2:x:0:0::/:/bin/sh".into()), ..wish("web") }),
        files(true).with_group(&GroupWish { gid: Some(0), ..group("web") }),
        files(true).with_group(&GroupWish { gid: Some(33), ..group("web") }),
        files(true).with_group(&GroupWish { absent: true, ..group("www-data") }),
        files(true).with_group(&GroupWish { absent: true, ..group("root") }),
    ];
    insta::assert_snapshot!(refused.map(|refused| refused.unwrap_err().to_string()).join("\n"));
}

#[test]
fn names_that_a_line_could_not_hold_are_none() {
    for bad in ["", "9a", "a:b", "a\n", "a b", "Web", "-a", &"a".repeat(33)] {
        assert!(bad.parse::<AccountName>().is_err(), "{bad:?}");
    }
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[a-c]{1,2}:x:[0-4]{1,2}:[0-4]{1,2}::/:/bin/sh",
        "[a-c]{1,2}:x:[0-4]{1,2}:[a-c,]{0,6}",
        "[a:0x,\\-+#]{0,12}",
        "\\PC{0,8}",
    ];
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

fn wishes() -> impl Strategy<Value = UserWish> {
    let names = prop::sample::select(vec!["a", "b", "ab", "c"]);
    let groups = prop::option::of(prop::collection::vec(names.clone(), 0..3));
    (names, prop::option::of(0_u32..5), groups, any::<bool>(), any::<bool>()).prop_map(|(name, uid, groups, system, absent)| {
        let groups = groups.map(|groups| groups.into_iter().map(|group| group.parse().unwrap()).collect());
        UserWish { uid, groups, system, absent, ..wish(name) }
    })
}

fn roots(passwd: &str) -> usize {
    passwd.lines().filter_map(fields::<7>).filter(|[_, _, uid, ..]| number(uid) == Some(0)).count()
}

proptest! {
    /// Whatever the files hold: a wish is granted once, adds no root, and leaves the lines of others alone.
    #[test]
    fn a_wish_is_granted_once_and_touches_nobody_else(passwd in text(), group in text(), shadow in prop::option::of(text()), wanted in wishes()) {
        let files = Accounts { passwd, group, shadow };
        if let Ok(made) = files.with_user(&wanted) {
            prop_assert_eq!(made.with_user(&wanted), Ok(made.clone()));
            prop_assert!(roots(&made.passwd) <= roots(&files.passwd));
            let others = |text: &str| -> Vec<String> {
                text.lines().filter(|line| name_of(line) != wanted.name.as_str()).map(str::to_owned).collect()
            };
            prop_assert_eq!(others(&made.passwd), others(&files.passwd));
            let found = Tables::read(&made);
            prop_assert_eq!(found.user(wanted.name.as_str()).is_none(), wanted.absent);
        }
    }

    #[test]
    fn a_group_is_made_once(passwd in text(), group in text(), gid in prop::option::of(0_u32..5), absent: bool) {
        let files = Accounts { passwd, group, shadow: None };
        let wanted = GroupWish { gid, absent, ..self::group("ab") };
        if let Ok(made) = files.with_group(&wanted) {
            prop_assert_eq!(made.with_group(&wanted), Ok(made.clone()));
            prop_assert_eq!(made.passwd, files.passwd);
        }
    }
}

#[test]
fn a_group_that_was_taken_away_from_its_user_comes_back() {
    let made = files(true).with_user(&wish("web")).unwrap();
    let hurt = Accounts { group: files(true).group, ..made.clone() };
    assert_eq!(hurt.with_user(&wish("web")).unwrap(), made);
    let other = Accounts { group: format!("{}web:x:7:\n", files(true).group), ..made };
    assert_eq!(other.with_user(&wish("web")).unwrap(), other, "another one has its name by now");
}
