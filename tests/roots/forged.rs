//! Archives that were forged to lead outside, to fill the disk or the memory, or to be half read.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jailsh::jail::base::{self, ImportRequest as BaseRequest};
use jailsh::jail::{self, Compression, Digest, Inside, Limits, Origin, Parcel};
use tar::{EntryType, Header};

use crate::archives::{export, import, request, scratch};
use crate::bench::{Bench, name, spec};
use crate::cases;
use crate::trees::{names, portrait};

cases![
    every_hostile_archive_is_one_clear_error_and_makes_nothing,
    what_was_forged_into_an_export_makes_no_jail,
    an_archive_of_more_than_the_limits_is_refused_early,
];

/// A hostile archive, member by member.
struct Forge(Vec<u8>);

impl Forge {
    /// With what a base needs.
    fn new() -> Forge {
        Forge(Vec::new()).member(EntryType::Directory, "bin/", "", b"", 0)
    }

    fn member(mut self, kind: EntryType, path: &str, link: &str, content: &[u8], claimed: u64) -> Forge {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(claimed.max(content.len() as u64));
        header.set_device_major(1).unwrap();
        header.set_device_minor(8).unwrap();
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, path: &str, content: &str) -> Forge {
        self.member(EntryType::Regular, path, "", content.as_bytes(), 0)
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

fn every_hostile_archive_is_one_clear_error_and_makes_nothing() {
    let bench = Bench::new();
    let outside = scratch(&bench, "outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    let before = portrait(&outside);
    let absolute = outside.join("made").display().to_string();
    let target = outside.display().to_string();
    let up = "../".repeat(12) + absolute.trim_start_matches('/');
    let forge = Forge::new;
    let link = |path: &str, to: &str| forge().member(EntryType::Symlink, path, to, b"", 0);
    let pax = |records: &str| forge().member(EntryType::XHeader, "x", "", records.as_bytes(), 0).file("file", "x").end();
    let archives: Vec<(&str, Vec<u8>, &str)> = vec![
        ("absolute", forge().file(&absolute, "x").end(), "has an absolute path"),
        ("upwards", forge().file(&up, "x").end(), "leads upwards"),
        ("hidden upwards", forge().file("bin/../../../x", "x").end(), "leads upwards"),
        ("through a symlink", link("way", &target).file("way/made", "x").end(), "leads through a symlink"),
        (
            "through a relative symlink",
            link("bin/way", "../../../../..").file("bin/way/made", "x").end(),
            "leads through a symlink",
        ),
        (
            "through a chain",
            link("a", &target).member(EntryType::Symlink, "b", "a", b"", 0).file("b/made", "x").end(),
            "through a symlink",
        ),
        ("over a symlink", link("kept", &format!("{target}/kept")).file("kept", "x").end(), "comes twice"),
        (
            "a directory over a symlink",
            link("way", &target).member(EntryType::Directory, "way/", "", b"", 0).end(),
            "leads through a symlink",
        ),
        (
            "hard link outside",
            forge().member(EntryType::Link, "l", &format!("{target}/kept"), b"", 0).end(),
            "hard link to the outside",
        ),
        ("hard link upwards", forge().member(EntryType::Link, "l", "../../kept", b"", 0).end(), "hard link to the outside"),
        (
            "hard link through a symlink",
            link("way", &target).member(EntryType::Link, "l", "way/kept", b"", 0).end(),
            "through a symlink",
        ),
        ("hard link to nothing", forge().member(EntryType::Link, "l", "later", b"", 0).end(), "did not come before"),
        ("hard link to a directory", forge().member(EntryType::Link, "l", "bin", b"", 0).end(), "hard link to a directory"),
        ("device", forge().member(EntryType::Char, "bin/random", "", b"", 0).end(), "is a device node"),
        ("block device", forge().member(EntryType::Block, "bin/disk", "", b"", 0).end(), "is a device node"),
        ("huge size", forge().member(EntryType::Regular, "big", "", b"", 1 << 50).end(), "holds more than"),
        ("huge size, cut", forge().member(EntryType::Regular, "big", "", b"", 1 << 30).0, "ends too early"),
        ("huge name", forge().member(EntryType::GNULongName, "n", "", b"", 1 << 40).end(), "bytes in one header"),
        ("huge extended header", forge().member(EntryType::XHeader, "x", "", b"", 1 << 40).end(), "bytes in one header"),
        ("twice", forge().file("bin/x", "1").file("bin/x", "2").end(), "comes twice"),
        ("a file as directory", forge().file("x", "1").file("x/y", "2").end(), "no directory"),
        ("a directory over a file", forge().file("x", "1").member(EntryType::Directory, "x/", "", b"", 0).end(), "no directory"),
        ("sparse", forge().member(EntryType::GNUSparse, "s", "", b"", 0).end(), "sparse"),
        ("sparse by pax", pax("22 GNU.sparse.major=1\n"), "sparse"),
        ("unknown kind", forge().member(EntryType::new(b'V'), "v", "", b"", 0).end(), "unknown kind"),
        ("pax path", pax("18 path=../../etc\n"), "leads upwards"),
        ("pax lie", pax("99 path=x\n"), "malformed extended header"),
        ("pax size", pax("30 size=99999999999999999999\n"), "malformed extended header"),
        ("no user", pax("18 uid=4294967295\n"), "owner"),
        ("empty name", forge().file("", "x").end(), "has no name"),
        ("no tar", b"#!/bin/sh\necho no archive\n".repeat(50), "is no tar archive"),
        ("cut header", forge().file("bin/x", "x").0[..700].to_vec(), "ends too early"),
        ("no end", forge().file("bin/x", "x").0, "ends too early"),
        ("empty", Vec::new(), "ends too early"),
        ("xz", b"\xfd7zXZ\0rest".to_vec(), "is compressed with xz"),
    ];
    let import = |path: &Path| {
        let name = Some("evil".parse().unwrap());
        let limits = Limits::default();
        let origin = Origin::Archive(path.to_owned());
        let request = BaseRequest { origin, name, version: None, sha256: None, devices: false, limits };
        base::import(&bench.config, &request, &mut |_| ()).unwrap_err().to_string()
    };
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let of_jail = portrait(&bench.data());
    // Into a jail's directory, as a script's unpack does it.
    let unpack = |bytes: &[u8], path: &Path| {
        let (lock, inside) = Inside::locked(&bench.host, &name()).unwrap();
        let sha256 = Digest::of(bytes).to_string();
        let note = ("note", "");
        let parcel = Parcel { archive: path, sha256: &sha256, strip: 0, uid: 0, gid: 0, note };
        jail::unpack(&bench.host, &name(), &lock, &inside, "srv/app", &parcel).unwrap_err().to_string()
    };
    let path = scratch(&bench, "evil.tar");
    for (what, bytes, part) in archives {
        fs::write(&path, &bytes).unwrap();
        let error = unpack(&bytes, &path);
        // A hard link's path is looked at before what it leads to.
        let told = [part, "has an absolute path", "leads upwards"].iter().any(|part| error.contains(part));
        assert!(told && error.lines().count() == 1, "{what}, unpacked: {error}");
        assert_eq!((portrait(&bench.data()), portrait(&outside)), (of_jail.clone(), before.clone()), "{what}, unpacked");
        let error = import(&path);
        assert!(error.contains(part) && error.lines().count() == 1, "{what}: {error}");
        assert!(error.contains("evil.tar: "), "{what}: {error}");
        assert_eq!(names(&bench.config.data_dir.join("base/evil")), [""; 0], "{what}");
        assert_eq!(portrait(&outside), before, "{what}");
    }
    // Compressed, and cut anywhere.
    let whole = Forge::new().file("bin/x", &"content ".repeat(10_000)).end();
    let mut packed = Vec::new();
    let mut encoder =
        Command::new("gzip").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    encoder.stdin.take().unwrap().write_all(&whole).unwrap();
    std::io::Read::read_to_end(encoder.stdout.as_mut().unwrap(), &mut packed).unwrap();
    assert!(encoder.wait().unwrap().success());
    for part in 0..packed.len() / 16 {
        fs::write(&path, &packed[..part * 16]).unwrap();
        let error = import(&path);
        assert!(error.contains("ends too early") || error.contains("is damaged"), "{error}");
    }
    assert_eq!(names(&bench.config.data_dir.join("base/evil")), [""; 0]);
}

fn what_was_forged_into_an_export_makes_no_jail() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let outside = scratch(&bench, "outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    let (before, target) = (portrait(&outside), outside.display().to_string());
    let whole = fs::read(export(&bench, "a.tar", Compression::None)).unwrap();
    // Before the sums, which come last: all is made by then, and must not be.
    let at = (0..whole.len()).step_by(512).find(|at| whole[*at..].starts_with(b"manifest.toml\0")).unwrap();
    let empty = || Forge(Vec::new());
    let link = |path: &str, to: &str| empty().member(EntryType::Symlink, path, to, b"", 0);
    let forged: Vec<(&str, Forge, &str)> = vec![
        (
            "a link, and what is behind it",
            link("data/srv/way", &target).file("data/srv/way/made", "x"),
            "leads through a symlink",
        ),
        ("upwards", empty().file("data/srv/../../../made", "x"), "leads upwards"),
        ("absolute", empty().file(&format!("{target}/made"), "x"), "belongs to no export"),
        ("a link in place of a layer", link("data/etc", "/etc"), "comes twice"),
        ("a link in place of all", link("data", &target), "data"),
        ("a hard link outside", empty().member(EntryType::Link, "data/srv/l", &format!("{target}/kept"), b"", 0), "is linked to"),
        (
            "a hard link upwards",
            empty().member(EntryType::Link, "data/srv/l", "data/../../kept", b"", 0),
            "hard link to the outside",
        ),
        ("a device", empty().member(EntryType::Block, "data/srv/disk", "", b"", 0), "device"),
        ("another spec", empty().file("jail.toml", "profile = 'low'\n"), "jail.toml"),
    ];
    for (what, forge, part) in forged {
        let path = scratch(&bench, "forged.tar");
        fs::write(&path, [&whole[..at], &forge.0, &whole[at..]].concat()).unwrap();
        let error = import(&bench, &request(&path, "twin")).unwrap_err().to_string();
        assert!(error.contains(part) && error.lines().count() == 1, "{what}: {error}");
        assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"], "{what}");
        assert_eq!(portrait(&outside), before, "{what}");
    }
}

fn an_archive_of_more_than_the_limits_is_refused_early() {
    let bench = Bench::new();
    let path = scratch(&bench, "bomb.tar.gz");
    // A gigabyte of zeros is a megabyte in the archive.
    let script = "mkdir bin && truncate -s 1G bin/zeros && tar -cf - bin | gzip -1 > bomb.tar.gz && rm -r bin";
    assert!(Command::new("sh").arg("-c").arg(script).current_dir(path.parent().unwrap()).status().unwrap().success());
    let import = |limits| {
        let origin = Origin::Archive(path.clone());
        let request = BaseRequest { origin, name: None, version: None, sha256: None, devices: false, limits };
        base::import(&bench.config, &request, &mut |_| ())
    };
    let began = Instant::now();
    let error = import(Limits { bytes: 1 << 20, ..Limits::default() }).unwrap_err().to_string();
    assert!(error.contains("holds more than 1048576 bytes") && began.elapsed().as_millis() < 1000, "{error}");
    let error = import(Limits { entries: 1, ..Limits::default() }).unwrap_err().to_string();
    assert!(error.contains("holds more than 1 entries"), "{error}");
    assert_eq!(names(&bench.config.data_dir.join("base/bomb")), [""; 0]);
}
