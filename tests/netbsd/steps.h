/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What can happen in a history, each step done to the module and to the model.
 */
#ifndef STEPS_H
#define STEPS_H

#include "model.h"

static int
control(struct model_process *p, bool writes)
{
	if (!loaded)
		return ENOENT;
	if (p->jid == 0)
		return p->euid == 0 ? 0 : EPERM;
	if (writes && judged(p, JP_SYSCTL_WRITE) != 0)
		return EPERM;
	if (writes && p->euid != 0)
		return EPERM;
	jail_of_jid(p->jid)->denials++;
	return EPERM;
}

static int
expect_create(struct model_process *p, const struct jail_create *call, u_int number, bool room, bool ports_fine)
{
	int error = control(p, true);

	if (error != 0)
		return error;
	if (!room)
		return ENOMEM;
	if (!ports_fine)
		return EINVAL;
	last_jid++;
	if (model[number].jid != 0)
		return EEXIST;
	for (u_int i = 0; i < call->port_count; i++)
		if (owner_of(call->ports[i]) != 0)
			return EADDRINUSE;
	return fail_copyout ? EFAULT : 0;
}

static void
do_create(void)
{
	struct model_process *p = any(ALIVE);
	struct jail_create call = { .version = JAIL_ABI }, answer;
	u_int number = pick(JAILS), root = pick(ROOTS);
	size_t size = sizeof(answer), room = pick(8) != 0 ? size : size - 1;
	bool ports_fine = true;
	int error;

	call.rights = (uint64_t)pick(1 << 30) << 30 | pick(1 << 30);
	call.port_count = pick(4);
	for (u_int i = 0; i < call.port_count; i++) {
		call.ports[i] = PORT_BASE + pick(PORT_KINDS);
		for (u_int j = 0; j < i; j++)
			ports_fine = ports_fine && call.ports[j] != call.ports[i];
	}
	strlcpy(call.name, jail_names[number], sizeof(call.name));
	strlcpy(call.root, roots[root], sizeof(call.root));
	strlcpy(call.profile, "medium", sizeof(call.profile));
	run_as(p->proc);
	fail_copyout = pick(8) == 0;
	error = expect_create(p, &call, number, room == size, ports_fine);
	EXPECT("create", sys_sysctl("create", &answer, &room, &call, sizeof(call)), error);
	fail_copyout = false;
	if (error != 0)
		return;
	EXPECT("the new jid", answer.jid, last_jid);
	model[number] = (struct model_jail){ .jid = last_jid, .rights = call.rights, .root = root, .port_count = call.port_count };
	memcpy(model[number].ports, call.ports, sizeof(call.ports));
}

static void
do_destroy(void)
{
	struct model_process *p = any(ALIVE);
	struct model_jail *jail = &model[pick(JAILS)];
	int jid = jail->jid != 0 && pick(8) != 0 ? (int)jail->jid : (int)(last_jid + 7) * (int)pick(2), error = control(p, true);

	jail = jail_of_jid(jid);
	if (error == 0)
		error = jid == 0 ? EINVAL :
		    jail == NULL ? ENOENT :
		    count(jid, ALIVE) + count(jid, ZOMBIE) != 0 ? EBUSY :
								  0;
	run_as(p->proc);
	EXPECT("destroy", sys_sysctl("destroy", NULL, NULL, &jid, sizeof(jid)), error);
	if (error == 0)
		jail->jid = 0;
}

static void
do_enter(void)
{
	struct model_process *p = any(ALIVE);
	struct model_jail *jail = &model[pick(JAILS)];
	int jid = jail->jid, error;

	run_as(p->proc);
	if (p->root < 0 && p->jid == 0 && jid != 0 && pick(4) != 0) {
		EXPECT("chroot", sys_chroot(roots[jail->root]), 0);
		p->root = jail->root;
	}
	error = control(p, true);
	if (error == 0 && jid != 0)
		error = jail->closed ? ENOENT : p->root != jail->root ? EPERM : p->has_directory ? ENOTDIR : 0;
	EXPECT("enter", sys_sysctl("id", NULL, NULL, &jid, sizeof(jid)), error);
	if (error == 0 && jid != 0) {
		p->jid = jid;
		p->arriving = true;
	}
}

static void
do_update(void)
{
	struct model_process *p = any(ALIVE);
	struct model_jail *jail = &model[pick(JAILS)];
	struct jail_update call = { .version = JAIL_ABI, .jid = jail->jid != 0 ? jail->jid : 9999 }, answer;
	size_t size = sizeof(answer);
	int error = control(p, true);

	call.changes = pick(4) | (pick(16) == 0 ? JAIL_UPDATE_CLOSE : 0);
	call.rights = (uint64_t)pick(1 << 30) << 30 | pick(1 << 30);
	call.port_count = pick(2);
	call.ports[0] = PORT_BASE + pick(PORT_KINDS);
	if (error == 0 && jail->jid == 0)
		error = ENOENT;
	if (error == 0 && (call.changes & JAIL_UPDATE_PORTS) != 0 && call.port_count != 0 && owner_of(call.ports[0]) != 0 &&
	    owner_of(call.ports[0]) != jail->jid)
		error = EADDRINUSE;
	run_as(p->proc);
	EXPECT("update", sys_sysctl("update", &answer, &size, &call, sizeof(call)), error);
	if (error == EADDRINUSE)
		EXPECT("the port in the way", answer.taken_port, call.ports[0]);
	if (error != 0)
		return;
	if ((call.changes & JAIL_UPDATE_RIGHTS) != 0)
		jail->rights = call.rights;
	if ((call.changes & JAIL_UPDATE_CLOSE) != 0)
		jail->closed = true;
	if ((call.changes & JAIL_UPDATE_PORTS) != 0) {
		jail->port_count = call.port_count;
		memcpy(jail->ports, call.ports, sizeof(call.ports));
	}
}

