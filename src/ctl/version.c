/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: reads the names of versions in .versions; see version.h. */
#include "version.h"

#include <ctype.h>
#include <string.h>

#include "vers3/net/uri.h"
#include "vers3/util/buf.h"

#define MARKER_END ".deleted"

static const char *skip_fraction(const char *s)
{
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++)
			;
	return s;
}

/*
 * The '~' behind a time as .versions spells it, which may have milliseconds or
 * an ordinal; NULL: s does not start with one.
 */
static const char *skip_time(const char *s)
{
	static const char shape[] = "0000-00-00T00-00-00";

	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)s[i])
				    : s[i] != shape[i])
			return NULL;
	s = skip_fraction(s + sizeof(shape) - 1);
	if (*s != 'Z')
		return NULL;
	s = skip_fraction(s + 1);
	return *s == '~' ? s : NULL;
}

int version_decode_id(const char *text, size_t len, char *id)
{
	struct buf b;
	int rc;

	buf_init(&b, VERSION_MAX - 1);
	rc = uri_decode(&b, text, len, false);
	if (!rc)
		strcpy(id, b.data);
	buf_release(&b);
	return rc;
}

bool version_parse(const char *name, struct version *ret)
{
	size_t len, end = strlen(MARKER_END);
	const char *id = skip_time(name);

	if (!id)
		return false;
	memcpy(ret->time, name, TIME_LEN - 1);
	strcpy(ret->time + TIME_LEN - 1, "Z");
	ret->time[13] = ret->time[16] = ':';
	name = id + 1;
	len = strlen(name);
	ret->deleted = len > end && !strcmp(name + len - end, MARKER_END);
	if (ret->deleted)
		len -= end;
	return !version_decode_id(name, len, ret->id);
}
