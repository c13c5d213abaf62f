/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the bytes of one answer; compares them as fetch_job.c does blocks. */
#include "vers3/read/whole_get.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "version_get.h"
#include "vers3/core/etag.h"

void whole_get_init(struct whole_get *w, size_t max)
{
	buf_init(&w->body, max);
}

void whole_get_release(struct whole_get *w)
{
	buf_release(&w->body);
}

/* After a retry the bytes come from the start again. */
static int take(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct whole_get *w = ctx;
	int rc;

	if (!offset)
		buf_reset(&w->body);
	if (offset != w->body.len)
		return -EIO;
	rc = buf_add(&w->body, data, len);
	return rc == -EFBIG ? -ECANCELED : rc;
}

void whole_get_begin(struct whole_get *w, struct store_request *r)
{
	r->sink = take;
	r->sink_ctx = w;
}

static bool md5_agrees(const struct whole_get *w, const struct store_object *o,
		       bool *ret_known)
{
	unsigned char told[ETAG_MD5_BYTES], sum[EVP_MAX_MD_SIZE];
	size_t len = 0;

	*ret_known = etag_md5(o->etag, &o->headers, told) &&
		     EVP_Q_digest(NULL, "MD5", NULL, w->body.data, w->body.len,
				  sum, &len) &&
		     len == sizeof(told);
	return *ret_known && !memcmp(told, sum, sizeof(told));
}

bool whole_get_agrees(const struct whole_get *w, const struct store_object *o)
{
	char told[CRC_TEXT_SIZE], text[CRC_TEXT_SIZE];
	enum crc_kind kind = CRC_32;
	bool known, agrees;

	if (o->size_bytes != w->body.len)
		return false;
	if (version_crc(o->etag ? o->etag : "", o, &kind, told)) {
		crc_text(kind, crc_add(kind, 0, w->body.data, w->body.len),
			 text);
		if (!strcmp(told, text))
			return true;
		/* Where the two contradict each other, the ETag counts. */
		return md5_agrees(w, o, &known);
	}
	agrees = md5_agrees(w, o, &known);
	return agrees || !known;
}
