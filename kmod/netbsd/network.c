/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The network scope: sockets and ports.
 *
 * Attacks answered: raw, routing and rare socket families; interfaces, routes and filters; listing the sockets of others;
 * binding a port that another jail reserved, by any protocol, family or way of binding.
 */
#include "jail.h"

#include <sys/domain.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>

#include <netinet/in.h>

#define IN_SYSTEM(line)
#define IN_NETWORK(line) line
#define IN_DEVICE(line)
#define IN_MACHDEP(line)
#include "translate.h"

/* The family comes from the socket. The port is at the same place for both families. */
static u_int
bound_port(const struct socket *so, const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	jp_u8 bytes[2];

	if (so == NULL || so->so_proto == NULL || address == NULL)
		return 0;
	memcpy(bytes, &in->sin_port, sizeof(bytes));
	return jp_netbsd_bound_port(so->so_proto->pr_domain->dom_family, address->sa_family, bytes[0], bytes[1],
	    in->sin_port);
}

/* A reserved port is bound by its owner alone; the host is not exempt. Denied as an ephemeral candidate, the kernel tries
 * the next one. */
static int
judge_port(const struct credential *who, u_int port)
{
	u_int owner;

	if (port == 0 || !jail_port_is_reserved(port))
		return KAUTH_RESULT_DEFER;
	mutex_enter(&jail_lock);
	owner = jail_port_owner(port);
	mutex_exit(&jail_lock);
	return jp_may_bind(jail_jid_of(who), owner) ? KAUTH_RESULT_DEFER : jail_deny(who, JP_PORT_FOREIGN);
}

static int
judge_visible(const struct credential *who, const struct socket *so)
{
	const struct credential *whom = so != NULL ? jail_credential_of(so->so_cred) : NULL;

	return jp_may_act(jail_jid_of(who), jail_jid_of(whom)) ? KAUTH_RESULT_DEFER : jail_deny(who, JP_PROCESS_SEE);
}

int
jail_network_listener(kauth_cred_t cred, kauth_action_t action, void *cookie, void *arg0, void *arg1, void *arg2,
    void *arg3)
{
	const struct credential *who = jail_credential_of(cred);
	jp_u32 question = question_of(action, (uintptr_t)arg0);
	int answer;

	if (question == JP_KAUTH_NETWORK_BIND_PORT || question == JP_KAUTH_NETWORK_BIND_PRIVPORT) {
		answer = judge_port(who, bound_port(arg1, arg2));
		if (answer != KAUTH_RESULT_DEFER)
			return answer;
	}
	if (who == NULL)
		return KAUTH_RESULT_DEFER;
	if (question == JP_KAUTH_COUNT)
		return jail_judge(who, jp_right_of_unknown_kauth(JP_SCOPE_NETWORK));
	if (question == JP_KAUTH_NETWORK_SOCKET_OPEN)
		return jail_judge(who,
		    jp_right_of_netbsd_socket((uintptr_t)arg1, (uintptr_t)arg2, (uintptr_t)arg3));
	if (question == JP_KAUTH_NETWORK_SOCKET_CANSEE)
		return judge_visible(who, arg1);
	if (question == JP_KAUTH_NETWORK_SOCKET_RAWSOCK)
		return jail_judge(who, jp_right_of_raw(jail_rights_of(who->identity), 0));
	return jail_judge(who, jp_right_of_kauth(question));
}
