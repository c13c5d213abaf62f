/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: compares two histories of one key; see failback_verdict.h. */
#include "failback_verdict.h"

#include <string.h>

#include "vers3/meta/inode.h"

static bool has_id(const struct failback_version *list, size_t count,
		   const char *id, size_t *ret_at)
{
	if (!meta_is_version_id(id))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].id, id)) {
			*ret_at = i;
			return true;
		}
	return false;
}

static size_t newer_than(const struct failback_version *list, size_t count,
			 int64_t since_ns)
{
	size_t n = 0;

	while (n < count && list[n].time_ns >= since_ns)
		n++;
	return n;
}

static bool is_same(const struct failback_version *a,
		    const struct failback_version *b)
{
	return a->marker == b->marker &&
	       (a->marker ||
		(a->size_bytes == b->size_bytes && !strcmp(a->etag, b->etag)));
}

/*
 * The bucket's, oldest first, against ours: each that is the next of ours was
 * brought before, the others are theirs. Those that came after all of ours
 * were written with them there, and are no conflict.
 */
static void compare(const struct failback_version *ours, size_t ours_count,
		    const struct failback_version *theirs, size_t theirs_count,
		    struct failback_verdict *v)
{
	size_t brought = 0;

	v->theirs = 0;
	for (size_t i = theirs_count; i-- > 0 && brought < ours_count;) {
		if (is_same(&theirs[i], &ours[ours_count - 1 - brought])) {
			brought++;
		} else {
			v->theirs++;
			v->theirs_at = i;
		}
	}
	v->bring = ours_count - brought;
}

void failback_judge(const struct failback_version *there, size_t there_count,
		    const struct failback_version *here, size_t here_count,
		    int64_t since_ns, struct failback_verdict *ret)
{
	size_t ours = 0, theirs = 0;

	*ret = (struct failback_verdict){.bring = 0};
	while (ours < there_count &&
	       !has_id(here, here_count, there[ours].id, &theirs))
		ours++;
	if (ours == there_count) {
		ours = newer_than(there, there_count, since_ns);
		theirs = newer_than(here, here_count, since_ns);
	}
	compare(there, ours, here, theirs, ret);
}
