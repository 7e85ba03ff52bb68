/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A port that another jail reserved, by every way of getting one: asked for by number, picked by the kernel for
 * bind(0), listen, connect or sendto. The host narrows the ephemeral range to a few ports around the reserved one, so
 * that taking all of them says whether it can be had.
 */
#include "attack.h"

#include <netinet/in.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { TRIES = 64 };

/* family of the address may differ from the socket's: AF_UNSPEC stands for AF_INET in bind(2) of an IPv4 socket */
static int bind_v4(int type, int protocol, sa_family_t family, in_addr_t address, long port, int option)
{
	struct sockaddr_in place = { .sin_family = family, .sin_port = htons((in_port_t)port), .sin_addr = { htonl(address) } };
	int fd = socket(AF_INET, type, protocol), on = 1;
	if (fd < 0 || (option && setsockopt(fd, SOL_SOCKET, option, &on, sizeof on) < 0))
		return errno;
	return outcome(bind(fd, (void *)&place, sizeof place));
}

static int bind_v6(int type, const char *address, long port)
{
	struct sockaddr_in6 place = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port) };
	inet_pton(AF_INET6, address, &place.sin6_addr);
	int fd = socket(AF_INET6, type, 0);
	return fd < 0 ? errno : outcome(bind(fd, (void *)&place, sizeof place));
}

static int tcp_any(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_ANY, target.reserved, 0); }
static int tcp_loopback(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_LOOPBACK, target.reserved, 0); }
static int tcp_reuse(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_ANY, target.reserved, SO_REUSEPORT); }
static int tcp_reuse_address(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_ANY, target.reserved, SO_REUSEADDR); }
static int tcp_unspecified(void) { return bind_v4(SOCK_STREAM, 0, AF_UNSPEC, INADDR_ANY, target.reserved, 0); }
static int mptcp(void) { return bind_v4(SOCK_STREAM, IPPROTO_MPTCP, AF_INET, INADDR_ANY, target.reserved, 0); }
static int udp_any(void) { return bind_v4(SOCK_DGRAM, 0, AF_INET, INADDR_ANY, target.reserved, 0); }
static int udp_reuse(void) { return bind_v4(SOCK_DGRAM, 0, AF_INET, INADDR_ANY, target.reserved, SO_REUSEPORT); }
static int udplite(void) { return bind_v4(SOCK_DGRAM, IPPROTO_UDPLITE, AF_INET, INADDR_ANY, target.reserved, 0); }
static int tcp_v6(void) { return bind_v6(SOCK_STREAM, "::", target.reserved); }
static int udp_v6(void) { return bind_v6(SOCK_DGRAM, "::", target.reserved); }
static int tcp_v6_mapped(void) { return bind_v6(SOCK_STREAM, "::ffff:127.0.0.1", target.reserved); }

static int sctp(void) { return bind_v4(SOCK_STREAM, IPPROTO_SCTP, AF_INET, INADDR_ANY, target.reserved, 0); }

/* Another call than bind(2), with a hook of its own. */
static int sctp_bindx(void)
{
	enum { SCTP_SOCKOPT_BINDX_ADD = 100 }; /* linux/sctp.h, which is not always there */
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons((in_port_t)target.reserved) };
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	return fd < 0 ? errno : outcome(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, &place, sizeof place));
}

/* The port after the reserved one is reserved on this address, for TCP. What stands for more addresses takes it as well; that of
 * IPv6 even from a socket that says it is for IPv6 alone, which it could take back before it is bound. */
static const char address[] = "127.0.0.2";
static int tcp_on(const char *place) { return bind_v4(SOCK_STREAM, 0, AF_INET, ntohl(inet_addr(place)), target.reserved + 1, 0); }
static int address_tcp(void) { return tcp_on(address); }
static int address_all(void) { return tcp_on("0.0.0.0"); }
static int address_mapped(void) { return bind_v6(SOCK_STREAM, "::ffff:127.0.0.2", target.reserved + 1); }
static int address_all_mapped(void) { return bind_v6(SOCK_STREAM, "::ffff:0.0.0.0", target.reserved + 1); }
static int address_v6(void) { return bind_v6(SOCK_STREAM, "::", target.reserved + 1); }
static int address_v6_alone(void)
{
	struct sockaddr_in6 place = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)(target.reserved + 1)) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return errno;
	return outcome(bind(fd, (void *)&place, sizeof place));
}
static int address_mptcp(void)
{
	return bind_v4(SOCK_STREAM, IPPROTO_MPTCP, AF_INET, INADDR_ANY, target.reserved + 1, 0);
}
static int address_sctp(void)
{
	return bind_v4(SOCK_STREAM, IPPROTO_SCTP, AF_INET, ntohl(inet_addr("127.0.0.3")), target.reserved + 1, 0);
}
static int other_address(void) { return tcp_on("127.0.0.3"); }
static int other_address_v6(void) { return bind_v6(SOCK_STREAM, "::1", target.reserved + 1); }
static int other_protocol(void)
{
	return bind_v4(SOCK_DGRAM, 0, AF_INET, ntohl(inet_addr(address)), target.reserved + 1, 0);
}

