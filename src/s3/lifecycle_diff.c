/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two lifecycle documents, as people read it. */
#include "vers3/s3/lifecycle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "vers3/util/array.h"
#include "xmltree.h"

#define CONTEXT	  3
#define CELLS_MAX ((size_t)4 << 20) /* what is compared line by line */
#define TEXT_MAX  ((size_t)16 << 20)

struct lines {
	struct buf text; /* each line ends in a NUL */
	const char **items; /* owned; into text */
	size_t count, size;
};

static void lines_release(struct lines *l)
{
	buf_release(&l->text);
	free(l->items);
}

/* Blanks between elements say nothing. */
static void drop_blanks(xmlNodePtr parent)
{
	xmlNodePtr next;

	for (xmlNodePtr node = parent->children; node; node = next) {
		next = node->next;
		if (node->type == XML_ELEMENT_NODE)
			drop_blanks(node);
		else if (xmlIsBlankNode(node) &&
			 xmltree_count_elements(parent)) {
			xmlUnlinkNode(node);
			xmlFreeNode(node);
		}
	}
}

static int split(struct lines *l)
{
	char *at = l->text.data;
	int err = 0;

	while (!err && at < l->text.data + l->text.len) {
		char *end = strchr(at, '\n');

		err = array_room(l->items, l->count, l->size);
		if (!err)
			l->items[l->count++] = at;
		if (!end)
			break;
		*end = '\0';
		at = end + 1;
	}
	return err;
}

/* A document with an element a line. */
static int lines_read(const char *doc, size_t len, struct lines *l)
{
	xmlChar *text = NULL;
	xmlDocPtr d;
	int size = 0, err;

	buf_init(&l->text, TEXT_MAX);
	if (!doc)
		return 0;
	err = xmltree_parse(doc, len, "LifecycleConfiguration", &d);
	if (err)
		return err;
	drop_blanks(xmlDocGetRootElement(d));
	xmlDocDumpFormatMemoryEnc(d, &text, &size, "UTF-8", 1);
	xmlFreeDoc(d);
	if (!text)
		return -ENOMEM;
	err = buf_add(&l->text, text, (size_t)size);
	xmlFree(text);
	return err ? err : split(l);
}

static bool same(const struct lines *a, size_t i, const struct lines *b,
		 size_t j)
{
	return !strcmp(a->items[i], b->items[j]);
}

static int put(struct buf *out, char sign, const char *line)
{
	return buf_printf(out, "%c%s\n", sign, line);
}

/* The part of both that is not the same at its beginning and end. */
struct middle {
	const struct lines *a, *b;
	size_t head; /* lines that both begin with */
	size_t rows, columns; /* of a, of b */
};

/*
 * By the longest common subsequence: lengths[i][j] is that of what is behind
 * line i of the one and line j of the other.
 */
static int put_middle(const struct middle *m, struct buf *out)
{
	size_t width = m->columns + 1, i = 0, j = 0;
	bool compared = (m->rows + 1) * width <= CELLS_MAX;
	unsigned *lengths =
		compared ? calloc((m->rows + 1) * width, sizeof(*lengths))
			 : NULL;
	int err = compared && !lengths ? -ENOMEM : 0;

	for (size_t r = m->rows; !err && compared && r-- > 0;)
		for (size_t c = m->columns; c-- > 0;) {
			unsigned *at = &lengths[r * width + c];

			if (same(m->a, m->head + r, m->b, m->head + c))
				*at = at[width + 1] + 1;
			else
				*at = at[width] > at[1] ? at[width] : at[1];
		}
	while (!err && (i < m->rows || j < m->columns)) {
		bool both = i < m->rows && j < m->columns;
		const unsigned *at = compared ? &lengths[i * width + j] : NULL;

		if (both && same(m->a, m->head + i, m->b, m->head + j)) {
			err = put(out, ' ', m->a->items[m->head + i++]);
			j++;
		} else if (i < m->rows &&
			   (!both || !at || at[width] >= at[1])) {
			err = put(out, '-', m->a->items[m->head + i++]);
		} else {
			err = put(out, '+', m->b->items[m->head + j++]);
		}
	}
	free(lengths);
	return err;
}

static int put_diff(const struct lines *a, const struct lines *b,
		    struct buf *out)
{
	size_t least = a->count < b->count ? a->count : b->count;
	size_t head = 0, tail = 0, from, behind;
	struct middle m;
	int err;

	while (head < least && same(a, head, b, head))
		head++;
	while (tail < least - head &&
	       same(a, a->count - 1 - tail, b, b->count - 1 - tail))
		tail++;
	if (head == a->count && head == b->count)
		return 0;
	m = (struct middle){a, b, head, a->count - head - tail,
			    b->count - head - tail};
	from = head > CONTEXT ? head - CONTEXT : 0;
	behind = tail > CONTEXT ? CONTEXT : tail;
	err = buf_printf(out,
			 "--- lifecycle, as it is\n+++ lifecycle, as it would "
			 "be\n@@ -%zu,%zu +%zu,%zu @@\n",
			 a->count ? from + 1 : 0, head - from + m.rows + behind,
			 b->count ? from + 1 : 0,
			 head - from + m.columns + behind);
	for (size_t i = from; !err && i < head; i++)
		err = put(out, ' ', a->items[i]);
	if (!err)
		err = put_middle(&m, out);
	for (size_t i = 0; !err && i < behind; i++)
		err = put(out, ' ', a->items[a->count - tail + i]);
	return err;
}

int lifecycle_diff(const char *old, size_t old_len, const char *new,
		   size_t new_len, struct buf *out)
{
	struct lines a = {.count = 0}, b = {.count = 0};
	int err = lines_read(old, old_len, &a);
	int other = lines_read(new, new_len, &b);

	err = err ? err : other;
	if (!err)
		err = put_diff(&a, &b, out);
	lines_release(&a);
	lines_release(&b);
	return err;
}
