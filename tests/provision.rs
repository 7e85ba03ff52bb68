//! landlock: what scripts put into running jails, whatever stands in the way there, and on a disk that is full.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

const JAILSH: &str = env!("CARGO_BIN_EXE_jailsh");
const PASSWORD: &str = "correct horse battery staple";

/// Directories for one test and its jail; nothing of it is left afterwards.
struct Place {
    root: tempfile::TempDir,
    jail: String,
}

/// A status, and all that was said.
struct Said {
    status: Option<i32>,
    text: String,
}

impl Said {
    #[track_caller]
    fn must_be(self, status: i32) -> String {
        assert_eq!(self.status, Some(status), "{}", self.text);
        self.text
    }
}

impl Place {
    /// `None` after saying why the test is skipped.
    fn new(what: &str) -> Option<Place> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root, for mounts");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        let place = Place { root, jail: format!("{what}-{}", std::process::id()) };
        place.write("config.toml", "");
        place.write("secrets/db", PASSWORD);
        fs::set_permissions(place.path("secrets/db"), fs::Permissions::from_mode(0o600)).unwrap();
        let listed = place.run("jailmgr", &["list"]);
        if listed.status != Some(0) {
            eprintln!("skipped: {}", listed.text);
            return None;
        }
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn data(&self, path: &str) -> PathBuf {
        self.path("data/jails").join(&self.jail).join("data").join(path)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run_over(&self, body: &str, tool: &str, arguments: &[&str]) -> Said {
        let mut command = Command::new(JAILSH);
        command.arg0(tool).args(["--kernel", body]).current_dir(self.root.path());
        for (option, name) in [("--data-dir", "data"), ("--run-dir", "run"), ("--config", "config.toml")] {
            command.arg(option).arg(self.path(name));
        }
        let output = command.args(arguments).env("CREDENTIALS_DIRECTORY", self.path("secrets")).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Said { status: output.status.code(), text }
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Said {
        self.run_over("landlock", tool, arguments)
    }

    /// A script about `web`, which is the test's jail.
    fn script(&self, verb: &str, text: &str) -> Said {
        self.write(
            "site.rhai",
            &format!("let web = jail({:?}, #{{ command: [\"sleep\", \"1000\"], profile: \"medium\" }});\n{text}", self.jail),
        );
        self.run("jailsh", &[verb, "site.rhai"])
    }

    fn exec(&self, command: &str) -> String {
        self.run("jailctl", &["exec", &self.jail, "sh", "-c", command]).text
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whatever state a failed test left it in.
        for verb in ["stop", "destroy"] {
            self.run("jailmgr", &[verb, &self.jail]);
        }
        let _ = umount2(&self.path("run/jails"), MntFlags::MNT_DETACH);
    }
}

#[test]
fn what_stands_in_the_way_of_a_file_in_a_running_jail_is_refused_or_replaced_alone() {
    let Some(place) = Place::new("way") else { return };
    place.script("run", "web.create();\nweb.start();\n").must_be(0);
    place.exec("mkfifo /srv/fifo; ln /etc/passwd /srv/hard; mkdir /srv/mounted; ln -s /etc/passwd /srv/link");
    nix::sys::stat::mknod(
        &place.data("srv/device"),
        nix::sys::stat::SFlag::S_IFCHR,
        nix::sys::stat::Mode::S_IRUSR,
        nix::sys::stat::makedev(1, 3),
    )
    .unwrap();
    let point = place.data("srv/mounted");
    mount(Some("none"), &point, Some("tmpfs"), MsFlags::MS_NOSUID, Some("size=64k")).unwrap();
    let mounted = Mounted(&point);
    let passwd = fs::read_to_string(place.data("etc/passwd")).unwrap();
    let wish = |path: &str| place.script("run", &format!("web.file(\"{path}\", \"new\\n\");\n"));
    for (path, why) in [("/srv/mounted", "is a directory, not a file"), ("/srv/mounted/file", "something is mounted there")] {
        let text = wish(path).must_be(1);
        assert!(text.contains(why), "{path}: {text}");
    }
    assert_eq!(fs::read_dir(&point).unwrap().count(), 0, "nothing is written where the jail does not see it");
    drop(mounted);
    // A name is taken, what it led to is not: another name of a file, a link's target, a device, who waits at a pipe.
    for path in ["/srv/hard", "/srv/link", "/srv/device", "/srv/fifo"] {
        wish(path).must_be(0);
        assert_eq!(place.exec(&format!("stat -c %F {path}; cat {path}")), "regular file\nnew\n", "{path}");
    }
    assert_eq!(fs::read_to_string(place.data("etc/passwd")).unwrap(), passwd);
    assert_eq!(fs::metadata(place.data("etc/passwd")).unwrap().nlink(), 1);
}

/// A mount that goes with the test.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = umount2(self.0, MntFlags::MNT_DETACH);
    }
}

