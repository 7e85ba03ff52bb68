//! What a jail lacks the right to do is refused by the kernel, with the errno that programs expect.

use nix::errno::Errno;

use crate::stage::in_a_medium_jail;

crate::cases![root_cannot_mount];

fn root_cannot_mount() {
    in_a_medium_jail(|| {
        // SAFETY: a pointer to nothing: were it looked at, the answer would be EFAULT.
        let answer = Errno::result(unsafe { libc::syscall(libc::SYS_mount, 0, 0, 0, 0, 0) });
        assert_eq!(answer, Err(Errno::EPERM));
    });
}
