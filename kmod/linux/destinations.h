/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Where members connect and send to.
 *
 * Attacks answered: leaving the rules by connect, by an address given to sendto, sendmsg or sendmmsg (TCP Fast Open
 * included), by io_uring, IPv4 addresses mapped into IPv6, addresses that say another family than the socket's, datagram
 * sockets that were connected before the rules were made or elsewhere, source routes; reaching another jail's port over
 * any address of this machine.
 */

enum { MESSAGE_HEADERS_AT_MOST = 32 };

/* Reads what the kernel will take for the destination; 0 if it takes the address for none. */
static __always_inline int read_address(struct sock *sock, void *address, int is_message, struct jp_destination *to)
{
	struct sockaddr_in6 v6 = {}; /* begins as sockaddr_in does up to the port */
	struct sockaddr_in v4 = {};
	__u16 family = 0;

	bpf_probe_read_kernel(&family, sizeof(family), address);
	/* connect(2) with it takes a connection apart. */
	if (family == 0 && !is_message)
		return 0;
	/* udpv6_sendmsg() takes it for no address, others for one of their family. */
	if (family == 0 && sock->__sk_common.skc_family == JP_AF_INET6 && to->protocol == JP_UDP)
		return 0;
	if (sock->__sk_common.skc_family == JP_AF_INET || family == JP_AF_INET) {
		bpf_probe_read_kernel(&v4, sizeof(v4), address);
		map_v4(to, v4.sin_addr.s_addr);
		to->port = bpf_ntohs(v4.sin_port);
	} else {
		bpf_probe_read_kernel(&v6, sizeof(v6), address);
		__builtin_memcpy(to->address, &v6.sin6_addr, sizeof(to->address));
		to->port = bpf_ntohs(v6.sin6_port);
	}
	if (to->protocol == JP_OTHER)
		to->port = 0;
	return 1;
}

/* Where a datagram without an address goes; 0 if nowhere. A stream was judged when it was made, or made by the other side. */
static __always_inline int read_peer(struct sock *sock, struct jp_destination *to)
{
	if (sock->sk_type == SOCKET_STREAM || (to->protocol == JP_UDP && !sock->__sk_common.skc_dport))
		return 0;
	if (sock->__sk_common.skc_family == JP_AF_INET)
		map_v4(to, sock->__sk_common.skc_daddr);
	else
		bpf_core_read(to->address, sizeof(to->address), &sock->__sk_common.skc_v6_daddr);
	if (!(to->address[0] | to->address[1] | to->address[3]))
		return 0;
	to->port = to->protocol == JP_OTHER ? 0 : bpf_ntohs(sock->__sk_common.skc_dport);
	return 1;
}

struct rule_search {
	struct jp_destination to;
	__u32 set;
	__u32 found;
};

static long look_at_rule(__u64 number, struct rule_search *search)
{
	struct jail_connect *connect = bpf_map_lookup_elem(&connect_rules, &search->set);

	if (!connect || number >= JP_CONNECT_RULES || number >= connect->count)
		return 1;
	if (!jp_rule_covers(&connect->rules[number], &search->to))
		return 0;
	search->found = 1;
	return 1;
}

static __always_inline int judge_destination(const struct identity *who, struct jail *jail, struct rule_search *search)
{
	__u32 port = search->to.port;
	__u64 about = JAIL_ABOUT(DESTINATION, port | (__u32)search->to.protocol << 16);
	int error;

	if (is_learning(jail) || !jp_holds(jail->rights, JP_CONNECT)) {
		search->set = 2 * who->slot + (jail->connect_in_use & 1);
		/* Who learns wants to know of what is listed too. */
		if (!is_learning(jail))
			bpf_loop(JP_CONNECT_RULES, look_at_rule, search, 0);
		error = search->found ? 0 : JUDGE(who, JP_CONNECT, EPERM, record_destination_denial, about, &search->to);
		if (error)
			return error;
	}
	if (jp_holds(jail->rights, JP_LOOPBACK_FOREIGN) || search->to.protocol == JP_OTHER)
		return 0;
	if (jp_right_of_reaching(who->jid, other_owner_of(who->jid, &search->to)) == JP_FREE || !is_own_address(&search->to))
		return 0;
	return JUDGE(who, JP_LOOPBACK_FOREIGN, ECONNREFUSED, record_destination_denial, about, &search->to);
}

