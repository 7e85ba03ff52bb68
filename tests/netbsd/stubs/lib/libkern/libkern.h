/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * lib/libkern/libkern.h. Declared here for checks that have no NetBSD sources: kauth(9) and the manual pages it names
 * say what these are. The numbers are not the kernel's; nothing here ends up in a module that runs.
 */
#ifndef STUB_LIBKERN_H
#define STUB_LIBKERN_H

#include <sys/types.h>

#ifndef KASSERT
#define KASSERT(condition) ((void)0)
#endif
#ifndef offsetof
#define offsetof(type, field) __builtin_offsetof(type, field)
#endif
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
int strcmp(const char *, const char *);
size_t strlen(const char *);
size_t strlcpy(char *, const char *, size_t);

#endif
