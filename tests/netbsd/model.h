/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What a history knows of its processes and jails, without asking the module.
 */
#ifndef MODEL_H
#define MODEL_H

enum { PROCESSES = 24, JAILS = 6, ROOTS = 4, PORT_BASE = 65524, PORT_KINDS = 12 };
enum life { NONE = 0, ALIVE, ZOMBIE };

static const char *const roots[ROOTS] = { "/jails/a", "/jails/b", "/jails/c", "/jails/d" };
static const char *const jail_names[JAILS] = { "web", "db-1", "a.b", "mail_2", "c", "0x" };

static struct model_process {
	enum life life;
	u_int jid;
	bool arriving, has_directory;
	uid_t euid;
	int root; /* -1: the host's */
	struct proc *proc;
} processes[PROCESSES];

static struct model_jail {
	u_int jid; /* 0: there is none */
	uint64_t rights, denials;
	bool closed;
	int root;
	u_int port_count;
	uint16_t ports[JAIL_PORTS];
	uint64_t ticks;
} model[JAILS];

static u_int last_jid, step;
static bool loaded;
static uint32_t random_state;

static u_int
pick(u_int below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

#define EXPECT(what, got, wanted)                                                                                        \
	do {                                                                                                             \
		long long got_ = (long long)(got), wanted_ = (long long)(wanted);                                        \
		if (got_ != wanted_) {                                                                                   \
			printf("step %u: %s: the module says %lld, the model %lld\n", step, what, got_, wanted_);        \
			fflush(NULL);                                                                                    \
			exit(1);                                                                                         \
		}                                                                                                        \
	} while (0)

static struct model_jail *
jail_of_jid(u_int jid)
{
	for (u_int i = 0; i < JAILS; i++)
		if (jid != 0 && model[i].jid == jid)
			return &model[i];
	return NULL;
}

static u_int
owner_of(u_int port)
{
	for (u_int i = 0; i < JAILS; i++)
		for (u_int j = 0; model[i].jid != 0 && j < model[i].port_count; j++)
			if (model[i].ports[j] == port)
				return model[i].jid;
	return 0;
}

static u_int
count(u_int jid, enum life life)
{
	u_int sum = 0;

	for (u_int i = 0; i < PROCESSES; i++)
		sum += processes[i].life == life && processes[i].jid == jid;
	return sum;
}

static struct model_process *
any(enum life life)
{
	u_int first = pick(PROCESSES);

	for (u_int i = 0; i < PROCESSES; i++)
		if (processes[(first + i) % PROCESSES].life == life)
			return &processes[(first + i) % PROCESSES];
	return NULL;
}

/* A right that is not held is counted once. */
static int
judged(struct model_process *p, jp_u32 right)
{
	struct model_jail *jail = jail_of_jid(p->jid);

	if (p->jid == 0 || (jail != NULL && jp_holds(jail->rights, right)))
		return 0;
	if (jail != NULL)
		jail->denials++;
	return EPERM;
}

#endif
