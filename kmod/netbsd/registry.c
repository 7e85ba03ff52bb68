/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Which jails there are, from create to destroy.
 *
 * Attacks answered: two jails of one name by creating both at once; a half-made jail after a refused one; a member that
 * survives its jail's end because it entered or forked meanwhile; a name that is a path.
 */
#include "jail.h"

#include <sys/namei.h>
#include <sys/signal.h>
#include <sys/time.h>
#include <sys/vnode.h>

kmutex_t jail_lock;
struct jail_list jails;
static u_int jail_count; /* j */
static u_int last_jid;	 /* j: never reused while the module is loaded */
static bool sealed;	 /* j: the module is being unloaded */

struct jail *
jail_find(u_int jid)
{
	struct jail *jail;

	KASSERT(mutex_owned(&jail_lock));
	TAILQ_FOREACH(jail, &jails, entry)
		if (jail->identity->jid == jid)
			return jail;
	return NULL;
}

static struct jail *
find_named(const char *name)
{
	struct jail *jail;

	TAILQ_FOREACH(jail, &jails, entry)
		if (strcmp(jail->name, name) == 0)
			return jail;
	return NULL;
}

static bool
is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* [A-Za-z0-9][A-Za-z0-9._-]*, not all digits, without "..": a name is never a path, nor taken for a jid. */
static bool
is_name(const char *name)
{
	bool only_digits = true;
	u_int i;

	if (!is_alphanumeric(name[0]))
		return false;
	for (i = 0; i < JAIL_NAME_SIZE && name[i] != 0; i++) {
		if (!is_alphanumeric(name[i]) && name[i] != '.' && name[i] != '_' && name[i] != '-')
			return false;
		if (name[i] == '.' && name[i + 1] == '.')
			return false;
		if (name[i] < '0' || name[i] > '9')
			only_digits = false;
	}
	return i < JAIL_NAME_SIZE && !only_digits;
}

static bool
is_text(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size && text[i] != 0; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return i < size;
}

static int
check_create(const struct jail_create *call)
{
	if (call->version != JAIL_ABI)
		return EPROTONOSUPPORT;
	/* An earlier end of the string than of its array is fine; none is not. */
	if (!is_text(call->name, sizeof(call->name)) || !is_name(call->name))
		return EINVAL;
	if (!is_text(call->root, sizeof(call->root)) || call->root[0] != '/')
		return EINVAL;
	if (!is_text(call->profile, sizeof(call->profile)))
		return EINVAL;
	if (call->unused[0] != 0 || call->unused[1] != 0 || call->unused[2] != 0 || call->unused[3] != 0)
		return EINVAL;
	return jail_ports_check(call->ports, call->port_count);
}

/* The root, as a directory that stays held. */
static int
hold_root(const char *path, struct vnode **root)
{
	int error = namei_simple_kernel(path, NSM_FOLLOW_NOEMULROOT, root);

	if (error == 0 && (*root)->v_type != VDIR) {
		vrele(*root);
		error = ENOTDIR;
	}
	return error;
}

static int
next_jid(u_int *jid)
{
	int error = 0;

	mutex_enter(&jail_lock);
	if (last_jid >= INT32_MAX) /* jids travel as int */
		error = EOVERFLOW;
	else
		*jid = ++last_jid;
	mutex_exit(&jail_lock);
	return error;
}

static int
insert(struct jail *jail, struct jail_create *call)
{
	struct jail *last;
	int error;

	KASSERT(mutex_owned(&jail_lock));
	if (sealed)
		return ESHUTDOWN;
	if (jail_count >= JAIL_MAX)
		return ENOSPC;
	if (find_named(jail->name) != NULL)
		return EEXIST;
	error = jail_ports_take(jail, call->ports, call->port_count, &call->taken_port, call->owner);
	if (error != 0)
		return error;
	/* A jid that was drawn later may have been inserted earlier. */
	TAILQ_FOREACH_REVERSE(last, &jails, jail_list, entry)
		if (last->identity->jid < jail->identity->jid)
			break;
	if (last != NULL)
		TAILQ_INSERT_AFTER(&jails, last, jail, entry);
	else
		TAILQ_INSERT_HEAD(&jails, jail, entry);
	jail_count++;
	return 0;
}

