//! Archives: what comes back is what went, and what is hostile makes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use jailsh::jail::base::{self, ImportRequest as BaseRequest};
use jailsh::jail::{self, Compression, ExportRequest, ImportRequest, ImportedJail, JailError, Limits, Origin};
use jailsh::kernel::JailName;

use crate::bench::{Bench, name, spec};
use crate::cases;
use crate::life::kill_during;
use crate::trees::{bottom, busybox_root, dig, names, odd_files, portrait};

cases![
    an_export_imports_to_the_last_bit_in_every_compression,
    gnu_tar_reads_an_export_as_it_was,
    an_export_of_a_hostile_tree_leads_nowhere_and_comes_back,
    an_import_is_refused_where_it_does_not_fit,
    an_export_that_was_changed_cut_or_reordered_is_refused,
    a_jail_import_killed_at_any_moment_leaves_a_whole_jail_or_none,
    a_base_made_by_gnu_tar_in_any_format_is_taken,
];

pub fn scratch(bench: &Bench, file: &str) -> PathBuf {
    bench.config.run_dir.parent().unwrap().join(file)
}

pub fn export(bench: &Bench, file: &str, compression: Compression) -> PathBuf {
    let path = scratch(bench, file);
    let request = ExportRequest { name: name(), snapshot: None, live: false, compression };
    let mut output = fs::File::create(&path).unwrap();
    jail::export(&bench.host, &request, &mut output, file, &mut |_| ()).unwrap();
    path
}

pub fn request(archive: &Path, to: &str) -> ImportRequest {
    ImportRequest { archive: archive.to_owned(), name: Some(to.parse().unwrap()), sha256: None, limits: Limits::default() }
}

pub fn import(bench: &Bench, request: &ImportRequest) -> Result<ImportedJail, JailError> {
    jail::import(&bench.host, request, &mut |_| ())
}

fn data_of(bench: &Bench, name: &str) -> PathBuf {
    bench.config.jail_dir(&name.parse().unwrap()).join("data")
}

fn an_export_imports_to_the_last_bit_in_every_compression() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("ports = [8080]\nprofile = 'medium'\nautostart = true")).unwrap();
    odd_files(&bench.data().join("srv"));
    let before = portrait(&bench.data());
    for (file, compression) in [("a.tar", Compression::None), ("a.tar.gz", Compression::Gzip), ("a.tar.zst", Compression::Zstd)] {
        let archive = export(&bench, file, compression);
        let imported = import(&bench, &request(&archive, "twin")).unwrap();
        assert_eq!(portrait(&data_of(&bench, "twin")), before, "{file}");
        assert_eq!((imported.spec.log.tag.as_str(), imported.spec.ports.len()), ("jail-twin", 1));
        let sum = Command::new("sha256sum").arg(&archive).output().unwrap();
        assert!(String::from_utf8(sum.stdout).unwrap().starts_with(&imported.sha256));
        jail::destroy(&bench.host, &"twin".parse().unwrap()).unwrap();
    }
    assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"]);
    // Under its own name, once that is free; and it runs.
    jail::destroy(&bench.host, &name()).unwrap();
    import(&bench, &ImportRequest { name: None, ..request(&scratch(&bench, "a.tar.gz"), "x") }).unwrap();
    jail::bring_up(&bench.host, &name()).unwrap();
    assert_eq!(bench.sh("cat /srv/deep/file"), "content\n");
}

fn gnu_tar_reads_an_export_as_it_was() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    odd_files(&bench.data().join("srv"));
    let archive = export(&bench, "a.tar.zst", Compression::Zstd);
    let out = scratch(&bench, "out");
    fs::create_dir(&out).unwrap();
    let plain = scratch(&bench, "plain.tar");
    let unpacked = Command::new("zstd").arg("-qd").arg(&archive).arg("-o").arg(&plain).status();
    let plain =
        if unpacked.is_ok_and(|status| status.success()) { plain } else { export(&bench, "plain.tar", Compression::None) };
    let mut tar = Command::new("tar");
    tar.args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "-pxf"]).arg(&plain).arg("-C").arg(&out);
    assert!(tar.status().unwrap().success());
    assert_eq!(names(&out), ["data", "jail.toml", "jailsh-export.toml", "manifest.toml"]);
    let (mut ours, mut theirs) = (portrait(&bench.data()), portrait(&out.join("data")));
    for lines in [&mut ours, &mut theirs] {
        // GNU tar gives the top its own time.
        lines.remove("\"\"");
    }
    assert_eq!(ours, theirs);
}

