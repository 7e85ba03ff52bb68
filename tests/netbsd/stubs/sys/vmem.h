/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STUB_SYS_VMEM_H
#define STUB_SYS_VMEM_H

typedef struct vmem vmem_t;
typedef unsigned int vm_flag_t;
typedef uintptr_t vmem_addr_t;
typedef size_t vmem_size_t;

#endif
