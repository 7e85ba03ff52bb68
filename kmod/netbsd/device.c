/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The device scope: an allow-list of harmless devices, by driver and minor number.
 *
 * Attacks answered: opening disks, kernel memory, consoles and whatever hardware has a node; typing into others' terminals.
 * specfs asks RAWIO_SPEC at every open of a node, whatever it is, so that denying the scope would deny /dev/null.
 */
#include "jail.h"

#include <sys/conf.h>
#include <sys/vnode.h>

#include <miscfs/specfs/specdev.h>

#define IN_SYSTEM(line)
#define IN_NETWORK(line)
#define IN_DEVICE(line) line
#define IN_MACHDEP(line)
#include "translate.h"

static const struct {
	const char *name;
	enum jp_netbsd_driver driver;
} known_drivers[] = {
	{ "mem", JP_DRIVER_MEM },
	{ "ctty", JP_DRIVER_CTTY },
	{ "rnd", JP_DRIVER_RND },
	{ "ptm", JP_DRIVER_PTM },
	{ "pts", JP_DRIVER_PTS },
	{ "ptc", JP_DRIVER_PTC },
	{ "filedesc", JP_DRIVER_FILEDESC },
};

/* NODEVMAJOR: this kernel has no such driver. Majors differ from one machine to the next, but not while it runs. */
static devmajor_t driver_majors[__arraycount(known_drivers)];

void
jail_device_init(void)
{
	char found[16];
	u_int i;

	for (i = 0; i < __arraycount(known_drivers); i++)
		driver_majors[i] = devsw_name2chr(known_drivers[i].name, found, sizeof(found));
}

static enum jp_netbsd_driver
driver_of(dev_t device)
{
	u_int i;

	for (i = 0; i < __arraycount(known_drivers); i++)
		if (driver_majors[i] != NODEVMAJOR && driver_majors[i] == (devmajor_t)major(device))
			return known_drivers[i].driver;
	return JP_DRIVER_OTHER;
}

int
jail_device_listener(kauth_cred_t cred, kauth_action_t action, void *cookie, void *arg0, void *arg1, void *arg2,
    void *arg3)
{
	const struct vnode *node = arg1;
	const struct credential *who;
	jp_u32 question = question_of(action, 0);

	/* Free to all, and some drivers ask it with tty_lock held: a spin mutex, under which no credential can be looked into. */
	if (question == JP_KAUTH_DEVICE_TTY_OPEN)
		return KAUTH_RESULT_DEFER;
	who = jail_credential_of(cred);
	if (who == NULL)
		return KAUTH_RESULT_DEFER;
	if (question == JP_KAUTH_COUNT)
		return jail_judge(who, jp_right_of_unknown_kauth(JP_SCOPE_DEVICE));
	if (question != JP_KAUTH_DEVICE_RAWIO_SPEC)
		return jail_judge(who, jp_right_of_kauth(question));
	if (node == NULL || (node->v_type != VCHR && node->v_type != VBLK))
		return jail_judge(who, JP_DEVICE);
	return jail_judge(who,
	    jp_right_of_netbsd_device(node->v_type == VBLK, driver_of(node->v_rdev), minor(node->v_rdev)));
}
