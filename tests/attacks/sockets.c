/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sockets: families that reach the network's or the kernel's inside, interface settings, unix sockets of the host.
 */
#include "attack.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int make_socket(int family, int type, int protocol) { return outcome(socket(family, type, protocol)); }

static int raw_socket(void) { return make_socket(AF_INET, SOCK_RAW, IPPROTO_RAW); }
static int raw_socket_v6(void) { return make_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW); }
static int raw_tcp(void) { return make_socket(AF_INET, SOCK_RAW, IPPROTO_TCP); }
static int raw_icmp(void) { return make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int raw_icmp_v6(void) { return make_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }
/* Who may make these sockets is the host's choice: net.ipv4.ping_group_range. */
static int ping_socket(void) { return make_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); }
static int set_transparent(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	return outcome(setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on));
}
static int set_mark(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), mark = 1;
	return outcome(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
}
static int packet_socket(void) { return make_socket(AF_PACKET, SOCK_RAW, htons(3)); }
/* The kernel reads the family from the lower half of the register; what compares the whole of it is fooled. */
static int packet_socket_with_high_bits(void)
{
	return outcome(syscall(SYS_socket, 1L << 32 | AF_PACKET, (long)SOCK_RAW, 0x0300L /* htons(ETH_P_ALL) */));
}

static int packet_socket_cooked(void) { return make_socket(AF_PACKET, SOCK_DGRAM, htons(3)); }
static int packet_socket_by_old_name(void) { return make_socket(AF_INET, 10 /* SOCK_PACKET */, htons(3)); }
static int vsock(void) { return make_socket(AF_VSOCK, SOCK_STREAM, 0); }
static int crypto_socket(void) { return make_socket(AF_ALG, SOCK_SEQPACKET, 0); }
static int key_socket(void) { return make_socket(AF_KEY, SOCK_RAW, 2); }
static int can_socket(void) { return make_socket(AF_CAN, SOCK_RAW, 1); }
static int netlink_audit(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }
static int netlink_uevent(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT); }
static int netlink_xfrm(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM); }
static int netlink_diag(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG); }
static int netlink_generic(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC); }
static int netlink_netfilter(void) { return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER); }
static int tcp_socket(void) { return make_socket(AF_INET, SOCK_STREAM, 0); }
static int udp_socket_v6(void) { return make_socket(AF_INET6, SOCK_DGRAM, 0); }

static int loopback_request(struct ifreq *request, unsigned long what)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return errno;
	strcpy(request->ifr_name, "lo");
	return outcome(ioctl(fd, what, request));
}

static int set_loopback_flags(void)
{
	struct ifreq request = { 0 };
	int failed = loopback_request(&request, SIOCGIFFLAGS);
	return failed ? failed : loopback_request(&request, SIOCSIFFLAGS);
}

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr mtu;
	unsigned value;
};

/* Sends a request to rtnetlink; 0 or the errno it answers with. */
static int ask_rtnetlink(struct link_request *request)
{
	char answer[8192];
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (fd < 0)
		return errno;
	ssize_t got = send(fd, request, request->header.nlmsg_len, 0);
	if (got >= 0)
		got = recv(fd, answer, sizeof answer, 0);
	if (got < 0)
		return errno;
	const struct nlmsghdr *header = (const void *)answer;
	return header->nlmsg_type == NLMSG_ERROR ? -((const struct nlmsgerr *)NLMSG_DATA(header))->error : 0;
}

static int set_loopback_mtu(void)
{
	struct ifreq current = { 0 };
	int failed = loopback_request(&current, SIOCGIFMTU);
	if (failed)
		return failed;
	struct link_request request = {
		.header = { sizeof request, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0 },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex("lo") },
		.mtu = { RTA_LENGTH(4), IFLA_MTU },
		.value = (unsigned)current.ifr_mtu,
	};
	return ask_rtnetlink(&request);
}

static int list_links(void)
{
	struct link_request request = {
		.header = { NLMSG_LENGTH(sizeof request.link), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
	};
	return ask_rtnetlink(&request);
}

static socklen_t abstract_address(struct sockaddr_un *address, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strncpy(address->sun_path + 1, name, sizeof address->sun_path - 2);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int connect_abstract(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address, target.stream);
	return outcome(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, length));
}

static int send_abstract(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address, target.dgram);
	return outcome(sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (void *)&address, length));
}

static int connect_abstract_dgram(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address, target.dgram);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	int failed = outcome(connect(fd, (void *)&address, length));
	return failed ? failed : outcome(send(fd, "x", 1, 0));
}

static int connect_path(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%s", bait("host.sock"));
	return outcome(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof address));
}

