/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * sys/workqueue.h. Declared here for checks that have no NetBSD sources: kauth(9) and the manual pages it names
 * say what these are. The numbers are not the kernel's; nothing here ends up in a module that runs.
 */
#ifndef STUB_SYS_WORKQUEUE_H
#define STUB_SYS_WORKQUEUE_H

#include <sys/types.h>

struct cpu_info;
struct workqueue;
struct work {
	void *work_private[2];
};

#define WQ_MPSAFE 1

int workqueue_create(struct workqueue **, const char *, void (*)(struct work *, void *), void *, int, int, int);
void workqueue_enqueue(struct workqueue *, struct work *, struct cpu_info *);
void workqueue_destroy(struct workqueue *);

#endif
