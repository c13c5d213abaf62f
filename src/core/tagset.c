/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests Get- and PutObjectTagging, with the one server's error that
 * means no tags.
 */
#include "vers3/core/tagset.h"

#include <errno.h>

#include "vers3/s3/tagging.h"

#define DOC_MAX 65536 /* 10 tags of 128 + 256 characters */

int tagset_get(struct store *store, const char *key, const char *version_id,
	       struct kvlist *tags)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_TAGGING);
	r.key = key;
	r.version_id = version_id;
	rc = store_call(store, &r);
	if (rc == -ENODATA)
		rc = 0; /* NoSuchTagSet: how Wasabi says that there are none */
	else if (!rc)
		rc = tagging_parse(r.reply.body.data, r.reply.body.len, tags);
	store_request_release(&r);
	return rc;
}

int tagset_put(struct store *store, const char *key, const char *version_id,
	       const struct kvlist *tags)
{
	struct store_request r;
	struct buf doc;
	int rc;

	buf_init(&doc, DOC_MAX);
	store_request_init(&r, STORE_PUT_TAGGING);
	rc = tagging_write(tags, &doc);
	if (rc)
		goto out;
	r.key = key;
	r.version_id = version_id;
	r.body.mem = doc.data;
	r.body.length = doc.len;
	rc = store_call(store, &r);
out:
	store_request_release(&r);
	buf_release(&doc);
	return rc;
}