static void
do_fork(void)
{
	struct model_process *p = any(ALIVE), *child = any(NONE);
	struct model_jail *jail = jail_of_jid(p->jid);
	struct proc *made;
	int error;

	if (child == NULL)
		return;
	run_as(p->proc);
	made = sys_fork(&error);
	EXPECT("fork", error, jail != NULL && jail->closed && judged(p, JP_PROCESS_TABLE) != 0 ? EAGAIN : 0);
	if (error != 0)
		return;
	*child = *p;
	child->proc = made;
	child->has_directory = false;
}

static void
do_life(void)
{
	struct model_process *p = any(pick(3) == 0 ? ZOMBIE : ALIVE);

	if (p == NULL)
		return;
	if (p->life == ZOMBIE) {
		sys_wait(p->proc);
		p->life = NONE;
		return;
	}
	run_as(p->proc);
	switch (pick(6)) {
	case 0:
		p->euid = p->euid != 0 || pick(2) != 0 ? 1000 : 0;
		EXPECT("setuid", sys_setuid(p->euid), 0);
		break;
	case 1:
		sys_exec();
		p->arriving = p->arriving && !loaded;
		break;
	case 2:
		if (sys_open(pick(4) == 0 ? VDIR : VREG) >= 0)
			for (u_int i = 0; i < DOUBLE_FILES; i++)
				p->has_directory = p->has_directory ||
				    (p->proc->p_fd->files[i] != NULL && p->proc->p_fd->files[i]->f_vnode->v_type == VDIR);
		break;
	case 3:
		for (u_int i = pick(100); i > 0; i--) {
			p->proc->p_uticks++;
			if (p->jid != 0)
				jail_of_jid(p->jid)->ticks++;
		}
		break;
	case 4:
		if (count(0, ALIVE) > 2 || p->jid != 0) {
			sys_exit(p->proc);
			p->life = ZOMBIE;
		}
		break;
	default:
		drop_cached_files();
		break;
	}
}

static void
do_ask(void)
{
	static const struct {
		u_int action;
		jp_u32 fence, right;
	} actions[] = {
		{ KAUTH_PROCESS_SIGNAL, JP_PROCESS_SIGNAL, JP_FREE },	 { KAUTH_PROCESS_CANSEE, JP_PROCESS_SEE, JP_FREE },
		{ KAUTH_PROCESS_PTRACE, JP_PROCESS_TRACE, JP_PTRACE },	 { KAUTH_PROCESS_KTRACE, JP_PROCESS_TRACE, JP_PTRACE },
		{ KAUTH_PROCESS_STOPFLAG, JP_PROCESS_SCHEDULE, JP_FREE },
		{ KAUTH_PROCESS_SCHEDULER_SETPARAM, JP_PROCESS_SCHEDULE, JP_PRIORITY }, { 9999, JP_PROCESS_TRACE, JP_PROCESS_TRACE },
	};
	struct model_process *p = any(ALIVE), *q = any(pick(4) == 0 ? ZOMBIE : ALIVE);
	u_int i = pick(__arraycount(actions));
	/* As sysctl's proc tree, or as kill(2); of threads only with p_lock, and only those that are there. */
	bool of_a_thread = actions[i].action == KAUTH_PROCESS_SCHEDULER_SETPARAM, locks = of_a_thread || pick(2) == 0, own;

	if (q == NULL || !loaded || (of_a_thread && q->life == ZOMBIE))
		return;
	own = p == q || (p->jid == q->jid && !q->arriving);
	run_as(p->proc);
	if (locks)
		mutex_enter(q->proc->p_lock);
	EXPECT("acting on a process",
	    authorize(KAUTH_SCOPE_PROCESS, p->proc->p_cred, actions[i].action, q->proc, (void *)(uintptr_t)KAUTH_REQ_PROCESS_CANSEE_ENTRY,
		NULL, NULL),
	    judged(p, own || actions[i].action == 9999 ? actions[i].right : actions[i].fence));
	if (locks)
		mutex_exit(q->proc->p_lock);
}

static void
do_bind(void)
{
	struct model_process *p = any(ALIVE);
	struct socket *so;
	u_int port = pick(2) == 0 ? 0 : PORT_BASE + pick(PORT_KINDS), got = port, best = 65535;
	bool mine;

	run_as(p->proc);
	so = sys_socket(pick(2) == 0 ? 2 : 24);
	mine = !loaded || owner_of(port) == 0 || owner_of(port) == p->jid;
	EXPECT("bind", sys_bind(so, &got), mine ? 0 : EACCES);
	if (!mine && p->jid != 0)
		jail_of_jid(p->jid)->denials++;
	if (port == 0) {
		while (loaded && owner_of(best) != 0 && owner_of(best) != p->jid) {
			best--;
			if (p->jid != 0)
				jail_of_jid(p->jid)->denials++;
		}
		EXPECT("the ephemeral port", got, best);
	}
	close_socket(so);
}

#endif
