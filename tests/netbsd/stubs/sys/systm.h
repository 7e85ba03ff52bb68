/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * sys/systm.h. Declared here for checks that have no NetBSD sources: kauth(9) and the manual pages it names
 * say what these are. The numbers are not the kernel's; nothing here ends up in a module that runs.
 */
#ifndef STUB_SYS_SYSTM_H
#define STUB_SYS_SYSTM_H

#include <sys/types.h>

#include <lib/libkern/libkern.h>

struct proc;

typedef int (*copyin_t)(const void *, void *, size_t);
typedef int (*copyout_t)(const void *, void *, size_t);

void panic(const char *, ...);
void log(int, const char *, ...);
void *exechook_establish(void (*)(struct proc *, void *), void *);
void exechook_disestablish(void *);

#endif
