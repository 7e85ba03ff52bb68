//! Builds the NetBSD module in two ways: over the double of the kernel, to run it here; and for NetBSD's machines with
//! zig's headers and the stubs, to see that it compiles. Everything lies below the target directory's tmp.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

/// Versions as `__NetBSD_Version__` has them. The double has the older one's `proc_lock` and actions, too.
pub const NETBSD_10: &str = "1000000000";
pub const NETBSD_7_99: &str = "799003600";
/// Some actions that 7.99 lacks are there, and some are not.
pub const NETBSD_9_99_50: &str = "999005000";

/// How long a driver may run, in seconds; a sound one takes less than one on a quiet machine.
const DRIVER_LIMIT: &str = "60";

const DRIVERS: [&str; 5] = ["calls", "history", "serve", "storm", "verdicts"];
/// The one that is told which code it reached.
const COVERED: [&str; 1] = ["fuzz"];
/// Stubs that the double needs as well; it brings the others itself.
const SHARED_STUBS: [&str; 6] =
    ["sys/kauth.h", "sys/systm.h", "sys/kernel.h", "sys/workqueue.h", "secmodel/secmodel.h", "lib/libkern/libkern.h"];

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn own_tests() -> PathBuf {
    project().join("tests/netbsd")
}

/// A directory of this test's own, removed with it.
pub struct Workshop {
    directory: PathBuf,
    version: &'static str,
    sanitizer: &'static str,
    /// With the driver that is told which code it reached, and without the others.
    coverage: bool,
    /// The one driver that is linked; all without it.
    only: Option<&'static str>,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What the compiler said against it.
pub type Built = Result<(), String>;

impl Workshop {
    /// With a copy of the module's sources, to be changed at will.
    pub fn new(name: &str, version: &'static str) -> Workshop {
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("netbsd-{name}-{stamp}"));
        for part in ["policy", "netbsd"] {
            let to = directory.join("kmod").join(part);
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(project().join("kmod").join(part)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        Workshop { directory, version, sanitizer: "address,undefined", coverage: false, only: None }
    }

    pub fn with_sanitizer(mut self, sanitizer: &'static str) -> Workshop {
        self.sanitizer = sanitizer;
        self
    }

    pub fn with_coverage(mut self) -> Workshop {
        self.coverage = true;
        self
    }

    pub fn linking(mut self, driver: &'static str) -> Workshop {
        self.only = Some(driver);
        self
    }

    fn drivers(&self) -> &'static [&'static str] {
        if self.coverage { &COVERED } else { &DRIVERS }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Replaces text of a source that is there exactly once.
    pub fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.directory.join("kmod").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{file} has this once: {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Headers of the kernel's names that lead to the double's one.
    fn write_headers(&self) {
        let mut wanted: BTreeSet<String> = ["prop/proplib.h", "sys/types.h"].map(String::from).into();
        for source in sources(&self.path("kmod/netbsd"), &["c", "h"])
            .into_iter()
            .chain(sources(&own_tests().join("double"), &["c"]))
            .chain(sources(&own_tests(), &["c"]))
        {
            let text = fs::read_to_string(source).unwrap();
            let names = text.lines().filter_map(|line| line.strip_prefix("#include <")?.strip_suffix('>'));
            wanted.extend(
                names
                    .filter(|name| name.contains('/') && !name.starts_with("netbsd/") && !name.starts_with("policy/"))
                    .map(String::from),
            );
        }
        for name in wanted.iter().filter(|name| !SHARED_STUBS.contains(&name.as_str())) {
            self.write_header(name, "#include <double.h>\n");
        }
        let arch = std::env::consts::ARCH;
        let places = [format!("/usr/include/{arch}-linux-gnu/sys/queue.h"), "/usr/include/sys/queue.h".into()];
        let queue = places.iter().find(|place| Path::new(place).exists()).expect("libc's sys/queue.h (libc6-dev)");
        self.write_header("host/queue.h", &format!("#include \"{queue}\"\n"));
        self.write_header("sys/cdefs.h", "");
    }

    fn write_header(&self, name: &str, text: &str) {
        let path = self.directory.join("headers").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn compiler(&self) -> Command {
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu99", "-g", "-O1", "-nostdinc", "-ffreestanding", "-fno-builtin"])
            .args(["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-sign-compare", "-Werror"])
            .args(["-fno-sanitize-recover=all", "-fno-omit-frame-pointer"])
            .args(["-include", "double.h", "-include", "lib/libkern/libkern.h"])
            .arg(format!("-fsanitize={}", self.sanitizer))
            .arg(format!("-D__NetBSD_Version__={}", self.version))
            .args(self.coverage.then_some("-fsanitize-coverage=trace-pc"));
        for include in [self.path("headers"), own_tests().join("double"), self.path("kmod"), own_tests().join("stubs")] {
            cc.arg("-I").arg(include);
        }
        cc
    }

    /// The module over the double, with each driver. Two compilers at a time. What another workshop built that differs
    /// from this one in one C source is taken from there.
    pub fn build(&self, other: Option<(&Workshop, &str)>) -> Built {
        self.write_headers();
        let mut sources: Vec<PathBuf> = sources(&self.path("kmod/netbsd"), &["c"]);
        sources.extend(self::sources(&own_tests().join("double"), &["c"]));
        sources.extend(self.drivers().iter().map(|driver| own_tests().join(driver).with_extension("c")));
        if let Some((other, changed)) = other.filter(|(_, changed)| changed.ends_with(".c")) {
            sources.retain(|source| {
                let object = Self::object(source);
                source.ends_with(changed) || fs::copy(other.path(&object), self.path(&object)).is_err()
            });
        }
        let middle = sources.len() / 2;
        let (first, second) = sources.split_at(middle);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| second.iter().try_for_each(|source| self.compile(source)));
            first.iter().try_for_each(|source| self.compile(source))?;
            other.join().expect("a compiler's thread")
        })?;
        let is_driver =
            |object: &PathBuf| self.drivers().iter().any(|driver| object.file_stem().is_some_and(|stem| stem == *driver));
        let objects: Vec<PathBuf> =
            self::sources(&self.directory, &["o"]).into_iter().filter(|object| !is_driver(object)).collect();
        for driver in self.drivers().iter().filter(|driver| self.only.is_none_or(|only| only == **driver)) {
            let mut linker = Command::new("cc");
            linker.arg(format!("-fsanitize={}", self.sanitizer)).args(&objects).arg(self.path(driver).with_extension("o"));
            said(linker.arg("-o").arg(self.path(driver)))?;
        }
        Ok(())
    }

