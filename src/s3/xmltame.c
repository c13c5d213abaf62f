/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a document before a parser is given it. */
#include <stddef.h>
#include <string.h>

#include "vers3/s3/xml.h"

#define TAG_MAX	       ((size_t)4 << 10)
#define ATTRIBUTES_MAX 16
#define DEPTH_MAX      32

struct look {
	const char *at, *end;
	unsigned depth;
};

static bool begins(const struct look *l, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(l->end - l->at) >= len && !memcmp(l->at, text, len);
}

/* Passes what ends so. Without an end the rest is passed. */
static void pass(struct look *l, const char *end)
{
	const char *p =
		memmem(l->at, (size_t)(l->end - l->at), end, strlen(end));

	l->at = p ? p + strlen(end) : l->end;
}

/* Passes a start tag or an end tag. */
static bool pass_tag(struct look *l)
{
	const char *start = l->at;
	unsigned attributes = 0;
	char quote = '\0';

	for (; l->at < l->end && (quote || *l->at != '>'); l->at++) {
		if (quote)
			quote = *l->at == quote ? '\0' : quote;
		else if (*l->at == '"' || *l->at == '\'')
			quote = *l->at;
		else
			attributes += *l->at == '=';
		if ((size_t)(l->at - start) > TAG_MAX ||
		    attributes > ATTRIBUTES_MAX)
			return false;
	}
	if (l->at == l->end)
		return true;
	if (start[1] == '/')
		l->depth -= l->depth > 0;
	else if (l->at[-1] != '/')
		l->depth++;
	l->at++;
	return l->depth <= DEPTH_MAX;
}

bool xml_is_tame(const char *doc, size_t len)
{
	struct look l = {.at = doc, .end = doc + len};

	while ((l.at = memchr(l.at, '<', (size_t)(l.end - l.at)))) {
		if (begins(&l, "<!--"))
			pass(&l, "-->");
		else if (begins(&l, "<![CDATA["))
			pass(&l, "]]>");
		else if (begins(&l, "<?"))
			pass(&l, "?>");
		else if (begins(&l, "<!") || !pass_tag(&l))
			return false;
	}
	return true;
}
