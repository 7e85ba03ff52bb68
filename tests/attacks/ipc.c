/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System V and POSIX IPC objects of the host, by key, by id, by name and by table index.
 */
#include "attack.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

/* ipc/util.h: the lower bits of an id are its index in the table */
#define INDEX_OF(id) ((int)(id) & 0x7fff)

static int shm_by_key(void) { return outcome(shmget((key_t)target.shm_key, 0, 0)); }
static int shm_attach(void) { return shmat((int)target.shm_id, NULL, SHM_RDONLY) == (void *)-1 ? errno : 0; }
static int shm_remove(void) { return outcome(shmctl((int)target.shm_doomed_id, IPC_RMID, NULL)); }

static int shm_stat(int id, int command)
{
	struct shmid_ds state;
	return outcome(shmctl(id, command, &state));
}

static int shm_by_id(void) { return shm_stat((int)target.shm_id, IPC_STAT); }
static int shm_by_index(void) { return shm_stat(INDEX_OF(target.shm_id), SHM_STAT); }
static int shm_by_index_unasked(void) { return shm_stat(INDEX_OF(target.shm_id), SHM_STAT_ANY); }

static int shm_totals(void)
{
	struct shm_info totals;
	return outcome(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
}

static int sem_by_key(void) { return outcome(semget((key_t)target.sem_key, 0, 0)); }
static int sem_value(void) { return outcome(semctl((int)target.sem_id, 0, GETVAL)); }

static int sem_change(void)
{
	struct sembuf up = { 0, 1, IPC_NOWAIT | SEM_UNDO };
	return outcome(semop((int)target.sem_id, &up, 1));
}

static int msg_by_key(void) { return outcome(msgget((key_t)target.msg_key, 0)); }
static int msg_remove(void) { return outcome(msgctl((int)target.msg_doomed_id, IPC_RMID, NULL)); }

struct letter {
	long type;
	char text[8];
};

static int msg_send(void)
{
	struct letter letter = { 1, "x" };
	return outcome(msgsnd((int)target.msg_id, &letter, 1, IPC_NOWAIT));
}

static int msg_receive(void)
{
	/* host.c left one for this row, of type 2 */
	struct letter letter;
	return outcome(msgrcv((int)target.msg_id, &letter, sizeof letter.text, 2, IPC_NOWAIT));
}

static int own_shm(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	if (id < 0)
		return errno;
	int failed = shmat(id, NULL, 0) == (void *)-1 ? errno : 0;
	shmctl(id, IPC_RMID, NULL);
	return failed;
}

static int own_sem(void)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	if (id < 0)
		return errno;
	int failed = outcome(semctl(id, 0, GETVAL));
	semctl(id, 0, IPC_RMID);
	return failed;
}

static int own_msg(void)
{
	struct letter letter = { 1, "x" };
	int id = msgget(IPC_PRIVATE, 0600);
	if (id < 0)
		return errno;
	int failed = outcome(msgsnd(id, &letter, 1, IPC_NOWAIT));
	msgctl(id, IPC_RMID, NULL);
	return failed;
}

/* Does the list have an object with the key? proc(5): the first column, after a line of headings. */
static int find_key(const char *list, long key)
{
	char line[512];
	FILE *file = fopen(list, "r");
	if (!file)
		return errno;
	int found = 0;
	while (!found && fgets(line, sizeof line, file))
		found = strtol(line, NULL, 10) == key;
	fclose(file);
	return found ? 0 : ENOENT;
}

static int list_shm(void) { return find_key("/proc/sysvipc/shm", target.shm_key); }
static int list_sem(void) { return find_key("/proc/sysvipc/sem", target.sem_key); }
static int list_msg(void) { return find_key("/proc/sysvipc/msg", target.msg_key); }

static int queue_open(void) { return outcome(mq_open(target.queue, O_RDWR | O_NONBLOCK)); }
static int queue_remove(void) { return outcome(mq_unlink(target.doomed_queue)); }

static int own_queue(void)
{
	char name[64];
	snprintf(name, sizeof name, "/jailsh-own-%d", getpid());
	mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
	if (queue < 0)
		return errno;
	int failed = outcome(mq_send(queue, "x", 1, 0));
	int kept = outcome(mq_unlink(name));
	return failed ? failed : kept;
}

#define CLOSED "EACCES|EPERM"
#define FOREIGN "ipc_foreign"

const struct attack ipc_rows[] = {
	{ "shmget by the host's key", DENIED, "ok", CLOSED, FOREIGN, shm_by_key },
	{ "shmat by the host's id", DENIED, "ok", CLOSED, FOREIGN, shm_attach },
	{ "shmctl(IPC_STAT) by the host's id", DENIED, "ok", CLOSED, FOREIGN, shm_by_id },
	{ "shmctl(SHM_STAT) by the host's index", DENIED, "ok", CLOSED, FOREIGN, shm_by_index },
	{ "shmctl(SHM_STAT_ANY) by the host's index", DENIED, "ok", CLOSED, FOREIGN, shm_by_index_unasked },
	{ "shmctl(IPC_RMID) by the host's id", DENIED, "ok", CLOSED, FOREIGN, shm_remove },
	{ "shmctl(SHM_INFO)", OPEN, "ok", "ok", "", shm_totals },
	{ "semget by the host's key", DENIED, "ok", CLOSED, FOREIGN, sem_by_key },
	{ "semctl(GETVAL) by the host's id", DENIED, "ok", CLOSED, FOREIGN, sem_value },
	{ "semop by the host's id", DENIED, "ok", CLOSED, FOREIGN, sem_change },
	{ "msgget by the host's key", DENIED, "ok", CLOSED, FOREIGN, msg_by_key },
	{ "msgsnd by the host's id", DENIED, "ok", CLOSED, FOREIGN, msg_send },
	{ "msgrcv by the host's id", DENIED, "ok", CLOSED, FOREIGN, msg_receive },
	{ "msgctl(IPC_RMID) by the host's id", DENIED, "ok", CLOSED, FOREIGN, msg_remove },
	{ "own shared memory", WORKS, "ok", "ok", "", own_shm },
	{ "own semaphore", WORKS, "ok", "ok", "", own_sem },
	{ "own message queue", WORKS, "ok", "ok", "", own_msg },
	{ "find the host's segment in /proc/sysvipc/shm", DENIED, "ok", CLOSED, FOREIGN, list_shm },
	{ "find the host's semaphore in /proc/sysvipc/sem", DENIED, "ok", CLOSED, FOREIGN, list_sem },
	{ "find the host's queue in /proc/sysvipc/msg", DENIED, "ok", CLOSED, FOREIGN, list_msg },
	{ "mq_open the host's queue", DENIED, "ok", CLOSED, FOREIGN, queue_open },
	{ "mq_unlink the host's queue", DENIED, "ok", CLOSED, FOREIGN, queue_remove },
	{ "mq_open an own queue", WORKS, "ok", "ok", "", own_queue },
	{ 0 },
};
