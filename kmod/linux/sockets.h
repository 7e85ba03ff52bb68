/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Sockets and ports.
 *
 * Attacks answered: raw, packet, netlink and rare socket families; binding a port that another jail reserved, by any
 * protocol, family, address that stands for its own, SO_REUSEPORT or by listening unbound; reaching the host's or another jail's abstract unix sockets.
 */

static __always_inline struct sock *inet_sock_of(struct socket *socket)
{
	struct sock *sock = socket->sk;
	__u16 family;

	if (!sock)
		return NULL;
	family = sock->__sk_common.skc_family;
	return family == JP_AF_INET || family == JP_AF_INET6 ? sock : NULL;
}

enum { SCTP_BINDX_ADD = 100 }; /* SCTP_SOCKOPT_BINDX_ADD, linux/sctp.h */

enum { IPPROTO_MULTIPATH_TCP = 262, SOCKET_STREAM = 1 };

static __always_inline __u16 protocol_of(struct sock *sock)
{
	__u16 protocol = sock->sk_protocol;

	if (sock->sk_type == JP_SOCK_RAW)
		return JP_OTHER;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_MULTIPATH_TCP)
		return JP_TCP;
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ? JP_UDP : JP_OTHER;
}

static __always_inline void map_v4(struct jp_destination *to, __be32 address)
{
	to->address[0] = to->address[1] = 0;
	to->address[2] = bpf_htonl(0xffff);
	to->address[3] = address;
}

/* The host is not exempt: a reserved port is bound by its owner alone. */
static __always_inline int judge_binding(const struct jp_destination *at)
{
	struct identity *who = acting_member();
	__u32 jid = who ? who->jid : JP_HOST;
	__u64 about = JAIL_ABOUT(PORT, at->port | (__u32)at->protocol << 16);

	if (!at->port || jp_may_bind(jid, other_owner_of(jid, at)))
		return 0;
	record_destination_denial(who ? who->slot : JAIL_HOST_SLOT, jid, JP_PORT_FOREIGN, about, at);
	return answer(-EADDRINUSE);
}

SEC("lsm/socket_create")
int BPF_PROG(on_socket_create, int family, int type, int protocol, int by_kernel)
{
	__u64 about = JAIL_ABOUT(SOCKET, (family & 0xffff) | type << 16) | (__u64)(protocol & 0xffff) << 32;
	struct identity *who = acting_member();
	__u32 right = jp_right_of_socket(family, type, protocol);

	if (by_kernel || !who)
		return 0;
	return RECORD(verdict_on_part(who, right, jp_part_of_socket(family, protocol)), who, right, EPERM, record_denial, about);
}

SEC("lsm/socket_post_create")
int BPF_PROG(on_socket_post_create, struct socket *socket, int family, int type, int protocol, int by_kernel)
{
	struct identity *who = acting_member();
	struct sock *sock = socket->sk;
	__u32 *maker;

	if (!who || by_kernel || !sock)
		return 0;
	maker = bpf_sk_storage_get(&socket_makers, sock, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!maker)
		return answer(-ENOMEM);
	*maker = who->jid;
	return 0;
}

/* The family comes from the socket: an address that says AF_UNSPEC is bound as well. What SCTP and others do with addresses
 * of another family than the socket's is not asked, for they are judged by the port alone. */
SEC("lsm/socket_bind")
int BPF_PROG(on_socket_bind, struct socket *socket, struct sockaddr *address)
{
	struct sock *sock = inet_sock_of(socket);
	struct jp_destination at = {};
	struct sockaddr_in6 v6 = {}; /* begins as sockaddr_in does up to the port */
	struct sockaddr_in v4 = {};

	if (!sock)
		return 0;
	at.protocol = protocol_of(sock);
	if (sock->__sk_common.skc_family == JP_AF_INET) {
		bpf_probe_read_kernel(&v4, sizeof(v4), address);
		map_v4(&at, v4.sin_addr.s_addr);
		at.port = bpf_ntohs(v4.sin_port);
	} else {
		bpf_probe_read_kernel(&v6, sizeof(v6), address);
		__builtin_memcpy(at.address, &v6.sin6_addr, sizeof(at.address));
		at.port = bpf_ntohs(v6.sin6_port);
	}
	return judge_binding(&at);
}

/* A socket that was bound before the port was reserved, or that got its port by listening unbound. The kernel chooses the
 * latter after asking this hook: net.ipv4.ip_local_reserved_ports keeps it from choosing a reserved one, and should that list
 * be lost, the thief accepts nobody. */
static __always_inline int judge_bound(struct socket *socket)
{
	struct sock *sock = inet_sock_of(socket);
	struct jp_destination at = {};

	if (!sock)
		return 0;
	at.protocol = protocol_of(sock);
	at.port = sock->__sk_common.skc_num;
	if (sock->__sk_common.skc_family == JP_AF_INET)
		map_v4(&at, sock->__sk_common.skc_rcv_saddr);
	else
		bpf_core_read(at.address, sizeof(at.address), &sock->__sk_common.skc_v6_rcv_saddr);
	return judge_binding(&at);
}

/* sctp_bindx(3) binds without socket_bind, also for the host. All its addresses share one port (net/sctp/socket.c). */
SEC("lsm/sctp_bind_connect")
int BPF_PROG(on_sctp_bind_connect, struct sock *sock, int option, struct sockaddr *addresses)
{
	struct jp_destination at = {};
	__u16 port = 0;

	if (option != SCTP_BINDX_ADD)
		return 0;
	bpf_probe_read_kernel(&port, sizeof(port), (void *)addresses + __builtin_offsetof(struct sockaddr_in, sin_port));
	at.protocol = JP_OTHER;
	at.port = bpf_ntohs(port);
	return judge_binding(&at);
}

SEC("lsm/socket_listen")
int BPF_PROG(on_socket_listen, struct socket *socket)
{
	return judge_bound(socket);
}

SEC("lsm/socket_accept")
int BPF_PROG(on_socket_accept, struct socket *socket)
{
	return judge_bound(socket);
}

static __always_inline int has_path(struct sock *sock)
{
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sock, addr);
	char first = 0;

	if (!address)
		return 0;
	bpf_probe_read_kernel(&first, sizeof(first),
			      (void *)address + bpf_core_field_offset(struct unix_address, name) +
				      __builtin_offsetof(struct sockaddr_un, sun_path));
	return first != 0;
}

static __always_inline int judge_unix(struct sock *other)
{
	struct identity *who = acting_member();
	__u32 *maker;

	if (!who)
		return 0;
	maker = bpf_sk_storage_get(&socket_makers, other, 0, 0);
	if (jp_may_reach_unix(who->jid, maker ? *maker : JP_HOST, has_path(other)))
		return 0;
	return refuse(who, JP_UNIX_FOREIGN, 0, ECONNREFUSED);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(on_unix_stream_connect, struct sock *sock, struct sock *other)
{
	return judge_unix(other);
}

SEC("lsm/unix_may_send")
int BPF_PROG(on_unix_may_send, struct socket *socket, struct socket *other)
{
	struct sock *sock = other->sk;
	return sock ? judge_unix(sock) : 0;
}
