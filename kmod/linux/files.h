/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Files, mounts, devices and the kernel's own file systems.
 *
 * Attacks answered: mounting, unmounting, moving and pivoting; making device nodes and opening them; writing to /proc
 * outside of one's processes, to sysfs, cgroup and their kin, by open, truncate, chmod, rename, mkdir or extended
 * attribute; reading /proc/sysvipc; opening or running the host's files through /proc/PID/exe, a descriptor left open or
 * a link to either (CVE-2019-5736, CVE-2024-21626); opening another jail's process through a /proc that hides nothing;
 * receiving a directory, a namespace or an io_uring made outside; user-space page faults; making a ring. Also the guard of the module's
 * own pins: nobody removes them or their mount while a jail has a member.
 */

/* Not in linux/magic.h: fs/configfs/mount.c, ipc/mqueue.c. */
enum { CONFIGFS_SUPER_MAGIC = 0x62656570, MQUEUE_SUPER_MAGIC = 0x19800202 };
enum { FILE_WRITES = 0x2 }; /* FMODE_WRITE, linux/fs.h */
enum { DEVICE_MINOR_BITS = 20 }; /* linux/kdev_t.h */
enum { TEXT_SIZE = 16 };

static __always_inline int same_text(const unsigned char *in_kernel, const char *wanted, __u32 size)
{
	char text[TEXT_SIZE] = {};

	bpf_probe_read_kernel(text, size, in_kernel);
#pragma unroll
	for (__u32 i = 0; i < TEXT_SIZE; i++)
		if (i < size && text[i] != wanted[i])
			return 0;
	return 1;
}
#define SAME_TEXT(in_kernel, literal) same_text(in_kernel, literal, sizeof(literal))

/* ---- what lies on what ---- */

static __always_inline struct pid *pid_of_proc_inode(struct inode *inode)
{
	struct proc_inode *entry = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	return BPF_CORE_READ(entry, pid);
}

static __always_inline __u32 fs_of(struct inode *inode)
{
	switch (inode->i_sb->s_magic) {
	case PROC_SUPER_MAGIC:
		return pid_of_proc_inode(inode) ? JP_FS_PROC_PROCESS : JP_FS_PROC_HOST;
	case BPF_FS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
		return JP_FS_KERNEL_HIDDEN;
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case SECURITYFS_MAGIC:
	case CONFIGFS_SUPER_MAGIC:
	case EFIVARFS_MAGIC:
	case PSTOREFS_MAGIC:
	case BINFMTFS_MAGIC:
	case SELINUX_MAGIC:
	case SMACK_MAGIC:
	case RDTGROUP_SUPER_MAGIC:
		return JP_FS_KERNEL;
	default:
		return JP_FS_ORDINARY;
	}
}

static __always_inline __u32 fs_of_file(struct file *file)
{
	__u32 fs = fs_of(file->f_inode);
	if (fs == JP_FS_PROC_HOST && SAME_TEXT(BPF_CORE_READ(file, f_path.dentry, d_parent, d_name.name), "sysvipc"))
		return JP_FS_PROC_IPC;
	return fs;
}

/* The process that a file below /proc/PID speaks of. */
static __always_inline struct task_struct *task_of_proc_inode(struct inode *inode)
{
	struct pid *pid = pid_of_proc_inode(inode);
	struct hlist_node *link = BPF_CORE_READ(pid, tasks[0].first);
	return link ? (void *)link - bpf_core_field_offset(struct task_struct, pid_links) : NULL;
}

/* ---- the guard ---- */

static __always_inline int is_home(__u32 device)
{
	struct module_state *state = module();
	return state && device && (device == state->home_device || device == state->next_home_device);
}

static long find_member(__u64 slot, int *found)
{
	struct jail *jail = jail_in_slot(slot);
	if (!jail || jail->tasks <= 0)
		return 0;
	*found = 1;
	return 1;
}

static __always_inline int any_member(void)
{
	int found = 0;
	bpf_loop(JAIL_SLOTS, find_member, &found, 0);
	return found;
}

static __always_inline int is_home_mount(struct mount *mount)
{
	struct module_state *state = module();
	return state && is_home(BPF_CORE_READ(mount, mnt.mnt_sb, s_dev)) &&
	       BPF_CORE_READ(mount, mnt_ns, ns.inum) == state->home_namespace;
}

struct child_search {
	struct list_head *end;
	struct list_head *at;
	int found;
};

static long is_home_child(__u64 number, struct child_search *search)
{
	struct list_head *at = search->at;

	if (!at || at == search->end)
		return 1;
	search->at = BPF_CORE_READ(at, next);
	if (!is_home_mount((void *)at - bpf_core_field_offset(struct mount, mnt_child)))
		return 0;
	search->found = 1;
	return 1;
}

enum { CHILD_MOUNTS_SEARCHED = 4096 };

