/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Files, vnodes, sockets, time and the kernel's log.
 */
#include <sys/kauth.h>
#include <sys/systm.h>
#include <sys/workqueue.h>

/* ---- vnodes and files ---- */

static struct vnode vnodes[] = {
	{ VDIR, NULL, 0, "/jails/a" }, { VDIR, NULL, 0, "/jails/b" }, { VDIR, NULL, 0, "/jails/c" },
	{ VDIR, NULL, 0, "/jails/d" }, { VREG, NULL, 0, "/etc/file" },
};

/* The root of a jail below any data directory: DIRECTORY/jails/a/root. */
static bool
is_root_of(const char *path, const char *jail)
{
	size_t name = strlen(jail), tail = name + strlen("/root"), whole = strlen(path);
	const char *at = path + whole - tail;

	return whole > tail && memcmp(at, jail, name) == 0 && strcmp(at + name, "/root") == 0;
}

int
namei_simple_kernel(const char *path, namei_simple_flags_t flags, struct vnode **found)
{
	must_be_sleepable("namei");
	for (u_int i = 0; i < __arraycount(vnodes); i++)
		if (strcmp(vnodes[i].path, path) == 0 || is_root_of(path, vnodes[i].path)) {
			__atomic_add_fetch(&vnodes[i].v_usecount, 1, __ATOMIC_RELAXED);
			*found = &vnodes[i];
			return 0;
		}
	return ENOENT;
}

void
vrele(struct vnode *vnode)
{
	must_be_sleepable("vrele");
	KASSERT(__atomic_fetch_sub(&vnode->v_usecount, 1, __ATOMIC_RELAXED) > 0);
}

u_int
vnodes_in_use(void)
{
	u_int count = 0;

	for (u_int i = 0; i < __arraycount(vnodes); i++)
		count += vnodes[i].v_usecount;
	return count;
}

devmajor_t
devsw_name2chr(const char *name, char *found, size_t size)
{
	static const struct {
		const char *name;
		devmajor_t major;
	} drivers[] = { { "ctty", 1 }, { "mem", 2 }, { "pts", 5 }, { "ptc", 6 }, { "rnd", 46 }, { "ptm", 165 }, { "filedesc", 22 } };

	for (u_int i = 0; i < __arraycount(drivers); i++)
		if (strcmp(drivers[i].name, name) == 0) {
			strlcpy(found, name, size);
			return drivers[i].major;
		}
	return NODEVMAJOR;
}

file_t *
fd_getfile(u_int descriptor)
{
	file_t *file = descriptor < DOUBLE_FILES ? curproc->p_fd->files[descriptor] : NULL;

	if (file != NULL)
		file->f_count++;
	return file;
}

void
fd_putfile(u_int descriptor)
{
	KASSERT(curproc->p_fd->files[descriptor]->f_count > 1);
	curproc->p_fd->files[descriptor]->f_count--;
}

int
sys_open(enum vtype type)
{
	struct filedesc *table = curproc->p_fd;
	file_t *file;

	for (u_int i = 0; i < DOUBLE_FILES; i++) {
		if (table->files[i] != NULL)
			continue;
		file = calloc(1, sizeof(*file));
		file->f_type = DTYPE_VNODE;
		file->f_vnode = &vnodes[type == VDIR ? 0 : __arraycount(vnodes) - 1];
		file->f_cred = cred_hold(curproc->p_cred);
		file->f_count = 1;
		table->files[i] = file;
		if (table->fd_lastfile < (int)i)
			table->fd_lastfile = i;
		return i;
	}
	return -1;
}

/* Closed struct files stay in a cache, each with the credential that opened it. */
enum { CACHE = 64 };
static file_t *cache[CACHE];

void
cache_file(file_t *file)
{
	KASSERT(file->f_count == 1);
	for (u_int i = 0; i < CACHE; i++)
		if (__atomic_load_n(&cache[i], __ATOMIC_RELAXED) == NULL) {
			file = __atomic_exchange_n(&cache[i], file, __ATOMIC_ACQ_REL);
			if (file == NULL)
				return;
		}
	kauth_cred_free(file->f_cred);
	free(file);
}

void
drop_cached_files(void)
{
	for (u_int i = 0; i < CACHE; i++)
		if (__atomic_load_n(&cache[i], __ATOMIC_RELAXED) != NULL) {
			file_t *file = __atomic_exchange_n(&cache[i], NULL, __ATOMIC_ACQ_REL);

			if (file == NULL)
				continue;
			kauth_cred_free(file->f_cred);
			free(file);
		}
}

/* ---- sockets ---- */

struct socket *
sys_socket(int family)
{
	struct socket *so = calloc(1, sizeof(*so));
	struct protosw *protocol = calloc(1, sizeof(*protocol));

	protocol->pr_domain = calloc(1, sizeof(struct domain));
	protocol->pr_domain->dom_family = family;
	so->so_proto = protocol;
	so->so_cred = cred_hold(curproc->p_cred);
	return so;
}

void
close_socket(struct socket *so)
{
	kauth_cred_free(so->so_cred);
	free(so->so_proto->pr_domain);
	free((void *)(uintptr_t)so->so_proto);
	free(so);
}

static int
ask_bind(struct socket *so, uint8_t family, uint16_t in_address, u_int number)
{
	struct sockaddr_in address = { .sin_len = sizeof(address), .sin_family = family, .sin_port = in_address };
	uintptr_t request = number < 1024 ? KAUTH_REQ_NETWORK_BIND_PRIVPORT : KAUTH_REQ_NETWORK_BIND_PORT;

	return authorize(KAUTH_SCOPE_NETWORK, curproc->p_cred, KAUTH_NETWORK_BIND, (void *)request, so, &address, NULL);
}

