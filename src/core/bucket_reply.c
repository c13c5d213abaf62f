/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the right that each request needs, and the line made of a
 * reply.
 */
#include "vers3/core/bucket_reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/util/errtext.h"

/* What an operation asks for; DELETE and PUT have one right. */
static const char *right_for(enum store_op op)
{
	switch (op) {
	case STORE_GET_LIFECYCLE:
		return "s3:GetLifecycleConfiguration";
	case STORE_PUT_LIFECYCLE:
	case STORE_DELETE_LIFECYCLE:
		return "s3:PutLifecycleConfiguration";
	case STORE_LIST_VERSIONS:
		return "s3:ListBucketVersions";
	case STORE_GET_REPLICATION:
		return "s3:GetReplicationConfiguration";
	default:
		return "s3:ListBucket";
	}
}

void bucket_explain(enum store_op op, const struct store_reply *reply, int rc,
		    char *reason, size_t size)
{
	const char *words = reply->message[0] ? reply->message : errtext(rc);
	size_t len;

	if (reply->code[0])
		snprintf(reason, size, "%s%s%.120s", reply->code,
			 reply->message[0] ? ": " : "", reply->message);
	else
		snprintf(reason, size, "%.160s", words);
	len = strlen(reason);
	if (reply->request_id[0])
		len += (size_t)snprintf(reason + len, size - len,
					" (request %.63s)", reply->request_id);
	if (len >= size)
		return;
	if (!reply->status && reply->message[0])
		snprintf(reason + len, size - len,
			 "; try again when `vers3ctl status` shows no outage "
			 "any more");
	else if (rc == -EACCES)
		snprintf(reason + len, size - len,
			 "; these credentials need %s on the bucket",
			 right_for(op));
}
