/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Bytes of anybody's: structures written to the module's nodes by whom they please, and numbers asked of kmod/policy. Inputs
 * that reach code that none before did are kept and changed further (gcc's -fsanitize-coverage=trace-pc tells). What must
 * hold of each is in judge_nodes and judge_policy. `fuzz SEED RUNS`, and says how many places in the code it saw.
 */
#include <sys/kauth.h>
#include <sys/systm.h>

#include <netbsd/abi.h>
#include <policy/kauth.h>

#include "ground.h"

enum { LONGEST = 512, KEPT = 512, PLACES = 1 << 16, OPERATIONS = 12 };

struct input {
	u_int length;
	uint8_t bytes[LONGEST];
};

static struct input kept[KEPT], now;
static u_int kept_count, at;
static uint64_t state;

/* ---- coverage ---- */

static uint8_t seen[PLACES];
static u_int seen_count;
static bool is_new;

__attribute__((no_sanitize_coverage, no_sanitize("address", "undefined"))) void
__sanitizer_cov_trace_pc(void)
{
	uintptr_t place = (uintptr_t)__builtin_return_address(0);

	place = (place ^ place >> 16) % PLACES;
	if (seen[place] == 0) {
		seen[place] = 1;
		seen_count++;
		is_new = true;
	}
}

/* ---- numbers ---- */

static uint64_t
random64(void)
{
	uint64_t mixed = state += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return mixed ^ mixed >> 31;
}

static u_int
below(u_int end)
{
	return random64() % end;
}

/* The input's next byte; zeros behind its end. */
static uint8_t
byte(void)
{
	return at < now.length ? now.bytes[at++] : 0;
}

static uint64_t
number(u_int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | byte();
	return value;
}

/* ---- what must hold ---- */

static void
right_is_one(const char *of, jp_u32 right)
{
	contract = of;
	EXPECT("a right of the table, or free", right < JP_RIGHT_COUNT || right == JP_FREE, true);
}

static void
judge_policy(void)
{
	jp_u64 held = number(8), told = number(8);
	jp_u32 a = number(4), b = number(4), c = number(4), question = number(2), right = number(1);
	jp_u32 verdict = jp_judge(held, told, right);
	bool is_fence = right < JP_RIGHT_COUNT && (jp_fences() >> right & 1) != 0;

	contract = "fences and what is no right are never let through";
	if (is_fence || (right >= JP_RIGHT_COUNT && right != JP_FREE))
		EXPECT("the verdict", verdict, JP_REFUSE);
	contract = "a verdict depends on the right's own bits alone";
	if (right < JP_RIGHT_COUNT)
		EXPECT("the verdict", jp_judge(held & JP_BIT(right), told & JP_BIT(right), right), verdict);
	right_is_one("jp_right_of_kauth", jp_right_of_kauth(question));
	right_is_one("jp_fence_of_kauth", jp_fence_of_kauth(question));
	contract = "jp_fence_of_kauth";
	EXPECT("is a fence", jp_fences() >> jp_fence_of_kauth(question) & 1, 1);
	right_is_one("jp_right_of_unknown_kauth", jp_right_of_unknown_kauth(a));
	contract = "a question of a newer kernel is free to nobody at any level";
	for (jp_u32 level = JP_LOW; level < JP_LEVEL_COUNT; level++)
		EXPECT("held", jp_holds(jp_level_mask(level), jp_right_of_unknown_kauth(a)), false);
	right_is_one("jp_right_of_netbsd_socket", jp_right_of_netbsd_socket(a, b, c));
	right_is_one("jp_right_of_netbsd_device", jp_right_of_netbsd_device(a & 1, b, c));
	contract = "no disk is opened";
	EXPECT("a block device", jp_right_of_netbsd_device(1, b, c), JP_DEVICE);
	contract = "a port fits sixteen bits, and an address of another family is taken for the host's";
	EXPECT("the port", jp_netbsd_bound_port(a, b, c, c >> 8, c & 0xffff) <= 0xffff, true);
	if (b != JP_NETBSD_AF_INET)
		EXPECT("the port", jp_netbsd_bound_port(JP_NETBSD_AF_INET, b, 1, 2, c), c);
	contract = "nobody acts on a newcomer but the host, and nobody on others";
	EXPECT("acting", jp_may_act_on(a, b, c & 1), a == JP_HOST || (a == b && (c & 1) == 0));
	contract = "a reserved port is its owner's alone";
	EXPECT("binding", jp_may_bind(a, b), b == JP_HOST || a == b);
}

static bool
has_end(const char *text, size_t size)
{
	while (size > 0 && text[size - 1] != '\0')
		size--;
	return size > 0;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* What the module tells the host is whole, whatever was written before. */
static void
judge_list(void)
{
	static struct jail_info infos[OPERATIONS];
	size_t size = sizeof(infos);
	u_int count;

	run_as(host);
	contract = "what is listed is whole";
	EXPECT("list", sys_sysctl("list", infos, &size, NULL, 0), 0);
	count = size / sizeof(infos[0]);
	for (u_int i = 0; i < count; i++) {
		const struct jail_info *info = &infos[i];

		EXPECT("the version", info->version, JAIL_ABI);
		EXPECT("a jid", info->jid != 0, true);
		EXPECT("the order of jids", i == 0 || infos[i - 1].jid < info->jid, true);
		EXPECT("the state", info->state == JAIL_ACTIVE || info->state == JAIL_CLOSED, true);
		EXPECT("the number of ports", info->port_count <= JAIL_PORTS, true);
		EXPECT("an end of the name", has_end(info->name, sizeof(info->name)) && info->name[0] != '\0', true);
		for (const char *letter = info->name; *letter != '\0'; letter++)
			EXPECT("the name's letters", is_letter(*letter), true);
		EXPECT("an end of the root", has_end(info->root, sizeof(info->root)), true);
		EXPECT("an end of the profile", has_end(info->profile, sizeof(info->profile)), true);
		for (u_int j = 0; j < 4; j++)
			EXPECT("what is not used", info->unused[j], 0);
		for (u_int j = 0; j < i; j++) {
			EXPECT("names apart", strcmp(infos[j].name, info->name) != 0, true);
			for (u_int k = 0; k < info->port_count; k++)
				for (u_int l = 0; l < infos[j].port_count; l++)
					EXPECT("ports apart", infos[j].ports[l] != info->ports[k], true);
		}
		for (u_int j = 0; j < info->port_count; j++)
			EXPECT("a port", info->ports[j] != 0, true);
	}
}

/* Single bytes anywhere, and whole fields of one. */
static void
fill(uint8_t *call, size_t size)
{
	static const uint16_t fields[8] = {
		offsetof(struct jail_create, version), offsetof(struct jail_create, port_count), offsetof(struct jail_create, ports),
		offsetof(struct jail_create, name), offsetof(struct jail_create, root), offsetof(struct jail_create, profile),
		offsetof(struct jail_create, owner), offsetof(struct jail_create, unused),
	};
	static const uint16_t lengths[4] = { 4, JAIL_PROFILE_SIZE, JAIL_NAME_SIZE, JAIL_ROOT_SIZE };

	for (u_int changes = byte() % 4; changes-- > 0;) {
		bool whole = byte() % 2 == 0;
		size_t place = whole ? fields[byte() % 8] : number(2);
		size_t length = whole ? lengths[byte() % 4] : 1;
		uint8_t value = byte();

		for (; length > 0 && place < size; length--)
			call[place++] = value;
	}
}

static void
operate(struct proc *user)
{
	static const char names[4][2] = { "a", "b", "c", "d" };
	struct jail_create create = { .version = JAIL_ABI };
	struct jail_update update = { .version = JAIL_ABI };
	uint8_t answer[sizeof(struct jail_create) + 8];
	u_int what = byte() % 8, who = byte() % 8;
	size_t room = sizeof(answer), size;
	uint32_t jid = 1 + byte() % 4;
	struct proc *actor = who == 0 ? user : who == 1 ? member : host;
	int error = 0;

	/* Not by far all lengths are wrong. */
	int more = byte();
	more = more < 240 ? 0 : more - 247;
	if (byte() % 16 == 0)
		room = byte() % sizeof(answer);
	switch (what) {
	case 0:
	case 1:
		strlcpy(create.name, names[byte() % 4], sizeof(create.name));
		strlcpy(create.root, byte() % 2 == 0 ? "/jails/a" : "/jails/b", sizeof(create.root));
		create.rights = number(8);
		create.port_count = byte() % 4;
		for (u_int i = 0; i < create.port_count; i++)
			create.ports[i] = 8000 + byte() % 8;
		fill((uint8_t *)&create, sizeof(create));
		run_as(actor);
		size = sizeof(create);
		error = sys_sysctl("create", answer, &room, &create, more > 0 ? size : size + more);
		break;
	case 2:
	case 3:
		update.jid = jid;
		update.changes = byte() % 8;
		update.rights = number(8);
		update.port_count = byte() % 4;
		for (u_int i = 0; i < update.port_count; i++)
			update.ports[i] = 8000 + byte() % 8;
		fill((uint8_t *)&update, sizeof(update));
		run_as(actor);
		size = sizeof(update);
		error = sys_sysctl("update", answer, &room, &update, more > 0 ? size : size + more);
		break;
	case 4:
		run_as(actor);
		error = sys_sysctl("destroy", NULL, NULL, &jid, more > 0 ? sizeof(jid) : sizeof(jid) + (more < -4 ? -4 : more));
		break;
	case 5: {
		/* A newcomer, which ends again. */
		struct proc *p = host_process(who == 2 ? 1000 : 0);

		run_as(p);
		if (byte() % 4 != 0)
			sys_chroot(byte() % 2 == 0 ? "/jails/a" : "/jails/b");
		error = sys_sysctl("id", NULL, NULL, &jid, sizeof(jid));
		sys_exit(p);
		sys_wait(p);
		break;
	}
	case 6:
		run_as(actor);
		error = sys_sysctl(byte() % 2 == 0 ? "list" : "members", answer, &room, NULL, 0);
		break;
	case 7:
		run_as(actor);
		error = sys_sysctl("version", answer, &room, NULL, 0);
		one_second();
		break;
	}
	contract = "no error but those of docs/netbsd.md";
	EXPECT("the error", error == 0 || error == EPERM || error == ENOENT || error == EBUSY || error == EEXIST || error == EINVAL ||
	    error == EPROTONOSUPPORT || error == EADDRINUSE || error == ENOTDIR || error == ENOMEM || error == ESHUTDOWN, true);
	if (actor == member && what != 5 && what != 7)
		EXPECT("a member's error", error, EPERM);
	if (actor == user && (what < 5))
		EXPECT("a user's error", error, EPERM);
}

static void
judge_nodes(void)
{
	static struct jail_info infos[OPERATIONS];
	struct proc *user;
	size_t size = sizeof(infos);

	contract = "loading";
	EXPECT("load", the_modcmd(MODULE_CMD_INIT, NULL), 0);
	host = host_process(0);
	user = host_process(1000);
	EXPECT("the first jail", create("first", 0, "/jails/a"), 0);
	member = enter(jail.jid);
	for (u_int i = 0; i < OPERATIONS && at < now.length; i++) {
		operate(user);
		judge_list();
	}
	contract = "in the end nothing is left";
	end(member);
	end(user);
	EXPECT("list", sys_sysctl("list", infos, &size, NULL, 0), 0);
	for (u_int i = 0; i < size / sizeof(infos[0]); i++)
		EXPECT("destroy", destroy(infos[i].jid), 0);
	EXPECT("unload", the_modcmd(MODULE_CMD_FINI, NULL), 0);
	sys_exit(host);
	sys_wait(host);
	drop_cached_files();
	EXPECT("registered", registered_nothing(), true);
	EXPECT("memory", kmem_in_use(), 0);
	EXPECT("credentials", creds_in_use(), 0);
}

/* ---- inputs ---- */

static void
change(void)
{
	u_int changes = 1 + below(8);

	if (kept_count != 0 && below(8) != 0)
		now = kept[below(kept_count)];
	else
		now.length = 0;
	while (changes-- > 0) {
		u_int place = below(LONGEST), length = 1 + below(32);

		switch (now.length == 0 ? 0 : below(5)) {
		case 0: /* more */
			for (; length > 0 && now.length < LONGEST; length--)
				now.bytes[now.length++] = random64();
			break;
		case 1: /* one bit */
			now.bytes[place % now.length] ^= 1 << below(8);
			break;
		case 2: /* one byte, of those that mean something */
			now.bytes[place % now.length] = (const uint8_t[]){ 0, 1, 2, 4, 8, 0x7f, 0x80, 0xff }[below(8)];
			break;
		case 3: /* less */
			now.length = 1 + place % now.length;
			break;
		case 4: { /* a piece of another one */
			const struct input *other = &kept[below(kept_count == 0 ? 1 : kept_count)];

			for (u_int i = 0; i < length && place + i < other->length && i < now.length; i++)
				now.bytes[i] = other->bytes[place + i];
			break;
		}
		}
	}
}

int
main(int argc, char **argv)
{
	u_long strtoul(const char *, char **, int);
	u_int runs;

	if (argc != 3) {
		printf("usage: fuzz SEED RUNS\n");
		return 64;
	}
	state = strtoul(argv[1], NULL, 0);
	runs = strtoul(argv[2], NULL, 0);
	for (u_int i = 0; i < runs; i++) {
		change();
		at = 0;
		is_new = false;
		if (byte() % 2 == 0)
			judge_policy();
		else
			judge_nodes();
		if (is_new)
			kept[kept_count < KEPT ? kept_count++ : below(KEPT)] = now;
	}
	printf("%u runs, %u inputs kept, %u places\n", runs, kept_count, seen_count);
	return 0;
}