fn an_export_of_a_hostile_tree_leads_nowhere_and_comes_back() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let outside = scratch(&bench, "outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "kept outside 4711").unwrap();
    let srv = bench.data().join("srv");
    std::os::unix::fs::symlink(&outside, srv.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(srv.join("socket")).unwrap();
    let node = nix::sys::stat::makedev(1, 8);
    nix::sys::stat::mknod(&srv.join("node"), nix::sys::stat::SFlag::S_IFCHR, nix::sys::stat::Mode::S_IRUSR, node).unwrap();
    dig(&srv, 2000);
    let path = scratch(&bench, "a.tar");
    let request_out = ExportRequest { name: name(), snapshot: None, live: false, compression: Compression::None };
    let mut output = fs::File::create(&path).unwrap();
    let exported = jail::export(&bench.host, &request_out, &mut output, "a.tar", &mut |_| ()).unwrap();
    assert_eq!(exported.tally.left_out, 2, "a socket and a device node");
    assert!(!fs::read(&path).unwrap().windows(17).any(|window| window == b"kept outside 4711"));
    import(&bench, &request(&path, "twin")).unwrap();
    let twin = data_of(&bench, "twin");
    assert_eq!(names(&twin.join("srv")), ["dd", "link"]);
    assert_eq!(bottom(&twin.join("srv")), (2000, "end\n".to_owned()));
}

fn an_import_is_refused_where_it_does_not_fit() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    let archive = export(&bench, "a.tar.gz", Compression::Gzip);
    let refused = |request: ImportRequest, part: &str| {
        let error = import(&bench, &request).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"]);
    };
    refused(ImportRequest { name: None, ..request(&archive, "x") }, "jail web is there already");
    refused(ImportRequest { sha256: Some("0".repeat(64).parse().unwrap()), ..request(&archive, "x") }, "its sha256 is");
    refused(request(&scratch(&bench, "none.tar"), "x"), "none.tar: No such file or directory");
    refused(request(&bench.config.data_dir, "x"), "is a directory; give an archive");
    refused(request(Path::new("/dev/null"), "x"), "ends too early");
    // A base that this host does not have.
    let root = scratch(&bench, "root");
    fs::create_dir(&root).unwrap();
    busybox_root(&root);
    jail::create(&bench.host, &"boxed".parse().unwrap(), &spec(&format!("base = 'dir:{}'", root.display()))).unwrap();
    let boxed: JailName = "boxed".parse().unwrap();
    let path = scratch(&bench, "boxed.tar");
    let out = ExportRequest { name: boxed.clone(), snapshot: None, live: false, compression: Compression::None };
    jail::export(&bench.host, &out, &mut fs::File::create(&path).unwrap(), "boxed.tar", &mut |_| ()).unwrap();
    import(&bench, &request(&path, "twin")).unwrap();
    for name in [boxed, "twin".parse().unwrap()] {
        jail::destroy(&bench.host, &name).unwrap();
    }
    jail::gc(&bench.host, false).unwrap();
    refused(request(&path, "x"), "no base root@");

    let disk = crate::bench::SmallDisk::on(&bench.config.data_dir, "size=300k");
    fs::write(scratch(&bench, "x"), "").unwrap();
    let error = import(&bench, &request(&archive, "x")).unwrap_err().to_string();
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(names(&bench.config.data_dir.join("jails")), [""; 0]);
    disk.remount("ro");
    assert!(import(&bench, &request(&archive, "x")).unwrap_err().to_string().contains("Read-only file system"));
}

