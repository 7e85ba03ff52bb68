/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STUB_SYS_PSLIST_H
#define STUB_SYS_PSLIST_H

struct pslist_entry {
	void *pslist_private[2];
};
struct pslist_head {
	void *pslist_private;
};

#endif
