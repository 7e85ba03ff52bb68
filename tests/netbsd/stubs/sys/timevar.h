/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STUB_SYS_TIMEVAR_H
#define STUB_SYS_TIMEVAR_H

struct timespec;

void getnanouptime(struct timespec *);

#endif
