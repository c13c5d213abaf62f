/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	the headers say			what to do
 *	never archived			nothing
 *	archived			ask
 *	perhaps archived		ask: the answer tells
 *	being restored			wait
 *	restored, no end		nothing
 *	restored until then		nothing; extend what ends before; what
 *					has ended is archived again
 *
 *	RestoreObject			means
 *	202				accepted
 *	200				extended
 *	409 RestoreAlreadyInProgress	in progress
 *	403 InvalidObjectState		not archived
 *	405, 501, MalformedXML...	the server has no archive
 *	404				gone
 */
#include "thaw_verdict.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vers3/util/clock.h"

/* Servers that do not round up to midnight are not asked again and again. */
#define SLACK_NS   (INT64_C(3600) * NS_PER_S)
#define NS_PER_DAY (INT64_C(86400) * NS_PER_S)

enum thaw_action thaw_choose(const struct archive *a, int64_t now_ns,
			     unsigned days)
{
	int64_t left = a->until_ns - now_ns;

	switch (a->state) {
	case ARCHIVE_FROZEN:
	case ARCHIVE_MAYBE:
		return THAW_ASK;
	case ARCHIVE_UNDER_WAY:
		return THAW_WAIT;
	case ARCHIVE_RESTORED:
		if (!a->until_ns || a->for_good)
			return THAW_NOTHING;
		if (left <= 0)
			return THAW_ASK;
		return left < (int64_t)days * NS_PER_DAY - SLACK_NS
			       ? THAW_EXTEND
			       : THAW_NOTHING;
	case ARCHIVE_NONE:
		break;
	}
	return THAW_NOTHING;
}

/* How servers say, beside 405 and 501, that they do not know the request. */
static bool is_unknown(const char *code)
{
	static const char *const codes[] = {
		"MalformedXML",
		"MalformedPOSTRequest",
		"UnsupportedOperation",
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(code, codes[i]))
			return true;
	return false;
}

enum thaw_outcome thaw_read_outcome(int rc, int status, const char *code,
				    enum archive_state state)
{
	if (!rc)
		return status == 200 ? THAW_EXTENDED : THAW_ACCEPTED;
	if (rc == -EOPNOTSUPP || is_unknown(code))
		return state == ARCHIVE_MAYBE ? THAW_NOT_ARCHIVED
					      : THAW_UNSUPPORTED;
	if (!strcmp(code, "RestoreAlreadyInProgress"))
		return THAW_IN_PROGRESS;
	if (!strcmp(code, "InvalidObjectState"))
		return THAW_NOT_ARCHIVED;
	return rc == -ENOENT ? THAW_GONE : THAW_FAILED;
}
