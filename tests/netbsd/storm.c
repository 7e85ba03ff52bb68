/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Several threads at once: jails are created, changed and destroyed while processes enter, fork, exec, change their user and
 * end, and a clock takes samples. Nobody knows what each call has to answer, but a jail with members is never gone, and in the
 * end nothing is left. For a build with -fsanitize=thread. `storm SEED ROUNDS`.
 */
#include <sys/kauth.h>
#include <sys/systm.h>

#include <netbsd/abi.h>

enum { THREADS = 4, SLOTS = 3, JIDS = 65536 };

static const char *const names[SLOTS] = { "a", "b", "c" };
static const char *const roots[SLOTS] = { "/jails/a", "/jails/b", "/jails/c" };
static u_int jid_in[SLOTS]; /* atomic; 0: none that we know of */
static int live[JIDS];	    /* atomic: members that are there for sure */
static struct proc *restless; /* of the host; changes its user all the time */
static u_int over, entered, destroyed, rounds, first_seed;

u_int vnodes_in_use(void);
extern __thread bool is_clock;
int pthread_create(u_long *, const void *, void *(*)(void *), void *);
int pthread_join(u_long, void **);
int sched_yield(void);

#define ADD(counter, by) __atomic_add_fetch(&(counter), by, __ATOMIC_SEQ_CST)
#define GET(counter) __atomic_load_n(&(counter), __ATOMIC_SEQ_CST)

#define EXPECT(what, condition)                                                         \
	do {                                                                            \
		if (!(condition))                                                       \
			panic("%s: does not hold", what);                               \
	} while (0)

static void
use_time(struct proc *p)
{
	mutex_spin_enter(&p->p_stmutex);
	p->p_uticks++;
	mutex_spin_exit(&p->p_stmutex);
}

static void
end(struct proc *p, u_int jid)
{
	ADD(live[jid], -1);
	sys_exit(p);
	sys_wait(p);
}

static void
live_inside(struct proc *p, u_int jid, struct proc *host, u_int depth)
{
	struct proc *child;
	int error;

	run_as(p);
	use_time(p);
	(void)sys_open(VREG);
	(void)sys_setuid(0);
	if (depth % 2 == 0)
		sys_exec();
	mutex_enter(host->p_lock);
	EXPECT("a member does not signal the host",
	    authorize(KAUTH_SCOPE_PROCESS, p->p_cred, KAUTH_PROCESS_SIGNAL, host, NULL, NULL, NULL) == EPERM);
	mutex_exit(host->p_lock);
	(void)authorize(KAUTH_SCOPE_SYSTEM, p->p_cred, KAUTH_SYSTEM_REBOOT, NULL, NULL, NULL, NULL);
	/* As sysctl's nodes proc.PID do. */
	rw_enter(&restless->p_reflock, RW_READER);
	EXPECT("a member does not see the host",
	    authorize(KAUTH_SCOPE_PROCESS, p->p_cred, KAUTH_PROCESS_CANSEE, restless, (void *)(uintptr_t)KAUTH_REQ_PROCESS_CANSEE_ENTRY,
		NULL, NULL) == EPERM);
	rw_exit(&restless->p_reflock);
	mutex_enter(restless->p_lock);
	EXPECT("a member does not reschedule the host",
	    authorize(KAUTH_SCOPE_PROCESS, p->p_cred, KAUTH_PROCESS_SCHEDULER_SETPARAM, restless, NULL, NULL, NULL) == EPERM);
	mutex_exit(restless->p_lock);
	for (u_int i = 0; i < depth; i++) {
		run_as(p);
		child = sys_fork(&error);
		EXPECT("a fork succeeds, or the jail is closed", error == 0 || error == EAGAIN);
		if (child == NULL)
			continue;
		ADD(live[jid], 1);
		live_inside(child, jid, host, depth - 1);
	}
	end(p, jid);
}

static void
visit(u_int slot, struct proc *host)
{
	struct proc *p = host_process(0);
	int jid = GET(jid_in[slot]), error;

	run_as(p);
	(void)sys_chroot(roots[slot]);
	error = jid != 0 ? sys_sysctl("id", NULL, NULL, &jid, sizeof(jid)) : ENOENT;
	EXPECT("one enters, or the jail is not open", error == 0 || error == ENOENT);
	if (error != 0) {
		sys_exit(p);
		sys_wait(p);
		return;
	}
	ADD(live[jid], 1);
	ADD(entered, 1);
	live_inside(p, jid, host, 2);
}

