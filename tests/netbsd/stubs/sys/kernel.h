/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * sys/kernel.h. Declared here for checks that have no NetBSD sources: kauth(9) and the manual pages it names
 * say what these are. The numbers are not the kernel's; nothing here ends up in a module that runs.
 */
#ifndef STUB_SYS_KERNEL_H
#define STUB_SYS_KERNEL_H

/* Names that a module must not take for something else are here as well. */
extern int hz, stathz, profhz, tick, tickadj, cold, boothowto;

#endif