    fn object(source: &Path) -> String {
        format!("{}.o", source.file_stem().unwrap().display())
    }

    fn compile(&self, source: &Path) -> Built {
        said(self.compiler().arg("-c").arg(source).arg("-o").arg(self.path(&Self::object(source))))
    }

    /// Runs a driver; what it printed and whether it was content. Without randomness in its addresses, with which older
    /// runtimes of the sanitizers give up or report one signal for ever. A broken module may also never come to an end.
    pub fn run(&self, driver: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("timeout")
            .args(["--kill-after=5", DRIVER_LIMIT, "setarch", "--addr-no-randomize"])
            .arg(self.path(driver))
            .args(arguments)
            .output()
            .unwrap();
        let said = text(&output);
        match output.status.code() {
            Some(124 | 137) | None => (false, format!("{said}\n{driver} came to no end within {DRIVER_LIMIT} s")),
            _ => (output.status.success(), said),
        }
    }
}

/// The files of a directory with these extensions, in order.
pub fn sources(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)))
        .collect();
    found.sort();
    found
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a tool that says something only when it fails.
pub fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(text(&output)) }
}

/// The zig compiler that `scripts/setup --build` put there.
pub fn zig() -> PathBuf {
    let mark = project().join(".cache/zig/where");
    let place = fs::read_to_string(&mark)
        .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/setup --build`, which installs zig", mark.display()));
    PathBuf::from(place.trim())
}