static void
administer(u_int slot, u_int what, uint64_t rights)
{
	struct jail_create create = { .version = JAIL_ABI, .rights = rights, .port_count = 1, .ports = { 8000 + slot } }, made;
	struct jail_update update = { .version = JAIL_ABI, .rights = rights, .changes = JAIL_UPDATE_RIGHTS }, changed;
	struct jail_signal signal = { .version = JAIL_ABI, .signal = 15 };
	static __thread struct jail_info infos[SLOTS + 1];
	static __thread struct jail_member members[256];
	size_t size = sizeof(made);
	int jid = GET(jid_in[slot]), error;

	switch (what) {
	case 0:
	case 1:
		strlcpy(create.name, names[slot], sizeof(create.name));
		strlcpy(create.root, roots[slot], sizeof(create.root));
		error = sys_sysctl("create", &made, &size, &create, sizeof(create));
		EXPECT("a name is taken once", error == 0 || error == EEXIST);
		if (error == 0)
			__atomic_store_n(&jid_in[slot], made.jid, __ATOMIC_SEQ_CST);
		break;
	case 2:
		error = sys_sysctl("destroy", NULL, NULL, &jid, sizeof(jid));
		EXPECT("a jail is destroyed, busy, or not there", error == 0 || error == EBUSY || error == (jid == 0 ? EINVAL : ENOENT));
		if (error == 0) {
			EXPECT("a jail with members is not destroyed", GET(live[jid]) == 0);
			ADD(destroyed, 1);
		}
		break;
	case 3:
		size = sizeof(changed);
		update.jid = jid;
		update.changes |= rights % 16 == 0 ? JAIL_UPDATE_CLOSE : 0;
		error = sys_sysctl("update", &changed, &size, &update, sizeof(update));
		EXPECT("a jail is changed, or not there", error == 0 || error == (jid == 0 ? EINVAL : ENOENT));
		break;
	case 4:
		size = sizeof(infos);
		EXPECT("jails are listed", sys_sysctl("list", infos, &size, NULL, 0) == 0 && size <= SLOTS * sizeof(infos[0]));
		break;
	case 5:
		signal.jid = jid;
		size = sizeof(signal);
		error = sys_sysctl("signal", &signal, &size, &signal, sizeof(signal));
		EXPECT("a jail is signalled, or not there", error == 0 || error == (jid == 0 ? EINVAL : ENOENT));
		size = sizeof(members);
		EXPECT("members are listed", sys_sysctl("members", members, &size, NULL, 0) == 0);
		break;
	default:
		drop_cached_files();
		break;
	}
}

static void *
worker(void *argument)
{
	uint32_t state = (first_seed + (u_int)(uintptr_t)argument) * 2654435761u | 1;
	struct proc *host = host_process(0);

	for (u_int i = 0; i < rounds; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		run_as(host);
		if (state % 3 == 0)
			visit((state >> 8) % SLOTS, host);
		else
			administer((state >> 8) % SLOTS, (state >> 12) % 7, (uint64_t)state << 20 | state);
	}
	run_as(host);
	sys_exit(host);
	sys_wait(host);
	return NULL;
}

static void *
the_restless(void *argument)
{
	run_as(restless);
	while (GET(over) == 0) {
		(void)sys_setuid(0);
		sched_yield();
	}
	return NULL;
}

static void *
the_clock(void *argument)
{
	is_clock = true;
	while (GET(over) == 0) {
		one_second();
		sched_yield();
	}
	return NULL;
}

static void *
a_tick(void *argument)
{
	is_clock = true;
	one_second();
	return NULL;
}

static void *
a_newcomer(void *argument)
{
	struct proc *p = host_process(0);

	sys_exit(p);
	sys_wait(p);
	return NULL;
}

#define AWAIT(hold)                           \
	while (GET(hold) != HELD)             \
		sched_yield()

/* The module goes while a thread sleeps in its listener, and its callout runs. */
static void
unload(void)
{
	u_long tick, newcomer;

	threaded = true;
	ticking = making_room = HOLD;
	pthread_create(&tick, NULL, a_tick, NULL);
	AWAIT(ticking);
	pthread_create(&newcomer, NULL, a_newcomer, NULL);
	AWAIT(making_room);
	EXPECT("the module goes", the_modcmd(MODULE_CMD_FINI, NULL) == 0);
	__atomic_store_n(&making_room, GO, __ATOMIC_SEQ_CST);
	pthread_join(tick, NULL);
	pthread_join(newcomer, NULL);
	threaded = false;
}

int
main(int argc, char **argv)
{
	u_long strtoul(const char *, char **, int);
	u_long threads[THREADS], clock, changer;
	struct proc *host = host_process(0);

	EXPECT("usage: storm SEED ROUNDS", argc == 3);
	first_seed = strtoul(argv[1], NULL, 0) * THREADS;
	rounds = strtoul(argv[2], NULL, 0);
	run_as(host);
	EXPECT("the module loads", the_modcmd(MODULE_CMD_INIT, NULL) == 0);
	threaded = true;
	restless = host_process(0);
	pthread_create(&clock, NULL, the_clock, NULL);
	pthread_create(&changer, NULL, the_restless, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker, (void *)i);
	for (u_int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ADD(over, 1);
	pthread_join(clock, NULL);
	pthread_join(changer, NULL);
	threaded = false;
	sys_exit(restless);
	sys_wait(restless);
	for (u_int i = 0; i < SLOTS; i++) {
		int jid = jid_in[i];

		(void)sys_sysctl("destroy", NULL, NULL, &jid, sizeof(jid));
	}
	unload();
	drop_cached_files();
	sys_exit(host);
	sys_wait(host);
	EXPECT("no memory is left", kmem_in_use() == 0);
	EXPECT("no credential is left", creds_in_use() == 0);
	EXPECT("no vnode is held", vnodes_in_use() == 0);
	EXPECT("something happened", entered > rounds / 10 && destroyed > rounds / 40);
	printf("%u entered, %u destroyed\n", entered, destroyed);
	return 0;
}
