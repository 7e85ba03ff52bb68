/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * sysctl(9): nodes, and the call that userland makes.
 */
#include <sys/kauth.h>
#include <sys/systm.h>

static LIST_HEAD(, sysctlnode) nodes;
static u_int node_count;
bool fail_copyout;

int
sysctl_createv(struct sysctllog **log_of, int flags, const struct sysctlnode **parent, const struct sysctlnode **made,
    int node_flags, int type, const char *name, const char *what, sysctlfn function, u_quad_t value, void *data, size_t size, ...)
{
	struct sysctlnode *node;

	must_be_sleepable("sysctl_createv");
	/* Nothing is permanent that is made after boot. */
	if ((node_flags & CTLFLAG_PERMANENT) != 0)
		return EPERM;
	LIST_FOREACH(node, &nodes, entry)
		if (strcmp(node->sysctl_name, name) == 0)
			panic("sysctl node %s is there twice", name);
	node = calloc(1, sizeof(*node));
	node->sysctl_name = name;
	node->type = type;
	node->flags = node_flags;
	node->function = function;
	node->sysctl_data = data;
	node->sysctl_size = type == CTLTYPE_INT ? sizeof(int) : size;
	LIST_INSERT_HEAD(&nodes, node, entry);
	node_count++;
	*made = node;
	*log_of = (struct sysctllog *)&nodes;
	return 0;
}

void
sysctl_teardown(struct sysctllog **log_of)
{
	struct sysctlnode *node;

	must_be_sleepable("sysctl_teardown");
	while ((node = LIST_FIRST(&nodes)) != NULL) {
		LIST_REMOVE(node, entry);
		free(node);
	}
	*log_of = NULL;
}

int
sysctl_copyin(struct lwp *l, const void *from, void *to, size_t size)
{
	must_be_sleepable("sysctl_copyin");
	memcpy(to, from, size);
	return 0;
}

int
sysctl_copyout(struct lwp *l, const void *from, void *to, size_t size)
{
	must_be_sleepable("sysctl_copyout");
	if (fail_copyout)
		return EFAULT;
	memcpy(to, from, size);
	return 0;
}

int
sysctl_lookup(SYSCTLFN_ARGS)
{
	if (namelen != 0)
		return EINVAL;
	if (oldp != NULL && *oldlenp < rnode->sysctl_size)
		return ENOMEM;
	if (newp != NULL && newlen != rnode->sysctl_size)
		return EINVAL;
	*oldlenp = rnode->sysctl_size;
	if (oldp != NULL && sysctl_copyout(l, rnode->sysctl_data, oldp, rnode->sysctl_size) != 0)
		return EFAULT;
	return newp != NULL ? sysctl_copyin(l, newp, rnode->sysctl_data, newlen) : 0;
}

int
sys_sysctl(const char *wanted, void *old, size_t *oldlen, const void *new, size_t newlen)
{
	struct sysctlnode *node;
	size_t none = 0;
	int path = 0;

	LIST_FOREACH(node, &nodes, entry)
		if (strcmp(node->sysctl_name, wanted) == 0)
			break;
	if (node == NULL || node->type == CTLTYPE_NODE)
		return ENOENT;
	if (new != NULL) {
		if ((node->flags & CTLFLAG_READWRITE) == 0)
			return EPERM;
		if (authorize(KAUTH_SCOPE_SYSTEM, curlwp->l_cred, KAUTH_SYSTEM_SYSCTL, (void *)(uintptr_t)KAUTH_REQ_SYSTEM_SYSCTL_MODIFY,
			NULL, NULL, NULL) != 0 ||
		    kauth_cred_geteuid(curlwp->l_cred) != 0)
			return EPERM;
	}
	return (node->function != NULL ? node->function : sysctl_lookup)(&path, 0, old, oldlen != NULL ? oldlen : &none, new, newlen,
	    &path, curlwp, node);
}
