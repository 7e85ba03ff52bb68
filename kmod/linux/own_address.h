/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Is an address one of this machine's? No helper tells, so the addresses of the interfaces are looked through. Asked only
 * about ports that another jail reserved.
 */

enum { LINKS_AT_MOST = 1024, ADDRESSES_AT_MOST = 256 };

struct address_search {
	struct jp_destination to;
	struct list_head *links; /* the head of the list */
	struct list_head *link;
	struct in_ifaddr *v4;
	struct list_head *v6_end;
	struct list_head *v6;
	__u32 found;
	__u32 ended;
};

#define OWNER_OF(pointer, type, member) ((struct type *)((void *)(pointer) - bpf_core_field_offset(struct type, member)))

static long look_at_v4(__u64 number, struct address_search *search)
{
	__be32 wanted = search->to.address[3];
	struct in_ifaddr *entry = search->v4;

	if (!entry)
		return 1;
	if (BPF_CORE_READ(entry, ifa_local) == wanted || BPF_CORE_READ(entry, ifa_broadcast) == wanted) {
		search->found = 1;
		return 1;
	}
	search->v4 = BPF_CORE_READ(entry, ifa_next);
	return 0;
}

static long look_at_v6(__u64 number, struct address_search *search)
{
	struct list_head *link = search->v6;
	struct inet6_ifaddr *entry;
	__u32 address[4] = {};

	if (!link || link == search->v6_end)
		return 1;
	entry = OWNER_OF(link, inet6_ifaddr, if_list);
	bpf_core_read(address, sizeof(address), &entry->addr);
	if (address[0] == search->to.address[0] && address[1] == search->to.address[1] &&
	    address[2] == search->to.address[2] && address[3] == search->to.address[3]) {
		search->found = 1;
		return 1;
	}
	search->v6 = BPF_CORE_READ(link, next);
	return 0;
}

static long look_at_link(__u64 number, struct address_search *search)
{
	struct list_head *link = search->link;
	struct net_device *device;
	struct inet6_dev *inet6;

	if (!link || link == search->links) {
		search->ended = 1;
		return 1;
	}
	device = OWNER_OF(link, net_device, dev_list);
	if (jp_is_mapped(search->to.address)) {
		search->v4 = BPF_CORE_READ(device, ip_ptr, ifa_list);
		bpf_loop(ADDRESSES_AT_MOST, look_at_v4, search, 0);
	} else {
		inet6 = BPF_CORE_READ(device, ip6_ptr);
		if (inet6) {
			search->v6_end = (void *)inet6 + bpf_core_field_offset(struct inet6_dev, addr_list);
			search->v6 = BPF_CORE_READ(inet6, addr_list.next);
			bpf_loop(ADDRESSES_AT_MOST, look_at_v6, search, 0);
		}
	}
	search->link = BPF_CORE_READ(link, next);
	return search->found ? 1 : 0; /* what a callback answers, the verifier wants to see */
}

/* On a machine with more interfaces than are looked at, every address counts as its own. */
static __always_inline int is_own_address(const struct jp_destination *to)
{
	struct address_search search = { .to = *to };
	struct net *net;

	if (jp_is_here(to->address))
		return 1;
	net = BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, net_ns);
	if (!net)
		return 1;
	search.links = (void *)net + bpf_core_field_offset(struct net, dev_base_head);
	search.link = BPF_CORE_READ(net, dev_base_head.next);
	bpf_loop(LINKS_AT_MOST, look_at_link, &search, 0);
	return search.found || !search.ended;
}
