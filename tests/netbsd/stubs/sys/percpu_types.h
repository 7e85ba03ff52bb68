/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STUB_SYS_PERCPU_TYPES_H
#define STUB_SYS_PERCPU_TYPES_H

typedef struct percpu percpu_t;

#endif