fn an_export_that_was_changed_cut_or_reordered_is_refused() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    fs::write(bench.data().join("srv/page"), "the page's content, to be found").unwrap();
    let archive = export(&bench, "a.tar", Compression::None);
    let whole = fs::read(&archive).unwrap();
    let refused = |bytes: &[u8], what: &str| -> String {
        let path = scratch(&bench, "changed.tar");
        fs::write(&path, bytes).unwrap();
        let error = import(&bench, &request(&path, "x")).unwrap_err().to_string();
        assert_eq!(names(&bench.config.data_dir.join("jails")), ["web"], "{what}");
        error
    };
    let at = whole.windows(10).position(|window| window == b"the page's").unwrap();
    let mut changed = whole.clone();
    changed[at] = b'T';
    assert!(refused(&changed, "content").contains("its sha256 is"));
    let at = whole.windows(14).position(|window| window == b"profile = \"hig").unwrap();
    let mut changed = whole.clone();
    changed[at + 11..at + 15].copy_from_slice(b"low\"");
    assert!(!refused(&changed, "spec").is_empty());
    for part in 1..20 {
        assert!(!refused(&whole[..whole.len() * part / 20], "cut").is_empty());
    }
    let out = scratch(&bench, "out");
    fs::create_dir(&out).unwrap();
    let tar = |arguments: &[&str]| {
        let done = Command::new("tar").current_dir(&out).args(arguments).status().unwrap();
        assert!(done.success());
        fs::read(out.join("made.tar")).unwrap_or_default()
    };
    tar(&["-xf", archive.to_str().unwrap()]);
    let error = refused(&tar(&["-cf", "made.tar", "data", "jail.toml", "jailsh-export.toml", "manifest.toml"]), "order");
    assert!(error.contains("is no export of a jail: holds \"data/\" where jailsh-export.toml should be"), "{error}");
    let error = refused(&tar(&["-cf", "made.tar", "jailsh-export.toml", "jail.toml", "data"]), "manifest");
    assert!(error.contains("ends too early"), "{error}");
    fs::write(out.join("extra"), "").unwrap();
    let error = refused(&tar(&["-cf", "made.tar", "jailsh-export.toml", "jail.toml", "data", "extra", "manifest.toml"]), "extra");
    assert!(error.contains("\"extra\" belongs to no export of a jail"), "{error}");
    fs::write(out.join("jailsh-export.toml"), "format = 9\n").unwrap();
    let error = refused(&tar(&["-cf", "made.tar", "jailsh-export.toml", "jail.toml", "data", "manifest.toml"]), "format");
    assert!(error.contains("has format 9, this jailsh knows 1"), "{error}");
}

fn a_jail_import_killed_at_any_moment_leaves_a_whole_jail_or_none() {
    let bench = Bench::new();
    jail::create(&bench.host, &name(), &spec("")).unwrap();
    odd_files(&bench.data().join("srv"));
    let before = portrait(&bench.data());
    let archive = export(&bench, "a.tar.gz", Compression::Gzip);
    let began = Instant::now();
    import(&bench, &request(&archive, "twin")).unwrap();
    let whole = began.elapsed();
    for step in 0..12 {
        jail::destroy(&bench.host, &"twin".parse().unwrap()).unwrap();
        kill_during(whole * step / 10, || drop(import(&bench, &request(&archive, "twin"))));
        match jail::observe(&bench.host, &"twin".parse().unwrap()) {
            Ok(found) => assert!(found.spec.is_ok() && portrait(&data_of(&bench, "twin")) == before, "cut at {step}"),
            Err(_) => drop(import(&bench, &request(&archive, "twin")).unwrap()),
        }
        assert_eq!(names(&bench.config.data_dir.join("jails")), ["twin", "web"], "cut at {step}");
    }
}

fn a_base_made_by_gnu_tar_in_any_format_is_taken() {
    let bench = Bench::new();
    let root = scratch(&bench, "root");
    fs::create_dir(&root).unwrap();
    busybox_root(&root);
    odd_files(&root.join("opt"));
    fs::create_dir_all(root.join("x".repeat(90)).join("y".repeat(90)).join("z".repeat(90))).unwrap();
    let mut trees = Vec::new();
    for format in ["gnu", "pax"] {
        let path = scratch(&bench, &format!("{format}.tar"));
        let mut tar = Command::new("tar");
        tar.arg(format!("--format={format}")).arg("-C").arg(&root).arg("-cf").arg(&path);
        if format == "pax" {
            tar.args(["--xattrs", "--xattrs-include=*"]);
        }
        assert!(tar.arg(".").status().unwrap().success());
        let sum = Command::new("sha256sum").arg(&path).output().unwrap();
        let sha256 = Some(String::from_utf8(sum.stdout).unwrap()[..64].parse().unwrap());
        let origin = Origin::Archive(path);
        let request = BaseRequest { origin, name: None, version: None, sha256, devices: false, limits: Limits::default() };
        let pin = base::import(&bench.config, &request, &mut |_| ()).unwrap().pin;
        let tree = bench.config.data_dir.join("base").join(format).join(pin.version.as_str()).join("tree");
        let mut lines = portrait(&tree);
        lines.remove("\"\"");
        trees.push(lines);
    }
    let mut original = portrait(&root);
    original.remove("\"\"");
    assert_eq!(trees[1], original);
    // The older format holds no fractions of a second and no attributes.
    let plain = |lines: &std::collections::BTreeMap<String, String>| -> Vec<String> {
        lines.iter().map(|(path, line)| format!("{path} {}", line.split_once('.').unwrap().0)).collect()
    };
    let (mut gnu, mut original) = (plain(&trees[0]), plain(&original));
    // And rounds times before the epoch another way.
    for lines in [&mut gnu, &mut original] {
        lines.retain(|line| !line.contains(" -"));
    }
    assert_eq!(gnu.len(), original.len());
    assert_eq!(gnu, original);
}
