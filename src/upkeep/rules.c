/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: one request. */
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/core/bucket_reply.h"
#include "vers3/util/errtext.h"

#define MINIMUM_HEADER "x-amz-transition-default-minimum-object-size"

static enum lifecycle_minimum minimum_of(const struct store_reply *reply)
{
	const char *text = kvlist_get(&reply->object.headers, MINIMUM_HEADER);

	if (!text)
		return MINIMUM_NONE;
	return strcmp(text, "varies_by_storage_class") ? MINIMUM_ALL
						       : MINIMUM_BY_CLASS;
}

int rules_ask(struct store *store, struct rules *ret_rules, char *reason,
	      size_t size)
{
	struct rules rules = {.lifecycle = {NULL, 0}};
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_LIFECYCLE);
	rc = store_call(store, &r);
	if (rc == -ENODATA) {
		rc = 0;
	} else if (rc) {
		bucket_explain(r.op, &r.reply, rc, reason, size);
	} else {
		rules.minimum = minimum_of(&r.reply);
		rc = lifecycle_parse(r.reply.body.data, r.reply.body.len,
				     &rules.lifecycle);
		if (rc)
			snprintf(reason, size, "the lifecycle rules: %s",
				 errtext(rc));
	}
	store_request_release(&r);
	if (!rc)
		*ret_rules = rules;
	return rc;
}

void rules_release(struct rules *rules)
{
	lifecycle_release(&rules->lifecycle);
}
