/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * How much a jail's sockets received and sent: attached to the jail's control group, which it goes with. Decides nothing.
 *
 * A socket counts for the group that it was made in, whoever uses it now. Counted are the bytes of IP packets from the
 * header on, loopback's too; a packet that is segmented by the device counts its header once. Packet sockets send past this.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

/* Lets the packet through, as if nobody had looked. */
enum { PASS = 1 };
enum { RECEIVED, SENT, WAYS };

/* A map of its own for each jail. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WAYS);
	__type(key, __u32);
	__type(value, __u64);
} traffic SEC(".maps");

static __always_inline int count(__u32 way, const struct __sk_buff *packet)
{
	__u64 *bytes = bpf_map_lookup_elem(&traffic, &way);

	if (bytes)
		*bytes += packet->len;
	return PASS;
}

SEC("cgroup_skb/ingress")
int jail_received(struct __sk_buff *packet)
{
	return count(RECEIVED, packet);
}

SEC("cgroup_skb/egress")
int jail_sent(struct __sk_buff *packet)
{
	return count(SENT, packet);
}

char traffic_license[] SEC("license") = "Dual BSD/GPL";
