//! guest: proves that a guest is the machine the other guest tests take it for.
//!
//! What these tests look at is made by scripts/guest-init and the guest's command line. They need no module of ours,
//! only a kernel that would take it.

#[path = "support/body.rs"]
mod body;

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use body::in_guest;

/// Loads `r0 = 0; exit` for a hook, which is what a kernel that forbids LSM programs refuses.
fn load_trivial_lsm_program(hook: &str) -> std::io::Result<OwnedFd> {
    let name = CString::new(hook).expect("hook names have no NUL");
    let license = c"Dual BSD/GPL";
    // SAFETY: the name is a NUL-terminated string that outlives the call.
    let btf_id = unsafe { libbpf_sys::libbpf_find_vmlinux_btf_id(name.as_ptr(), libbpf_sys::BPF_LSM_MAC) };
    assert!(btf_id > 0, "{hook} is not in the kernel's BTF: {btf_id}");
    let instructions = [
        libbpf_sys::bpf_insn { code: 0xb7, ..Default::default() }, // BPF_ALU64 | BPF_MOV | BPF_K
        libbpf_sys::bpf_insn { code: 0x95, ..Default::default() }, // BPF_JMP | BPF_EXIT
    ];
    let mut options = libbpf_sys::bpf_prog_load_opts {
        sz: size_of::<libbpf_sys::bpf_prog_load_opts>() as u64,
        expected_attach_type: libbpf_sys::BPF_LSM_MAC,
        attach_btf_id: btf_id as u32,
        ..Default::default()
    };
    // SAFETY: every pointer is to a live value of the type and length that bpf_prog_load(3) takes.
    let fd = unsafe {
        libbpf_sys::bpf_prog_load(
            libbpf_sys::BPF_PROG_TYPE_LSM,
            c"trivial".as_ptr(),
            license.as_ptr(),
            instructions.as_ptr(),
            instructions.len() as u64,
            &mut options,
        )
    };
    if fd < 0 {
        return Err(std::io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the descriptor was just returned to us and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[test]
fn the_kernel_takes_a_trivial_lsm_program() {
    if !in_guest() {
        eprintln!("skipped: this is no guest");
        return;
    }
    let program = load_trivial_lsm_program("file_open").expect("the guest's kernel takes LSM programs");
    assert!(program.as_raw_fd() > 2);
}

#[test]
fn bpf_is_among_the_active_security_modules() {
    if !in_guest() {
        eprintln!("skipped: this is no guest");
        return;
    }
    let active = fs::read_to_string("/sys/kernel/security/lsm").expect("securityfs is mounted");
    assert!(active.split(',').any(|name| name == "bpf"), "{active}");
}

#[test]
fn every_directory_that_jails_need_is_writable() {
    if !in_guest() {
        eprintln!("skipped: this is no guest");
        return;
    }
    for directory in ["/run", "/tmp", "/etc", "/var/jailmgr", "/var/log", "/dev/shm", "/root", env!("CARGO_MANIFEST_DIR")] {
        let scratch = tempfile::tempdir_in(directory).unwrap_or_else(|error| panic!("{directory}: {error}"));
        fs::write(scratch.path().join("file"), "text").unwrap_or_else(|error| panic!("{directory}: {error}"));
    }
}

#[test]
fn a_cgroup_can_be_made_and_removed() {
    if !in_guest() {
        eprintln!("skipped: this is no guest");
        return;
    }
    let cgroup = "/sys/fs/cgroup/guest-test";
    fs::create_dir(cgroup).expect("cgroup v2 is mounted");
    let procs = fs::read_to_string(format!("{cgroup}/cgroup.procs"));
    fs::remove_dir(cgroup).expect("an empty cgroup can go");
    assert_eq!(procs.expect("a cgroup lists its members"), "");
}

#[test]
fn the_loopback_carries_a_connection() {
    if !in_guest() {
        eprintln!("skipped: this is no guest");
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback is up");
    let address = listener.local_addr().expect("a bound socket has an address");
    std::net::TcpStream::connect(address).expect("the loopback connects");
}
