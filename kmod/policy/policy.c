/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The policy as ordinary functions with names and reasons, for programs that link it (jailsh and its tests).
 */
#define JP_FN static inline
#include "policy.h"
#include "kauth.h"

static const char *const names[] = {
#define RIGHT(sym, name, levels, reason) name,
#include "rights.def"
#undef RIGHT
};
static const char *const reasons[] = {
#define RIGHT(sym, name, levels, reason) reason,
#include "rights.def"
#undef RIGHT
};

static const struct {
	const char *name, *about;
	jp_u32 right, major, minor;
} parts[JP_PARTS] = {
#define NETLINK(number, name, about) [number] = { "netlink:" name, about, JP_NETLINK, 0, 0 },
#define DEVICE(bit, name, major, minor, about) [JP_FIRST_DEVICE + (bit)] = { "device:" name, about, JP_DEVICE, major, minor },
#include "parts.def"
#undef NETLINK
#undef DEVICE
};

const char *jail_policy_part_name(jp_u32 part) { return part < JP_PARTS ? parts[part].name : 0; }
const char *jail_policy_part_about(jp_u32 part) { return part < JP_PARTS ? parts[part].about : 0; }
jp_u32 jail_policy_part_right(jp_u32 part) { return part < JP_PARTS && parts[part].name ? parts[part].right : JP_FREE; }
jp_u32 jail_policy_part_major(jp_u32 part) { return part < JP_PARTS ? parts[part].major : 0; }
jp_u32 jail_policy_part_minor(jp_u32 part) { return part < JP_PARTS ? parts[part].minor : 0; }
jp_u32 jail_policy_part_of_socket(jp_u32 family, jp_u32 protocol) { return jp_part_of_socket(family, protocol); }
jp_u32 jail_policy_part_of_device(int block, jp_u32 major, jp_u32 minor) { return jp_part_of_device(block, major, minor); }
jp_u32 jail_policy_judge_part(jp_u64 held, jp_u64 audited, jp_u64 granted, jp_u32 right, jp_u32 part)
{
	return jp_judge_part(held, audited, granted, right, part);
}

jp_u32 jail_policy_judge_learned(jp_u64 held, jp_u64 granted, jp_u32 right, jp_u32 part)
{
	return jp_judge_learned(held, granted, right, part);
}

jp_u32 jail_policy_count(void) { return JP_RIGHT_COUNT; }
const char *jail_policy_name(jp_u32 right) { return right < JP_RIGHT_COUNT ? names[right] : 0; }
const char *jail_policy_reason(jp_u32 right) { return right < JP_RIGHT_COUNT ? reasons[right] : 0; }
jp_u64 jail_policy_level_mask(jp_u32 level) { return jp_level_mask(level); }
jp_u64 jail_policy_fences(void) { return jp_fences(); }
jp_u64 jail_policy_grave(void) { return jp_grave(); }
int jail_policy_holds(jp_u64 mask, jp_u32 right) { return jp_holds(mask, right); }
jp_u32 jail_policy_judge(jp_u64 held, jp_u64 audited, jp_u32 right) { return jp_judge(held, audited, right); }
int jail_policy_may_act(jp_u32 actor, jp_u32 target) { return jp_may_act(actor, target); }
int jail_policy_may_act_on(jp_u32 actor, jp_u32 target, int arriving) { return jp_may_act_on(actor, target, arriving); }
int jail_policy_may_bind(jp_u32 actor, jp_u32 owner) { return jp_may_bind(actor, owner); }
int jail_policy_reserves(const struct jp_reservation *reserved, const struct jp_destination *at) { return jp_reserves(reserved, at); }
int jail_policy_overlap(const struct jp_reservation *one, const struct jp_reservation *other) { return jp_reservations_overlap(one, other); }
int jail_policy_is_reservation(const struct jp_reservation *reserved) { return jp_is_reservation(reserved); }
int jail_policy_rule_covers(const struct jp_connect_rule *rule, const struct jp_destination *to) { return jp_rule_covers(rule, to); }
int jail_policy_is_here(const struct jp_destination *to) { return jp_is_here(to->address); }
jp_u32 jail_policy_reaching(jp_u32 actor, jp_u32 owner) { return jp_right_of_reaching(actor, owner); }
jp_u32 jail_policy_socket_option(jp_u32 level, jp_u32 option) { return jp_right_of_socket_option(level, option); }
int jail_policy_may_share_ipc(jp_u32 actor, jp_u32 owner) { return jp_may_share_ipc(actor, owner); }
int jail_policy_may_reach_unix(jp_u32 actor, jp_u32 owner, int has_path) { return jp_may_reach_unix(actor, owner, has_path); }
jp_u32 jail_policy_capability(jp_u32 cap) { return jp_right_of_capability(cap); }
jp_u32 jail_policy_capability_with(jp_u64 held, jp_u64 audited, jp_u32 cap) { return jp_right_of_capability_with(held, audited, cap); }
jp_u32 jail_policy_mknod(jp_u32 mode) { return jp_right_of_mknod(mode); }
jp_u32 jail_policy_device(int block, jp_u32 major, jp_u32 minor, int is_pty) { return jp_right_of_device(block, major, minor, is_pty); }
jp_u32 jail_policy_open(jp_u32 fs, int write) { return jp_right_of_open(fs, write); }
jp_u32 jail_policy_mount(jp_u32 kind) { return jp_right_of_mount(kind); }
jp_u32 jail_policy_change(jp_u32 fs) { return jp_right_of_change(fs); }
jp_u32 jail_policy_received(jp_u32 mode, int is_namespace) { return jp_right_of_received(mode, is_namespace); }
jp_u32 jail_policy_socket(jp_u32 family, jp_u32 type, jp_u32 protocol) { return jp_right_of_socket(family, type, protocol); }

/* NetBSD's questions, by the names of its sys/kauth.h. */
static const char *const questions[] = {
#define NEWER_ACTION(scope, action, right) ACTION(scope, action, right)
#define NEWER_REQUEST(scope, action, request, right) REQUEST(scope, action, request, right)
#define ACTION(scope, action, right) #scope " " #action,
#define REQUEST(scope, action, request, right) #scope " " #action " " #request,
#define ON_PROCESS(action, fence, right) "PROCESS " #action,
#include "kauth.def"
#undef ACTION
#undef REQUEST
#undef ON_PROCESS
#undef NEWER_ACTION
#undef NEWER_REQUEST
};
jp_u32 jail_policy_kauth_count(void) { return JP_KAUTH_COUNT; }
const char *jail_policy_kauth_name(jp_u32 question) { return question < JP_KAUTH_COUNT ? questions[question] : 0; }
jp_u32 jail_policy_kauth(jp_u32 question) { return jp_right_of_kauth(question); }
jp_u32 jail_policy_kauth_fence(jp_u32 question) { return jp_fence_of_kauth(question); }

/* The same for protocols 0 to count - 1 at once: who generates a filter asks about all there are. */
void jail_policy_sockets(jp_u32 family, jp_u32 type, jp_u32 count, jp_u8 *rights)
{
	for (jp_u32 protocol = 0; protocol < count; protocol++)
		rights[protocol] = (jp_u8)jp_right_of_socket(family, type, protocol);
}
