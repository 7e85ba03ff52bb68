/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Of arm; the other machines' headers bring their own. */
#ifndef STUB_MACHINE_INTR_H
#define STUB_MACHINE_INTR_H

#define IPL_NONE 0
#define IPL_SCHED 7

typedef uint8_t ipl_t;
typedef struct {
	ipl_t _ipl;
} ipl_cookie_t;

#endif
