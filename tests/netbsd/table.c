/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Prints what kmod/policy decides of each question of kauth(9): scope, action, right, and yes or - for low, medium, high.
 */
#include <stdio.h>

#include "../../kmod/policy/kauth.h"

static const char *const names[] = {
#define RIGHT(sym, name, levels, reason) name,
#include "../../kmod/policy/rights.def"
#undef RIGHT
};

static void
row(const char *scope, const char *action, jp_u32 right)
{
	printf("%s %s %s", scope, action, right == JP_FREE ? "free" : names[right]);
	for (jp_u32 level = JP_LOW; level < JP_LEVEL_COUNT; level++)
		printf(" %s", jp_holds(jp_level_mask(level), right) ? "yes" : "-");
	printf("\n");
}

static void
row_of_device(const char *name, int block, jp_u32 driver, jp_u32 minor)
{
	row("DEVICE", name, jp_right_of_netbsd_device(block, driver, minor));
}

int
main(void)
{
	enum { STREAM = 1, DGRAM = 2, RAW = 3, SCTP = 132, KEY = 29 };

#define NEWER_ACTION(scope, action, right) ACTION(scope, action, right)
#define NEWER_REQUEST(scope, action, request, right) REQUEST(scope, action, request, right)
#define ON_PROCESS(action, fence, right)                                                  \
	row("OTHERS", #action, jp_fence_of_kauth(JP_KAUTH_PROCESS_##action));             \
	row("OWN", #action, jp_right_of_kauth(JP_KAUTH_PROCESS_##action));
#define ACTION(scope, action, right) row(#scope, #action, jp_right_of_kauth(JP_KAUTH_##scope##_##action));
#define REQUEST(scope, action, request, right) \
	row(#scope, #action "/" #request, jp_right_of_kauth(JP_KAUTH_##scope##_##action##_##request));
#include "../../kmod/policy/kauth.def"
	row("OWN", "NICE/raised", jp_right_of_nice(1));
	row("OWN", "RLIMIT/raised", jp_right_of_rlimit(1));
	row("OWN", "FORK/closed", jp_right_of_fork(1));
	row("OWN", "PROCFS/memory", jp_right_of_procfs(1));
	row("OWN", "CANSEE/KPTR", jp_right_of_kernel_pointers());
	row("NETWORK", "SOCKET/OPEN/local", jp_right_of_netbsd_socket(JP_NETBSD_AF_LOCAL, STREAM, 0));
	row("NETWORK", "SOCKET/OPEN/tcp", jp_right_of_netbsd_socket(JP_NETBSD_AF_INET, STREAM, 0));
	row("NETWORK", "SOCKET/OPEN/udp6", jp_right_of_netbsd_socket(JP_NETBSD_AF_INET6, DGRAM, 0));
	row("NETWORK", "SOCKET/OPEN/raw", jp_right_of_netbsd_socket(JP_NETBSD_AF_INET, RAW, 1));
	row("NETWORK", "SOCKET/OPEN/route", jp_right_of_netbsd_socket(JP_NETBSD_AF_ROUTE, RAW, 0));
	row("NETWORK", "SOCKET/OPEN/link", jp_right_of_netbsd_socket(JP_NETBSD_AF_LINK, DGRAM, 0));
	row("NETWORK", "SOCKET/OPEN/sctp", jp_right_of_netbsd_socket(JP_NETBSD_AF_INET, STREAM, SCTP));
	row("NETWORK", "SOCKET/OPEN/key", jp_right_of_netbsd_socket(KEY, RAW, 2));
	row_of_device("RAWIO_SPEC/null", 0, JP_DRIVER_MEM, 2);
	row_of_device("RAWIO_SPEC/mem", 0, JP_DRIVER_MEM, 0);
	row_of_device("RAWIO_SPEC/tty", 0, JP_DRIVER_CTTY, 0);
	row_of_device("RAWIO_SPEC/urandom", 0, JP_DRIVER_RND, 1);
	row_of_device("RAWIO_SPEC/ptmx", 0, JP_DRIVER_PTM, 0);
	row_of_device("RAWIO_SPEC/pts", 0, JP_DRIVER_PTS, 3);
	row_of_device("RAWIO_SPEC/other", 0, JP_DRIVER_OTHER, 0);
	row_of_device("RAWIO_SPEC/disk", 1, JP_DRIVER_OTHER, 0);
	return 0;
}
