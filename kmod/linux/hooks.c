/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * hooks.def as a table for jailsh, which loads the programs and tells what they enforce.
 */
#include "../policy/policy.h"

enum { ANY = -1 };
enum { REQUIRED, OPTIONAL, ONE_OF };

struct jail_hook {
	const char *program;
	const char *function;
	int arguments;
	int need;
	jp_u64 rights;
};

const struct jail_hook jail_hooks[] = {
#define HOOK(program, function, arguments, need, rights) { #program, function, arguments, need, rights },
#include "hooks.def"
#undef HOOK
};
const jp_u64 jail_hook_count = sizeof(jail_hooks) / sizeof(jail_hooks[0]);
