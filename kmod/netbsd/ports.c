/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Which ports are whose.
 *
 * Attacks answered: two jails of one port by creating both at once; half of a change that was refused.
 */
#include "jail.h"

enum { PORT_BUCKETS = 64, PORT_COUNT = 65536, WORD_BITS = 32 };

static LIST_HEAD(port_list, port) buckets[PORT_BUCKETS]; /* j */
static volatile uint32_t reserved[PORT_COUNT / WORD_BITS]; /* j; read without */

void
jail_ports_init(void)
{
	u_int i;

	for (i = 0; i < PORT_BUCKETS; i++)
		LIST_INIT(&buckets[i]);
	memset(__UNVOLATILE(reserved), 0, sizeof(reserved));
}

bool
jail_port_is_reserved(u_int port)
{
	return port < PORT_COUNT && (JAIL_LOAD(reserved[port / WORD_BITS]) & (1U << port % WORD_BITS)) != 0;
}

static struct port *
find_port(u_int number)
{
	struct port *port;

	LIST_FOREACH(port, &buckets[number % PORT_BUCKETS], entry)
		if (port->number == number)
			return port;
	return NULL;
}

u_int
jail_port_owner(u_int number)
{
	struct port *port;

	KASSERT(mutex_owned(&jail_lock));
	port = find_port(number);
	return port != NULL ? port->jail->identity->jid : JP_HOST;
}

/* EINVAL: too many, 0, or one twice. */
int
jail_ports_check(const uint16_t *ports, u_int count)
{
	u_int i, j;

	if (count > JAIL_PORTS)
		return EINVAL;
	for (i = 0; i < count; i++) {
		if (ports[i] == 0)
			return EINVAL;
		for (j = 0; j < i; j++)
			if (ports[j] == ports[i])
				return EINVAL;
	}
	return 0;
}

static void
let_go(struct jail *jail)
{
	u_int i, number;

	for (i = 0; i < jail->port_count; i++) {
		number = jail->ports[i].number;
		LIST_REMOVE(&jail->ports[i], entry);
		JAIL_STORE(reserved[number / WORD_BITS], reserved[number / WORD_BITS] & ~(1U << number % WORD_BITS));
	}
	jail->port_count = 0;
}

/* Makes these the jail's ports instead of those it had, or changes nothing. EADDRINUSE: *taken is of the jail *owner. */
int
jail_ports_take(struct jail *jail, const uint16_t *ports, u_int count, u_int *taken, char *owner)
{
	struct port *port;
	u_int i;

	KASSERT(mutex_owned(&jail_lock));
	for (i = 0; i < count; i++) {
		port = find_port(ports[i]);
		if (port != NULL && port->jail != jail) {
			*taken = ports[i];
			strlcpy(owner, port->jail->name, JAIL_NAME_SIZE);
			return EADDRINUSE;
		}
	}
	let_go(jail);
	for (i = 0; i < count; i++) {
		port = &jail->ports[i];
		port->jail = jail;
		port->number = ports[i];
		LIST_INSERT_HEAD(&buckets[ports[i] % PORT_BUCKETS], port, entry);
		JAIL_STORE(reserved[ports[i] / WORD_BITS], reserved[ports[i] / WORD_BITS] | 1U << ports[i] % WORD_BITS);
	}
	jail->port_count = count;
	return 0;
}
