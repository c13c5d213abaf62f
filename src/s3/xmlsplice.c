/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where elements stand by counting tags and nothing else: that the
 * document is well-formed, and has no DOCTYPE, was seen when it was read.
 */
#include "xmlsplice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/util/array.h"
#include "xmltree.h"

struct span {
	size_t from, to; /* to: the byte behind it */
};

struct spans {
	struct span *items; /* owned */
	size_t count;
	struct span name; /* of the root, as its tag has it */
	size_t end; /* where the root's end tag begins; or its "/>" */
	bool empty; /* the root is but one tag */
};

struct scan {
	const char *text;
	size_t len, at; /* bytes */
	size_t depth; /* how many elements are open */
	const char *name;
	struct spans *spans;
};

/* Where the next `end` is over, at or behind a place; 0: nowhere. */
static size_t behind(const struct scan *s, size_t at, const char *end)
{
	const char *found = at < s->len ? memmem(s->text + at, s->len - at, end,
						 strlen(end))
					: NULL;

	return found ? (size_t)(found - s->text) + strlen(end) : 0;
}

static bool begins(const struct scan *s, const char *with)
{
	size_t len = strlen(with);

	return s->len - s->at >= len && !memcmp(s->text + s->at, with, len);
}

/* The end of a tag: a ">" in a value is none. 0: there is none. */
static size_t tag_end(const struct scan *s)
{
	char quote = '\0';

	for (size_t i = s->at; i < s->len; i++) {
		char c = s->text[i];

		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return i + 1;
	}
	return 0;
}

static struct span tag_name(const struct scan *s)
{
	struct span name = {s->at + 1, s->at + 1};

	while (name.to < s->len && !strchr(" \t\r\n/>", s->text[name.to]))
		name.to++;
	return name;
}

static bool is_wanted(const struct scan *s)
{
	struct span name = tag_name(s);
	const char *colon =
		memchr(s->text + name.from, ':', name.to - name.from);

	if (colon)
		name.from = (size_t)(colon - s->text) + 1;
	return name.to - name.from == strlen(s->name) &&
	       !memcmp(s->text + name.from, s->name, name.to - name.from);
}

static int open_tag(struct scan *s, size_t end)
{
	struct spans *spans = s->spans;
	bool empty = s->text[end - 2] == '/';

	if (!s->depth) {
		spans->name = tag_name(s);
		spans->empty = empty;
		spans->end = end - 2;
	} else if (s->depth == 1 && is_wanted(s)) {
		if (array_room_for_one(spans->items, spans->count))
			return -ENOMEM;
		/* Its end is set again where it has an end tag. */
		spans->items[spans->count++] = (struct span){s->at, end};
	}
	s->depth += !empty;
	return 0;
}

static int close_tag(struct scan *s, size_t end)
{
	struct spans *spans = s->spans;

	if (!s->depth)
		return -EIO;
	s->depth--;
	if (!s->depth) {
		spans->end = s->at;
	} else if (s->depth == 1) {
		/* At the name, as is_wanted() has it. */
		s->at++;
		if (is_wanted(s) && spans->count)
			spans->items[spans->count - 1].to = end;
	}
	return 0;
}

static int step(struct scan *s)
{
	size_t end;
	int err = 0;

	if (begins(s, "<!--"))
		end = behind(s, s->at + 4, "-->");
	else if (begins(s, "<![CDATA["))
		end = behind(s, s->at + 9, "]]>");
	else if (begins(s, "<?"))
		end = behind(s, s->at + 2, "?>");
	else
		end = tag_end(s);
	if (!end)
		return -EIO;
	if (begins(s, "</"))
		err = close_tag(s, end);
	else if (!begins(s, "<!") && !begins(s, "<?"))
		err = open_tag(s, end);
	s->at = end;
	return err;
}

/* The children of the root that are called so, namespaces passed over. */
static int find_spans(const char *text, size_t len, const char *name,
		      struct spans *spans)
{
	struct scan s = {
		.text = text, .len = len, .name = name, .spans = spans};
	int err = 0;

	while (!err && s.at < len) {
		const char *next = memchr(text + s.at, '<', len - s.at);

		if (!next)
			break;
		s.at = (size_t)(next - text);
		err = step(&s);
	}
	return !err && (s.depth || !spans->name.to) ? -EIO : err;
}

