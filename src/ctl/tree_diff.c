/* SPDX-License-Identifier: Apache-2.0 */
/* Collects what the mount's answer tells, and puts it in order. */
#include "tree_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_line.h"
#include "control_client.h"
#include "vers3/util/array.h"
#include "vers3/util/gitconfig.h"

#define LINE_MAX_BYTES (1 << 16)
#define WORDS	       5 /* CHANGE THEN NOW ID PATH */

void tree_diff_release(struct tree_diff *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->items[i].path);
		free(d->items[i].id);
	}
	free(d->items);
	free(d->instant);
	*d = (struct tree_diff){.count = 0};
}

static struct tree_side side_of(const char *word)
{
	struct tree_side side = {.there = strcmp(word, "-") != 0,
				 .dir = !strcmp(word, "directory")};

	if (side.there && !side.dir)
		side.size_bytes = atoll(word);
	return side;
}

static int add(struct tree_diff *d, char *text)
{
	struct tree_item *it;
	char *words[WORDS];
	int rc = answer_line_split(text, words, WORDS);

	if (!rc)
		rc = array_room(d->items, d->count, d->size);
	if (rc)
		return rc;
	it = &d->items[d->count];
	memset(it, 0, sizeof(*it));
	it->change = *words[0];
	it->then = side_of(words[1]);
	it->now = side_of(words[2]);
	it->id = strdup(words[3]);
	it->path = strdup(words[4]);
	if (!it->id || !it->path) {
		free(it->id);
		free(it->path);
		return -ENOMEM;
	}
	d->count++;
	return 0;
}

static int take_line(void *ctx, const char *line)
{
	struct tree_diff *d = ctx;
	char *text = NULL;
	int rc = d->instant ? 0 : answer_line_value(line, "instant", &text);

	if (rc || text) {
		d->instant = text;
		return rc;
	}
	rc = answer_line_value(line, "items", &text);
	if (!rc && text)
		rc = add(d, text);
	free(text);
	return rc;
}

/* A slash comes before all that a name may have. */
static int in_tree_order(const void *a, const void *b)
{
	const char *x = ((const struct tree_item *)a)->path;
	const char *y = ((const struct tree_item *)b)->path;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	if (*x == '/' && *y)
		return *y == '/' ? 0 : -1;
	if (*y == '/' && *x)
		return 1;
	return (int)(unsigned char)*x - (int)(unsigned char)*y;
}

int tree_diff_ask(const struct target *p, const char *at, struct tree_diff *d,
		  char *reason, size_t size)
{
	struct buf line, word;
	bool refused = false;
	int rc;

	*d = (struct tree_diff){.count = 0};
	if (!control_client_may(p->root))
		return -EOPNOTSUPP;
	buf_init(&line, LINE_MAX_BYTES);
	buf_init(&word, LINE_MAX_BYTES);
	snprintf(reason, size, "no memory");
	rc = buf_printf(&word, "/%s", p->path);
	if (!rc)
		rc = buf_puts(&line, "diff ");
	if (!rc)
		rc = gitconfig_quote(&line, word.data);
	buf_reset(&word);
	if (!rc)
		rc = buf_printf(&word, "@%s", at);
	if (!rc)
		rc = buf_putc(&line, ' ');
	if (!rc)
		rc = gitconfig_quote(&line, word.data);
	if (!rc)
		rc = control_client_stream(p->root, line.data, take_line, d,
					   reason, size, &refused);
	if (rc && refused && control_client_lacks(reason))
		rc = -EOPNOTSUPP;
	buf_release(&word);
	buf_release(&line);
	array_sort(d->items, d->count, sizeof(*d->items), in_tree_order);
	return rc;
}
