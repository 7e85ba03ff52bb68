/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The processes of jails: the way in, and counting them.
 *
 * Attacks answered: entering with a thread, with shared memory, descriptors or directories, or with an open directory, any of
 * which would reach out of the jail; entering without the jail's root; entering twice; entering a jail that is being ended;
 * emptiness told by credentials, which open files keep.
 */
#include "jail.h"

#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/signalvar.h>
#include <sys/vnode.h>

#include <uvm/uvm_extern.h>

enum { TABLE_SIZE = 256 };

static specificdata_key_t member_key;
/* Members by process: for a question that is asked with a thread's lock held, which is a spin mutex, so that no credential
 * can be looked into. */
static kmutex_t table_lock;
static LIST_HEAD(member_list, member) table[TABLE_SIZE]; /* t */

static struct member_list *
place_of(const struct proc *p)
{
	uintptr_t address = (uintptr_t)p;

	return &table[(address >> 6 ^ address >> 14) % TABLE_SIZE];
}

static struct member *
find_in_table(const struct proc *p)
{
	struct member *member;

	KASSERT(mutex_owned(&table_lock));
	LIST_FOREACH(member, place_of(p), in_table)
		if (member->proc == p)
			break;
	return member;
}

/* It is a member until it ends, and its jail stays as long. */
const struct credential *
jail_caller_by_table(void)
{
	const struct credential *who = NULL;
	struct member *member;

	mutex_spin_enter(&table_lock);
	member = find_in_table(curproc);
	if (member != NULL)
		who = member->arriving ? &member->jail->identity->arriving : &member->jail->identity->settled;
	mutex_spin_exit(&table_lock);
	return who;
}

/* A process that is ending stands outside already. */
struct standing
jail_standing_by_table(const struct proc *p)
{
	struct standing standing = { JP_HOST, false };
	struct member *member;

	mutex_spin_enter(&table_lock);
	member = find_in_table(p);
	if (member != NULL) {
		standing.jid = member->jail->identity->jid;
		standing.arriving = member->arriving;
	}
	mutex_spin_exit(&table_lock);
	return standing;
}

/* The process ends: called from exit1(), before it is a zombie, or when a fork came to nothing. */
static void
on_member_gone(void *data)
{
	struct member *member = data;

	mutex_enter(&jail_lock);
	if (member->jail != NULL) {
		mutex_spin_enter(&table_lock);
		LIST_REMOVE(member, in_table);
		mutex_spin_exit(&table_lock);
		jail_charge(member);
		member->jail->memory -= member->memory;
		member->jail->processes--;
		TAILQ_REMOVE(&member->jail->members, member, entry);
	}
	mutex_exit(&jail_lock);
	kmem_free(member, sizeof(*member));
}

int
jail_members_init(void)
{
	u_int i;
	int error;

	for (i = 0; i < TABLE_SIZE; i++)
		LIST_INIT(&table[i]);
	mutex_init(&table_lock, MUTEX_DEFAULT, IPL_SCHED);
	error = proc_specific_key_create(&member_key, on_member_gone);
	if (error != 0)
		mutex_destroy(&table_lock);
	return error;
}

void
jail_members_fini(void)
{
	proc_specific_key_delete(member_key);
	mutex_destroy(&table_lock);
}

/* A process that once tried to enter has a member already. May sleep. */
static struct member *
member_for(struct proc *p)
{
	struct member *member = proc_getspecific(p, member_key);

	if (member == NULL) {
		member = kmem_zalloc(sizeof(*member), KM_SLEEP);
		member->proc = p;
		proc_setspecific(p, member_key, member);
	}
	return member;
}

static void
admit(struct jail *jail, struct member *member, bool arriving)
{
	KASSERT(mutex_owned(&jail_lock));
	KASSERT(member->jail == NULL);
	member->jail = jail;
	mutex_spin_enter(&table_lock);
	member->arriving = arriving;
	LIST_INSERT_HEAD(place_of(member->proc), member, in_table);
	mutex_spin_exit(&table_lock);
	jail->processes++;
	TAILQ_INSERT_TAIL(&jail->members, member, entry);
}

/* The child shares its parent's credential. It cannot be refused here, only counted; the parent is a member, so that the jail
 * is not destroyed meanwhile. */
void
jail_on_fork(struct proc *child, const struct credential *who)
{
	struct member *member = member_for(child);
	struct jail *jail;

	mutex_enter(&jail_lock);
	jail = jail_find(who->identity->jid);
	KASSERT(jail != NULL);
	if (jail != NULL && member->jail == NULL)
		admit(jail, member, who->arriving);
	mutex_exit(&jail_lock);
}

