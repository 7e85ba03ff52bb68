/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Who a credential belongs to, and the scope that tells of credentials' lives.
 *
 * Attacks answered: leaving the jail by fork, exec, setuid, or a descriptor that carries an old credential; outliving the
 * jail's end in one; acting on the program that brings a newcomer in before its first exec (CVE-2019-5736).
 */
#include "jail.h"

static kauth_key_t credential_key;
static LIST_HEAD(, identity) identities; /* j: all, also of jails that are gone */
static volatile u_int identity_count;	 /* j; read without */
static volatile u_int in_flight;	 /* a: threads that are in what may sleep here */
struct identity jail_host_identity;

int
jail_credential_init(secmodel_t model)
{
	LIST_INIT(&identities);
	identity_count = 0;
	memset(&jail_host_identity, 0, sizeof(jail_host_identity));
	return kauth_register_key(model, &credential_key);
}

/* No listener runs any more. Credentials that still name a jail forget it with the key (specificdata_key_delete clears
 * them), so what they named can go. */
int
jail_credential_fini(void)
{
	struct identity *identity;
	int error = kauth_deregister_key(credential_key);

	while ((identity = LIST_FIRST(&identities)) != NULL) {
		LIST_REMOVE(identity, entry);
		kmem_free(identity, sizeof(*identity));
	}
	identity_count = 0;
	return error;
}

struct identity *
jail_identity_new(u_int jid, uint64_t rights)
{
	struct identity *identity = kmem_zalloc(sizeof(*identity), KM_SLEEP);

	identity->settled.identity = identity;
	identity->arriving.identity = identity;
	identity->arriving.arriving = true;
	identity->jid = jid;
	identity->references = 1;
	identity->rights[0] = (u_int)rights;
	identity->rights[1] = (u_int)(rights >> 32);
	mutex_enter(&jail_lock);
	LIST_INSERT_HEAD(&identities, identity, entry);
	JAIL_STORE(identity_count, identity_count + 1);
	mutex_exit(&jail_lock);
	return identity;
}

void
jail_identity_release(struct identity *identity)
{
	JAIL_BEFORE_DROP();
	if (atomic_dec_uint_nv(&identity->references) != 0)
		return;
	JAIL_AFTER_LAST();
	mutex_enter(&jail_lock);
	LIST_REMOVE(identity, entry);
	JAIL_STORE(identity_count, identity_count - 1);
	mutex_exit(&jail_lock);
	kmem_free(identity, sizeof(*identity));
}

/* How many identities have no jail any more. */
u_int
jail_dying(void)
{
	struct jail *jail;
	u_int living = 0;

	KASSERT(mutex_owned(&jail_lock));
	TAILQ_FOREACH(jail, &jails, entry)
		living++;
	return identity_count - living;
}

const struct credential *
jail_credential_of(kauth_cred_t cred)
{
	/* With no jail and no left-over credential the host pays one load: looking into a credential takes its lock. */
	if (JAIL_LOAD(identity_count) == 0)
		return NULL;
	/* The kernel's own markers are no credentials. */
	if (cred == NULL || cred == NOCRED || cred == FSCRED)
		return NULL;
	return kauth_cred_getdata(cred, credential_key);
}

/* The credential is nobody else's yet, and has room for the key since its INIT: nothing is allocated here. */
void
jail_credential_assign(kauth_cred_t cred, struct credential *who)
{
	struct credential *before = kauth_cred_getdata(cred, credential_key);

	if (before == who)
		return;
	if (who != NULL)
		atomic_inc_uint(&who->identity->references);
	kauth_cred_setdata(cred, credential_key, who);
	if (before != NULL)
		jail_identity_release(before->identity);
}

static void
enter_flight(void)
{
	atomic_inc_uint(&in_flight);
}

static void
leave_flight(void)
{
	JAIL_BEFORE_DROP();
	(void)atomic_dec_uint_nv(&in_flight);
}

/* Is a thread in here that may sleep for any time? The module must not go meanwhile. */
bool
jail_credential_is_looked_at(void)
{
	bool some = JAIL_LOAD(in_flight) != 0;

	JAIL_AFTER_LAST();
	return some;
}

static void
follow(kauth_cred_t cred, kauth_action_t action, void *arg0, void *arg1)
{
	struct credential *who;

	switch (action) {
	case KAUTH_CRED_INIT:
		/* Makes room while it may sleep; COPY comes with p_lock held (do_setresuid and its kin). */
		kauth_cred_setdata(cred, credential_key, NULL);
		break;
	case KAUTH_CRED_COPY:
		who = kauth_cred_getdata(cred, credential_key);
		if (who != NULL || kauth_cred_getdata(arg0, credential_key) != NULL)
			jail_credential_assign(arg0, who);
		break;
	case KAUTH_CRED_FORK:
		who = kauth_cred_getdata(cred, credential_key);
		if (who != NULL)
			jail_on_fork(arg1, who);
		break;
	case KAUTH_CRED_FREE:
		who = kauth_cred_getdata(cred, credential_key);
		/* Not cleared: nobody holds it any more, and setting wants one holder. */
		if (who != NULL)
			jail_identity_release(who->identity);
		break;
	default:
		break;
	}
}

/* Always allows: the kernel takes anything else for a bug of its own (a DIAGNOSTIC kernel panics at the next fork). */
int
jail_cred_listener(kauth_cred_t cred, kauth_action_t action, void *cookie, void *arg0, void *arg1, void *arg2, void *arg3)
{
	enter_flight();
	follow(cred, action, arg0, arg1);
	leave_flight();
	return KAUTH_RESULT_ALLOW;
}

static void
settle(struct proc *p)
{
	const struct credential *who = jail_credential_of(p->p_cred);
	kauth_cred_t settled;

	if (who == NULL || !who->arriving)
		return;
	settled = kauth_cred_alloc();
	proc_crmod_enter();
	kauth_cred_clone(p->p_cred, settled);
	jail_credential_assign(settled, &who->identity->settled);
	proc_crmod_leave(settled, p->p_cred, false);
	jail_settle(p);
}

/* The program that brought it in is gone, with its memory and its file. */
void
jail_on_exec(struct proc *p, void *cookie)
{
	enter_flight();
	settle(p);
	leave_flight();
}
