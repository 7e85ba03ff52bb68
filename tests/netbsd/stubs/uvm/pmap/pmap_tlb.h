/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STUB_PMAP_TLB_H
#define STUB_PMAP_TLB_H

struct pmap_asid_info {
	void *pai_private[3];
};

#endif
