//! landlock: bases and snapshots under real services, in directories of their own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const JAILSH: &str = env!("CARGO_BIN_EXE_jailsh");

/// Directories for one test, and one jail; nothing of it is left afterwards.
struct Place {
    root: tempfile::TempDir,
    jail: String,
}

impl Place {
    /// `None` after saying why the test is skipped.
    fn new(jail: &str) -> Option<Place> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root, for mounts");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("config.toml"), "").unwrap();
        let place = Place { root, jail: jail.to_owned() };
        let listed = place.run(&["list"]);
        if !listed.status.success() {
            eprintln!("skipped: {}", String::from_utf8_lossy(&listed.stderr));
            return None;
        }
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn options(&self) -> Vec<String> {
        let option = |name: &str, value: &str| [format!("--{name}"), self.path(value).display().to_string()];
        let mut options = vec!["--kernel".to_owned(), "landlock".to_owned()];
        options.extend(option("data-dir", "data").into_iter().chain(option("run-dir", "run")));
        options.extend(option("config", "config.toml"));
        options
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(JAILSH).arg0("jailmgr").args(self.options()).args(arguments).output().unwrap()
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    /// A root with a shell and little else.
    fn busybox_tree(&self) -> PathBuf {
        let tree = self.path("tree");
        for name in ["bin", "etc"] {
            fs::create_dir_all(tree.join(name)).unwrap();
        }
        fs::copy("/usr/bin/busybox", tree.join("bin/busybox")).unwrap();
        for name in ["sh", "cat", "ls", "rm", "sleep", "wc"] {
            symlink("busybox", tree.join("bin").join(name)).unwrap();
        }
        tree
    }

    fn count(&self, below: &str) -> u64 {
        let text = fs::read_to_string(self.path("data/jails").join(&self.jail).join(below)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whatever state a failed test left it in.
        for verb in ["stop", "destroy"] {
            self.run(&[verb, &self.jail]);
        }
        let _ = nix::mount::umount2(&self.path("run/jails"), nix::mount::MntFlags::MNT_DETACH);
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_running_service_survives_a_live_snapshot_and_a_base_that_does_not_start() {
    let jail = format!("layers-{}", std::process::id());
    let Some(place) = Place::new(&jail) else { return };
    let tree = place.busybox_tree();
    let source = format!("dir:{}", tree.display());
    place.must(&["base", "import", "--name", "box", "--version", "1", &source]);
    let service = "/bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i >/srv/new; cat /srv/new >/srv/count; sleep 0.02; done'";
    place.must(&["create", "-b", "box", "-l", "medium", "-x", service, &jail]);
    place.must(&["start", &jail]);
    until("the first count", || place.count("data/srv/count") > 2);

    assert!(!place.run(&["snapshot", &jail, "one"]).status.success(), "not without --live");
    place.must(&["snapshot", "--live", &jail, "one"]);
    let then = place.count("snapshots/one/data/srv/count");
    until("a count after the snapshot", || place.count("data/srv/count") > then + 2);

    // A version that lacks what the service needs: the jail goes back to the one it had, and runs.
    fs::remove_file(tree.join("bin/sh")).unwrap();
    place.must(&["base", "import", "--name", "box", "--version", "2", &source]);
    let failed = place.run(&["upgrade-base", "--restart", &jail]);
    let text = String::from_utf8_lossy(&failed.stdout).into_owned();
    assert_eq!((failed.status.code(), text), (Some(1), format!("Jail {jail} runs on base box@1 again\n")));
    symlink("busybox", tree.join("bin/sh")).unwrap();
    place.must(&["base", "import", "--name", "box", "--version", "3", &source]);
    let moved = place.must(&["upgrade-base", "--restart", &jail]);
    assert_eq!(moved, format!("Moved jail {jail} from base box@1 to box@3\n"));
    assert!(place.must(&["status", &jail]).contains("running"));
    let gone = place.must(&["gc"]);
    assert!(gone.contains("box@2") && !gone.contains("box@1") && !gone.contains("box@3"), "{gone}");

    place.must(&["stop", &jail]);
    place.must(&["rollback", &jail, "one"]);
    assert_eq!(place.count("data/srv/count"), then);
}

#[test]
fn the_example_of_a_base_runs_with_a_tree_of_its_own_and_leaves_nothing() {
    let Some(place) = Place::new("boxed") else { return };
    let text = example_of(&place, &place.busybox_tree());
    assert!(text.contains("in a jail with 7 programs") && text.contains("\nmine\n"), "{text}");
}

#[test]
fn a_debian_from_debootstrap_is_a_base_for_jails() {
    let Some(tree) = std::env::var_os("JAILSH_DEBIAN") else {
        println!("skipped: JAILSH_DEBIAN names no tree; scripts/setup --tree makes .cache/debian");
        return;
    };
    let Some(place) = Place::new("boxed") else { return };
    let text = example_of(&place, Path::new(&tree));
    assert!(text.contains("\nmine\n") && !text.contains("in a jail with 7 programs"), "{text}");

    place.must(&["create", "-b", &format!("dir:{}", Path::new(&tree).display()), "-l", "medium", "boxed"]);
    let script = place.path("script");
    fs::write(&script, "cat /etc/debian_version; dpkg-query -W -f '${Status}\n' dpkg; stat -c %a /bin/su; id -un 33\n").unwrap();
    let told = place.must(&["apply", "--ephemeral", "boxed", script.to_str().unwrap()]);
    let version = fs::read_to_string(Path::new(&tree).join("etc/debian_version")).unwrap();
    assert_eq!(told, format!("{version}install ok installed\n4755\nwww-data\n"));
}

/// Runs the example as it stands; what it says.
fn example_of(place: &Place, tree: &Path) -> String {
    let bin = place.path("names");
    fs::create_dir(&bin).unwrap();
    let script = format!("#!/bin/bash\nexec -a jailmgr {JAILSH} {} \"$@\"\n", place.options().join(" "));
    fs::write(bin.join("jailmgr"), script).unwrap();
    fs::set_permissions(bin.join("jailmgr"), fs::Permissions::from_mode(0o755)).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/debian-base.sh");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh").arg(example).arg(tree).env("PATH", path).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    for left in ["data/jails", "data/base"] {
        assert_eq!(fs::read_dir(place.path(left)).unwrap().count(), 0, "{left}: {text}");
    }
    text
}

/// A package of one program, one configuration file and the commands of its postinst.
fn package(place: &Place, name: &str, postinst: &str) {
    let root = place.path(&format!("packages/{name}"));
    let write = |path: &str, text: &str, mode: u32| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let control = format!("Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n");
    write("DEBIAN/control", &control, 0o644);
    write("DEBIAN/conffiles", &format!("/etc/{name}.conf\n"), 0o644);
    write("DEBIAN/postinst", &format!("#!/bin/sh\nset -e\n{postinst}\n"), 0o755);
    write(&format!("usr/bin/{name}"), &format!("#!/bin/sh\necho this is {name}\n"), 0o755);
    write(&format!("etc/{name}.conf"), "fresh\n", 0o644);
    let file = place.path(&format!("tree/srv/repository/{name}.deb"));
    let built = Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(&root).arg(&file).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let sum = Command::new("sha256sum").arg(&file).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    let size = fs::metadata(&file).unwrap().len();
    let index = place.path("tree/srv/repository/Packages");
    let known = fs::read_to_string(&index).unwrap_or_default();
    fs::write(index, format!("{known}{control}Filename: ./{name}.deb\nSize: {size}\nSHA256: {sum}\n\n")).unwrap();
}

/// The tree, without what takes time to copy, whose only archive of packages is one of its own directories.
fn debian_with_packages(place: &Place, debian: &Path) {
    let tree = place.path("tree");
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(debian).arg(&tree).status().unwrap();
    assert!(copied.success());
    for bulk in ["usr/share/doc", "usr/share/locale", "usr/share/man", "usr/share/zoneinfo", "var/lib/apt/lists"] {
        let _ = fs::remove_dir_all(tree.join(bulk));
    }
    let _ = fs::remove_dir_all(tree.join("etc/apt/sources.list.d"));
    fs::write(tree.join("etc/apt/sources.list"), "deb [trusted=yes] file:/srv/repository ./\n").unwrap();
    fs::create_dir_all(tree.join("srv/repository")).unwrap();
    let confined = "useradd --system --no-create-home greeter\nmkdir -p /var/lib/greeter\n\
                    if mount -t tmpfs none /mnt; then echo free; else echo confined; fi >/var/lib/greeter/postinst";
    package(place, "greeter", confined);
    package(place, "broken", "exit 1");
}

#[test]
fn packages_are_installed_into_a_base_of_their_own_by_confined_scripts() {
    let Some(debian) = std::env::var_os("JAILSH_DEBIAN") else {
        println!("skipped: JAILSH_DEBIAN names no tree; scripts/setup --tree makes .cache/debian");
        return;
    };
    let jail = format!("packages-{}", std::process::id());
    let Some(place) = Place::new(&jail) else { return };
    debian_with_packages(&place, Path::new(&debian));
    place.must(&["base", "import", "--name", "deb", "--version", "1", &format!("dir:{}", place.path("tree").display())]);
    let script = |names: &str| {
        let text = format!(
            "let web = jail({jail:?}, #{{ base: \"deb\", command: [\"sleep\", \"1000\"] }});\nweb.create();\n\
             web.user(\"app\", #{{ uid: 998 }});\nprint(web.packages({names}, #{{ update: true }}));\nweb.start();\n"
        );
        fs::write(place.path("web.rhai"), text).unwrap();
    };
    let run = |verb: &str| {
        let mut command = Command::new(JAILSH);
        let output = command.args(place.options()).arg(verb).arg(place.path("web.rhai")).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    };
    let exec = |arguments: &[&str]| {
        let mut command = Command::new(JAILSH);
        let output = command.arg0("jailctl").args(place.options()).args(["exec", &jail]).args(arguments).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    script("[]");
    assert_eq!(run("run").0, 0);
    let bases = |place: &Place| fs::read_dir(place.path("data/base")).unwrap().count();

    // What fails changes nothing: neither the jail, which runs, nor the bases.
    script("[\"broken\"]");
    let (status, text) = run("run");
    assert!(status == 1 && text.contains("installed broken package post-installation script"), "{text}");
    assert_eq!((bases(&place), exec(&["ls", "/etc/broken.conf"]).contains("No such file")), (1, true));

    script("[\"greeter\"]");
    let (status, text) = run("plan");
    assert!(status == 2 && text.contains("+greeter") && text.contains("restart"), "{text}");
    let (status, text) = run("run");
    assert!(status == 0 && text.contains("installed"), "{text}");
    let told = exec(&["sh", "-c", "greeter; cat /etc/greeter.conf /var/lib/greeter/postinst; id -un app greeter; touch /usr/x"]);
    assert!(told.starts_with("this is greeter\nfresh\nconfined\napp\n"), "{told}");
    assert!(told.contains("Read-only file system") && fs::read_dir(place.path("data/jails")).unwrap().count() == 1, "{told}");
    let (status, text) = run("plan");
    assert_eq!(status, 0, "{text}");

    // Another jail that asks for the same gets the same; one that does not keeps what it has.
    place.must(&["create", "-b", "deb", "boxed"]);
    let (_other, text) = (Other(&place), fs::read_to_string(place.path("web.rhai")).unwrap());
    assert!(place.must(&["config", "boxed"]).contains("base = \"deb@1\""));
    fs::write(place.path("web.rhai"), text.replace(&jail, "boxed").replace("web.start();", "")).unwrap();
    let text = fs::read_to_string(place.path("web.rhai")).unwrap().replace(", #{ update: true }", "");
    fs::write(place.path("web.rhai"), text).unwrap();
    let (status, text) = run("run");
    assert!(status == 0 && bases(&place) == 2, "{text}");
    assert!(place.must(&["config", "boxed"]).contains("base = \"deb+"));
    assert!(place.must(&["base", "list", "-o", "json"]).contains("packages:deb@1 greeter"));
    assert!(place.must(&["upgrade-base", "boxed"]).contains("already"), "packages do not make it older than deb@1");
}

/// A second jail of a test.
struct Other<'a>(&'a Place);

impl Drop for Other<'_> {
    fn drop(&mut self) {
        self.0.run(&["destroy", "boxed"]);
    }
}