static void
discard(struct jail *jail)
{
	vrele(jail->root_vnode);
	jail_identity_release(jail->identity);
	kmem_free(jail, sizeof(*jail));
}

/* Leaves a jail that nobody can enter until jail_activate. */
int
jail_create(struct jail_create *call)
{
	struct jail *jail;
	struct vnode *root;
	struct timespec uptime;
	u_int jid;
	int error = check_create(call);

	if (error == 0)
		error = hold_root(call->root, &root);
	if (error != 0)
		return error;
	error = next_jid(&jid);
	if (error != 0) {
		vrele(root);
		return error;
	}
	getnanouptime(&uptime);
	jail = kmem_zalloc(sizeof(*jail), KM_SLEEP);
	jail->identity = jail_identity_new(jid, call->rights);
	jail->root_vnode = root;
	jail->state = JAIL_CREATING;
	jail->created_s = uptime.tv_sec;
	TAILQ_INIT(&jail->members);
	strlcpy(jail->name, call->name, sizeof(jail->name));
	strlcpy(jail->root, call->root, sizeof(jail->root));
	strlcpy(jail->profile, call->profile, sizeof(jail->profile));
	mutex_enter(&jail_lock);
	error = insert(jail, call);
	mutex_exit(&jail_lock);
	if (error != 0) {
		discard(jail);
		return error;
	}
	call->jid = jid;
	return 0;
}

void
jail_activate(u_int jid)
{
	struct jail *jail;
	char name[JAIL_NAME_SIZE];
	bool admitted;

	mutex_enter(&jail_lock);
	jail = jail_find(jid);
	KASSERT(jail != NULL && jail->state == JAIL_CREATING);
	admitted = jail_log_admits();
	jail->state = JAIL_ACTIVE;
	strlcpy(name, jail->name, sizeof(name));
	mutex_exit(&jail_lock);
	if (admitted)
		jail_log_created(name, jid);
}

/* One half after the other: each right is either the old or the new one. */
static void
set_rights(struct jail *jail, uint64_t rights)
{
	JAIL_STORE(jail->identity->rights[0], (u_int)rights);
	JAIL_STORE(jail->identity->rights[1], (u_int)(rights >> 32));
}

static void
take_out(struct jail *jail)
{
	u_int taken;
	char owner[JAIL_NAME_SIZE];

	KASSERT(mutex_owned(&jail_lock));
	KASSERT(TAILQ_EMPTY(&jail->members));
	(void)jail_ports_take(jail, NULL, 0, &taken, owner);
	TAILQ_REMOVE(&jails, jail, entry);
	jail_count--;
	jail->state = JAIL_DYING;
	/* Whatever a left-over credential asks is refused. */
	JAIL_STORE(jail->identity->closed, 1);
	set_rights(jail, 0);
}

/* The jid could not be told to userland. */
void
jail_abandon(u_int jid)
{
	struct jail *jail;

	mutex_enter(&jail_lock);
	jail = jail_find(jid);
	KASSERT(jail != NULL && jail->state == JAIL_CREATING);
	take_out(jail);
	mutex_exit(&jail_lock);
	discard(jail);
}