/* Is it the pins' mount, or one that would take it along (umount -l of /run)? */
static __always_inline int takes_home_along(struct mount *mount)
{
	struct list_head *children = (void *)mount + bpf_core_field_offset(struct mount, mnt_mounts);
	struct child_search search = { .end = children, .at = BPF_CORE_READ(children, next) };

	if (is_home_mount(mount))
		return 1;
	bpf_loop(CHILD_MOUNTS_SEARCHED, is_home_child, &search, 0);
	return search.found;
}

SEC("lsm/sb_umount")
int BPF_PROG(on_sb_umount, struct vfsmount *mnt)
{
	int denied = judge_acting(JP_MOUNT, 0, EPERM);
	if (denied)
		return denied;
	return takes_home_along((void *)mnt - bpf_core_field_offset(struct mount, mnt)) && any_member() ? answer(-EBUSY) : 0;
}

/* ---- mounts ---- */

SEC("lsm/sb_mount")
int BPF_PROG(on_sb_mount, const char *source, struct path *path)
{
	struct identity *who = acting_member();

	if (!who)
		return 0;
	return JUDGE(who, JP_MOUNT, EPERM, record_path_denial, JAIL_ABOUT(NOTHING, 0), path);
}

ON_RIGHT(sb_remount, JP_MOUNT, EPERM)
ON_RIGHT(move_mount, JP_MOUNT, EPERM)
ON_RIGHT(sb_pivotroot, JP_MOUNT, EPERM)

/* ---- opening ---- */

/* ERR_PTR values, linux/err.h: MNT_NS_INTERNAL marks the kernel's own mounts. */
static __always_inline int is_error(const void *pointer)
{
	return (unsigned long)pointer >= (unsigned long)-4095;
}

/* A mount without namespace was detached while in use; only that of the message queues never had one (ipc/mqueue.c). */
static __always_inline __u32 mount_kind_of(struct file *file)
{
	struct mount *mount = (void *)BPF_CORE_READ(file, f_path.mnt) - bpf_core_field_offset(struct mount, mnt);
	struct mnt_namespace *theirs = BPF_CORE_READ(mount, mnt_ns);

	if (is_error(theirs) || (!theirs && BPF_CORE_READ(file, f_inode, i_sb, s_magic) == MQUEUE_SUPER_MAGIC))
		return JP_MOUNT_KERNEL;
	return theirs == BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, mnt_ns) ? JP_MOUNT_OWN : JP_MOUNT_FOREIGN;
}

static __always_inline int judge_device(const struct identity *who, struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 kind = inode->i_mode & JP_S_IFMT;
	__u32 major = inode->i_rdev >> DEVICE_MINOR_BITS;
	__u32 minor = inode->i_rdev & ((1 << DEVICE_MINOR_BITS) - 1);
	int is_pty = inode->i_sb->s_magic == DEVPTS_SUPER_MAGIC;
	__u32 right, part;

	if (kind != JP_S_IFBLK && kind != JP_S_IFCHR)
		return 0;
	right = jp_right_of_device(kind == JP_S_IFBLK, major, minor, is_pty);
	part = jp_part_of_device(kind == JP_S_IFBLK, major, minor);
	return RECORD(verdict_on_part(who, right, part), who, right, EPERM, record_path_denial,
		      JAIL_ABOUT(DEVICE, inode->i_rdev), &file->f_path);
}

static __always_inline int judge_queue(const struct identity *who, struct inode *inode)
{
	__u32 *maker;

	if (!inode || inode->i_sb->s_magic != MQUEUE_SUPER_MAGIC || (inode->i_mode & JP_S_IFMT) != JP_S_IFREG)
		return 0;
	maker = bpf_inode_storage_get(&queue_makers, inode, 0, 0);
	return jp_may_share_ipc(who->jid, maker ? *maker : JP_HOST) ? 0 : refuse(who, JP_IPC_FOREIGN, 0, EACCES);
}

SEC("lsm/file_open")
int BPF_PROG(on_file_open, struct file *file)
{
	struct identity *who = acting_member();
	struct inode *inode = file->f_inode;
	struct task_struct *target;
	__u32 fs;
	int denied;

	if (!who)
		return 0;
	denied = JUDGE(who, jp_right_of_mount(mount_kind_of(file)), EPERM, record_path_denial,
		       JAIL_ABOUT(FILE, inode->i_sb->s_magic), &file->f_path);
	if (denied)
		return denied;
	denied = judge_device(who, file);
	if (denied)
		return denied;
	denied = judge_queue(who, inode);
	if (denied)
		return denied;
	fs = fs_of_file(file);
	denied = JUDGE(who, jp_right_of_open(fs, file->f_mode & FILE_WRITES), fs == JP_FS_PROC_IPC ? EACCES : EPERM,
		       record_path_denial, JAIL_ABOUT(FILE, inode->i_sb->s_magic), &file->f_path);
	if (denied || fs != JP_FS_PROC_PROCESS)
		return denied;
	target = task_of_proc_inode(inode);
	if (!target || may_act_on(who, target))
		return 0;
	return refuse(who, JP_PROCESS_SEE, JAIL_ABOUT(PROCESS, BPF_CORE_READ(target, tgid)), EPERM);
}

