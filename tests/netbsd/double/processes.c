/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Processes: fork, setuid, exec, exit and wait, with the hooks and locks that the kernel has there.
 */
#include <sys/kauth.h>
#include <sys/systm.h>

LIST_HEAD(reference_list, specificdata_reference);
static kmutex_t proc_domain = { RANK_SPECIFIC, 0 };
static struct reference_list proc_containers;
static specificdata_dtor_t destructor;
static bool key_alive;

struct proclist allproc, zombproc;
#if __NetBSD_Prereq__(9, 99, 100)
kmutex_t proc_lock = { RANK_PROC_LOCK, 0 };
#else
static kmutex_t proc_lock_itself = { RANK_PROC_LOCK, 0 };
kmutex_t *proc_lock = &proc_lock_itself;
#endif
__thread struct lwp *curlwp;
static __thread struct lwp running;
static pid_t last_pid = 100;
static void (*exec_hook)(struct proc *, void *);

void cred_set_euid(kauth_cred_t, uid_t);

/* Others walk the lists of processes too, and mark where they are. */
static struct proc markers[2] = {
	{ .p_flag = PK_MARKER, .p_cred = (kauth_cred_t)0x10 },
	{ .p_flag = PK_MARKER, .p_cred = (kauth_cred_t)0x10 },
};

void
run_as(struct proc *p)
{
	if (!threaded && LIST_EMPTY(&zombproc)) {
		LIST_INSERT_HEAD(&zombproc, &markers[0], p_list);
		LIST_INSERT_HEAD(&allproc, &markers[1], p_list);
	}
	running.l_proc = p;
	running.l_cred = p->p_cred;
	curlwp = &running;
}

/* ---- proc_getspecific(9) and its like ---- */

int
proc_specific_key_create(specificdata_key_t *key, specificdata_dtor_t dtor)
{
	KASSERT(!key_alive);
	key_alive = true;
	destructor = dtor;
	*key = 0;
	return 0;
}

void
proc_specific_key_delete(specificdata_key_t key)
{
	specificdata_reference *reference;
	void *data;

	KASSERT(key_alive);
	mutex_enter(&proc_domain);
	LIST_FOREACH(reference, &proc_containers, entry) {
		data = reference->data;
		reference->data = NULL;
		if (data != NULL)
			destructor(data);
	}
	mutex_exit(&proc_domain);
	key_alive = false;
}

void *
proc_getspecific(struct proc *p, specificdata_key_t key)
{
	void *data;

	KASSERT(key_alive);
	mutex_enter(&p->p_specdataref.lock);
	data = p->p_specdataref.data;
	mutex_exit(&p->p_specdataref.lock);
	return data;
}

void
proc_setspecific(struct proc *p, specificdata_key_t key, void *data)
{
	KASSERT(key_alive);
	must_be_sleepable("proc_setspecific");
	if (!p->p_specdataref.container) {
		mutex_enter(&proc_domain);
		LIST_INSERT_HEAD(&proc_containers, &p->p_specdataref, entry);
		p->p_specdataref.container = true;
		mutex_exit(&proc_domain);
	}
	mutex_enter(&p->p_specdataref.lock);
	p->p_specdataref.data = data;
	mutex_exit(&p->p_specdataref.lock);
}

static void
finish_specific(struct proc *p)
{
	void *data = p->p_specdataref.data;

	if (!p->p_specdataref.container)
		return;
	mutex_enter(&proc_domain);
	LIST_REMOVE(&p->p_specdataref, entry);
	p->p_specdataref.container = false;
	p->p_specdataref.data = NULL;
	if (data != NULL && key_alive)
		destructor(data);
	mutex_exit(&proc_domain);
}

/* Takes p_lock itself. */
void
psignal(struct proc *p, int signal)
{
	KASSERT(mutex_owned(PROC_LOCK) && signal > 0 && signal < NSIG);
	if (p->p_stat != SACTIVE && p->p_stat != SSTOP)
		panic("psignal of a process in state %d", p->p_stat);
	mutex_enter(p->p_lock);
	p->signal = signal;
	mutex_exit(p->p_lock);
}

/* ---- life ---- */

/* Others look at it without its lock, as they do in the kernel. */
#define STORE_STATE(p, state) __atomic_store_n(&(p)->p_stat, (state), __ATOMIC_RELEASE)

static struct vmspace *
new_memory(void)
{
	struct vmspace *memory = calloc(1, sizeof(*memory));

	memory->vm_refcnt = 1;
	memory->vm_map.size = 1 << 20;
	return memory;
}

static struct proc *
new_process(const struct proc *like)
{
	struct proc *p = calloc(1, sizeof(*p));

	p->p_lock = calloc(1, sizeof(*p->p_lock));
	p->p_lock->rank = RANK_P_LOCK;
	p->p_stmutex.rank = RANK_SPIN;
	p->p_specdataref.lock.rank = RANK_REFERENCE;
	p->p_fd = calloc(1, sizeof(*p->p_fd));
	p->p_fd->fd_refcnt = 1;
	p->p_fd->fd_lastfile = -1;
	p->p_cwdi = calloc(1, sizeof(*p->p_cwdi));
	p->p_cwdi->cwdi_refcnt = 1;
	p->p_limit = calloc(1, sizeof(*p->p_limit));
	p->p_vmspace = new_memory();
	p->p_pid = __atomic_add_fetch(&last_pid, 1, __ATOMIC_RELAXED);
	p->p_nlwps = 1;
	p->p_nice = like != NULL ? like->p_nice : NZERO;
	p->p_stat = SIDL;
	p->p_cwdi->cwdi_rdir = like != NULL ? like->p_cwdi->cwdi_rdir : NULL;
	if (p->p_cwdi->cwdi_rdir != NULL)
		__atomic_add_fetch(&p->p_cwdi->cwdi_rdir->v_usecount, 1, __ATOMIC_RELAXED);
	strlcpy(p->p_comm, "test", sizeof(p->p_comm));
	return p;
}