/* An explicit port is asked for once. For port 0 the kernel asks for that, then for one candidate after the other, with an
 * address on its stack that has no family and the port as the machine counts. */
int
sys_bind(struct socket *so, u_int *port)
{
	int family = so->so_proto->pr_domain->dom_family;

	if (*port != 0)
		return ask_bind(so, family, __builtin_bswap16(*port), *port) != 0 ? EACCES : 0;
	if (ask_bind(so, family, 0, 65535) != 0)
		return EACCES;
	for (u_int candidate = 65535; candidate > 65500; candidate--)
		if (ask_bind(so, 0, candidate, candidate) == 0) {
			*port = candidate;
			return 0;
		}
	return EADDRNOTAVAIL;
}

/* ---- time ---- */

int hz = 100;
static time_t uptime = 1000;
static callout_t *tick;
static bool in_tick;
enum hold ticking;
extern u_int pauses;
int sched_yield(void);
static struct workqueue {
	void (*function)(struct work *, void *);
	void *argument;
	struct work *queued;
	bool alive;
} the_queue;

void
getnanouptime(struct timespec *now)
{
	now->tv_sec = __atomic_load_n(&uptime, __ATOMIC_RELAXED);
	now->tv_nsec = 0;
}

void
callout_init(callout_t *callout, u_int flags)
{
	KASSERT(tick == NULL);
	tick = callout;
	callout->alive = true;
	callout->scheduled = false;
}

void
callout_setfunc(callout_t *callout, void (*function)(void *), void *argument)
{
	callout->function = function;
	callout->argument = argument;
}

void
callout_schedule(callout_t *callout, int ticks)
{
	KASSERT(callout->alive && ticks == hz);
	if (__atomic_load_n(&ticking, __ATOMIC_SEQ_CST) == HOLD) {
		__atomic_store_n(&ticking, HELD, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&ticking, __ATOMIC_SEQ_CST) == HELD)
			sched_yield();
	}
	__atomic_store_n(&callout->scheduled, true, __ATOMIC_SEQ_CST);
}

bool
callout_halt(callout_t *callout, void *interlock)
{
	must_be_sleepable("callout_halt");
	__atomic_store_n(&callout->scheduled, false, __ATOMIC_SEQ_CST);
	/* Waits for the function to end, and does not look again whether that has scheduled it, as in 7.99. */
	__atomic_store_n(&ticking, GO, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&in_tick, __ATOMIC_SEQ_CST))
		sched_yield();
	return false;
}

void
callout_destroy(callout_t *callout)
{
	if (__atomic_load_n(&callout->scheduled, __ATOMIC_SEQ_CST))
		panic("callout destroyed while scheduled");
	callout->alive = false;
	tick = NULL;
}

int
workqueue_create(struct workqueue **queue, const char *name, void (*function)(struct work *, void *), void *argument, int priority,
    int ipl, int flags)
{
	KASSERT(!the_queue.alive);
	the_queue = (struct workqueue){ function, argument, NULL, true };
	*queue = &the_queue;
	return 0;
}

void
workqueue_enqueue(struct workqueue *queue, struct work *work, struct cpu_info *cpu)
{
	KASSERT(queue->alive);
	if (__atomic_exchange_n(&queue->queued, work, __ATOMIC_SEQ_CST) != NULL)
		panic("work enqueued twice");
}

void
workqueue_destroy(struct workqueue *queue)
{
	if (__atomic_load_n(&queue->queued, __ATOMIC_SEQ_CST) != NULL)
		panic("workqueue destroyed with work in it");
	queue->alive = false;
}

/* Of several threads one is the clock. */
__thread bool is_clock;

static void
run_work(void)
{
	struct work *work = __atomic_exchange_n(&the_queue.queued, NULL, __ATOMIC_SEQ_CST);

	if (work != NULL)
		the_queue.function(work, the_queue.argument);
}

int
kpause(const char *why, bool interruptible, int ticks, kmutex_t *mutex)
{
	must_be_sleepable("kpause");
	run_work();
	__atomic_add_fetch(&pauses, 1, __ATOMIC_SEQ_CST);
	if (threaded)
		sched_yield();
	return 0;
}

/* Sometimes the worker is late, and the next tick comes first. */
void
one_second(void)
{
	time_t now;

	if (threaded && !is_clock)
		return;
	now = __atomic_add_fetch(&uptime, 1, __ATOMIC_RELAXED);
	if (tick != NULL && __atomic_load_n(&tick->scheduled, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&in_tick, true, __ATOMIC_SEQ_CST);
		__atomic_store_n(&tick->scheduled, false, __ATOMIC_SEQ_CST);
		tick->function(tick->argument);
		__atomic_store_n(&in_tick, false, __ATOMIC_SEQ_CST);
	}
	if (now % 5 != 0)
		run_work();
}

char last_log[256];
u_int log_lines;

void
log(int level, const char *format, ...)
{
	__builtin_va_list arguments;
	int vsnprintf(char *, size_t, const char *, __builtin_va_list);

	must_be_sleepable("log");
	if (threaded)
		return;
	__builtin_va_start(arguments, format);
	vsnprintf(last_log, sizeof(last_log), format, arguments);
	__builtin_va_end(arguments);
	log_lines++;
}
