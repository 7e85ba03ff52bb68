/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Sockets and ports.
 *
 * Attacks answered: raw, packet, netlink and rare socket families; binding a port that another jail reserved, by any
 * protocol, family, SO_REUSEPORT or by listening unbound; reaching the host's or another jail's abstract unix sockets.
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

/* The host is not exempt: a reserved port is bound by its owner alone. */
static __always_inline int judge_port(__u32 port)
{
	struct port_owner *owner = bpf_map_lookup_elem(&port_owners, &port);
	struct identity *who = acting_member();
	__u32 jid = who ? who->jid : JP_HOST;

	if (!port || jp_may_bind(jid, owner ? owner->jid : JP_HOST))
		return 0;
	record_denial(who ? who->slot : JAIL_HOST_SLOT, jid, JP_PORT_FOREIGN, JAIL_ABOUT(PORT, port));
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

/* The port is at the same place for both families (struct sockaddr_in, sockaddr_in6). The family comes from the socket:
 * an address that says AF_UNSPEC is bound as well. */
SEC("lsm/socket_bind")
int BPF_PROG(on_socket_bind, struct socket *socket, struct sockaddr *address)
{
	__u16 port = 0;

	if (!inet_sock_of(socket))
		return 0;
	bpf_probe_read_kernel(&port, sizeof(port), (void *)address + __builtin_offsetof(struct sockaddr_in, sin_port));
	return judge_port(bpf_ntohs(port));
}

/* A socket that was bound before the port was reserved, or that got its port by listening unbound. The kernel chooses the
 * latter after asking this hook: net.ipv4.ip_local_reserved_ports keeps it from choosing a reserved one, and should that list
 * be lost, the thief accepts nobody. */
static __always_inline int judge_port_of(struct socket *socket)
{
	struct sock *sock = inet_sock_of(socket);
	return sock ? judge_port(sock->__sk_common.skc_num) : 0;
}

/* sctp_bindx(3) binds without socket_bind, also for the host. All its addresses share one port (net/sctp/socket.c). */
SEC("lsm/sctp_bind_connect")
int BPF_PROG(on_sctp_bind_connect, struct sock *sock, int option, struct sockaddr *addresses)
{
	__u16 port = 0;

	if (option != SCTP_BINDX_ADD)
		return 0;
	bpf_probe_read_kernel(&port, sizeof(port), (void *)addresses + __builtin_offsetof(struct sockaddr_in, sin_port));
	return judge_port(bpf_ntohs(port));
}

SEC("lsm/socket_listen")
int BPF_PROG(on_socket_listen, struct socket *socket)
{
	return judge_port_of(socket);
}

SEC("lsm/socket_accept")
int BPF_PROG(on_socket_accept, struct socket *socket)
{
	return judge_port_of(socket);
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
