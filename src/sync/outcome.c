/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version was saved. The first that holds counts.
 *
 *	the inode now						verdict
 *	is gone							gone
 *	at the key, unchanged					clean
 *	the same, but the version has other attributes		attrs
 *	at the key, content unchanged				base
 *	elsewhere, content unchanged, staged; version lasts	past
 *	at the key						under
 *	elsewhere						other
 *
 * A try failed.
 *
 *	without a result	after its pause			does not count
 *	while somebody came	at once				does not count
 *	else			after 1, 2, 4 … 64 s		counts
 */
#include "outcome.h"

enum outcome_saved outcome_saved(const struct outcome_saved_facts *f)
{
	if (!f->there)
		return OUTCOME_GONE;
	if (f->at_key && f->same)
		return f->attrs_differ ? OUTCOME_ATTRS : OUTCOME_CLEAN;
	if (f->at_key)
		return f->data_same ? OUTCOME_BASE : OUTCOME_UNDER;
	/*
	 * Under another name by now, the version is still worth having as a
	 * source for a copy. But once the new name's own job has ended, the
	 * inode's base tells what the bucket holds at that name.
	 */
	return f->data_same && f->lasting && f->staged ? OUTCOME_PAST
						       : OUTCOME_OTHER;
}

struct outcome_failed outcome_failed(const struct outcome_failed_facts *f)
{
	struct outcome_failed r = {.wait_ns = NS_PER_S, .counts = true};

	if (f->pause_ns || f->hurried)
		return (struct outcome_failed){.wait_ns = f->pause_ns};
	for (uint32_t i = 0; i < f->fails && r.wait_ns < OUTCOME_BACKOFF_MAX_NS;
	     i++)
		r.wait_ns *= 2;
	return r;
}
