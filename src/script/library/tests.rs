use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A directory of files, and a library over it.
fn library(files: &[&str]) -> (tempfile::TempDir, Library) {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("// {file}")).unwrap();
    }
    let library = Library { roots: vec![directory.path().to_owned()], strict: true };
    (directory, library)
}

fn read(library: &Library, importer: Option<&Place>, name: &str) -> Result<String, Fault> {
    library.find(importer, name)?.read()
}

fn owner() -> u32 {
    Uid::effective().as_raw()
}

#[test]
fn no_name_leads_out_of_a_directory() {
    for name in
        ["", "/etc/passwd", "../x", "a/../../x", "a/./b", ".", "..", "a//b", "a/", "a\0b", "a\nb", "x.rhai", &"a".repeat(300)]
    {
        let fault = ModuleName::parse(name).expect_err(name);
        assert_eq!(fault.kind, Kind::Module, "{name:?}");
        assert!(fault.hint.is_some(), "{fault}");
    }
    assert_eq!(ModuleName::parse("lib/x.y"), Ok(ModuleName::File("lib/x.y".into())));
    assert_eq!(ModuleName::parse("std/fleet"), Ok(ModuleName::Standard("fleet".into())));
    assert_eq!(ModuleName::parse("std/../x"), Ok(ModuleName::Standard("../x".into())), "no file is ever asked for it");
}

#[test]
fn the_importing_files_directory_comes_first_then_the_path_in_order() {
    let (one, library) = library(&["a.rhai", "b.rhai"]);
    let beside = tempfile::tempdir().unwrap();
    fs::write(beside.path().join("a.rhai"), "beside").unwrap();
    let place = Place { directory: beside.path().to_owned(), owner: owner() };
    assert_eq!(read(&library, Some(&place), "a").unwrap(), "beside");
    assert_eq!(read(&library, None, "a").unwrap(), "// a.rhai");
    assert_eq!(read(&library, Some(&place), "b").unwrap(), "// b.rhai");
    let fault = read(&library, Some(&place), "c").unwrap_err();
    let text = fault.to_string().replace(&beside.path().display().to_string(), "BESIDE");
    assert_eq!(text.replace(&one.path().display().to_string(), "ONE"), "no module \"c\"; looked for c.rhai in BESIDE, ONE");
}

#[test]
fn a_module_imports_from_its_own_directory() {
    let (_directory, library) = library(&["lib/web/main.rhai", "lib/web/parts/x.rhai", "lib/secret.rhai"]);
    let found = library.find(None, "lib/web/main").unwrap();
    assert_eq!(read(&library, found.place.as_ref(), "parts/x").unwrap(), "// lib/web/parts/x.rhai");
    assert!(read(&library, found.place.as_ref(), "../secret").is_err());
}

#[test]
fn a_symlink_may_lead_anywhere_but_out() {
    let (directory, library) = library(&["real.rhai", "sub/x.rhai"]);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.rhai"), "outside").unwrap();
    symlink("real.rhai", directory.path().join("alias.rhai")).unwrap();
    symlink(outside.path().join("x.rhai"), directory.path().join("absolute.rhai")).unwrap();
    symlink("../x.rhai", directory.path().join("up.rhai")).unwrap();
    symlink(outside.path(), directory.path().join("away")).unwrap();
    symlink("/proc/self/root/etc/passwd", directory.path().join("magic.rhai")).unwrap();
    assert_eq!(read(&library, None, "alias").unwrap(), "// real.rhai");
    assert_eq!(library.find(None, "alias").unwrap().identity, library.find(None, "real").unwrap().identity);
    for name in ["absolute", "up", "away/x", "magic"] {
        let fault = read(&library, None, name).expect_err(name);
        assert!(fault.message.contains("leads out of"), "{name}: {fault}");
    }
}

#[test]
fn what_others_could_have_written_is_refused_to_root() {
    let (directory, library) = library(&["x.rhai", "sub/y.rhai"]);
    let path = directory.path().join("x.rhai");
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    // Root alone is trusted on the path, and the importing file's owner beside it.
    let beside = Place { directory: directory.path().to_owned(), owner: owner() };
    for mode in [0o664, 0o646, 0o666] {
        set(&path, mode);
        let fault = read(&library, Some(&beside), "x").unwrap_err();
        assert_eq!(fault.kind, Kind::NotPermitted, "{mode:o}");
        assert!(fault.to_string().contains("can be written by others than its owner; take that away"), "{fault}");
    }
    set(&path, 0o644);
    assert!(read(&library, Some(&beside), "x").is_ok());
    set(&directory.path().join("sub"), 0o777);
    assert_eq!(read(&library, Some(&beside), "sub/y").unwrap_err().kind, Kind::NotPermitted);
    set(&directory.path().join("sub"), 0o1777);
    assert!(read(&library, Some(&beside), "sub/y").is_ok(), "nobody replaces another's file in a sticky directory");
    let lax = Library { strict: false, ..library.clone() };
    set(&path, 0o666);
    assert!(read(&lax, None, "x").is_ok());
}

#[test]
fn a_strangers_file_is_refused_to_root() {
    let (directory, library) = library(&["x.rhai"]);
    let stat = |owner: u32| {
        let mut stat = nix::sys::stat::stat(&directory.path().join("x.rhai")).unwrap();
        stat.st_uid = owner;
        stat
    };
    let trust = |owner, trusted| library.trust(&stat(owner), trusted, Path::new("x.rhai")).map_err(|fault| fault.to_string());
    assert_eq!(trust(0, None), Ok(()));
    assert_eq!(trust(1000, Some(1000)), Ok(()), "who wrote the script that root runs");
    let refusal = "x.rhai belongs to uid 1000, who could put anything there; have root own it".to_owned();
    assert_eq!(trust(1000, None), Err(refusal.clone()));
    assert_eq!(trust(1000, Some(1001)), Err(refusal));
}

#[test]
fn what_is_no_text_of_a_bearable_length_is_refused() {
    let (directory, library) = library(&["x.rhai"]);
    fs::write(directory.path().join("long.rhai"), vec![b' '; (MAX + 1) as usize]).unwrap();
    fs::write(directory.path().join("binary.rhai"), [b'a', 0xff]).unwrap();
    fs::create_dir(directory.path().join("directory.rhai")).unwrap();
    nix::unistd::mkfifo(&directory.path().join("fifo.rhai"), Mode::from_bits_truncate(0o600)).unwrap();
    let message = |name| read(&library, None, name).unwrap_err().message.replace(&directory.path().display().to_string(), "D");
    assert_eq!(message("long"), "D/long.rhai is longer than 1 MiB");
    assert_eq!(message("binary"), "D/binary.rhai is not UTF-8 text (byte 1)");
    assert_eq!(message("directory"), "D/directory.rhai is no regular file");
    assert_eq!(message("fifo"), "D/fifo.rhai is no regular file");
}

proptest::proptest! {
    #[test]
    fn no_name_makes_it_panic_or_find_what_is_not_below(name in "[a./\\PC]{0,12}") {
        let (_directory, library) = library(&["a.rhai"]);
        if let Ok(found) = library.find(None, &name) {
            proptest::prop_assert_eq!(name, "a", "{:?}", found);
        }
    }
}