static int own_port(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_ANY, target.own, 0); }
static int own_port_udp(void) { return bind_v4(SOCK_DGRAM, 0, AF_INET, INADDR_ANY, target.own, 0); }
static int free_port(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_ANY, 80, 0); }
static int any_port(void) { return bind_v4(SOCK_STREAM, 0, AF_INET, INADDR_ANY, 0, 0); }

static long port_of(int fd)
{
	struct sockaddr_in place = { 0 };
	socklen_t length = sizeof place;
	return getsockname(fd, (void *)&place, &length) < 0 ? -1 : ntohs(place.sin_port);
}

/* Takes ephemeral ports by the given way until there is no other, and says whether the reserved one was among them. */
static int take_them_all(int type, int (*take)(int))
{
	int taken = 0;
	for (int try = 0; try < TRIES; try++) {
		int fd = socket(AF_INET, type, 0);
		if (fd < 0)
			return errno;
		if (take(fd) < 0)
			continue;
		taken++;
		if (port_of(fd) == target.reserved)
			return 0;
	}
	/* A way that gave no port at all would prove nothing. */
	return taken ? EADDRINUSE : EIO;
}

static int by_bind(int fd)
{
	struct sockaddr_in place = { .sin_family = AF_INET };
	return bind(fd, (void *)&place, sizeof place);
}

static int by_listen(int fd) { return listen(fd, 1); }

/* Asks for a range of the socket's own, which is the reserved port alone (Linux 6.3; before that, the host's range). */
static int by_own_range(int fd)
{
	enum { LOCAL_PORT_RANGE = 51 }; /* IP_LOCAL_PORT_RANGE, linux/in.h */
	unsigned range = (unsigned)(target.reserved << 16 | target.reserved);
	(void)!setsockopt(fd, IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof range);
	return by_bind(fd);
}

static struct sockaddr_in peer;

static int by_connect(int fd) { return connect(fd, (void *)&peer, sizeof peer); }

static int by_send(int fd) { return (int)sendto(fd, "x", 1, 0, (void *)&peer, sizeof peer); }

/* A socket of our own to connect or send to. */
static int make_peer(int type)
{
	static const in_port_t PLACE = 7391; /* outside of the ephemeral range */
	peer = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PLACE), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, type, 0), on = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, (void *)&peer, sizeof peer) < 0)
		return errno;
	return type == SOCK_STREAM ? outcome(listen(fd, TRIES)) : 0;
}

static int tcp_picked_by_bind(void) { return take_them_all(SOCK_STREAM, by_bind); }
static int udp_picked_by_bind(void) { return take_them_all(SOCK_DGRAM, by_bind); }
static int tcp_picked_from_own_range(void)
{
	int failed = take_them_all(SOCK_STREAM, by_own_range);
	return failed == EIO ? EADDRINUSE : failed; /* nothing else is in that range */
}

static int tcp_picked_by_listen(void) { return take_them_all(SOCK_STREAM, by_listen); }

static int tcp_picked_by_connect(void)
{
	int failed = make_peer(SOCK_STREAM);
	return failed ? failed : take_them_all(SOCK_STREAM, by_connect);
}

static int udp_picked_by_connect(void)
{
	int failed = make_peer(SOCK_DGRAM);
	return failed ? failed : take_them_all(SOCK_DGRAM, by_connect);
}

static int udp_picked_by_send(void)
{
	int failed = make_peer(SOCK_DGRAM);
	return failed ? failed : take_them_all(SOCK_DGRAM, by_send);
}

#define TAKEN "EADDRINUSE"
#define FOREIGN "port_foreign"

