/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * System V and POSIX IPC, which live outside of any root.
 *
 * Attacks answered: finding, attaching, reading or removing shared memory, semaphores and message queues of the host or
 * of another jail, by key, by id or by name.
 */

/* Commands that name no object: linux/ipc.h, shm.h, sem.h, msg.h. The high bit only asks for the newer layout. */
enum { ASK_LIMITS = 3, ASK_SHM_TOTALS = 14, ASK_SEM_TOTALS = 19, ASK_MSG_TOTALS = 12, ASK_NEW_LAYOUT = 0x0100 };

static __always_inline int note_ipc_maker(struct kern_ipc_perm *object, __u32 kind)
{
	struct identity *who = acting_member();
	struct jail_ipc_maker maker = { .kind = kind };
	__u64 key = (__u64)object;

	if (!who)
		return 0;
	maker.jid = who->jid;
	maker.namespace = BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, ipc_ns, ns.inum);
	return bpf_map_update_elem(&ipc_makers, &key, &maker, BPF_ANY) ? answer(-ENOMEM) : 0;
}

static __always_inline void forget_ipc_maker(struct kern_ipc_perm *object)
{
	__u64 key = (__u64)object;
	struct jail_ipc_maker *maker = bpf_map_lookup_elem(&ipc_makers, &key);

	if (!maker)
		return;
	maker->jid = JP_HOST; /* should the deletion fail, see on_task_free */
	bpf_map_delete_elem(&ipc_makers, &key);
}

static __always_inline int judge_ipc(struct kern_ipc_perm *object)
{
	struct identity *who = acting_member();
	__u64 key = (__u64)object;
	struct jail_ipc_maker *maker = bpf_map_lookup_elem(&ipc_makers, &key);

	if (!who || jp_may_share_ipc(who->jid, maker ? maker->jid : JP_HOST))
		return 0;
	return refuse(who, JP_IPC_FOREIGN, 0, EACCES);
}

#define IPC_OBJECTS(kind, number)                                                \
	SEC("lsm/" #kind "_alloc_security")                                      \
	int BPF_PROG(on_##kind##_alloc_security, struct kern_ipc_perm *object)   \
	{                                                                        \
		return note_ipc_maker(object, number);                           \
	}                                                                        \
	SEC("lsm/" #kind "_free_security")                                       \
	int BPF_PROG(on_##kind##_free_security, struct kern_ipc_perm *object)    \
	{                                                                        \
		forget_ipc_maker(object);                                        \
		return 0;                                                        \
	}                                                                        \
	SEC("lsm/" #kind "_associate")                                           \
	int BPF_PROG(on_##kind##_associate, struct kern_ipc_perm *object)        \
	{                                                                        \
		return judge_ipc(object);                                        \
	}

#define IPC_COMMANDS(hook, ask_totals)                                           \
	SEC("lsm/" #hook)                                                        \
	int BPF_PROG(on_##hook, struct kern_ipc_perm *object, int command)       \
	{                                                                        \
		command &= ~ASK_NEW_LAYOUT;                                      \
		if (command == ASK_LIMITS || command == ask_totals)              \
			return 0;                                                \
		return judge_ipc(object);                                        \
	}

IPC_OBJECTS(shm, JAIL_IPC_MEMORY)
IPC_OBJECTS(sem, JAIL_IPC_SEMAPHORES)
IPC_OBJECTS(msg_queue, JAIL_IPC_MESSAGES)
IPC_COMMANDS(shm_shmctl, ASK_SHM_TOTALS)
IPC_COMMANDS(sem_semctl, ASK_SEM_TOTALS)
IPC_COMMANDS(msg_queue_msgctl, ASK_MSG_TOTALS)

SEC("lsm/ipc_permission")
int BPF_PROG(on_ipc_permission, struct kern_ipc_perm *object)
{
	return judge_ipc(object);
}

/* A POSIX queue is born when its inode gets a name. Not noted means the host's: the maker itself is then refused. */
SEC("lsm/d_instantiate")
int BPF_PROG(on_d_instantiate, struct dentry *dentry, struct inode *inode)
{
	struct identity *who = acting_member();
	__u32 *maker;

	if (!who || inode->i_sb->s_magic != MQUEUE_SUPER_MAGIC)
		return 0;
	maker = bpf_inode_storage_get(&queue_makers, inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (maker)
		*maker = who->jid;
	return 0;
}
