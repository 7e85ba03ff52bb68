/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * bpf(2), and the module's own maps and programs.
 *
 * Attacks answered: a member that holds bpf taking one of them by its number (BPF_MAP_GET_FD_BY_ID) or from a pin, to make
 * itself the host's by a change of a map, to put another function in a program's place, or to take off what a link holds.
 */

/* A descriptor of a link is made without asking. Those of control groups, which could be taken off, are the host's. */
SEC("lsm/bpf")
int BPF_PROG(on_bpf, int command)
{
	struct identity *who = acting_member();

	if (who && command == BPF_LINK_GET_FD_BY_ID && verdict_on(who, JP_BPF) != JP_REFUSE)
		return refuse(who, JP_MODULE_TAMPER, 0, EPERM);
	return who ? judge(who, JP_BPF, 0, EPERM) : 0;
}

/* By address: one set of maps serves every generation of programs. */
static __always_inline int is_own_map(const void *map)
{
	return map == (void *)&module_state || map == (void *)&identities || map == (void *)&jails || map == (void *)&slot_of_jid ||
	       map == (void *)&jid_of_name || map == (void *)&port_notes || map == (void *)&port_rules ||
	       map == (void *)&connect_rules || map == (void *)&ipc_makers || map == (void *)&signal_file_owners ||
	       map == (void *)&jail_bounds || map == (void *)&file_openers || map == (void *)&socket_makers ||
	       map == (void *)&queue_makers || map == (void *)&denial_events || map == (void *)&port_owners;
}

/* Asked whenever a descriptor of a map is made, a new one's too. */
SEC("lsm/bpf_map")
int BPF_PROG(on_bpf_map, struct bpf_map *map, unsigned int mode)
{
	struct identity *who = acting_member();
	return who && is_own_map(map) ? refuse(who, JP_MODULE_TAMPER, 0, EPERM) : 0;
}

/* Each of the module's programs looks something up in one of its maps, which no program of others can name. */
SEC("lsm/bpf_prog")
int BPF_PROG(on_bpf_prog, struct bpf_prog *program)
{
	enum { USED_MAPS_AT_MOST = 64 }; /* MAX_USED_MAPS, linux/bpf_verifier.h */
	struct identity *who = acting_member();
	struct bpf_map **used;
	__u32 count;

	if (!who)
		return 0;
	used = BPF_CORE_READ(program, aux, used_maps);
	count = BPF_CORE_READ(program, aux, used_map_cnt);
	for (int i = 0; i < USED_MAPS_AT_MOST && i < count; i++) {
		void *map = NULL;
		bpf_probe_read_kernel(&map, sizeof(map), &used[i]);
		if (is_own_map(map))
			return refuse(who, JP_MODULE_TAMPER, 0, EPERM);
	}
	return 0;
}
