/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * A double of the NetBSD kernel, as far as secmodel_jail sees it, in one process. It is written from the
 * manual pages and holds the module to their contracts as a DIAGNOSTIC kernel would: whatever a kernel may panic for, it
 * ends the test for. The headers that the module includes all lead here; kauth(9) and its like come from ../stubs.
 */
#ifndef DOUBLE_H
#define DOUBLE_H

/* ---- sys/types.h, sys/param.h, sys/errno.h ---- */

typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __SIZE_TYPE__ size_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef unsigned int u_int;
typedef unsigned char u_char;
typedef unsigned long u_long;
typedef unsigned long long u_quad_t;
typedef uint32_t uid_t;
typedef int32_t pid_t;
typedef int64_t time_t;
typedef uint64_t dev_t;
typedef int devmajor_t;
typedef struct kauth_cred *kauth_cred_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define INT32_MAX 0x7fffffff
#define NODEVMAJOR (-1)
#define major(device) ((uint32_t)((device) >> 16))
#define minor(device) ((uint32_t)((device)&0xffff))
#define makedev(maj, min) ((dev_t)(maj) << 16 | (min))
#define __arraycount(array) (sizeof(array) / sizeof((array)[0]))
#define __UNVOLATILE(pointer) ((void *)(uintptr_t)(pointer))
#define __NetBSD_Prereq__(M, m, p) (((M)*100000000 + (m)*1000000 + (p)*100) <= __NetBSD_Version__)
#define IPL_NONE 0
#define IPL_SCHED 7
#define PRI_NONE (-1)

enum {
	EPERM = 1,
	ENOENT = 2,
	ESRCH = 3,
	ENOMEM = 12,
	EACCES = 13,
	EFAULT = 14,
	EBUSY = 16,
	EEXIST = 17,
	ENOTDIR = 20,
	EINVAL = 22,
	ENOTTY = 25,
	ENOSPC = 28,
	EAGAIN = 35,
	EPROTONOSUPPORT = 43,
	EADDRINUSE = 48,
	EADDRNOTAVAIL = 49,
	ESHUTDOWN = 58,
	EOVERFLOW = 84,
};

/* ---- what the double takes from libc ---- */

int printf(const char *, ...) __attribute__((format(printf, 1, 2)));
int fflush(void *);
void *calloc(size_t, size_t);
void free(void *);
void abort(void) __attribute__((noreturn));
void exit(int) __attribute__((noreturn));

