/* SPDX-License-Identifier: Apache-2.0 */
/* What the calling thread works for. */
#include "vers3/util/urgency.h"

#include <stddef.h>

static _Thread_local enum urgency current;
static _Thread_local struct urgency_cause *cause;

enum urgency urgency_enter(enum urgency u)
{
	enum urgency before = current;

	current = u;
	return before;
}

enum urgency urgency_current(void)
{
	return urgency_cause_is_wanted(cause) ? URGENCY_WANTED : current;
}

void urgency_cause_init(struct urgency_cause *c)
{
	atomic_init(&c->wanted, false);
	atomic_init(&c->outer, NULL);
}

void urgency_cause_want(struct urgency_cause *c)
{
	atomic_store(&c->wanted, true);
}

void urgency_cause_serve(struct urgency_cause *c, struct urgency_cause *outer)
{
	atomic_store(&c->outer, outer);
}

bool urgency_cause_is_wanted(struct urgency_cause *c)
{
	for (; c; c = atomic_load(&c->outer))
		if (atomic_load(&c->wanted))
			return true;
	return false;
}

struct urgency_cause *urgency_cause_enter(struct urgency_cause *c)
{
	struct urgency_cause *before = cause;

	cause = c;
	return before;
}

struct urgency_cause *urgency_cause_current(void)
{
	return cause;
}
