//! Between paths and `file:` addresses (RFC 8089). Pure.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use lsp_types::Uri;

/// The path of a `file:` address of this machine.
pub fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let rest = rest.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    let mut bytes = Vec::new();
    let mut given = rest.bytes();
    while let Some(byte) = given.next() {
        match byte {
            b'%' => {
                let digits = [given.next()?, given.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    Some(OsString::from_vec(bytes).into())
}

/// The address of an absolute path.
pub fn uri(path: &Path) -> Option<Uri> {
    let mut text = String::from("file://");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => text += &format!("%{byte:02X}"),
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_elsewhere_are_no_paths() {
        let found = |text: &str| path(&text.parse::<Uri>().unwrap());
        assert_eq!(found("file:///srv/a%20b.rhai"), Some("/srv/a b.rhai".into()));
        assert_eq!(found("file://localhost/srv/x"), Some("/srv/x".into()));
        assert_eq!(found("untitled:Untitled-1"), None);
        assert_eq!(found("file://elsewhere/srv/x"), None);
        assert_eq!(found("https://example.org/x"), None);
    }

    proptest! {
        #[test]
        fn a_path_comes_back(bytes in proptest::collection::vec(1_u8..=255, 0..30)) {
            let mut all = vec![b'/'];
            all.extend(bytes);
            let whole = PathBuf::from(OsString::from_vec(all));
            prop_assert_eq!(path(&uri(&whole).unwrap()), Some(whole));
        }
    }
}