/* The process did its first exec in the jail. */
void
jail_settle(struct proc *p)
{
	struct member *member = proc_getspecific(p, member_key);

	mutex_enter(&jail_lock);
	if (member != NULL) {
		mutex_spin_enter(&table_lock);
		member->arriving = false;
		mutex_spin_exit(&table_lock);
	}
	mutex_exit(&jail_lock);
}

/* Markers are of whoever else walks a list, and carry nothing. p_lock keeps the credential. */
static bool
carries(const struct proc *p, const struct identity *identity)
{
	const struct credential *who;
	bool so;

	if ((p->p_flag & PK_MARKER) != 0)
		return false;
	mutex_enter(p->p_lock);
	who = jail_credential_of(p->p_cred);
	so = who != NULL && who->identity == identity;
	mutex_exit(p->p_lock);
	return so;
}

static bool
is_carried_among(const struct proclist *list, const struct identity *identity)
{
	struct proc *p;

	LIST_FOREACH(p, list, p_list)
		if (carries(p, identity))
			return true;
	return false;
}

/* Members, and those that are none any more: on their way to zombproc, or there. */
bool
jail_is_carried(const struct identity *identity)
{
	bool carried;

	mutex_enter(JAIL_PROC_LOCK);
	carried = is_carried_among(&zombproc, identity) || is_carried_among(&allproc, identity);
	mutex_exit(JAIL_PROC_LOCK);
	return carried;
}

/* How many processes the signal was sent to. By no pid, which may be another's by the time it is used; one that is being forked
 * takes none. */
u_int
jail_signal_carriers(const struct identity *identity, int signal)
{
	struct proc *p;
	u_int count = 0;

	mutex_enter(JAIL_PROC_LOCK);
	LIST_FOREACH(p, &allproc, p_list) {
		if (!carries(p, identity) || (p->p_stat != SACTIVE && p->p_stat != SSTOP))
			continue;
		psignal(p, signal);
		count++;
	}
	mutex_exit(JAIL_PROC_LOCK);
	return count;
}

/* What a process would take along, or share with the host it leaves. Nobody else can change it: it has one thread, and that
 * is here. */
static int
refuse_baggage(struct proc *p)
{
	struct file *file;
	int descriptor, last;
	bool leads_out;

	if (p->p_nlwps != 1 || p->p_vmspace->vm_refcnt != 1 || p->p_fd->fd_refcnt != 1 || p->p_cwdi->cwdi_refcnt != 1)
		return EBUSY;
	last = p->p_fd->fd_lastfile;
	for (descriptor = 0; descriptor <= last; descriptor++) {
		file = fd_getfile(descriptor);
		if (file == NULL)
			continue;
		leads_out = file->f_type == DTYPE_VNODE && file->f_vnode->v_type == VDIR;
		fd_putfile(descriptor);
		if (leads_out)
			return ENOTDIR;
	}
	return 0;
}

static bool
has_root_of(const struct proc *p, const struct jail *jail)
{
	return p->p_cwdi->cwdi_rdir == jail->root_vnode;
}

/* The calling process becomes a member, for good. ENOENT: no such jail, or it is not open; EPERM: its root is not the jail's;
 * EBUSY: it shares threads, memory, descriptors or directories; ENOTDIR: it has a directory open. */
int
jail_enter(struct lwp *l, u_int jid)
{
	struct proc *p = l->l_proc;
	struct member *member;
	struct jail *jail;
	kauth_cred_t cred;
	int error = 0;

	KASSERT(l == curlwp);
	mutex_enter(&jail_lock);
	jail = jail_find(jid);
	if (jail == NULL || jail->state != JAIL_ACTIVE)
		error = ENOENT;
	else if (!has_root_of(p, jail))
		error = EPERM;
	mutex_exit(&jail_lock);
	if (error == 0)
		error = refuse_baggage(p);
	if (error != 0)
		return error;
	member = member_for(p);
	cred = kauth_cred_alloc();
	proc_crmod_enter();
	mutex_enter(&jail_lock);
	jail = jail_find(jid);
	if (jail == NULL || jail->state != JAIL_ACTIVE)
		error = ENOENT;
	else if (!has_root_of(p, jail))
		error = EPERM; /* changed by whom the process shared it with until it was looked at */
	if (error != 0) {
		mutex_exit(&jail_lock);
		proc_crmod_leave(p->p_cred, cred, false);
		return error;
	}
	member->ticks_seen = jail_ticks_of(p);
	admit(jail, member, true);
	mutex_exit(&jail_lock);
	/* It is a member now, so the jail stays. */
	kauth_cred_clone(p->p_cred, cred);
	jail_credential_assign(cred, &jail->identity->arriving);
	proc_crmod_leave(cred, p->p_cred, false);
	return 0;
}
