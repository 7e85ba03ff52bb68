/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * secmodel_jail for Linux: a BPF LSM that keeps jails apart. The hooks gather who acts on what; kmod/policy decides.
 * Reading order: abi.h, state.h, identity.h, then the parts in any order. hooks.def lists what is attached where.
 */
#include <asm/errno.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/un.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "../policy/policy.h"
#include "abi.h"
#include "kernel_types.h"
#include "state.h"
#define PORT_TABLE_FLAGS 0
#include "port_table.h"
#include "identity.h"
#include "open_files.h"
#include "process.h"
#include "own_objects.h"
#include "files.h"
#include "sockets.h"
#include "own_address.h"
#include "destinations.h"
#include "ipc.h"
#include "control.h"
#include "bounds.h"
#include "reserving.h"
#include "registry.h"
#include "entering.h"

char module_license[] SEC("license") = "Dual BSD/GPL";
