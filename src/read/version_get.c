/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading from one version and no other.
 *
 * The version id pins it; the ETag goes along as If-Match, since that is all
 * there is on an unversioned bucket, and since a server that overlooks one
 * of the two may heed the other. Both are compared with what the answer says
 * of itself once more, for a server that overlooks both.
 */
#include "version_get.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/core/etag.h"
#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"
#include "vers3/util/log.h"

bool version_crc(const char *etag, const struct store_object *o,
		 enum crc_kind *ret_kind, char text[CRC_TEXT_SIZE])
{
	static const char *const names[CRC_COUNT] = {
		[CRC_32] = "x-amz-checksum-crc32",
		[CRC_32C] = "x-amz-checksum-crc32c",
		[CRC_64NVME] = "x-amz-checksum-crc64nvme",
	};
	const struct kvlist *headers = &o->headers;
	const char *type = kvlist_get(headers, "x-amz-checksum-type");

	text[0] = '\0';
	if (type ? strcmp(type, "FULL_OBJECT") != 0 : strchr(etag, '-') != NULL)
		return false;
	for (int kind = 0; kind < CRC_COUNT; kind++) {
		const char *told = kvlist_get(headers, names[kind]);

		if (told && strlen(told) < CRC_TEXT_SIZE &&
		    !strchr(told, '-')) {
			*ret_kind = (enum crc_kind)kind;
			strcpy(text, told);
		}
	}
	return text[0];
}

/* The check of the whole body, if the answer has one. */
static void take_crc(struct version_get *g, int status,
		     const struct store_object *o)
{
	g->crc_text[0] = '\0';
	if (g->length == g->version->size_bytes && status != 206)
		version_crc(g->version->etag, o, &g->crc, g->crc_text);
}

/* Whose body it says it is; NULL: that of the version, or nobody's. */
static const char *stranger(const struct meta_version *v,
			    const struct store_object *o)
{
	if (o->etag && v->etag[0] && strcmp(o->etag, v->etag) != 0)
		return "another ETag";
	if (o->version_id && v->version_id[0] &&
	    strcmp(o->version_id, v->version_id) != 0)
		return "another version id";
	return NULL;
}

static int refuse(const struct version_get *g, const char *why)
{
	log_error("GET %s: the server answered with %s", g->version->key, why);
	return -ESTALE;
}

/* Before the first byte goes anywhere. */
static int take_head(void *ctx, int status, const struct store_object *o)
{
	struct version_get *g = ctx;
	const char *why = stranger(g->version, o);
	unsigned char md5[ETAG_MD5_BYTES];

	if (why)
		return refuse(g, why);
	g->md5_etag = etag_md5(g->version->etag, &o->headers, md5);
	take_crc(g, status, o);
	g->told = true;
	return 0;
}

/* What else of the answer speaks of another version; NULL: nothing. */
static const char *difference(const struct version_get *g,
			      const struct store_request *r)
{
	const struct store_object *o = &r->reply.object;

	if (o->size_bytes && o->size_bytes != g->version->size_bytes)
		return "another size";
	if (r->reply.status == 200 && r->range_length)
		return "more than the range";
	return NULL;
}

/* Whether a refusal says that there is no such version, or not so long. */
static bool is_gone(const struct store_request *r)
{
	int status = r->reply.status;

	return status == 404 || status == 412 || status == 416;
}

static int call_checked(struct store *store, struct version_get *g,
			struct store_request *r)
{
	const char *why;
	int rc = store_call(store, r);

	if (rc == -ESTALE)
		return rc;
	if (rc == -EREMOTE) {
		log_warning("GET %s: %s: it is archived; `vers3ctl thaw %s` "
			    "has it restored, and of an old version the same "
			    "of its path in .versions",
			    r->key, r->reply.code, g->version->key);
		return rc;
	}
	if (rc < 0) {
		log_warning("GET %s [%llu+%llu]: %s", r->key,
			    (unsigned long long)g->offset,
			    (unsigned long long)g->length,
			    r->reply.code[0] ? r->reply.code : strerror(-rc));
		if (rc == -ETIMEDOUT || rc == -EACCES || rc == -ENOMEM)
			return rc;
		return is_gone(r) ? -ESTALE : -EIO;
	}
	why = difference(g, r);
	if (why)
		return refuse(g, why);
	/* The head of an empty body was told to nobody. */
	return take_head(g, r->reply.status, &r->reply.object);
}

int version_get(struct store *store, const char *prefix, struct version_get *g)
{
	const struct meta_version *v = g->version;
	struct store_request r;
	struct buf key;
	int rc;

	/* Nothing names the version: whatever came could be another one. */
	if (!v->version_id[0] && !v->etag[0])
		return -EIO;
	buf_init(&key, META_KEY_MAX);
	store_request_init(&r, STORE_GET);
	rc = buf_printf(&key, "%s%s", prefix, v->key);
	if (rc) {
		rc = rc == -ENOMEM ? rc : -EIO;
		goto out;
	}
	r.key = key.data;
	r.version_id = v->version_id[0] ? v->version_id : NULL;
	r.if_match = v->etag[0] ? v->etag : NULL;
	r.pinned = true;
	if (g->offset || g->length != v->size_bytes) {
		r.range_offset = g->offset;
		r.range_length = g->length;
	}
	r.sink = g->sink;
	r.sink_ctx = g->sink_ctx;
	r.head = take_head;
	r.head_ctx = g;
	rc = call_checked(store, g, &r);
out:
	store_request_release(&r);
	buf_release(&key);
	return rc;
}