static __always_inline int may_go_anywhere(struct jail *jail)
{
	return !is_learning(jail) && jp_holds(jail->rights, JP_CONNECT) && jp_holds(jail->rights, JP_LOOPBACK_FOREIGN);
}

SEC("lsm/socket_connect")
int BPF_PROG(on_socket_connect, struct socket *socket, struct sockaddr *address, int size)
{
	struct identity *who = acting_member();
	struct rule_search search = {};
	struct sock *sock;
	struct jail *jail;

	if (!who)
		return 0;
	sock = inet_sock_of(socket);
	jail = jail_of(who);
	if (!sock || (jail && may_go_anywhere(jail)))
		return 0;
	if (!jail)
		return answer(-EPERM);
	search.to.protocol = protocol_of(sock);
	return read_address(sock, address, 0, &search.to) ? judge_destination(who, jail, &search) : 0;
}

struct header_search {
	void *at;
	unsigned long left;
	__u32 refused;
};

/* The kernel's copy of a message's control data, as put_cmsg(9) lays it out. */
static long look_at_header(__u64 number, struct header_search *search)
{
	enum { ALIGNED = sizeof(unsigned long) - 1 };
	struct cmsghdr *header = search->at;
	unsigned long size;

	if (search->left < sizeof(struct cmsghdr))
		return 1;
	size = BPF_CORE_READ(header, cmsg_len);
	if (size < sizeof(struct cmsghdr) || size > search->left)
		return 1; /* the kernel refuses it */
	if (jp_right_of_socket_option(BPF_CORE_READ(header, cmsg_level), BPF_CORE_READ(header, cmsg_type)) == JP_CONNECT ||
	    number + 1 >= MESSAGE_HEADERS_AT_MOST) {
		search->refused = 1;
		return 1;
	}
	size = (size + ALIGNED) & ~(unsigned long)ALIGNED;
	search->left = size < search->left ? search->left - size : 0;
	search->at += size;
	return 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(on_socket_sendmsg, struct socket *socket, struct msghdr *message, int size)
{
	struct identity *who = acting_member();
	struct rule_search search = {};
	struct header_search headers = {};
	struct sock *sock;
	struct jail *jail;
	int error;

	if (!who)
		return 0;
	sock = inet_sock_of(socket);
	jail = jail_of(who);
	if (!sock || (jail && may_go_anywhere(jail)))
		return 0;
	if (!jail)
		return answer(-EPERM);
	if (message->msg_controllen && !jp_holds(jail->rights, JP_CONNECT)) {
		headers.at = BPF_CORE_READ(message, msg_control);
		headers.left = message->msg_controllen;
		bpf_loop(MESSAGE_HEADERS_AT_MOST, look_at_header, &headers, 0);
		error = headers.refused ? judge(who, JP_CONNECT, 0, EPERM) : 0;
		if (error)
			return error;
	}
	search.to.protocol = protocol_of(sock);
	if (message->msg_name && message->msg_namelen > 0 ? read_address(sock, message->msg_name, 1, &search.to) : 0)
		return judge_destination(who, jail, &search);
	return read_peer(sock, &search.to) ? judge_destination(who, jail, &search) : 0;
}

SEC("lsm/socket_setsockopt")
int BPF_PROG(on_socket_setsockopt, struct socket *socket, int level, int option)
{
	__u32 right = jp_right_of_socket_option(level, option);

	return right != JP_FREE && inet_sock_of(socket) ? judge_acting(right, 0, EPERM) : 0;
}
