/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* struct schedstate_percpu comes from sys/sched.h; other headers' inline functions reach for its lock. */
#ifndef STUB_SYS_CPU_DATA_H
#define STUB_SYS_CPU_DATA_H

#include <sys/sched.h>

struct cpu_data {
	struct schedstate_percpu cpu_schedstate;
	struct lwp *cpu_idlelwp;
};

#define ci_schedstate ci_data.cpu_schedstate

#endif
