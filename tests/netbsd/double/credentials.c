/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * kauth(9), secmodel(9) and specificdata(9): credentials with their hooks, listeners with their verdicts.
 */
#include <sys/kauth.h>
#include <sys/systm.h>

struct kauth_cred {
	u_int refcnt;
	uid_t euid;
	specificdata_reference specific;
};

#define HOLDERS(cred) __atomic_load_n(&(cred)->refcnt, __ATOMIC_RELAXED)

struct kauth_key {
	bool alive;
};

struct kauth_listener {
	const char *scope;
	kauth_scope_callback_t function;
	void *cookie;
	LIST_ENTRY(kauth_listener) entry;
	struct kauth_listener *retired;
};
static struct kauth_listener *retired;

struct secmodel_descr {
	bool alive;
	secmodel_eval_t eval;
};

LIST_HEAD(reference_list, specificdata_reference);
static kmutex_t cred_domain = { RANK_SPECIFIC, 0 };
static struct reference_list cred_containers;
static struct kauth_key the_key;
static struct secmodel_descr the_model;
static LIST_HEAD(, kauth_listener) listeners;
static u_int cred_count;
enum hold making_room;
u_int pauses; /* that anybody made */
int sched_yield(void);

/* ---- listeners ---- */

kauth_listener_t
kauth_listen_scope(const char *scope, kauth_scope_callback_t function, void *cookie)
{
	kauth_listener_t listener;

	must_be_sleepable("kauth_listen_scope");
	listener = calloc(1, sizeof(*listener));
	listener->scope = scope;
	listener->function = function;
	listener->cookie = cookie;
	LIST_INSERT_HEAD(&listeners, listener, entry);
	return listener;
}

void
kauth_unlisten_scope(kauth_listener_t listener)
{
	/* Whoever walks the list meanwhile goes on from it. */
	LIST_REMOVE(listener, entry);
	listener->retired = retired;
	retired = listener;
}

static int
ask_listeners(const char *scope, kauth_cred_t cred, uint64_t action, void *arg0, void *arg1, void *arg2, void *arg3)
{
	struct kauth_listener *listener;
	int verdict, worst = 0;

	LIST_FOREACH(listener, &listeners, entry) {
		if (strcmp(listener->scope, scope) != 0)
			continue;
		verdict = listener->function(cred, action, listener->cookie, arg0, arg1, arg2, arg3);
		if (strcmp(scope, KAUTH_SCOPE_CRED) == 0) {
			if (verdict != KAUTH_RESULT_ALLOW)
				panic("kauth_cred_hook: a listener of the cred scope answered %d to action %u", verdict,
				    (u_int)action);
		} else if (verdict == KAUTH_RESULT_ALLOW) {
			panic("a listener of %s grants action %u, which other models may deny", scope, (u_int)action);
		} else if (verdict == KAUTH_RESULT_DENY) {
			worst = EPERM;
		}
	}
	return worst;
}

/* What do_sched_setparam() holds, beside p_lock, while it asks, and the open of some terminals. */
static kmutex_t lwp_lock = { RANK_SPIN, 0 }, tty_lock = { RANK_SPIN, 0 };

/* 0, or EPERM: all listeners run, and one denial is enough. The other models of this kernel allow. */
int
authorize(const char *scope, kauth_cred_t cred, uint64_t action, void *arg0, void *arg1, void *arg2, void *arg3)
{
	bool of_a_thread = strcmp(scope, KAUTH_SCOPE_PROCESS) == 0 && action == KAUTH_PROCESS_SCHEDULER_SETPARAM;
	bool of_a_terminal = strcmp(scope, KAUTH_SCOPE_DEVICE) == 0 && action == KAUTH_DEVICE_TTY_OPEN;
	int verdict;

	if (of_a_terminal)
		mutex_spin_enter(&tty_lock);
	if (of_a_thread) {
		if (cred != curlwp->l_cred)
			panic("sched_setparam asks for somebody else");
		mutex_spin_enter(&lwp_lock);
	}
	verdict = ask_listeners(scope, cred, action, arg0, arg1, arg2, arg3);
	if (of_a_thread)
		mutex_spin_exit(&lwp_lock);
	if (of_a_terminal)
		mutex_spin_exit(&tty_lock);
	return verdict;
}

/* ---- the model ---- */

int
secmodel_register(secmodel_t *model, const char *id, const char *name, prop_dictionary_t properties, secmodel_eval_t eval,
    secmodel_setinfo_t setinfo)
{
	if (the_model.alive)
		return EEXIST;
	if (eval == NULL)
		panic("secmodel %s has no eval entry, and secmodel_eval(9) calls it unasked", id);
	the_model.alive = true;
	the_model.eval = eval;
	*model = &the_model;
	return 0;
}

int
secmodel_deregister(secmodel_t model)
{
	KASSERT(model == &the_model && the_model.alive);
	the_model.alive = false;
	return 0;
}

