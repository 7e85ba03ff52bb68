/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What differs between the NetBSD versions that the module is written for: 7.99, 9.99, 10 and 11. Nothing else in this
 * directory looks at a version.
 */
#ifndef JAIL_NETBSD_VERSION_H
#define JAIL_NETBSD_VERSION_H

#include <sys/param.h>

/* Actions of sys/kauth.h that 7.99 lacks. */
#if __NetBSD_Prereq__(9, 99, 100)
#define JAIL_HAS_NEWER_ACTIONS 1
#else
#define JAIL_HAS_NEWER_ACTIONS 0
#endif

/* KAUTH_REQ_PROCESS_CANSEE_KPTR is older than those: kern.expose_address came with it, before 9. */
#if __NetBSD_Prereq__(9, 99, 0)
#define JAIL_HAS_KERNEL_POINTERS 1
#else
#define JAIL_HAS_KERNEL_POINTERS 0
#endif

/* Before and after a count is seen to fall to zero; atomic(9) renamed them in 9.99. */
#if __NetBSD_Prereq__(9, 99, 100)
#define JAIL_BEFORE_DROP() membar_release()
#define JAIL_AFTER_LAST() membar_acquire()
#else
#define JAIL_BEFORE_DROP() membar_exit()
#define JAIL_AFTER_LAST() membar_enter()
#endif

/* proc_lock became a mutex, from a pointer to one, in the middle of 9.99: ask the type, not the number. */
#define JAIL_PROC_LOCK                                                                                   \
	__builtin_choose_expr(__builtin_types_compatible_p(__typeof__(proc_lock), kmutex_t *), proc_lock, \
			      &proc_lock)

#endif