int
jail_update(struct jail_update *call)
{
	struct jail *jail;
	int error = 0;

	if (call->version != JAIL_ABI)
		return EPROTONOSUPPORT;
	if (call->unused1 != 0 || call->unused2[0] != 0 || call->unused2[1] != 0 || call->unused2[2] != 0 || call->unused2[3] != 0)
		return EINVAL;
	if ((call->changes & ~(JAIL_UPDATE_RIGHTS | JAIL_UPDATE_PORTS | JAIL_UPDATE_CLOSE)) != 0 || call->jid == JP_HOST)
		return EINVAL;
	if ((call->changes & JAIL_UPDATE_PORTS) != 0)
		error = jail_ports_check(call->ports, call->port_count);
	if (error != 0)
		return error;
	mutex_enter(&jail_lock);
	jail = jail_find(call->jid);
	if (jail == NULL || jail->state == JAIL_CREATING)
		error = ENOENT;
	else if ((call->changes & JAIL_UPDATE_PORTS) != 0)
		error = jail_ports_take(jail, call->ports, call->port_count, &call->taken_port, call->owner);
	if (error == 0 && (call->changes & JAIL_UPDATE_RIGHTS) != 0)
		set_rights(jail, call->rights);
	if (error == 0 && (call->changes & JAIL_UPDATE_CLOSE) != 0) {
		JAIL_STORE(jail->identity->closed, 1);
		jail->state = JAIL_CLOSED;
	}
	mutex_exit(&jail_lock);
	return error;
}

/* The identity of a jail, to be released; NULL: there is no such jail. */
static struct identity *
hold_identity(u_int jid)
{
	struct identity *identity = NULL;
	struct jail *jail;

	mutex_enter(&jail_lock);
	jail = jail_find(jid);
	if (jail != NULL) {
		identity = jail->identity;
		atomic_inc_uint(&identity->references);
	}
	mutex_exit(&jail_lock);
	return identity;
}

int
jail_signal(struct jail_signal *call)
{
	struct identity *identity;

	if (call->version != JAIL_ABI)
		return EPROTONOSUPPORT;
	if (call->jid == JP_HOST || call->signal <= 0 || call->signal >= NSIG)
		return EINVAL;
	identity = hold_identity(call->jid);
	if (identity == NULL)
		return ENOENT;
	call->count = jail_signal_carriers(identity, call->signal);
	jail_identity_release(identity);
	return 0;
}

/* Does a process carry the jail's identity, be it a zombie? ENOENT: there is no such jail. */
static int
look_for_carriers(u_int jid, bool *carried)
{
	struct identity *identity = hold_identity(jid);

	if (identity == NULL)
		return ENOENT;
	*carried = jail_is_carried(identity);
	jail_identity_release(identity);
	return 0;
}

/* EBUSY: it has members, zombies included. Whoever enters after the look for carriers is counted, so that no member is ever
 * left without its jail; one that enters and ends between the two steps is not waited for until it is reaped. */
int
jail_destroy(u_int jid)
{
	struct jail *jail;
	char name[JAIL_NAME_SIZE];
	bool carried, admitted = false;
	u_int denied = 0, most = 0;
	int error;

	if (jid == JP_HOST)
		return EINVAL;
	error = look_for_carriers(jid, &carried);
	if (error != 0)
		return error;
	mutex_enter(&jail_lock);
	jail = jail_find(jid);
	if (jail == NULL)
		error = ENOENT;
	else if (jail->state == JAIL_CREATING || jail->processes != 0 || carried)
		error = EBUSY;
	if (error == 0) {
		take_out(jail);
		denied = jail_take_untold(jail->identity, &most);
		admitted = jail_log_admits();
		strlcpy(name, jail->name, sizeof(name));
	}
	mutex_exit(&jail_lock);
	if (error != 0)
		return error;
	discard(jail);
	if (admitted)
		jail_log_destroyed(name, jid, denied, most);
	return 0;
}

/* Refuses new jails for good. False: there are some. */
bool
jail_seal(void)
{
	bool empty;

	mutex_enter(&jail_lock);
	empty = jail_count == 0;
	if (empty)
		sealed = true;
	mutex_exit(&jail_lock);
	return empty;
}

void
jail_unseal(void)
{
	mutex_enter(&jail_lock);
	TAILQ_INIT(&jails);
	jail_count = 0;
	last_jid = 0;
	sealed = false;
	mutex_exit(&jail_lock);
}