static void
start_process(struct proc *p)
{
	mutex_enter(PROC_LOCK);
	STORE_STATE(p, SACTIVE);
	LIST_INSERT_HEAD(&allproc, p, p_list);
	mutex_exit(PROC_LOCK);
}

struct proc *
host_process(uid_t euid)
{
	struct proc *p = new_process(NULL);

	p->p_cred = kauth_cred_alloc();
	cred_set_euid(p->p_cred, euid);
	start_process(p);
	return p;
}

struct proc *
sys_fork(int *error)
{
	struct proc *parent = curproc, *child;
	struct vmspace *memory;

	*error = authorize(KAUTH_SCOPE_PROCESS, parent->p_cred, KAUTH_PROCESS_FORK, parent, NULL, NULL, NULL) != 0 ? EAGAIN : 0;
	if (*error != 0)
		return NULL;
	child = new_process(parent);
	mutex_enter(parent->p_lock);
	child->p_cred = cred_hold(parent->p_cred);
	mutex_exit(parent->p_lock);
	memory = child->p_vmspace;
	child->p_vmspace = (struct vmspace *)0x10;
	(void)authorize(KAUTH_SCOPE_CRED, child->p_cred, KAUTH_CRED_FORK, parent, child, NULL, NULL);
	one_second();
	child->p_vmspace = memory;
	start_process(child);
	return child;
}

void
proc_crmod_enter(void)
{
	mutex_enter(curproc->p_lock);
}

void
proc_crmod_leave(kauth_cred_t new, kauth_cred_t unused, bool sugid)
{
	struct proc *p = curproc;

	if (!mutex_owned(p->p_lock))
		panic("proc_crmod_leave without proc_crmod_enter");
	p->p_cred = new;
	curlwp->l_cred = new;
	mutex_exit(p->p_lock);
	kauth_cred_free(unused);
}

int
sys_setuid(uid_t euid)
{
	kauth_cred_t before, after = kauth_cred_alloc();
	int error;

	proc_crmod_enter();
	before = curproc->p_cred;
	kauth_cred_clone(before, after);
	error = authorize(KAUTH_SCOPE_PROCESS, before, KAUTH_PROCESS_SETID, curproc, NULL, NULL, NULL);
	if (error != 0) {
		proc_crmod_leave(before, after, false);
		return error;
	}
	cred_set_euid(after, euid);
	proc_crmod_leave(after, before, true);
	return 0;
}

void *
exechook_establish(void (*hook)(struct proc *, void *), void *argument)
{
	KASSERT(exec_hook == NULL);
	exec_hook = hook;
	return &exec_hook;
}

void
exechook_disestablish(void *cookie)
{
	KASSERT(cookie == &exec_hook && exec_hook != NULL);
	exec_hook = NULL;
}

/* The old memory is gone before the hook runs, and p_reflock is held by whoever exec()s. */
void
sys_exec(void)
{
	struct proc *p = curproc;

	rw_enter(&p->p_reflock, RW_WRITER);
	free(p->p_vmspace);
	p->p_vmspace = (struct vmspace *)0x10;
	one_second();
	p->p_vmspace = new_memory();
	if (exec_hook != NULL)
		exec_hook(p, NULL);
	rw_exit(&p->p_reflock);
}

static void
close_files(struct proc *p)
{
	void cache_file(file_t *);

	for (u_int i = 0; i < DOUBLE_FILES; i++)
		if (p->p_fd->files[i] != NULL)
			cache_file(p->p_fd->files[i]);
	free(p->p_fd);
	p->p_fd = NULL;
}

void
sys_exit(struct proc *p)
{
	rw_enter(&p->p_reflock, RW_WRITER);
	close_files(p);
	free(p->p_vmspace);
	p->p_vmspace = (struct vmspace *)0x10;
	one_second();
	/* exit1() holds it since it left its process group. */
	mutex_enter(PROC_LOCK);
	finish_specific(p);
	LIST_REMOVE(p, p_list);
	STORE_STATE(p, SZOMB);
	LIST_INSERT_HEAD(&zombproc, p, p_list);
	mutex_exit(PROC_LOCK);
	rw_exit(&p->p_reflock);
}

void
sys_wait(struct proc *p)
{
	KASSERT(p->p_stat == SZOMB);
	mutex_enter(PROC_LOCK);
	LIST_REMOVE(p, p_list);
	mutex_exit(PROC_LOCK);
	kauth_cred_free(p->p_cred);
	if (p->p_cwdi->cwdi_rdir != NULL)
		vrele(p->p_cwdi->cwdi_rdir);
	free(p->p_cwdi);
	free(p->p_limit);
	free(p->p_lock);
	free(p);
}

int
sys_chroot(const char *path)
{
	struct vnode *root;
	int error = namei_simple_kernel(path, NSM_FOLLOW_NOEMULROOT, &root);

	if (error != 0)
		return error;
	if (curproc->p_cwdi->cwdi_rdir != NULL)
		vrele(curproc->p_cwdi->cwdi_rdir);
	curproc->p_cwdi->cwdi_rdir = root;
	return 0;
}
