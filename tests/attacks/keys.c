/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel keyrings, which follow the uid and so reach from jail to jail and to the host.
 */
#include "attack.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int session_keyring(void) { return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1)); }

static int user_keyring(void) { return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1)); }

static int add_key_for_user(void)
{
	long key = syscall(SYS_add_key, "user", "jailsh_attack", "x", 1UL, KEY_SPEC_USER_KEYRING);
	if (key < 0)
		return errno;
	syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
	return 0;
}

static int new_session(void) { return outcome(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL)); }

const struct attack key_rows[] = {
	{ "keyctl(session keyring)", DENIED, "ok", "ENOKEY|EACCES|EPERM", "keyring", session_keyring },
	{ "keyctl(user keyring)", DENIED, "ok", "ENOKEY|EACCES|EPERM", "keyring", user_keyring },
	{ "add_key(user keyring)", DENIED, "ok", "ENOKEY|EACCES|EPERM", "keyring", add_key_for_user },
	{ "keyctl(JOIN_SESSION)", OPEN, "ok", "ok", "", new_session },
	{ 0 },
};
