use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { entries: 100, bytes: 1 << 20 };

fn block(kind: u8, path: &[u8], size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(EntryType::new(kind));
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(1);
    header.set_gid(2);
    header.set_mtime(3);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A file with a pax header, a long name, and the end.
fn archive() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |header: Vec<u8>, content: &[u8]| {
        bytes.extend(header);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    };
    let extension = b"14 uid=100000\n25 SCHILY.xattr.user.a=b\n";
    put(block(b'x', b"x", extension.len() as u64), extension);
    put(block(b'0', b"dir/file", 5), b"12345");
    put(block(b'L', b"long", 150), &[b'n'; 150]);
    put(block(b'0', b"cut", 0), b"");
    put(vec![0; 2 * BLOCK], b"");
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, ArchiveError> {
    let mut members = Members::new(bytes, LIMITS);
    let mut found = Vec::new();
    while let Some(member) = members.advance()? {
        let mut content = Vec::new();
        members.content().read_to_end(&mut content).map_err(|error| ArchiveError::reading(&error))?;
        found.push((member, content));
    }
    Ok(found)
}

#[test]
fn extended_headers_count_for_the_next_member_alone() {
    let found = read(&archive()).unwrap();
    assert_eq!((found[0].0.path.as_slice(), found[0].1.as_slice()), (b"dir/file".as_slice(), b"12345".as_slice()));
    assert_eq!((found[0].0.attributes.uid, found[0].0.attributes.xattrs.len()), (100_000, 1));
    assert_eq!((found[1].0.path.as_slice(), found[1].0.attributes.uid), ([b'n'; 150].as_slice(), 1));
    assert!(found[1].0.attributes.xattrs.is_empty());
}

#[test]
fn an_archive_cut_anywhere_before_its_end_is_an_error() {
    let whole = archive();
    for length in 0..whole.len() - BLOCK {
        assert_eq!(read(&whole[..length]), Err(ArchiveError::Truncated), "cut at {length}");
    }
}

proptest! {
    #[test]
    fn no_change_makes_it_panic_or_pass_its_limits(
        changes in proptest::collection::vec((0_usize..4096, any::<u8>()), 1..6),
        mend in any::<bool>(),
    ) {
        let mut bytes = archive();
        let length = bytes.len();
        for (at, byte) in changes {
            bytes[at % length] = byte;
        }
        if mend {
            // With sums that fit, so that the change gets past them.
            for block in bytes.chunks_mut(BLOCK) {
                block[148..156].copy_from_slice(b"        ");
                let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        if let Ok(found) = read(&bytes) {
            prop_assert!(found.iter().map(|(member, _)| member.size).sum::<u64>() <= LIMITS.bytes);
        }
    }
}
