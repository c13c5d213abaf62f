/* SPDX-License-Identifier: Apache-2.0 */
/* The section of a version, and failures in words. */
#include "version_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

int64_t version_age_ns(struct mount *mount, const struct version_entry *e)
{
	int64_t age = mount_server_now_ns(mount) - e->last_modified_ns;

	return age < 0 ? 0 : age;
}

int version_answer(struct mount *mount, const struct version_entry *e,
		   const char *state, const char *why, struct buf *out)
{
	int rc = gitconfig_section(out, "version", e->version_id);

	if (!rc)
		rc = gitconfig_value(out, "path",
				     e->key + strlen(mount->config.prefix));
	if (!rc)
		rc = gitconfig_value(out, "state", state);
	if (!rc)
		rc = gitconfig_bool(out, "marker", e->marker);
	if (!rc)
		rc = gitconfig_bool(out, "current", e->latest);
	if (!rc)
		rc = gitconfig_time(out, "time", e->last_modified_ns);
	if (!rc)
		rc = gitconfig_number(out, "ageSeconds",
				      version_age_ns(mount, e) / NS_PER_S);
	if (!rc)
		rc = gitconfig_number(out, "bytes", (int64_t)e->size_bytes);
	if (!rc && why && *why)
		rc = gitconfig_value(out, "why", why);
	return rc;
}

void version_explain(int rc, const struct store_reply *reply, char *reason,
		     size_t size)
{
	if (rc == -EOPNOTSUPP)
		snprintf(reason, size, "not supported by this server");
	else if (!reply->status)
		snprintf(reason, size, "%s", errtext(rc));
	else
		snprintf(reason, size, "%d %s%s%.160s (request %s)",
			 reply->status, reply->code,
			 *reply->message ? ": " : "", reply->message,
			 reply->request_id);
}
