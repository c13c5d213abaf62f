/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How versions are spelled. Names sort as the versions came: those of one
 * second have what tells them apart behind it, milliseconds if these ascend in
 * the server's order, else an ordinal:
 *
 *	2026-11-21T23-50-08Z~ID		the only one of its second
 *	2026-11-21T23-50-08.250Z~ID	one of several
 *	2026-11-21T23-50-08Z.002~ID	the second of several
 *
 * That may change when a second comes to have more versions or fewer. Time and
 * id alone say which version it is: it is found by every such name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/net/uri.h"
#include "vers3/util/clock.h"
#include "view_node.h"

#define TIME_LEN     20 /* of 2026-11-21T23-50-08Z */
#define SECOND_LEN   19 /* the same without its Z */
#define MARKER_END   ".deleted"
#define ORDINAL_SIZE 3 /* digits at least */

static int64_t ms_of(const struct history_entry *e)
{
	return e->last_modified_ns / NS_PER_MS;
}

static int64_t second_of(const struct history_entry *e)
{
	return e->last_modified_ns / NS_PER_S;
}

/* Looks at all that have the second of e, which is the first of them. */
static int look_ahead(struct view *view, const char *path, uint64_t walk,
		      const struct history_entry *e, struct view_second *s)
{
	struct history_entry next = {.order = 0};
	int64_t last_ms = ms_of(e);
	uint64_t order = e->order;
	int rc;

	*s = (struct view_second){.started = true,
				  .second = second_of(e),
				  .count = 1,
				  .at = 1,
				  .by_ms = true};
	while (!(rc = history_next(view, path, walk, order, &next)) &&
	       second_of(&next) == s->second) {
		s->by_ms = s->by_ms && ms_of(&next) > last_ms;
		last_ms = ms_of(&next);
		order = next.order;
		s->count++;
	}
	return rc == -ENOENT ? 0 : rc;
}

int view_second_next(struct view *view, const char *path, uint64_t walk,
		     const struct history_entry *e, struct view_second *s)
{
	if (!s->started || s->second != second_of(e) || s->at == s->count)
		return look_ahead(view, path, walk, e, s);
	s->at++;
	return 0;
}

static int digits_of(uint64_t n)
{
	int digits = 1;

	while (n /= 10)
		digits++;
	return digits < ORDINAL_SIZE ? ORDINAL_SIZE : digits;
}

/* "~ID", and what a marker has behind it. */
static int spell_id(const struct history_entry *e, char *text, size_t size)
{
	struct buf id;
	int n, rc;

	buf_init(&id, 4 * META_VERSION_MAX);
	rc = uri_encode(&id, e->version_id, strlen(e->version_id), false);
	n = rc ? 0
	       : snprintf(text, size, "~%s%s", id.data ? id.data : "",
			  e->marker ? MARKER_END : "");
	buf_release(&id);
	if (!rc && (size_t)n >= size)
		rc = -ENAMETOOLONG;
	return rc;
}

int view_entry_name(const struct history_entry *e, const struct view_second *s,
		    char *name, size_t size)
{
	char when[TIME_LEN + 1], id[VIEW_NAME_SIZE];
	int n, rc = spell_id(e, id, sizeof(id));

	clock_format_name(e->last_modified_ns, when, sizeof(when));
	if (rc)
		return rc;
	if (!s || s->count < 2)
		n = snprintf(name, size, "%s%s", when, id);
	else if (s->by_ms)
		n = snprintf(name, size, "%.*s.%03dZ%s", SECOND_LEN, when,
			     (int)(ms_of(e) % 1000), id);
	else
		n = snprintf(name, size, "%s.%0*llu%s", when,
			     digits_of(s->count), (unsigned long long)s->at,
			     id);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static const char *skip_fraction(const char *at)
{
	if (*at == '.')
		for (at++; isdigit((unsigned char)*at); at++)
			;
	return at;
}

bool view_name_scan(const char *name, const char **ret_id)
{
	static const char shape[] = "dddd-dd-ddTdd-dd-dd";
	const char *at = name;
	size_t i;

	*ret_id = NULL;
	for (i = 0; name[i] && shape[i]; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)name[i])
				    : name[i] != shape[i])
			return false;
	if (shape[i])
		return i >= 10;
	at = skip_fraction(name + i);
	if (*at == 'Z')
		at = skip_fraction(at + 1);
	else if (*at)
		return false;
	if (*at == '~')
		*ret_id = at;
	return !*at || *at == '~';
}

enum view_match view_entry_match(const struct history_entry *e,
				 const struct view_second *s, const char *name,
				 const char *id)
{
	char full[VIEW_NAME_SIZE], own[VIEW_NAME_SIZE];
	size_t len = strlen(name);

	if (view_entry_name(e, NULL, full, sizeof(full)) ||
	    spell_id(e, own, sizeof(own)))
		return VIEW_MATCH_NOT;
	if (id) {
		if (memcmp(full, name, SECOND_LEN) != 0 ||
		    strncmp(own, id, strlen(id)) != 0)
			return VIEW_MATCH_NOT;
		return strcmp(own, id) ? VIEW_MATCH_BEGINS : VIEW_MATCH_WHOLE;
	}
	if (!strncmp(full, name, len))
		return VIEW_MATCH_BEGINS;
	if (!s || view_entry_name(e, s, full, sizeof(full)))
		return VIEW_MATCH_NOT;
	return strncmp(full, name, len) ? VIEW_MATCH_NOT : VIEW_MATCH_BEGINS;
}

bool view_name_lasts(const struct history_entry *e, const char *name)
{
	const struct view_second several = {.count = 2, .by_ms = true};
	char own[VIEW_NAME_SIZE];

	if (!view_entry_name(e, NULL, own, sizeof(own)) && !strcmp(own, name))
		return true;
	return !view_entry_name(e, &several, own, sizeof(own)) &&
	       !strcmp(own, name);
}