const SITE: &str = r##"
web.create();
web.group("deploy", #{ gid: 2000 });
web.user("app", #{ uid: 1500, home: "/srv/app", groups: ["deploy"] });
web.dir("/srv/app", #{ owner: "app", mode: "0750" });
web.file("/etc/app.conf", ["password = ", secret("db"), "\n"], #{ mode: "0640", group: "deploy", restart: true });
web.line("/etc/hosts", "127.0.0.1 app.local");
web.symlink("/srv/current", "app");
web.copy("www", "/srv/www", #{ owner: "app" });
web.template("app.in", "/etc/motd", #{ port: 8080 });
web.unpack("app.tar", "/opt/app", #{ owner: "app" });
web.start();
web.exec(["sh", "-c", "echo once >> /srv/app/log"], #{ user: "app", creates: "/srv/app/log" });
web.exec(["sh", "-c", "echo never"], #{ unless: ["true"], check: true });
web.exec(["sh", "-c", "exit 7"], #{ onlyif: ["test", "-e", "/srv/none"], check: true });
let source = #{ text: "#!/bin/sh\necho \"$1 $WHO $(pwd)\" > /srv/app/told\n" };
web.script(source, #{ args: ["hello"], env: #{ WHO: "you" }, user: "app", workdir: "/srv/app", creates: "/srv/app/told" });
"##;

#[test]
fn every_verb_puts_its_part_into_a_real_jail_once() {
    let Some(place) = Place::new("site") else { return };
    place.write("www/index.html", "<html>\n");
    place.write("app.in", "{{jail_name}} listens on {{port}}\n");
    let tar =
        Command::new("tar").args(["-cf"]).arg(place.path("app.tar")).arg("-C").arg(place.path("www")).arg("index.html").status();
    assert!(tar.unwrap().success());
    let text = place.script("run", SITE).must_be(0);
    assert!(text.contains(" 0 failed, 0 skipped") && !text.contains("horse"), "{text}");
    let told = place.exec(
        "id app; stat -c '%U %a' /srv/app; cat /etc/app.conf /etc/motd; tail -n 1 /etc/hosts; readlink /srv/current; \
         cat /srv/www/index.html /opt/app/index.html; cat /srv/app/log /srv/app/told; stat -c %U /srv/app/told",
    );
    let expected = format!(
        "uid=1500(app) gid=1500(app) groups=1500(app),2000(deploy)\napp 750\npassword = {PASSWORD}\n{} listens on 8080\n\
         127.0.0.1 app.local\napp\n<html>\n<html>\nonce\nhello you /srv/app\napp\n",
        place.jail
    );
    assert_eq!(told, expected);
    // Guards are asked again and find all done.
    let again = place.script("run", SITE).must_be(0);
    assert!(!again.contains("write") && !again.contains("restart") && place.exec("cat /srv/app/log") == "once\n", "{again}");

    // What a command complains with is told, logged and recorded without the secret that it was given.
    let leak = "web.exec([\"sh\", \"-c\", \"echo it is $P >&2; exit 3\"], #{ env: #{ P: secret(\"db\") }, check: true });\n";
    place.script("plan", leak).must_be(2);
    let text = place.run("jailsh", &["run", "--log", "runs.log", "--record", "run.tape", "site.rhai"]).must_be(1);
    let logged = fs::read_to_string(place.path("runs.log")).unwrap();
    let recorded = fs::read_to_string(place.path("run.tape")).unwrap();
    for said in [&text, &logged, &recorded] {
        assert!(said.contains("it is [secret db]") && !said.contains("horse"), "{said}");
    }
}

#[test]
fn a_directory_that_becomes_a_link_while_a_file_is_written_leads_nowhere() {
    let Some(place) = Place::new("swap") else { return };
    let outside = place.path("outside");
    fs::create_dir(&outside).unwrap();
    let flip = format!(
        "while :; do mkdir /srv/s; rm -rf /srv/s; ln -s {out} /srv/s; rm -f /srv/s; ln -s ../../../../../../../../{out} /srv/s; rm -f /srv/s; done",
        out = outside.display()
    );
    let text = format!(
        "let web = jail({:?}, #{{ command: [\"sh\", \"-c\", {flip:?}], profile: \"medium\" }});\nweb.create();\nweb.start();\n\
         let done = 0;\nfor n in 0..60 {{ try {{ web.file(\"/srv/s/file\", `${{n}}`); done += 1; }} catch {{ }} }}\nprint(done);\n",
        place.jail
    );
    place.write("swap.rhai", &text);
    place.run("jailsh", &["swap.rhai"]).must_be(0);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "a link led outside");
}

#[test]
fn a_full_disk_loses_nothing_is_told_and_a_later_run_repairs_it() {
    let Some(place) = Place::new("full") else { return };
    let data = place.path("data");
    fs::create_dir_all(&data).unwrap();
    let sized =
        |flags, size: &str| mount(Some("none"), &data, Some("tmpfs"), flags, Some(format!("size={size},mode=755").as_str()));
    sized(MsFlags::MS_NOSUID, "64m").unwrap();
    let _mounted = Mounted(&data);
    let script = |length: usize| {
        let text = format!(
            "let web = jail({:?}, #{{}});\nweb.create();\nlet text = \"\";\ntext.pad({length}, 'x');\nweb.file(\"/srv/big\", text);\n\
             web.line(\"/srv/small\", `${{text.len}}`, #{{}});\n",
            place.jail
        );
        place.write("big.rhai", &text);
        place.run_over("sim", "jailsh", &["run", "big.rhai"])
    };
    script(1000).must_be(0);
    // A little more than is taken now.
    let taken = Command::new("du").arg("-sk").arg(&data).output().unwrap();
    let taken: u64 = String::from_utf8_lossy(&taken.stdout).split_whitespace().next().unwrap().parse().unwrap();
    sized(MsFlags::MS_REMOUNT, &format!("{}k", taken + 600)).unwrap();
    let text = script(3_000_000).must_be(1);
    assert!(text.to_lowercase().contains("no space left on device") && text.contains("/srv/big"), "{text}");
    assert_eq!(fs::metadata(place.data("srv/big")).unwrap().len(), 1000, "the old file stays");
    assert_eq!(fs::read_to_string(place.data("srv/small")).unwrap(), "1000\n", "nothing goes on for this jail");
    let names = |path: &str| fs::read_dir(place.data(path)).unwrap().count();
    assert_eq!(names("srv"), 2, "nothing half written is left");
    sized(MsFlags::MS_REMOUNT, "64m").unwrap();
    let began = Instant::now();
    let text = script(3_000_000).must_be(0);
    assert!(text.contains("2 done, 0 failed") && began.elapsed() < Duration::from_secs(30), "{text}");
    assert_eq!(fs::metadata(place.data("srv/big")).unwrap().len(), 3_000_000);
    // A jail that does not fit is not there at all.
    sized(MsFlags::MS_REMOUNT, &format!("{}k", taken + 3_200)).unwrap();
    place.write("two.rhai", "jail(\"other\", #{}).create();\n");
    place.write("data/filler", &"x".repeat(200_000));
    let room = nix::sys::statvfs::statvfs(&data).unwrap();
    let filler = usize::try_from(room.blocks_available() * room.fragment_size()).unwrap().saturating_sub(64 << 10);
    fs::write(data.join("filler"), "x".repeat(200_000 + filler)).unwrap();
    let text = place.run_over("sim", "jailsh", &["run", "two.rhai"]).must_be(1);
    assert!(text.to_lowercase().contains("no space left on device"), "{text}");
    assert_eq!(fs::read_dir(data.join("jails")).unwrap().count(), 1);
    fs::remove_file(data.join("filler")).unwrap();
    sized(MsFlags::MS_REMOUNT, "64m").unwrap();
    place.run_over("sim", "jailsh", &["run", "two.rhai"]).must_be(0);
}
