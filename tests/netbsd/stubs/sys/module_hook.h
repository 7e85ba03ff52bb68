/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#define MODULE_HOOK(...) struct stub_module_hook
