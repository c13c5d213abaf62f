/* SPDX-License-Identifier: Apache-2.0 */
/* What the calling thread works for. */
#include "vers3/util/urgency.h"

static _Thread_local enum urgency current;

enum urgency urgency_enter(enum urgency u)
{
	enum urgency before = current;

	current = u;
	return before;
}

enum urgency urgency_current(void)
{
	return current;
}
