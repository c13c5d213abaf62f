/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket in memory: retention and legal holds of versions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memory_bucket.h"

/* The text between <NAME> and </NAME>, into a header. */
static int take(const struct mem_blob *body, const char *name,
		const char *header, struct kvlist *headers)
{
	char doc[512], open[48], text[64];
	size_t len = body->size < sizeof(doc) ? (size_t)body->size : 0;
	const char *at;

	memcpy(doc, body->data, len);
	doc[len] = '\0';
	snprintf(open, sizeof(open), "<%s>", name);
	at = strstr(doc, open);
	if (!at)
		return -EINVAL;
	at += strlen(open);
	len = strcspn(at, "<");
	if (!len || len >= sizeof(text))
		return -EINVAL;
	memcpy(text, at, len);
	text[len] = '\0';
	return kvlist_set(headers, header, text);
}

static int end(struct memory_store *ms, struct store_request *r,
	       const struct mem_version *v, int err)
{
	if (err == -EINVAL)
		return mem_fail(r, err, 400, "MalformedXML");
	if (err)
		return err;
	r->reply.status = 200;
	return mem_tell_version(ms, v->id, &r->reply);
}

int mem_put_retention(struct memory_store *ms, struct store_request *r,
		      struct mem_blob *body)
{
	struct mem_version *v;
	int err = mem_find(ms, r, &v);

	if (err)
		return err;
	err = take(body, "Mode", "x-amz-object-lock-mode", &v->headers);
	if (!err)
		err = take(body, "RetainUntilDate",
			   "x-amz-object-lock-retain-until-date", &v->headers);
	return end(ms, r, v, err);
}

int mem_put_legal_hold(struct memory_store *ms, struct store_request *r,
		       struct mem_blob *body)
{
	struct mem_version *v;
	int err = mem_find(ms, r, &v);

	if (err)
		return err;
	err = take(body, "Status", "x-amz-object-lock-legal-hold", &v->headers);
	return end(ms, r, v, err);
}
