/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison, rule by rule. */
#include "replica_verdict.h"

#include <string.h>
#include <strings.h>

#define CHECKSUM "x-amz-checksum-"

const char *replica_verdict_word(enum replica_verdict v)
{
	static const char *const words[REPLICA_VERDICTS] = {
		[REPLICA_SAME] = "same",
		[REPLICA_MISSING] = "missing",
		[REPLICA_EXTRA] = "extra",
		[REPLICA_KIND] = "kind",
		[REPLICA_SIZE] = "size",
		[REPLICA_CONTENT] = "content",
		[REPLICA_METADATA] = "metadata",
		[REPLICA_NOT_CURRENT] = "not-current",
		[REPLICA_UNKNOWN] = "unknown",
	};

	return words[v];
}

enum replica_verdict replica_verdict_of_lists(const struct version_entry *own,
					      const struct version_entry *there)
{
	if (!own)
		return REPLICA_EXTRA;
	if (!there)
		return REPLICA_MISSING;
	if (own->marker != there->marker)
		return REPLICA_KIND;
	if (!own->marker && own->size_bytes != there->size_bytes)
		return REPLICA_SIZE;
	if (!own->marker && strcmp(own->etag, there->etag) != 0)
		return REPLICA_CONTENT;
	if (own->latest && !there->latest)
		return REPLICA_NOT_CURRENT;
	return REPLICA_SAME;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

/* -1: neither proves anything of the other; else whether they are equal. */
static int compare_sums(const struct kvlist *own, const struct kvlist *there,
			const char **ret_what)
{
	const char *type = kvlist_get(own, CHECKSUM "type");
	const char *other = kvlist_get(there, CHECKSUM "type");

	/* One of parts is no sum of the whole. */
	if (type && other && strcmp(type, other) != 0)
		return -1;
	for (size_t i = 0; i < own->count; i++) {
		const char *name = own->items[i].name, *sum;

		if (strncasecmp(name, CHECKSUM, strlen(CHECKSUM)) != 0 ||
		    !strcasecmp(name, CHECKSUM "type"))
			continue;
		sum = kvlist_get(there, name);
		if (!sum)
			continue;
		*ret_what = name;
		return !strcmp(sum, own->items[i].value);
	}
	return -1;
}

/* Whether an ETag is of the bytes: not of parts, nor where a key hid them. */
static bool etag_tells(const char *etag, const struct kvlist *headers)
{
	const char *sse = kvlist_get(headers, "x-amz-server-side-encryption");

	return !strchr(etag, '-') &&
	       !kvlist_get(headers, "x-amz-server-side-encryption-customer-"
				    "algorithm") &&
	       (!sse || strcmp(sse, "AES256") == 0);
}

static enum replica_verdict compare_content(const struct store_object *own,
					    const struct store_object *there,
					    const char **ret_what)
{
	int same = compare_sums(&own->headers, &there->headers, ret_what);

	if (same >= 0)
		return same ? REPLICA_SAME : REPLICA_CONTENT;
	*ret_what = "etag";
	if (!strcmp(text(own->etag), text(there->etag)))
		return REPLICA_SAME;
	return etag_tells(text(own->etag), &own->headers) &&
			       etag_tells(text(there->etag), &there->headers)
		       ? REPLICA_CONTENT
		       : REPLICA_UNKNOWN;
}

/* The first pair of a that b does not have so; NULL: it has all. */
static const char *lacks(const struct kvlist *a, const struct kvlist *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(text(kvlist_get(b, a->items[i].name)),
			   a->items[i].value) != 0)
			return a->items[i].name;
	return NULL;
}

static const char *other_header(const struct kvlist *a, const struct kvlist *b)
{
	static const char *const names[] = {
		"content-type",	    "cache-control",	"content-disposition",
		"content-encoding", "content-language", "expires",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(text(kvlist_get(a, names[i])),
			   text(kvlist_get(b, names[i]))) != 0)
			return names[i];
	return NULL;
}

enum replica_verdict replica_verdict_of_heads(const struct store_object *own,
					      const struct store_object *there,
					      const char **ret_what)
{
	enum replica_verdict v;

	*ret_what = "size";
	if (own->size_bytes != there->size_bytes)
		return REPLICA_SIZE;
	v = compare_content(own, there, ret_what);
	if (v != REPLICA_SAME)
		return v;
	*ret_what = lacks(&own->meta, &there->meta);
	if (!*ret_what)
		*ret_what = lacks(&there->meta, &own->meta);
	if (!*ret_what)
		*ret_what = other_header(&own->headers, &there->headers);
	return *ret_what ? REPLICA_METADATA : REPLICA_SAME;
}