/* The kernel would panic: this ends the test. */
void panic(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));
#define KASSERT(condition)                                                                   \
	do {                                                                                 \
		if (!(condition))                                                            \
			panic("assertion failed: %s, %s:%d", #condition, __FILE__, __LINE__); \
	} while (0)

/* ---- sys/queue.h ---- */

#define __BEGIN_DECLS
#define __END_DECLS
#include <host/queue.h>

/* ---- sys/atomic.h ---- */

#define atomic_inc_uint(p) ((void)__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST))
#define atomic_dec_uint_nv(p) __atomic_sub_fetch(p, 1, __ATOMIC_SEQ_CST)
/* The atomics above order everything. */
#if __NetBSD_Prereq__(9, 99, 100)
#define membar_release() ((void)0)
#define membar_acquire() ((void)0)
#else
#define membar_exit() ((void)0)
#define membar_enter() ((void)0)
#endif
#define atomic_swap_uint(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)

/* ---- sys/mutex.h, sys/rwlock.h ---- */

/* A lock is taken only while holding locks of lower ranks. */
enum lock_rank {
	RANK_PROC_LOCK = 1,
	RANK_P_LOCK,
	RANK_SPECIFIC,
	RANK_MODULE,
	RANK_REFERENCE,
	RANK_SPIN, /* spin mutexes from here on: no adaptive one is taken while one is held */
	RANK_MODULE_SPIN,
};

typedef struct kmutex {
	enum lock_rank rank;
	uintptr_t owner; /* 0: nobody */
} kmutex_t;

typedef struct krwlock {
	int holders; /* readers; -1: one writer */
} krwlock_t;

typedef enum krw { RW_READER, RW_WRITER } krw_t;

#define MUTEX_DEFAULT 0
void mutex_init(kmutex_t *, int, int);
void mutex_destroy(kmutex_t *);
void mutex_enter(kmutex_t *);
void mutex_exit(kmutex_t *);
void mutex_spin_enter(kmutex_t *);
void mutex_spin_exit(kmutex_t *);
bool mutex_owned(const kmutex_t *);
bool rw_tryenter(krwlock_t *, krw_t);
void rw_enter(krwlock_t *, krw_t);
void rw_exit(krwlock_t *);
/* Ends the test where a sleeping allocation, a fault or a wait would be wrong. */
void must_be_sleepable(const char *what);

/* ---- sys/kmem.h ---- */

#define KM_SLEEP 1
void *kmem_alloc(size_t, int);
void *kmem_zalloc(size_t, int);
void kmem_free(void *, size_t);
u_long kmem_in_use(void);

/* ---- sys/specificdata.h ---- */

typedef u_int specificdata_key_t;
typedef void (*specificdata_dtor_t)(void *);
typedef struct specificdata_reference {
	LIST_ENTRY(specificdata_reference) entry; /* of those that have a container */
	kmutex_t lock;
	bool container;
	void *data;
} specificdata_reference;

/* ---- vnodes, files, memory ---- */

enum vtype { VNON, VREG, VDIR, VBLK, VCHR };
struct specnode {
	dev_t sn_rdev;
};
struct vnode {
	enum vtype v_type;
	struct specnode *v_specnode;
	u_int v_usecount;
	const char *path;
};
#define v_rdev v_specnode->sn_rdev
typedef int namei_simple_flags_t;
#define NSM_FOLLOW_NOEMULROOT 0
int namei_simple_kernel(const char *, namei_simple_flags_t, struct vnode **);
void vrele(struct vnode *);
devmajor_t devsw_name2chr(const char *, char *, size_t);

typedef enum { PFSfpregs = 1, PFSmem, PFSregs, PFSstatus } pfstype;
struct pfsnode {
	pfstype pfs_type;
};

#define DTYPE_VNODE 1
#define DTYPE_SOCKET 2
typedef struct file {
	int f_type;
	struct vnode *f_vnode;
	kauth_cred_t f_cred;
	u_int f_count;
} file_t;
enum { DOUBLE_FILES = 8 };
struct filedesc {
	int fd_refcnt;
	int fd_lastfile;
	file_t *files[DOUBLE_FILES];
};
struct cwdinfo {
	struct vnode *cwdi_rdir;
	u_int cwdi_refcnt;
};
file_t *fd_getfile(u_int);
void fd_putfile(u_int);

struct vm_map {
	uint64_t size;
};
struct vmspace {
	struct vm_map vm_map;
	int vm_refcnt;
};

#define RLIMIT_NPROC 7
#define RLIM_NLIMITS 12
struct rlimit {
	uint64_t rlim_cur, rlim_max;
};
struct plimit {
	struct rlimit pl_rlimit[RLIM_NLIMITS];
};

/* ---- sys/proc.h ---- */

#define NSIG 64
#define SIDL 1
#define SACTIVE 2
#define SSTOP 4
#define SZOMB 5
#define PK_SUGID 0x100u
#define PK_MARKER 0x80000000u
#define NZERO 20
#define p_rlimit p_limit->pl_rlimit

struct proc {
	LIST_ENTRY(proc) p_list;
	kmutex_t *p_lock;
	kauth_cred_t p_cred;
	struct filedesc *p_fd;
	struct cwdinfo *p_cwdi;
	struct plimit *p_limit;
	struct vmspace *p_vmspace;
	specificdata_reference p_specdataref;
	u_int p_flag;
	char p_stat;
	pid_t p_pid;
	int signal; /* the last one that it was sent */
	int p_nlwps;
	u_char p_nice;
	char p_comm[17];
	u_quad_t p_uticks, p_sticks, p_iticks;
	kmutex_t p_stmutex;
	krwlock_t p_reflock;
};
struct lwp {
	struct proc *l_proc;
	kauth_cred_t l_cred;
};
typedef struct proc proc_t;
LIST_HEAD(proclist, proc);
extern struct proclist allproc, zombproc;
#if __NetBSD_Prereq__(9, 99, 100)
extern kmutex_t proc_lock;
#define PROC_LOCK (&proc_lock)
#else
extern kmutex_t *proc_lock;
#define PROC_LOCK proc_lock
#endif
extern __thread struct lwp *curlwp;
#define curproc (curlwp->l_proc)

int proc_specific_key_create(specificdata_key_t *, specificdata_dtor_t);
void proc_specific_key_delete(specificdata_key_t);
void *proc_getspecific(struct proc *, specificdata_key_t);
void proc_setspecific(struct proc *, specificdata_key_t, void *);
void proc_crmod_enter(void);
void proc_crmod_leave(kauth_cred_t, kauth_cred_t, bool);
void psignal(struct proc *, int);
int kpause(const char *, bool, int, kmutex_t *);

/* ---- sockets ---- */

struct domain {
	int dom_family;
};
struct protosw {
	struct domain *pr_domain;
};
struct socket {
	const struct protosw *so_proto;
	kauth_cred_t so_cred;
};
struct sockaddr {
	uint8_t sa_len, sa_family;
	char sa_data[14];
};
struct sockaddr_in {
	uint8_t sin_len, sin_family;
	uint16_t sin_port;
	uint32_t sin_addr;
	char sin_zero[8];
};

/* ---- time ---- */

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};
void getnanouptime(struct timespec *);
typedef struct callout {
	void (*function)(void *);
	void *argument;
	bool scheduled, alive;
} callout_t;
#define CALLOUT_MPSAFE 1
void callout_init(callout_t *, u_int);
void callout_setfunc(callout_t *, void (*)(void *), void *);
void callout_schedule(callout_t *, int);
bool callout_halt(callout_t *, void *);
void callout_destroy(callout_t *);