int
evaluate(const char *what, void *arg, void *ret)
{
	return the_model.eval(what, arg, ret);
}

bool
registered_nothing(void)
{
	return LIST_EMPTY(&listeners) && !the_model.alive && !the_key.alive;
}

/* ---- specific data of credentials: a key has no destructor ---- */

int
kauth_register_key(secmodel_t model, kauth_key_t *key)
{
	KASSERT(model == &the_model && the_model.alive && !the_key.alive);
	the_key.alive = true;
	*key = &the_key;
	return 0;
}

int
kauth_deregister_key(kauth_key_t key)
{
	specificdata_reference *reference;

	KASSERT(key == &the_key && the_key.alive);
	mutex_enter(&cred_domain);
	LIST_FOREACH(reference, &cred_containers, entry) {
		mutex_enter(&reference->lock);
		reference->data = NULL;
		mutex_exit(&reference->lock);
	}
	mutex_exit(&cred_domain);
	the_key.alive = false;
	return 0;
}

void *
kauth_cred_getdata(kauth_cred_t cred, kauth_key_t key)
{
	void *data;

	if (key == NULL || !key->alive)
		panic("kauth_cred_getdata with a key that is not registered");
	mutex_enter(&cred->specific.lock);
	data = cred->specific.data;
	mutex_exit(&cred->specific.lock);
	return data;
}

static void
wait_for_room(void)
{
	u_int since = __atomic_load_n(&pauses, __ATOMIC_SEQ_CST);

	if (__atomic_load_n(&making_room, __ATOMIC_SEQ_CST) != HOLD)
		return;
	__atomic_store_n(&making_room, HELD, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&making_room, __ATOMIC_SEQ_CST) == HELD && __atomic_load_n(&pauses, __ATOMIC_SEQ_CST) < since + 5)
		sched_yield();
}

void
kauth_cred_setdata(kauth_cred_t cred, kauth_key_t key, void *data)
{
	if (key == NULL || !key->alive)
		panic("kauth_cred_setdata with a key that is not registered");
	if (HOLDERS(cred) != 1)
		panic("kauth_cred_setdata on a credential with %u holders", HOLDERS(cred));
	if (!cred->specific.container) {
		must_be_sleepable("kauth_cred_setdata without a container");
		wait_for_room();
		if (!key->alive)
			panic("kauth_cred_setdata slept, and its key is gone");
		mutex_enter(&cred_domain);
		cred->specific.container = true;
		LIST_INSERT_HEAD(&cred_containers, &cred->specific, entry);
		mutex_exit(&cred_domain);
	}
	mutex_enter(&cred->specific.lock);
	cred->specific.data = data;
	mutex_exit(&cred->specific.lock);
}

/* ---- credentials ---- */

kauth_cred_t
kauth_cred_alloc(void)
{
	kauth_cred_t cred;

	must_be_sleepable("kauth_cred_alloc");
	cred = calloc(1, sizeof(*cred));
	cred->refcnt = 1;
	cred->specific.lock.rank = RANK_REFERENCE;
	__atomic_add_fetch(&cred_count, 1, __ATOMIC_RELAXED);
	(void)authorize(KAUTH_SCOPE_CRED, cred, KAUTH_CRED_INIT, NULL, NULL, NULL, NULL);
	return cred;
}

kauth_cred_t
cred_hold(kauth_cred_t cred)
{
	KASSERT(__atomic_fetch_add(&cred->refcnt, 1, __ATOMIC_RELAXED) > 0);
	return cred;
}

void
kauth_cred_free(kauth_cred_t cred)
{
	u_int before = __atomic_fetch_sub(&cred->refcnt, 1, __ATOMIC_ACQ_REL);

	KASSERT(before > 0);
	if (before != 1)
		return;
	(void)authorize(KAUTH_SCOPE_CRED, cred, KAUTH_CRED_FREE, NULL, NULL, NULL, NULL);
	if (cred->specific.container) {
		mutex_enter(&cred_domain);
		LIST_REMOVE(&cred->specific, entry);
		mutex_exit(&cred_domain);
	}
	mutex_destroy(&cred->specific.lock);
	__atomic_sub_fetch(&cred_count, 1, __ATOMIC_RELAXED);
	free(cred);
}

void
kauth_cred_clone(kauth_cred_t from, kauth_cred_t to)
{
	KASSERT(HOLDERS(from) > 0 && HOLDERS(to) == 1);
	to->euid = from->euid;
	(void)authorize(KAUTH_SCOPE_CRED, from, KAUTH_CRED_COPY, to, NULL, NULL, NULL);
}

uid_t
kauth_cred_geteuid(kauth_cred_t cred)
{
	return cred->euid;
}

void
cred_set_euid(kauth_cred_t cred, uid_t euid)
{
	KASSERT(HOLDERS(cred) == 1);
	cred->euid = euid;
}

u_int
creds_in_use(void)
{
	return cred_count;
}