void xmlsplice_mark(xmlNodePtr node, enum xmlsplice_mark mark)
{
	/* What is new and then changed is new. */
	if (mark != XMLSPLICE_CHANGED ||
	    (uintptr_t)node->_private != XMLSPLICE_NEW)
		node->_private = (void *)(uintptr_t)mark;
}

static enum xmlsplice_mark mark_of(xmlNodePtr node)
{
	return (enum xmlsplice_mark)(uintptr_t)node->_private;
}

static int write_node(xmlNodePtr node, struct buf *out)
{
	xmlBufferPtr text = xmlBufferCreate();
	int err = -ENOMEM;

	if (text && xmlNodeDump(text, node->doc, node, 0, 0) >= 0)
		err = buf_add(out, xmlBufferContent(text),
			      (size_t)xmlBufferLength(text));
	if (text)
		xmlBufferFree(text);
	return err;
}

/* An element goes with its indentation: blanks on one side alone stay. */
static size_t before_removed(const char *text, size_t len, size_t from,
			     struct span span)
{
	static const char blanks[] = " \t\r\n";
	size_t at = span.from;

	if (span.to == len || !strchr(blanks, text[span.to]))
		return at;
	while (at > from && strchr(blanks, text[at - 1]))
		at--;
	return text[at ? at - 1 : 0] == '>' ? at : span.from;
}

/* The new ones, and all that is behind the others. */
static int write_end(xmlNodePtr node, const char *text, size_t len, size_t from,
		     const struct spans *spans, struct buf *out)
{
	int err = buf_add(out, text + from, spans->end - from);

	if (!node)
		return err ? err
			   : buf_add(out, text + spans->end, len - spans->end);
	if (!err && spans->empty)
		err = buf_putc(out, '>');
	for (; !err && node; node = xmltree_next(node))
		err = write_node(node, out);
	if (err || !spans->empty)
		return err ? err
			   : buf_add(out, text + spans->end, len - spans->end);
	err = buf_printf(out, "</%.*s>",
			 (int)(spans->name.to - spans->name.from),
			 text + spans->name.from);
	return err ? err
		   : buf_add(out, text + spans->end + 2, len - spans->end - 2);
}

static int write_spliced(xmlNodePtr node, const char *text, size_t len,
			 const struct spans *spans, struct buf *out)
{
	size_t from = 0;
	int err = 0;

	for (size_t i = 0; !err && i < spans->count; i++) {
		struct span span = spans->items[i];
		enum xmlsplice_mark mark;
		size_t to = span.from;

		if (!node || mark_of(node) == XMLSPLICE_NEW)
			return -EIO;
		mark = mark_of(node);
		if (mark == XMLSPLICE_REMOVED)
			to = before_removed(text, len, from, span);
		err = buf_add(out, text + from, to - from);
		if (!err && mark == XMLSPLICE_SAME)
			err = buf_add(out, text + span.from,
				      span.to - span.from);
		else if (!err && mark == XMLSPLICE_CHANGED)
			err = write_node(node, out);
		from = span.to;
		node = xmltree_next(node);
	}
	if (!err && node && mark_of(node) != XMLSPLICE_NEW)
		return -EIO;
	return err ? err : write_end(node, text, len, from, spans, out);
}

static int write_whole(xmlDocPtr doc, xmlNodePtr node, struct buf *out)
{
	while (node) {
		xmlNodePtr next = xmltree_next(node);

		if (mark_of(node) == XMLSPLICE_REMOVED)
			xmltree_cut(node);
		node = next;
	}
	return xmltree_write(doc, out);
}

int xmlsplice_write(xmlDocPtr doc, const char *text, size_t len,
		    const char *name, struct buf *out)
{
	xmlNodePtr first = xmltree_child(xmlDocGetRootElement(doc), name);
	struct spans spans = {.items = NULL};
	int err;

	if ((doc->encoding &&
	     strcasecmp((const char *)doc->encoding, "UTF-8")) ||
	    memchr(text, '\0', len))
		return write_whole(doc, first, out);
	err = find_spans(text, len, name, &spans);
	if (!err)
		err = write_spliced(first, text, len, &spans, out);
	free(spans.items);
	return err;
}
