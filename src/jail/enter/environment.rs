//! The clean environment: nothing of the caller's but, with a terminal, its TERM. Pure.

use std::collections::BTreeMap;
use std::ffi::CString;

use super::account::Account;
use crate::kernel::system::PATH;

/// The PATH that programs are looked up in.
pub fn path(extra: &BTreeMap<String, String>) -> &str {
    extra.get("PATH").map_or(PATH, String::as_str)
}

/// The environment of a process of `account`. `extra` was asked for by the caller and wins.
pub fn clean(account: &Account, term: Option<&str>, extra: &BTreeMap<String, String>) -> Vec<CString> {
    let mut environment: BTreeMap<&str, &str> = BTreeMap::from([
        ("PATH", PATH),
        ("HOME", account.home.as_str()),
        ("USER", account.name.as_str()),
        ("LOGNAME", account.name.as_str()),
        ("SHELL", account.shell.as_str()),
        ("LANG", "C.UTF-8"),
    ]);
    if let Some(term) = term.filter(|term| is_terminal_name(term)) {
        environment.insert("TERM", term);
    }
    environment.extend(extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    // What holds a NUL byte cannot be passed and was refused by the spec's parser; a name with "=" would be another.
    let valid = |name: &str| !name.is_empty() && !name.contains('=');
    environment
        .into_iter()
        .filter(|(name, _)| valid(name))
        .filter_map(|(name, value)| CString::new(format!("{name}={value}")).ok())
        .collect()
}

/// The files to try for a program, in order.
pub fn candidates(program: &str, path: &str) -> Vec<CString> {
    if program.contains('/') {
        return CString::new(program).into_iter().collect();
    }
    // An empty part would mean the working directory, which a jail's user may choose: left out.
    path.split(':')
        .filter(|part| part.starts_with('/'))
        .filter_map(|part| CString::new(format!("{part}/{program}")).ok())
        .collect()
}

/// Names of terminfo(5): they become file names in the jail.
fn is_terminal_name(term: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b'_');
    !term.is_empty() && term.len() <= 64 && term.bytes().all(fits) && !term.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn www() -> Account {
        Account { name: "www".into(), uid: 33, gid: 33, home: "/var/www".into(), shell: "/bin/sh".into() }
    }

    fn shown(environment: Vec<CString>) -> String {
        environment.iter().map(|entry| entry.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_environment_is_the_users_and_nothing_else() {
        let expected = "HOME=/var/www LANG=C.UTF-8 LOGNAME=www PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SHELL=/bin/sh USER=www";
        assert_eq!(shown(clean(&www(), None, &BTreeMap::new())), expected);
    }

    #[test]
    fn what_the_caller_asks_for_wins_and_a_strange_term_is_left_out() {
        let extra = BTreeMap::from([("LANG".to_owned(), "de_DE".to_owned()), ("A=B".to_owned(), "x".to_owned())]);
        let environment = shown(clean(&www(), Some("../../etc/x"), &extra));
        assert!(environment.contains("LANG=de_DE") && !environment.contains("TERM") && !environment.contains("A=B"));
        assert!(shown(clean(&www(), Some("xterm-256color"), &extra)).contains("TERM=xterm-256color"));
    }

    #[test]
    fn a_program_without_slash_is_looked_for_in_absolute_parts_only() {
        let found = candidates("ls", ":.:bin:/bin:/usr/bin:");
        assert_eq!(found, [c"/bin/ls".to_owned(), c"/usr/bin/ls".to_owned()]);
        assert_eq!(candidates("./x", "/bin"), [c"./x".to_owned()]);
    }
}
