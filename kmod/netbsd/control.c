/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The calls of userland: sysctl(7) nodes below security.models.jail.
 *
 * Attacks answered: creating, changing, entering or ending jails as anyone but host root; a structure of another version or
 * size taken for ours; a jail that nobody knows of because its jid could not be told.
 */
#include "jail.h"

#include <sys/sysctl.h>

#include <uvm/uvm_extern.h>

static struct sysctllog *nodes;

static int
refuse_member(struct lwp *l)
{
	const struct credential *who = jail_credential_of(l->l_cred);

	if (who == NULL)
		return 0;
	(void)jail_deny(who, JP_JAIL_ENTER);
	return EPERM;
}

static int
refuse_all_but_host_root(struct lwp *l)
{
	int error = refuse_member(l);

	return error == 0 && kauth_cred_geteuid(l->l_cred) != 0 ? EPERM : error;
}

/* Reads a whole structure from userland and is sure that there is room for the answer. */
static int
take_call(struct lwp *l, void *call, size_t size, void *oldp, const size_t *oldlenp, const void *newp, size_t newlen)
{
	if (newp == NULL || newlen != size)
		return EINVAL;
	if (oldp == NULL || *oldlenp < size)
		return ENOMEM;
	return sysctl_copyin(l, newp, call, size);
}

static int
give_answer(struct lwp *l, const void *call, size_t size, void *oldp, size_t *oldlenp)
{
	*oldlenp = size;
	return sysctl_copyout(l, call, oldp, size);
}

static int
on_create(SYSCTLFN_ARGS)
{
	struct jail_create *call;
	int error = refuse_all_but_host_root(l), told;

	if (error != 0)
		return error;
	if (namelen != 0)
		return EINVAL;
	if (newp == NULL && oldp == NULL) {
		*oldlenp = sizeof(*call);
		return 0;
	}
	call = kmem_zalloc(sizeof(*call), KM_SLEEP);
	error = take_call(l, call, sizeof(*call), oldp, oldlenp, newp, newlen);
	if (error == 0) {
		call->jid = 0;
		call->taken_port = 0;
		memset(call->owner, 0, sizeof(call->owner));
		error = jail_create(call);
		if (error == 0 || error == EADDRINUSE) {
			told = give_answer(l, call, sizeof(*call), oldp, oldlenp);
			if (error == 0 && told != 0)
				jail_abandon(call->jid);
			else if (error == 0)
				jail_activate(call->jid);
			if (error == 0)
				error = told;
		}
	}
	kmem_free(call, sizeof(*call));
	return error;
}

static int
on_update(SYSCTLFN_ARGS)
{
	struct jail_update call;
	int error = refuse_all_but_host_root(l);

	if (error != 0)
		return error;
	if (namelen != 0)
		return EINVAL;
	if (newp == NULL && oldp == NULL) {
		*oldlenp = sizeof(call);
		return 0;
	}
	error = take_call(l, &call, sizeof(call), oldp, oldlenp, newp, newlen);
	if (error != 0)
		return error;
	call.taken_port = 0;
	memset(call.owner, 0, sizeof(call.owner));
	error = jail_update(&call);
	if (error == 0)
		return give_answer(l, &call, sizeof(call), oldp, oldlenp);
	if (error == EADDRINUSE)
		(void)give_answer(l, &call, sizeof(call), oldp, oldlenp);
	return error;
}

static int
on_signal(SYSCTLFN_ARGS)
{
	struct jail_signal call;
	int error = refuse_all_but_host_root(l);

	if (error != 0)
		return error;
	if (namelen != 0)
		return EINVAL;
	error = take_call(l, &call, sizeof(call), oldp, oldlenp, newp, newlen);
	if (error == 0)
		error = jail_signal(&call);
	return error == 0 ? give_answer(l, &call, sizeof(call), oldp, oldlenp) : error;
}

