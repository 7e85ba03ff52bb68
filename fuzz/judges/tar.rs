//! No archive makes its reader panic or read beyond its limits, and no member that is taken has a path that climbs.

use std::io::{copy, sink};

use jailsh::jail::archive::{Limits, MemberKind, Members, parts};

const LIMITS: Limits = Limits { entries: 64, bytes: 1 << 20 };

pub fn judge(input: &[u8]) {
    let mut members = Members::new(input, LIMITS);
    let (mut count, mut bytes) = (0, 0);
    while let Ok(Some(member)) = members.advance() {
        count += 1;
        assert!(count <= LIMITS.entries, "a member beyond the limit");
        check(&member.path);
        if let MemberKind::Link(target) = &member.kind {
            check(target);
        }
        // Every other one is read, the rest are passed over.
        if count % 2 == 0 {
            continue;
        }
        let read = copy(&mut members.content(), &mut sink());
        assert!(read.as_ref().is_ok_and(|read| *read == member.size) || read.is_err(), "{read:?} of {}", member.size);
        bytes += read.unwrap_or(0);
        assert!(bytes <= LIMITS.bytes, "content beyond the limit");
    }
}

/// What unpacking makes of a path.
fn check(path: &[u8]) {
    for part in parts(path).into_iter().flatten() {
        let part = part.as_encoded_bytes();
        assert!(!part.is_empty() && part != b"." && part != b"..", "{path:?}");
        assert!(!part.contains(&b'/') && !part.contains(&0), "{path:?}");
    }
}
