/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * secmodel_jail for NetBSD: a security model over kauth(9) that keeps jails apart. The listeners gather who acts on what;
 * kmod/policy decides. No other kernel code changes. Reading order: abi.h, jail.h (with the lock order), credential.c,
 * members.c, registry.c, log.c, then the scopes (process.c, system.c, network.c, device.c, machdep.c), control.c, telemetry.c.
 *
 * Lock order: the sysctl tree and sockets' locks, proc_lock, p_lock, specificdata domains, jail_lock, then p_reflock (tried)
 * and p_stmutex; see jail.h.
 *
 * A listener of the cred scope always allows; every other one denies or defers, so that it never grants what another
 * model refuses.
 */
#include "jail.h"

#include <sys/kernel.h>
#include <sys/module.h>

#include <secmodel/secmodel.h>

MODULE(MODULE_CLASS_SECMODEL, secmodel_jail, NULL);

#define JAIL_MODEL_ID "org.netbsd.secmodel.jail"

static const struct {
	const char *scope;
	kauth_scope_callback_t listener;
} scopes[] = {
	/* First in, last out: while others listen, credentials are followed. */
	{ KAUTH_SCOPE_CRED, jail_cred_listener },
	{ KAUTH_SCOPE_PROCESS, jail_process_listener },
	{ KAUTH_SCOPE_SYSTEM, jail_system_listener },
	{ KAUTH_SCOPE_NETWORK, jail_network_listener },
	{ KAUTH_SCOPE_DEVICE, jail_device_listener },
	{ KAUTH_SCOPE_MACHDEP, jail_machdep_listener },
};

static kauth_listener_t listeners[__arraycount(scopes)];
static secmodel_t model;
static void *exec_hook;

/* For other models: secmodel_eval("org.netbsd.secmodel.jail", "jid", credential, &u_int), 0 for the host. */
static int
on_eval(const char *what, void *arg, void *ret)
{
	if (strcmp(what, "jid") != 0)
		return ENOENT;
	if (arg == NULL || ret == NULL)
		return EINVAL;
	*(u_int *)ret = jail_jid_of(jail_credential_of(arg));
	return 0;
}

/* The kernel walks its lists of listeners and hooks without a lock. A thread that has read a function's address is in it
 * after a moment; the listener of the cred scope and the exec hook may then sleep for memory, as long as it takes. */
static void
let_end(void)
{
	int moment = MAX(hz / 10, 1);

	kpause("jailend", false, moment, NULL);
	while (jail_credential_is_looked_at())
		kpause("jailend", false, moment, NULL);
	/* The last one returns. */
	kpause("jailend", false, moment, NULL);
}

static void
unlisten(void)
{
	u_int i;

	for (i = __arraycount(scopes); i-- > 0;) {
		if (listeners[i] != NULL)
			kauth_unlisten_scope(listeners[i]);
		listeners[i] = NULL;
	}
	let_end();
}

static int
listen_to_all(void)
{
	u_int i;

	for (i = 0; i < __arraycount(scopes); i++) {
		listeners[i] = kauth_listen_scope(scopes[i].scope, scopes[i].listener, NULL);
		if (listeners[i] == NULL) {
			unlisten();
			return ENOMEM;
		}
	}
	return 0;
}

static int
start_model(void)
{
	int error;

	mutex_init(&jail_lock, MUTEX_DEFAULT, IPL_NONE);
	jail_unseal();
	jail_ports_init();
	jail_log_init();
	jail_device_init();
	error = secmodel_register(&model, JAIL_MODEL_ID, "NetBSD Jail", NULL, on_eval, NULL);
	if (error != 0)
		goto no_model;
	error = jail_credential_init(model);
	if (error != 0)
		goto no_key;
	error = jail_members_init();
	if (error != 0)
		goto no_members;
	error = listen_to_all();
	if (error != 0)
		goto no_listeners;
	exec_hook = exechook_establish(jail_on_exec, NULL);
	if (exec_hook == NULL) {
		error = ENOMEM;
		goto no_hook;
	}
	error = jail_telemetry_init();
	if (error != 0)
		goto no_telemetry;
	error = jail_control_init();
	if (error != 0)
		goto no_control;
	return 0;
no_control:
	jail_telemetry_fini();
no_telemetry:
	exechook_disestablish(exec_hook);
no_hook:
	unlisten();
no_listeners:
	jail_members_fini();
no_members:
	jail_credential_fini();
no_key:
	secmodel_deregister(model);
no_model:
	mutex_destroy(&jail_lock);
	return error;
}

/* EBUSY: there are jails. With none, there is no member, and at worst some credentials that name jails that are gone. */
static int
stop_model(void)
{
	if (!jail_seal())
		return EBUSY;
	jail_control_fini();
	exechook_disestablish(exec_hook);
	unlisten();
	jail_telemetry_fini();
	jail_members_fini();
	jail_credential_fini();
	secmodel_deregister(model);
	mutex_destroy(&jail_lock);
	return 0;
}

static int
secmodel_jail_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return start_model();
	case MODULE_CMD_FINI:
		return stop_model();
	case MODULE_CMD_AUTOUNLOAD:
		return EPERM;
	default:
		return ENOTTY;
	}
}