const struct attack port_rows[] = {
	{ "bind a reserved port, TCP, any address", DENIED, "ok", TAKEN, FOREIGN, tcp_any },
	{ "bind a reserved port, TCP, loopback", DENIED, "ok", TAKEN, FOREIGN, tcp_loopback },
	{ "bind a reserved port, TCP, SO_REUSEPORT", DENIED, "ok", TAKEN, FOREIGN, tcp_reuse },
	{ "bind a reserved port, TCP, SO_REUSEADDR", DENIED, "ok", TAKEN, FOREIGN, tcp_reuse_address },
	{ "bind a reserved port, TCP, AF_UNSPEC address", DENIED, "ok", TAKEN, FOREIGN, tcp_unspecified },
	{ "bind a reserved port, TCP, IPv6", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, tcp_v6 },
	{ "bind a reserved port, TCP, IPv4 mapped", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, tcp_v6_mapped },
	{ "bind a reserved port, MPTCP", DENIED, "ok", TAKEN, FOREIGN, mptcp },
	{ "bind a reserved port, UDP", DENIED, "ok", TAKEN, FOREIGN, udp_any },
	{ "bind a reserved port, UDP, SO_REUSEPORT", DENIED, "ok", TAKEN, FOREIGN, udp_reuse },
	{ "bind a reserved port, UDP, IPv6", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, udp_v6 },
	{ "bind a reserved port, UDP-Lite", DENIED, "ok", TAKEN, FOREIGN, udplite },
	{ "bind a reserved port, SCTP", DENIED, "ok|EPROTONOSUPPORT", TAKEN "|EPERM", FOREIGN "|socket_family", sctp },
	{ "bind a reserved port, SCTP bindx", DENIED, "ok|EPROTONOSUPPORT", TAKEN "|EPERM", FOREIGN "|socket_family", sctp_bindx },
	{ "bind a reserved address, TCP", DENIED, "ok", TAKEN, FOREIGN, address_tcp },
	{ "bind a reserved address, IPv4 mapped", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, address_mapped },
	{ "bind a reserved address by all of IPv4", DENIED, "ok", TAKEN, FOREIGN, address_all },
	{ "bind a reserved address by all of IPv4, mapped", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, address_all_mapped },
	{ "bind a reserved address by all of IPv6", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, address_v6 },
	{ "bind a reserved address by IPV6_V6ONLY", DENIED, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", TAKEN, FOREIGN, address_v6_alone },
	{ "bind a reserved address, MPTCP", DENIED, "ok", TAKEN, FOREIGN, address_mptcp },
	{ "bind a reserved address, SCTP", DENIED, "ok|EPROTONOSUPPORT", TAKEN "|EPERM", FOREIGN "|socket_family", address_sctp },
	{ "bind the port of a reserved address elsewhere", WORKS, "ok", "ok", "", other_address },
	{ "bind the port of a reserved address elsewhere, IPv6", WORKS, "ok|EAFNOSUPPORT|EADDRNOTAVAIL", "ok|EAFNOSUPPORT|EADDRNOTAVAIL", "", other_address_v6 },
	{ "bind a reserved address, UDP where TCP is", WORKS, "ok", "ok", "", other_protocol },
	{ "be given a reserved port by bind(0), TCP", DENIED, "ok", TAKEN, "", tcp_picked_by_bind },
	{ "be given a reserved port by bind(0), UDP", DENIED, "ok", TAKEN, "", udp_picked_by_bind },
	{ "be given a reserved port from a range of it alone", DENIED, "ok", TAKEN, "", tcp_picked_from_own_range },
	{ "be given a reserved port by listen", DENIED, "ok", TAKEN, "", tcp_picked_by_listen },
	{ "be given a reserved port by connect, TCP", DENIED, "ok", TAKEN, "", tcp_picked_by_connect },
	{ "be given a reserved port by connect, UDP", DENIED, "ok", TAKEN, "", udp_picked_by_connect },
	{ "be given a reserved port by sendto", DENIED, "ok", TAKEN, "", udp_picked_by_send },
	{ "bind an own reserved port, TCP", WORKS, "ok", "ok", "", own_port },
	{ "bind an own reserved port, UDP", WORKS, "ok", "ok", "", own_port_udp },
	{ "bind a free port below 1024", WORKS, "ok", "ok", "", free_port },
	{ "bind port 0", WORKS, "ok", "ok", "", any_port },
	{ 0 },
};
