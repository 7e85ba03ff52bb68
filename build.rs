//! Compiles the kernel side: `kmod/policy` into this program (cc) and `kmod/linux` into embedded BPF objects
//! (clang): the module, and the programs on control groups.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's directory of headers that differ by architecture, where `asm/types.h` lives.
fn multiarch_include() -> PathBuf {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").expect("set by cargo");
    Path::new("/usr/include").join(format!("{arch}-linux-gnu"))
}

/// Compiles one object file, which the program then embeds.
fn compile_object(source: &str, object: &str) {
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang".into());
    let object = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by cargo")).join(object);
    let remedy = "install it with `apt-get install clang libbpf-dev`, or run scripts/setup";
    if !Path::new("/usr/include/bpf/bpf_helpers.h").exists() {
        panic!("the kernel side needs libbpf's headers (bpf/bpf_helpers.h is missing); {remedy}");
    }
    let status = Command::new(&clang)
        .args(["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror"])
        // hooks take the kernel's arguments, needed or not; BPF programs compare what the kernel hands them
        .args(["-Wno-unused-parameter", "-Wno-sign-compare"])
        .arg("-I")
        .arg(multiarch_include())
        .args(["-c", source, "-o"])
        .arg(&object)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{clang} could not compile {source} ({status}); its messages are above"),
        Err(error) => panic!("the kernel side needs clang, but {clang:?} cannot be run ({error}); {remedy}"),
    }
}

fn main() {
    println!("cargo::rerun-if-changed=kmod");
    println!("cargo::rerun-if-env-changed=CLANG");
    let is_linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    cc::Build::new()
        .file("kmod/policy/policy.c")
        .files(is_linux.then_some("kmod/linux/hooks.c"))
        .warnings(true)
        .extra_warnings(true)
        .std("c11")
        .compile("jail_policy");
    if !is_linux {
        return;
    }
    compile_object("kmod/linux/secmodel_jail.bpf.c", "secmodel_jail.o");
    compile_object("kmod/linux/cgroup.bpf.c", "cgroup.o");
    compile_object("kmod/linux/traffic.bpf.c", "traffic.o");
}
