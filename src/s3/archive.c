/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads x-amz-restore,
 *
 *	ongoing-request="true"
 *	ongoing-request="false"[, expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"]
 *
 * beside the class; writes a RestoreRequest.
 */
#include "vers3/s3/archive.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "vers3/s3/storage_class.h"
#include "vers3/util/clock.h"

static const char *const tiers[] = {
	[ARCHIVE_TIER_DEFAULT] = NULL,
	[ARCHIVE_TIER_STANDARD] = "Standard",
	[ARCHIVE_TIER_BULK] = "Bulk",
	[ARCHIVE_TIER_EXPEDITED] = "Expedited",
};

/* Classes of S3 whose objects can be read at once, whatever they cost. */
static bool is_open_class(const char *name)
{
	static const char *const names[] = {
		"",	      "STANDARD",	    "STANDARD_IA",
		"ONEZONE_IA", "REDUCED_REDUNDANCY", "GLACIER_IR",
		"OUTPOSTS",   "EXPRESS_ONEZONE",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

bool archive_may_be(const char *storage_class)
{
	return !is_open_class(storage_class);
}

/* expiry-date="..."; 0: it is not there, or not a date. */
static int64_t read_expiry(const char *restore)
{
	const char *at = strstr(restore, "expiry-date=\"");
	char text[64];
	int64_t ns;
	size_t len;

	if (!at)
		return 0;
	at += strlen("expiry-date=\"");
	len = strcspn(at, "\"");
	if (len >= sizeof(text))
		return 0;
	memcpy(text, at, len);
	text[len] = '\0';
	return clock_parse_http(text, &ns) ? 0 : ns;
}

void archive_read(const struct kvlist *headers, struct archive *ret)
{
	const char *class = kvlist_get(headers, "x-amz-storage-class");
	const char *tier = kvlist_get(headers, "x-amz-archive-status");
	const char *restore = kvlist_get(headers, "x-amz-restore");
	struct archive a = {.state = ARCHIVE_NONE};

	a.for_good = tier != NULL;
	if (restore && strstr(restore, "ongoing-request=\"true\"")) {
		a.state = ARCHIVE_UNDER_WAY;
	} else if (restore && strstr(restore, "ongoing-request=\"false\"")) {
		a.state = ARCHIVE_RESTORED;
		a.until_ns = read_expiry(restore);
	} else if (tier || storage_class_is_archive(class)) {
		a.state = ARCHIVE_FROZEN;
	} else if (class && archive_may_be(class) &&
		   strcmp(class, "INTELLIGENT_TIERING") != 0) {
		a.state = ARCHIVE_MAYBE;
	}
	*ret = a;
}

bool archive_is_closed(const struct kvlist *headers)
{
	struct archive a;

	archive_read(headers, &a);
	return a.state == ARCHIVE_FROZEN || a.state == ARCHIVE_UNDER_WAY;
}

int archive_tier_parse(const char *text, enum archive_tier *ret_tier)
{
	for (int i = ARCHIVE_TIER_STANDARD; i <= ARCHIVE_TIER_EXPEDITED; i++) {
		if (strcasecmp(text, tiers[i]) != 0)
			continue;
		*ret_tier = (enum archive_tier)i;
		return 0;
	}
	return -EINVAL;
}

int archive_write_request(unsigned days, enum archive_tier tier,
			  struct buf *doc)
{
	int rc = buf_puts(doc, "<RestoreRequest xmlns=\"http://s3.amazonaws."
			       "com/doc/2006-03-01/\">");

	if (!rc && days)
		rc = buf_printf(doc, "<Days>%u</Days>", days);
	if (!rc && tier != ARCHIVE_TIER_DEFAULT)
		rc = buf_printf(doc,
				"<GlacierJobParameters><Tier>%s</Tier>"
				"</GlacierJobParameters>",
				tiers[tier]);
	return rc ? rc : buf_puts(doc, "</RestoreRequest>");
}
