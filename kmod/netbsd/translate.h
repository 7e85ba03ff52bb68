/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * From the kernel's numbers to the policy's questions, generated from kmod/policy/kauth.def. Included by a part after it
 * said which scope it is: IN_SYSTEM(line), IN_NETWORK, IN_DEVICE and IN_MACHDEP expand to their line or to nothing.
 */
#define ON_PROCESS(action, fence, right)
#if JAIL_HAS_NEWER_ACTIONS
#define NEWER_ACTION(scope, name, right) ACTION(scope, name, right)
#define NEWER_REQUEST(scope, name, wanted, right) REQUEST(scope, name, wanted, right)
#else
#define NEWER_ACTION(scope, name, right)
#define NEWER_REQUEST(scope, name, wanted, right)
#endif

/* JP_KAUTH_COUNT: a question that this module does not know. */
static inline jp_u32
question_of(kauth_action_t action, uintptr_t request)
{
#define ACTION(scope, name, right)
#define REQUEST(scope, name, wanted, right)                                                                 \
	IN_##scope(if (action == KAUTH_##scope##_##name && request == KAUTH_REQ_##scope##_##name##_##wanted) \
			   return JP_KAUTH_##scope##_##name##_##wanted;)
#include "../policy/kauth.def"
#undef ACTION
#undef REQUEST
	switch (action) {
#define REQUEST(scope, name, wanted, right)
#define ACTION(scope, name, right) IN_##scope(case KAUTH_##scope##_##name : return JP_KAUTH_##scope##_##name;)
#include "../policy/kauth.def"
#undef ACTION
#undef REQUEST
	default:
		return JP_KAUTH_COUNT;
	}
}

#undef ON_PROCESS
#undef NEWER_ACTION
#undef NEWER_REQUEST