/* An io_uring made outside works with its maker's identity. */
static __always_inline int leads_out(struct file *file)
{
	int is_namespace = BPF_CORE_READ(file, f_inode, i_sb, s_magic) == NSFS_MAGIC;
	int is_ring = SAME_TEXT(BPF_CORE_READ(file, f_path.dentry, d_name.name), "[io_uring]");
	return jp_right_of_received(BPF_CORE_READ(file, f_inode, i_mode), is_namespace || is_ring) != JP_FREE;
}

SEC("lsm/file_receive")
int BPF_PROG(on_file_receive, struct file *file)
{
	return leads_out(file) ? judge_acting(JP_DESCRIPTOR_RECEIVE, JAIL_ABOUT(DESCRIPTOR, file->f_inode->i_mode), EPERM) : 0;
}

SEC("lsm/inode_init_security_anon")
int BPF_PROG(on_inode_init_security_anon, struct inode *inode, const struct qstr *name)
{
	if (SAME_TEXT(name->name, "[userfaultfd]"))
		return judge_acting(JP_USERFAULTFD, 0, EPERM);
	return SAME_TEXT(name->name, "[io_uring]") ? judge_acting(JP_IO_URING, 0, EPERM) : 0;
}

/* ---- changing names and attributes ---- */

/* A change of what lies on the inode's file system, told by the name of what is changed. */
static __always_inline int judge_change(struct inode *inode, struct dentry *named)
{
	struct identity *who = acting_member();

	if (!who)
		return 0;
	return JUDGE(who, is_home(inode->i_sb->s_dev) ? JP_MODULE_TAMPER : jp_right_of_change(fs_of(inode)), EPERM,
		     record_named_denial, JAIL_ABOUT(FILE, inode->i_sb->s_magic), named);
}

static __always_inline int judge_removal(struct inode *directory, struct dentry *named)
{
	int denied = judge_change(directory, named);
	if (denied)
		return denied;
	return is_home(directory->i_sb->s_dev) && any_member() ? answer(-EBUSY) : 0;
}

SEC("lsm/inode_mknod")
int BPF_PROG(on_inode_mknod, struct inode *directory, struct dentry *dentry, umode_t mode, __u32 device)
{
	struct identity *who = acting_member();
	int denied = judge_change(directory, dentry);

	if (denied || !who)
		return denied;
	return JUDGE(who, jp_right_of_mknod(mode), EPERM, record_named_denial, JAIL_ABOUT(DEVICE, device), dentry);
}

#define ON_CHANGE_IN(hook)                                                      \
	SEC("lsm/" #hook)                                                       \
	int BPF_PROG(on_##hook, struct inode *directory, struct dentry *dentry) \
	{                                                                       \
		return judge_change(directory, dentry);                         \
	}

ON_CHANGE_IN(inode_create)
ON_CHANGE_IN(inode_mkdir)
ON_CHANGE_IN(inode_symlink)

SEC("lsm/inode_link")
int BPF_PROG(on_inode_link, struct dentry *from, struct inode *directory, struct dentry *dentry)
{
	return judge_change(directory, dentry);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(on_inode_rmdir, struct inode *directory, struct dentry *dentry)
{
	return judge_removal(directory, dentry);
}

SEC("lsm/inode_rename")
int BPF_PROG(on_inode_rename, struct inode *directory, struct dentry *from, struct inode *to_directory)
{
	return judge_removal(to_directory, from); /* the kernel renames within one file system only */
}

SEC("lsm/inode_unlink")
int BPF_PROG(on_inode_unlink, struct inode *directory, struct dentry *dentry)
{
	struct identity *who = acting_member();
	int denied = judge_removal(directory, dentry);

	if (denied || !who)
		return denied;
	return judge_queue(who, dentry->d_inode);
}

/* The hook's arguments differ: before 6.9 it has no mount mapping. The loader takes the one that fits. */
SEC("lsm/inode_setattr")
int BPF_PROG(on_inode_setattr, struct mnt_idmap *mapping, struct dentry *dentry, struct iattr *attributes)
{
	return judge_change(dentry->d_inode, dentry);
}

SEC("lsm/inode_setattr")
int BPF_PROG(on_inode_setattr_unmapped, struct dentry *dentry, struct iattr *attributes)
{
	return judge_change(dentry->d_inode, dentry);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(on_inode_setxattr, struct mnt_idmap *mapping, struct dentry *dentry)
{
	return judge_change(dentry->d_inode, dentry);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(on_inode_removexattr, struct mnt_idmap *mapping, struct dentry *dentry)
{
	return judge_change(dentry->d_inode, dentry);
}
