//! Where in a file a profile speaks of a right. Pure; by the look of the text, for neither TOML's nor Rhai's parser keeps
//! the places of values.

use super::Cause;
use crate::kernel::Right;

/// The line, from 1, of a `jail.toml` that decides over the right.
pub fn in_toml(text: &str, right: Right, cause: Cause) -> Option<usize> {
    let list = match cause {
        Cause::Granted => "grant",
        Cause::Denied => "deny",
        Cause::Audited => "audit",
        Cause::Level | Cause::Absent => "",
        Cause::Fence => return None,
    };
    let (mut section, mut key) = (String::new(), String::new());
    let mut base = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|name| is_key(name)) {
            (section, key) = (name.to_owned(), String::new());
            // A profile without base: the level is the default, which the section stands for.
            if list.is_empty() && section == "profile" {
                base = Some(at + 1);
            }
            continue;
        }
        let unquoted = |name: &str| name.trim().trim_matches('"').to_owned();
        if let Some((name, _)) = line.split_once('=').filter(|(name, _)| is_key(&unquoted(name))) {
            key = unquoted(name);
        }
        let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        let speaks = match list {
            "" => path == "profile" || path == "profile.base",
            list => {
                let in_list = path == format!("profile.{list}") && has_word(line, right.name());
                in_list || path == format!("profile.{list}.{right}") || (path == "profile" && in_inline(line, list, right))
            }
        };
        if speaks {
            return Some(at + 1);
        }
    }
    base
}

/// The line, from 1, of a script that speaks of the right, if there is just one.
pub fn in_script(text: &str, right: Right) -> Option<usize> {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    let is_proof = |line: &str| line.contains("must_allow") || line.contains("must_deny");
    let mut found = text.lines().enumerate().filter(|(_, line)| has_word(&code(line), right.name()) && !is_proof(line));
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at + 1)
}

fn is_key(name: &str) -> bool {
    let is_part = |b: u8| matches!(b, b'_' | b'-' | b'.' | b':' | b'/');
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || is_part(b))
}

fn has_word(line: &str, word: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '/');
    line.split(|c: char| !is_inside(c)).any(|part| part.trim_end_matches(':') == word)
}

/// `profile = { base = "medium", grant = ["raw_socket"] }`
fn in_inline(line: &str, list: &str, right: Right) -> bool {
    line.contains('{') && has_word(line, list) && has_word(line, right.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jail::spec::{Profile, Spec};

    fn right(name: &str) -> Right {
        name.parse().unwrap()
    }

    fn line(text: &str, name: &str) -> String {
        let spec = Spec::from_toml(&"web".parse().unwrap(), text).unwrap();
        let cause = spec.profile.cause(right(name));
        let at = in_toml(text, right(name), cause);
        format!("{name} {cause:?}: {}", at.map_or("-".into(), |at| text.lines().nth(at - 1).unwrap().trim().to_owned()))
    }

    #[test]
    fn the_line_that_decides_is_found_in_each_way_of_writing_it() {
        let asked = ["raw_socket", "ptrace", "chroot", "netlink_route", "mount", "process_see"];
        let whole = "command = ['mount']\n[profile]\nbase = 'medium'\nmust_deny = ['raw_socket']\ngrant = [\n  'raw_socket',\n]\n\
                     [profile.deny]\nptrace = 'no'\n[profile.audit]\nchroot = ''\n[log]\nfacility = 'local3'\n";
        let inline = "profile = { base = 'medium', grant = ['raw_socket'], deny = ['ptrace'], audit = ['chroot'] }\n";
        let level = "autostart = true\nprofile = 'low'\n";
        let bare = "[profile]\ngrant = ['raw_socket']\n";
        let shown = [whole, inline, level, bare].map(|text| asked.map(|name| line(text, name)).join("\n"));
        insta::assert_snapshot!(shown.join("\n---\n"));
    }

    #[test]
    fn what_a_jail_is_written_with_has_the_line_too() {
        let profile = Profile::built_in(crate::kernel::Level::Medium).with(right("ping"), Some("pings".into()));
        let text = profile.to_toml();
        let at = in_toml(&text, right("ping"), Cause::Granted).unwrap();
        assert_eq!(text.lines().nth(at - 1), Some("ping = \"pings\""));
    }

    #[test]
    fn a_script_is_named_by_line_if_it_is_the_only_one() {
        let text = "fn web() {\n  // raw_socket for ping\n  profile(#{ grant: #{ raw_socket: \"ping\" },\n    must_allow: [\"raw_socket\"] })\n}";
        assert_eq!(in_script(text, right("raw_socket")), Some(3));
        assert_eq!(in_script(text, right("mount")), None);
        assert_eq!(in_script(&format!("{text}\nlet raw_socket = 1;"), right("raw_socket")), None);
    }
}
