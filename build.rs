//! Compiles the kernel side: `kmod/policy` into this program (cc) and `kmod/linux` into an embedded BPF object (clang).

fn main() {
    println!("cargo::rerun-if-changed=kmod");
    cc::Build::new().file("kmod/policy/policy.c").warnings(true).extra_warnings(true).std("c11").compile("jail_policy");
}