/* Says to be process 1, which daemons on a host may trust. */
static int forge_credentials(void)
{
	int ends[2], on = 1;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	char byte = 'x';
	struct iovec text = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
	};
	struct ucred forged = { .pid = 1 };
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		return errno;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_CREDENTIALS;
	header->cmsg_len = CMSG_LEN(sizeof forged);
	memcpy(CMSG_DATA(header), &forged, sizeof forged);
	return outcome(sendmsg(ends[0], &message, 0));
}

static int own_abstract(void)
{
	char name[64];
	struct sockaddr_un address;
	snprintf(name, sizeof name, "jailsh-own-%d", getpid());
	socklen_t length = abstract_address(&address, name);
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(server, (void *)&address, length) < 0 || listen(server, 1) < 0)
		return errno;
	return outcome(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, length));
}

static int own_pair(void)
{
	int ends[2];
	return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}

#define MISSING "ok|EAFNOSUPPORT|EPROTONOSUPPORT"

const struct attack socket_rows[] = {
	{ "raw socket", DENIED, "ok", "EPERM", "raw_socket", raw_socket },
	{ "raw socket, IPv6", DENIED, MISSING, "EPERM", "raw_socket", raw_socket_v6 },
	{ "raw socket of TCP", DENIED, "ok", "EPERM", "raw_socket", raw_tcp },
	{ "raw ICMP socket", DENIED, "ok", "EPERM", "ping", raw_icmp },
	{ "raw ICMP socket, IPv6", DENIED, MISSING, "EPERM", "ping", raw_icmp_v6 },
	{ "ping socket", DENIED, "ok|EACCES", "EPERM", "ping", ping_socket },
	{ "setsockopt(IP_TRANSPARENT)", DENIED, "ok", "EPERM", "raw_socket", set_transparent },
	{ "setsockopt(SO_MARK)", DENIED, "ok", "EPERM", "net_admin", set_mark },
	{ "packet socket", DENIED, MISSING, "EPERM", "packet_socket", packet_socket },
	{ "packet socket, cooked", DENIED, MISSING, "EPERM", "packet_socket", packet_socket_cooked },
	{ "packet socket, a bit above the 32nd in the family", DENIED, MISSING, "EPERM", "packet_socket",
	  packet_socket_with_high_bits },
	{ "packet socket, by the old name", DENIED, MISSING, "EPERM", "packet_socket", packet_socket_by_old_name },
	{ "AF_VSOCK", DENIED, MISSING, "EPERM", "socket_family", vsock },
	{ "AF_ALG", DENIED, MISSING, "EPERM", "socket_family", crypto_socket },
	{ "AF_KEY", DENIED, MISSING, "EPERM", "socket_family", key_socket },
	{ "AF_CAN", DENIED, MISSING, "EPERM", "socket_family", can_socket },
	{ "netlink audit", DENIED, MISSING, "EPERM", "netlink", netlink_audit },
	{ "netlink uevent", DENIED, "ok", "EPERM", "netlink", netlink_uevent },
	{ "netlink xfrm", DENIED, MISSING, "EPERM", "netlink", netlink_xfrm },
	{ "netlink sock_diag", DENIED, "ok", "EPERM", "netlink", netlink_diag },
	{ "netlink generic", DENIED, "ok", "EPERM", "netlink", netlink_generic },
	{ "netlink netfilter", DENIED, MISSING, "EPERM", "netlink", netlink_netfilter },
	{ "rtnetlink, set a link's MTU", DENIED, "ok", "EPERM", "net_admin", set_loopback_mtu },
	{ "rtnetlink, list links", WORKS, "ok", "ok", "", list_links },
	{ "ioctl(SIOCSIFFLAGS)", DENIED, "ok", "EPERM", "net_admin", set_loopback_flags },
	{ "TCP socket", WORKS, "ok", "ok", "", tcp_socket },
	{ "UDP socket, IPv6", WORKS, "ok|EAFNOSUPPORT", "ok|EAFNOSUPPORT", "", udp_socket_v6 },
	{ "connect to an abstract unix socket of the host", DENIED, "ok", "ECONNREFUSED|EPERM", "unix_foreign", connect_abstract },
	{ "send to an abstract unix socket of the host", DENIED, "ok", "ECONNREFUSED|EPERM", "unix_foreign", send_abstract },
	{ "connect and send to an abstract unix datagram socket of the host", DENIED, "ok", "ECONNREFUSED|EPERM",
	  "unix_foreign", connect_abstract_dgram },
	{ "send forged credentials", DENIED, "ok", "EPERM", "namespaces", forge_credentials },
	{ "connect to a unix socket that the host put into the root", WORKS, "ok", "ok", "", connect_path },
	{ "connect to an own abstract unix socket", WORKS, "ok", "ok", "", own_abstract },
	{ "socketpair", WORKS, "ok", "ok", "", own_pair },
	{ 0 },
};
