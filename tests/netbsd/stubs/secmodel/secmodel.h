/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * secmodel/secmodel.h. Declared here for checks that have no NetBSD sources: kauth(9) and the manual pages it names
 * say what these are. The numbers are not the kernel's; nothing here ends up in a module that runs.
 */
#ifndef STUB_SECMODEL_H
#define STUB_SECMODEL_H

#include <sys/types.h>

#include <prop/proplib.h>

typedef struct secmodel_descr *secmodel_t;
typedef int (*secmodel_eval_t)(const char *, void *, void *);
typedef int (*secmodel_setinfo_t)(void *);

int secmodel_register(secmodel_t *, const char *, const char *, prop_dictionary_t, secmodel_eval_t, secmodel_setinfo_t);
int secmodel_deregister(secmodel_t);

#endif