/* Reads and writes one int through the kernel's own code; *value is what was written, if anything was. */
static int
through_int(int *value, SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;

	node.sysctl_data = value;
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

static int
on_id(SYSCTLFN_ARGS)
{
	int error = refuse_all_but_host_root(l), jid = JP_HOST;

	if (error == 0)
		error = through_int(&jid, SYSCTLFN_CALL(rnode));
	if (error != 0 || newp == NULL || jid == JP_HOST)
		return error;
	return jid > 0 ? jail_enter(l, jid) : EINVAL;
}

static int
on_destroy(SYSCTLFN_ARGS)
{
	int error = refuse_all_but_host_root(l), jid = JP_HOST;

	if (error == 0)
		error = through_int(&jid, SYSCTLFN_CALL(rnode));
	if (error != 0 || newp == NULL)
		return error;
	return jid > 0 ? jail_destroy(jid) : EINVAL;
}

static int
on_dying(SYSCTLFN_ARGS)
{
	int error = refuse_member(l), count;

	if (error != 0)
		return error;
	mutex_enter(&jail_lock);
	count = jail_dying();
	mutex_exit(&jail_lock);
	return through_int(&count, SYSCTLFN_CALL(rnode));
}

/* ---- listings: two calls, the first for the size; one entry at a time, each whole ---- */

static void
describe(struct jail *jail, struct jail_info *info)
{
	uint64_t sum = 0, count;
	u_int i;

	memset(info, 0, sizeof(*info));
	jail_fold_denials(jail);
	info->version = JAIL_ABI;
	info->jid = jail->identity->jid;
	info->rights = (uint64_t)JAIL_LOAD(jail->identity->rights[1]) << 32 | JAIL_LOAD(jail->identity->rights[0]);
	info->state = jail->state;
	info->processes = jail->processes;
	info->references = JAIL_LOAD(jail->identity->references) - 1;
	info->memory_bytes = jail->memory;
	info->cpu_ticks = jail->cpu_ticks;
	info->created_s = jail->created_s;
	count = MIN(jail->samples_taken, JAIL_SAMPLES);
	for (i = 0; i < count; i++)
		sum += jail->samples[i];
	if (count != 0) {
		info->cpu_ticks_1s = jail->samples[(jail->samples_taken - 1) % JAIL_SAMPLES];
		info->cpu_ticks_10s = sum / count;
	}
	for (i = 0; i < JP_RIGHT_COUNT; i++)
		info->denials[i] = jail->denials[i];
	info->port_count = jail->port_count;
	for (i = 0; i < jail->port_count; i++)
		info->ports[i] = jail->ports[i].number;
	strlcpy(info->name, jail->name, sizeof(info->name));
	strlcpy(info->root, jail->root, sizeof(info->root));
	strlcpy(info->profile, jail->profile, sizeof(info->profile));
}

/* A listing ends with the last jail that there was when it began: none is listed in two lives. */
static u_int
newest_jid(void)
{
	struct jail *jail;
	u_int jid;

	mutex_enter(&jail_lock);
	jail = TAILQ_LAST(&jails, jail_list);
	jid = jail != NULL ? jail->identity->jid : JP_HOST;
	mutex_exit(&jail_lock);
	return jid;
}

/* The jail after the one with this jid, up to that with jid last; jail_lock is held. */
static struct jail *
next_of(u_int jid, u_int last)
{
	struct jail *jail;

	TAILQ_FOREACH(jail, &jails, entry)
		if (jail->identity->jid > jid)
			return jail->identity->jid <= last ? jail : NULL;
	return NULL;
}

static bool
next_info(u_int jid, u_int last, struct jail_info *info)
{
	struct jail *jail;

	mutex_enter(&jail_lock);
	jail = next_of(jid, last);
	if (jail != NULL)
		describe(jail, info);
	mutex_exit(&jail_lock);
	return jail != NULL;
}

static int
on_list(SYSCTLFN_ARGS)
{
	struct jail_info *info;
	size_t room = oldp != NULL ? *oldlenp : 0, needed = 0;
	u_int jid = 0, last = newest_jid();
	int error = refuse_member(l);

	if (error != 0)
		return error;
	if (newp != NULL)
		return EPERM;
	if (namelen != 0)
		return EINVAL;
	info = kmem_alloc(sizeof(*info), KM_SLEEP);
	while (error == 0 && next_info(jid, last, info)) {
		if (oldp != NULL && needed + sizeof(*info) <= room)
			error = sysctl_copyout(l, info, (char *)oldp + needed, sizeof(*info));
		needed += sizeof(*info);
		jid = info->jid;
	}
	kmem_free(info, sizeof(*info));
	*oldlenp = needed;
	return error == 0 && oldp != NULL && needed > room ? ENOMEM : error;
}

/* The members of the next jail, up to limit; false: there is none. found: how many it has. */
static bool
next_members(u_int *jid, u_int last, struct jail_member *list, size_t limit, size_t *found)
{
	struct member *member;
	struct jail_member *out;
	struct jail *jail;

	*found = 0;
	mutex_enter(&jail_lock);
	jail = next_of(*jid, last);
	if (jail != NULL) {
		TAILQ_FOREACH(member, &jail->members, entry) {
			if (++*found > limit)
				continue;
			out = &list[*found - 1];
			memset(out, 0, sizeof(*out));
			out->version = JAIL_ABI;
			out->jid = jail->identity->jid;
			out->pid = member->proc->p_pid;
			out->arriving = member->arriving;
			out->cpu_ticks = member->ticks_seen;
			out->memory_bytes = member->memory;
			strlcpy(out->command, member->proc->p_comm, sizeof(out->command));
		}
		if (*found <= limit)
			*jid = jail->identity->jid;
	}
	mutex_exit(&jail_lock);
	return jail != NULL;
}

static int
on_members(SYSCTLFN_ARGS)
{
	struct jail_member *list;
	size_t room = oldp != NULL ? *oldlenp : 0, needed = 0, limit = 64, found, fits;
	u_int jid = 0, last = newest_jid();
	int error = refuse_member(l);

	if (error != 0)
		return error;
	if (newp != NULL)
		return EPERM;
	if (namelen != 0)
		return EINVAL;
	list = kmem_alloc(limit * sizeof(*list), KM_SLEEP);
	while (error == 0 && next_members(&jid, last, list, limit, &found)) {
		if (found > limit) {
			/* Again, with more room: jid stays. No jail has more than maxproc processes. */
			kmem_free(list, limit * sizeof(*list));
			limit = found * 2;
			list = kmem_alloc(limit * sizeof(*list), KM_SLEEP);
			continue;
		}
		fits = needed < room ? MIN(found, (room - needed) / sizeof(*list)) : 0;
		if (fits != 0)
			error = sysctl_copyout(l, list, (char *)oldp + needed, fits * sizeof(*list));
		needed += found * sizeof(*list);
	}
	kmem_free(list, limit * sizeof(*list));
	*oldlenp = needed;
	return error == 0 && oldp != NULL && needed > room ? ENOMEM : error;
}

/* ---- nodes ---- */

static int abi_version = JAIL_ABI;
static char model_name[] = "NetBSD Jail";

int
jail_control_init(void)
{
	const struct sysctlnode *parent = NULL, *node;
	int error;

	nodes = NULL;
	error = sysctl_createv(&nodes, 0, NULL, &parent, 0, CTLTYPE_NODE, "models",
	    SYSCTL_DESCR("Security models"), NULL, 0, NULL, 0, CTL_SECURITY, CTL_CREATE, CTL_EOL);
	if (error == 0)
		error = sysctl_createv(&nodes, 0, &parent, &parent, 0, CTLTYPE_NODE, "jail", SYSCTL_DESCR("Jails"), NULL, 0,
		    NULL, 0, CTL_CREATE, CTL_EOL);
#define NODE(flags, kind, name, what, function, data, size)                                                          \
	if (error == 0)                                                                                              \
	error = sysctl_createv(&nodes, 0, &parent, &node, flags, CTLTYPE_##kind, name, SYSCTL_DESCR(what), function, 0, data, \
	    size, CTL_CREATE, CTL_EOL)
	NODE(CTLFLAG_READONLY, INT, "version", "Version of the structures", NULL, &abi_version, 0);
	NODE(CTLFLAG_READONLY, STRING, "name", "Name of the model", NULL, model_name, sizeof(model_name));
	NODE(CTLFLAG_READWRITE, INT, "id", "The caller's jail, or to enter one", on_id, NULL, 0);
	NODE(CTLFLAG_READWRITE, STRUCT, "create", "To create a jail", on_create, NULL, 0);
	NODE(CTLFLAG_READWRITE, STRUCT, "update", "To change a jail", on_update, NULL, 0);
	NODE(CTLFLAG_READWRITE, INT, "destroy", "To destroy an empty jail", on_destroy, NULL, 0);
	NODE(CTLFLAG_READWRITE, STRUCT, "signal", "To signal all of a jail", on_signal, NULL, 0);
	NODE(CTLFLAG_READONLY, STRUCT, "list", "All jails", on_list, NULL, 0);
	NODE(CTLFLAG_READONLY, STRUCT, "members", "The processes of all jails", on_members, NULL, 0);
	NODE(CTLFLAG_READONLY, INT, "dying", "Destroyed jails that credentials still name", on_dying, NULL, 0);
#undef NODE
	if (error != 0)
		sysctl_teardown(&nodes);
	return error;
}

/* Waits for calls that are under way. */
void
jail_control_fini(void)
{
	sysctl_teardown(&nodes);
}
