//! Texts without the secrets in them: their names stand instead. Pure.

use std::borrow::Cow;

/// Secrets whose contents show nowhere.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// The longest first: one may be part of another.
    secrets: Vec<(String, Vec<u8>)>,
}

/// A value of fewer bytes is part of too much that is none: `[secret pin]` in place of every `1`.
const LEAST: usize = 4;

impl Mask {
    /// Of these, however short: for what must hold none of them.
    pub fn of(secrets: impl IntoIterator<Item = (String, Vec<u8>)>) -> Mask {
        let mut secrets: Vec<_> = secrets.into_iter().filter(|(_, secret)| !secret.is_empty()).collect();
        secrets.sort_by_key(|(_, secret)| std::cmp::Reverse(secret.len()));
        Mask { secrets }
    }

    /// One more, and each line of it, since programs tell of what they read by lines. Short ones are passed over.
    pub fn add(&mut self, name: &str, secret: &[u8]) {
        for part in std::iter::once(secret).chain(secret.split(|byte| *byte == b'\n')) {
            let part = part.trim_ascii();
            if part.len() >= LEAST && !self.secrets.iter().any(|(_, known)| known == part) {
                self.secrets.push((name.to_owned(), part.to_vec()));
            }
        }
        self.secrets.sort_by_key(|(_, secret)| std::cmp::Reverse(secret.len()));
    }

    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (name, secret) in &self.secrets {
            bytes = replaced(&bytes, secret, stand_in(name).as_bytes());
        }
        bytes
    }

    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let holds = |(_, secret): &(String, Vec<u8>)| position(text.as_bytes(), secret).is_some();
        match self.secrets.iter().any(holds) {
            true => String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned().into(),
            false => text.into(),
        }
    }
}

/// What stands for a secret.
pub fn stand_in(name: &str) -> String {
    format!("[secret {name}]")
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = position(rest, old) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Without hashes of passwords, wherever they stand: `$ID$...` of crypt(5) becomes `$ID$*`.
pub fn without_hashes(bytes: &[u8]) -> Vec<u8> {
    /// Shorter than any salt and hash together.
    const SHORTEST: usize = 16;
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
        let (before, hash) = rest.split_at(at);
        kept.extend_from_slice(before);
        let id = hash[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let is_hash = |byte: &u8| byte.is_ascii_alphanumeric() || b"./$=,+-".contains(byte);
        let head = 1 + id;
        let length = match (1..=8).contains(&id) && hash.get(head) == Some(&b'$') {
            true => hash[head + 1..].iter().take_while(|byte| is_hash(byte)).count(),
            false => 0,
        };
        if length >= SHORTEST {
            kept.extend_from_slice(&hash[..=head]);
            kept.push(b'*');
            rest = &hash[head + 1 + length..];
        } else {
            kept.push(b'$');
            rest = &hash[1..];
        }
    }
    kept.extend_from_slice(rest);
    kept
}

/// The same of a jail's table of passwords, in which an old hash looks like any text: the second field is `*`, behind what
/// locks it, unless it holds no hash.
pub fn without_passwords(path: &str, bytes: &[u8]) -> Vec<u8> {
    const TABLES: [&str; 4] = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"];
    if !TABLES.contains(&path.strip_suffix('-').unwrap_or(path)) {
        return without_hashes(bytes);
    }
    let line = |line: &[u8]| {
        let mut fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let hidden;
        if let Some(field) = fields.get_mut(1) {
            let locks = field.iter().take_while(|byte| b"!*".contains(byte)).count();
            if field.len() > locks && *field != b"x" {
                hidden = [&field[..locks], b"*"].concat();
                *field = &hidden;
            }
        }
        fields.join(&b':')
    };
    bytes.split(|byte| *byte == b'\n').map(line).collect::<Vec<_>>().join(&b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_goes_first_and_the_short_stay() {
        let mut mask = Mask::default();
        for (name, secret) in [("pin", "1"), ("word", "horse"), ("phrase", "correct horse"), ("key", "BEGIN\nabcdef\nEND")] {
            mask.add(name, secret.as_bytes());
        }
        let text = mask.text("1: correct horse, horse, got abcdef");
        assert_eq!(text, "1: [secret phrase], [secret word], got [secret key]");
        assert!(matches!(mask.text("nothing of it"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_hash_goes_wherever_it_stands_and_nothing_else_does() {
        let hash = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7";
        assert_eq!(without_hashes(format!("a {hash} b").as_bytes()), b"a $y$* b");
        for kept in ["price: $5", "$HOME/$USER", "$1$", "x$y$z", "${a}$"] {
            assert_eq!(without_hashes(kept.as_bytes()), kept.as_bytes(), "{kept}");
        }
        let shadow = format!("root:{hash}:1:::::\nold:ab0Cd1Ef2Gh3I:1\nlocked:!{hash}:1\nnone:*:1\nopen::1\nx:x:1\n");
        let told = String::from_utf8(without_passwords("/etc/shadow", shadow.as_bytes())).unwrap();
        assert_eq!(told, "root:*:1:::::\nold:*:1\nlocked:!*:1\nnone:*:1\nopen::1\nx:x:1\n");
        assert_eq!(without_passwords("/etc/motd", b"a:b:c"), b"a:b:c");
    }

    proptest! {
        #[test]
        fn what_was_masked_is_masked(text in "[$a-z0-9:\n]{0,80}") {
            let once = without_passwords("/etc/shadow", text.as_bytes());
            prop_assert_eq!(&without_passwords("/etc/shadow", &once), &once);
            let once = without_hashes(text.as_bytes());
            prop_assert_eq!(&without_hashes(&once), &once);
        }
    }
}