#define LOG_NOTICE 5
#define LOG_INFO 6

/* ---- sys/sysctl.h ---- */

enum { CTLTYPE_NODE = 1, CTLTYPE_INT, CTLTYPE_STRING, CTLTYPE_QUAD, CTLTYPE_STRUCT };
enum { CTLFLAG_READONLY = 0, CTLFLAG_PERMANENT = 0x10, CTLFLAG_READWRITE = 0x20 };
enum { CTL_EOL = -1, CTL_CREATE = -2, CTL_SECURITY = 13 };
#define SYSCTL_DESCR(text) text
#define SYSCTLFN_ARGS                                                                                                \
	const int *name, u_int namelen, void *oldp, size_t *oldlenp, const void *newp, size_t newlen, const int *oname, \
	    struct lwp *l, const struct sysctlnode *rnode
#define SYSCTLFN_CALL(node) name, namelen, oldp, oldlenp, newp, newlen, oname, l, node
struct sysctlnode;
typedef int (*sysctlfn)(SYSCTLFN_ARGS);
struct sysctlnode {
	LIST_ENTRY(sysctlnode) entry;
	const char *sysctl_name;
	int type, flags;
	sysctlfn function;
	void *sysctl_data;
	size_t sysctl_size;
	struct sysctllog *log;
};
struct sysctllog;
int sysctl_createv(struct sysctllog **, int, const struct sysctlnode **, const struct sysctlnode **, int, int, const char *,
    const char *, sysctlfn, u_quad_t, void *, size_t, ...);
void sysctl_teardown(struct sysctllog **);
int sysctl_lookup(SYSCTLFN_ARGS);
int sysctl_copyin(struct lwp *, const void *, void *, size_t);
int sysctl_copyout(struct lwp *, const void *, void *, size_t);

/* ---- sys/module.h ---- */

typedef enum modcmd { MODULE_CMD_INIT, MODULE_CMD_FINI, MODULE_CMD_STAT, MODULE_CMD_AUTOUNLOAD } modcmd_t;
enum { MODULE_CLASS_SECMODEL = 5 };
#define MODULE(class, name, required)                  \
	static int name##_modcmd(modcmd_t, void *);    \
	int (*const the_modcmd)(modcmd_t, void *) = name##_modcmd
extern int (*const the_modcmd)(modcmd_t, void *);

typedef struct prop_dictionary *prop_dictionary_t;

/* ---- what tests do with the double ---- */

struct proc *host_process(uid_t);		  /* a new process of the host's */
void run_as(struct proc *);			  /* curlwp is its thread from now on */
struct proc *sys_fork(int *error);		  /* of curproc */
int sys_setuid(uid_t);				  /* of curproc */
void sys_exec(void);				  /* of curproc */
void sys_exit(struct proc *);			  /* a zombie from now on */
void sys_wait(struct proc *);			  /* reaped: gone */
int sys_chroot(const char *);			  /* of curproc */
int sys_open(enum vtype);			  /* of curproc: its descriptor, or -1 */
void drop_cached_files(void);
int sys_bind(struct socket *, u_int *port);	  /* of curproc; 0: an ephemeral one, told */
struct socket *sys_socket(int family);
void close_socket(struct socket *);
int sys_sysctl(const char *name, void *old, size_t *oldlen, const void *new, size_t newlen); /* of curproc */
int authorize(const char *scope, kauth_cred_t, uint64_t action, void *, void *, void *, void *);
int evaluate(const char *what, void *arg, void *ret);
void one_second(void);
extern bool fail_copyout;
/* Done once, by whom else there is, when the module next leaves a lock of its own. */
extern void (*meanwhile)(void);
/* Threads that a test holds where the kernel would let them sleep or run, until the module waits for them. Set to HOLD; HELD
 * when one is there. */
enum hold { GO = 0, HOLD, HELD };
extern enum hold making_room; /* in kauth_cred_setdata, which needs room: for some pauses, or until GO */
extern enum hold ticking;     /* in the callout's function, which schedules it again: until it is halted */
/* Set once before threads begin: time goes on by its own thread alone, and the log is only counted. */
extern bool threaded;
extern char last_log[256];
extern u_int log_lines;
kauth_cred_t cred_hold(kauth_cred_t);
u_int creds_in_use(void);
bool registered_nothing(void);

#endif
