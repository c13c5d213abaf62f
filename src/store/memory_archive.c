/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket in memory: archived versions and RestoreObject. What was asked
 * for stays under way until memory_store_end_restores().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_bucket.h"
#include "vers3/util/clock.h"

#define DAYS_MAX      36500
#define NS_PER_DAY    (INT64_C(86400) * NS_PER_S)
#define DOCUMENT_SIZE 512

/* Readable until then; a class by itself needs no end. */
static int tell_end(struct mem_version *v)
{
	int64_t days = clock_real_ns() / NS_PER_DAY + v->thaw_days + 1;
	struct timespec t = clock_timespec(days * NS_PER_DAY);
	char when[40], text[96];
	struct tm tm;

	gmtime_r(&t.tv_sec, &tm);
	strftime(when, sizeof(when), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	snprintf(text, sizeof(text),
		 "ongoing-request=\"false\", expiry-date=\"%s\"", when);
	return kvlist_set(&v->headers, MEM_RESTORE, text);
}

/* <Days>; 0 where there are none, as for a class that restores for good. */
static unsigned read_days(const struct mem_blob *body)
{
	char doc[DOCUMENT_SIZE];
	size_t len = body->size < sizeof(doc) ? (size_t)body->size : 0;
	const char *at;

	memcpy(doc, body->data, len);
	doc[len] = '\0';
	at = strstr(doc, "<Days>");
	return at ? (unsigned)strtoul(at + strlen("<Days>"), NULL, 10) : 0;
}

int mem_restore(struct memory_store *ms, struct store_request *r,
		struct mem_blob *body)
{
	unsigned days = read_days(body);
	struct mem_version *v;
	bool for_good;
	int err = mem_find(ms, r, &v);

	if (err)
		return err;
	for_good = kvlist_get(&v->headers, MEM_ARCHIVED) != NULL;
	if (!mem_is_cold(v))
		return mem_fail(r, -EREMOTE, 403, "InvalidObjectState");
	if (mem_is_thawing(v))
		return mem_fail(r, -EBUSY, 409, "RestoreAlreadyInProgress");
	if (for_good ? days : !days || days > DAYS_MAX)
		return mem_fail(r, -EINVAL, 400, "InvalidArgument");
	v->thaw_days = days;
	r->reply.status = 202;
	if (mem_is_archived(v)) {
		err = kvlist_set(&v->headers, MEM_RESTORE, MEM_UNDER_WAY);
	} else {
		err = tell_end(v);
		r->reply.status = 200;
	}
	return err ? err : mem_tell_version(ms, v->id, &r->reply);
}

static void end_one(struct mem_version *v, bool in_vain)
{
	if (!in_vain && v->thaw_days && !tell_end(v))
		return;
	kvlist_del(&v->headers, MEM_RESTORE);
	if (in_vain)
		return;
	kvlist_del(&v->headers, MEM_ARCHIVED);
}

unsigned mem_end_restores(struct memory_store *ms, bool in_vain)
{
	unsigned ended = 0;

	for (size_t i = 0; i < ms->key_count; i++) {
		struct mem_key *k = ms->keys[i];

		for (size_t n = 0; n < k->count; n++) {
			if (!mem_is_thawing(k->versions[n]))
				continue;
			end_one(k->versions[n], in_vain);
			ended++;
		}
	}
	return ended;
}
