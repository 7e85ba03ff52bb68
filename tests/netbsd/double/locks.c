/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Locks, memory and panic: which locks are held, in which order they were taken, what was allocated and is not freed.
 */
#include <sys/systm.h>

enum { MAX_HELD = 16 };
static __thread kmutex_t *held[MAX_HELD];
static __thread u_int held_count;
static u_long in_use;
bool threaded;
void (*meanwhile)(void);

int sched_yield(void);

/* What tells one thread from another. */
static uintptr_t
myself(void)
{
	return (uintptr_t)held;
}

void
panic(const char *format, ...)
{
	__builtin_va_list arguments;
	int vprintf(const char *, __builtin_va_list);

	printf("panic: ");
	__builtin_va_start(arguments, format);
	vprintf(format, arguments);
	__builtin_va_end(arguments);
	printf("\n");
	fflush(NULL);
	abort();
}

void
mutex_init(kmutex_t *mutex, int type, int ipl)
{
	mutex->rank = ipl == IPL_NONE ? RANK_MODULE : RANK_MODULE_SPIN;
	mutex->owner = 0;
}

void
mutex_destroy(kmutex_t *mutex)
{
	if (mutex->owner != 0)
		panic("mutex of rank %d destroyed while held", mutex->rank);
	mutex->rank = 0;
}

void
mutex_enter(kmutex_t *mutex)
{
	if (mutex->rank == 0)
		panic("mutex entered that is not there");
	if (mutex_owned(mutex))
		panic("mutex of rank %d: locking against myself", mutex->rank);
	if (held_count != 0 && held[held_count - 1]->rank >= mutex->rank)
		panic("lock order: rank %d taken while holding rank %d", mutex->rank, held[held_count - 1]->rank);
	KASSERT(held_count < MAX_HELD);
	for (;;) {
		uintptr_t nobody = 0;

		if (__atomic_compare_exchange_n(&mutex->owner, &nobody, myself(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			break;
		sched_yield();
	}
	held[held_count++] = mutex;
}

void
mutex_exit(kmutex_t *mutex)
{
	u_int i;

	if (!mutex_owned(mutex))
		panic("mutex of rank %d left that is not held", mutex->rank);
	for (i = 0; held[i] != mutex; i++)
		;
	for (held_count--; i < held_count; i++)
		held[i] = held[i + 1];
	__atomic_store_n(&mutex->owner, 0, __ATOMIC_RELEASE);
	if (meanwhile != NULL && mutex->rank == RANK_MODULE) {
		void (*now)(void) = meanwhile;

		meanwhile = NULL;
		now();
	}
}

void
mutex_spin_enter(kmutex_t *mutex)
{
	if (mutex->rank != 0 && mutex->rank < RANK_SPIN)
		panic("mutex of rank %d is adaptive, and entered as a spin mutex", mutex->rank);
	mutex_enter(mutex);
}

void
mutex_spin_exit(kmutex_t *mutex)
{
	mutex_exit(mutex);
}

bool
mutex_owned(const kmutex_t *mutex)
{
	return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == myself();
}

bool
rw_tryenter(krwlock_t *lock, krw_t how)
{
	int now = __atomic_load_n(&lock->holders, __ATOMIC_RELAXED);

	if (how == RW_WRITER ? now != 0 : now < 0)
		return false;
	return __atomic_compare_exchange_n(&lock->holders, &now, how == RW_WRITER ? -1 : now + 1, false, __ATOMIC_ACQUIRE,
	    __ATOMIC_RELAXED);
}

void
rw_enter(krwlock_t *lock, krw_t how)
{
	must_be_sleepable("rw_enter");
	while (!rw_tryenter(lock, how))
		sched_yield();
}

void
rw_exit(krwlock_t *lock)
{
	int now = __atomic_load_n(&lock->holders, __ATOMIC_RELAXED);

	if (now == 0)
		panic("rwlock left that is not held");
	if (now < 0)
		__atomic_store_n(&lock->holders, 0, __ATOMIC_RELEASE);
	else
		__atomic_sub_fetch(&lock->holders, 1, __ATOMIC_RELEASE);
}

/* The lock of a specificdata(9) domain is held while containers are made and destroyed, and may be slept with. */
void
must_be_sleepable(const char *what)
{
	if (held_count != 0 && held[held_count - 1]->rank != RANK_SPECIFIC)
		panic("%s may sleep, but a lock of rank %d is held", what, held[held_count - 1]->rank);
	if (held_count > 1)
		panic("%s may sleep, but a lock of rank %d is held", what, held[0]->rank);
}

/* The size lies before what is handed out. */
void *
kmem_zalloc(size_t size, int flags)
{
	size_t *block;

	if (size == 0 || flags != KM_SLEEP)
		panic("kmem_alloc of %zu, flags %d", size, flags);
	must_be_sleepable("kmem_alloc");
	block = calloc(1, size + 2 * sizeof(size_t));
	block[0] = size;
	__atomic_add_fetch(&in_use, 1, __ATOMIC_RELAXED);
	return block + 2;
}

void *
kmem_alloc(size_t size, int flags)
{
	char *block = kmem_zalloc(size, flags);

	memset(block, 0xa5, size);
	return block;
}

void
kmem_free(void *pointer, size_t size)
{
	size_t *block = pointer;

	block -= 2;
	if (block[0] != size)
		panic("kmem_free of %zu that was allocated as %zu", size, block[0]);
	__atomic_sub_fetch(&in_use, 1, __ATOMIC_RELAXED);
	free(block);
}

u_long
kmem_in_use(void)
{
	return in_use;
}

size_t
strlcpy(char *to, const char *from, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i] != 0; i++)
		to[i] = from[i];
	if (size != 0)
		to[i] = 0;
	return strlen(from);
}
