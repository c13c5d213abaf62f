/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of refused keys: what is put into it for each kind of request, and
 * what takes it out.
 */
#include "refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void refusals_release(struct refusals *f)
{
	for (unsigned i = 0; i < REFUSALS_MAX; i++)
		free(f->items[i].key);
	memset(f, 0, sizeof(*f));
}

static unsigned find(const struct refusals *f, const char *key)
{
	unsigned i = 0;

	while (i < REFUSALS_MAX &&
	       (!f->items[i].key || strcmp(f->items[i].key, key) != 0))
		i++;
	return i;
}

static void forget(struct refusals *f, unsigned i)
{
	free(f->items[i].key);
	f->items[i].key = NULL;
	f->count--;
}

/* The slot for a key: its own, or the oldest one's. */
static unsigned slot_for(struct refusals *f, const char *key)
{
	unsigned i = find(f, key);
	char *copy;

	if (i < REFUSALS_MAX)
		return i;
	copy = strdup(key);
	if (!copy)
		return REFUSALS_MAX;
	i = f->next;
	f->next = (f->next + 1) % REFUSALS_MAX;
	if (f->items[i].key)
		forget(f, i);
	f->items[i].key = copy;
	f->count++;
	return i;
}

static void note(struct refusals *f, const char *key, enum store_op op,
		 const struct metrics_refusal *what)
{
	unsigned i = slot_for(f, key);

	if (i == REFUSALS_MAX)
		return;
	f->items[i].op = op;
	f->items[i].what = *what;
}

static void clear(struct refusals *f, const char *key, enum store_op op)
{
	unsigned i = f->count ? find(f, key) : REFUSALS_MAX;

	if (i < REFUSALS_MAX && f->items[i].op == op)
		forget(f, i);
}

/* Each key of DeleteObjects has an answer of its own. */
static void note_deletes(struct refusals *f, const struct store_request *r)
{
	for (size_t i = 0; i < r->delete_count; i++) {
		const struct store_delete *d = &r->deletes[i];
		struct metrics_refusal what = {.error = -d->result};
		const char *id = r->reply.request_id;

		if (!d->result) {
			clear(f, d->key, r->op);
			continue;
		}
		if (!d->code[0])
			continue;
		snprintf(what.code, sizeof(what.code), "%s", d->code);
		snprintf(what.words, sizeof(what.words),
			 "%s: %.40s: %.80s%s%.60s%s", store_op_name(r->op),
			 d->code, d->message, *id ? " (request " : "", id,
			 *id ? ")" : "");
		note(f, d->key, r->op, &what);
	}
}

void refusals_note(struct refusals *f, const struct store_request *r, int err,
		   bool answer)
{
	struct metrics_refusal what = {.error = -err};

	if (r->op == STORE_DELETE_MANY && !err) {
		note_deletes(f, r);
	} else if (!r->key || !r->key[0] || r->trial) {
		return;
	} else if (answer) {
		clear(f, r->key, r->op);
	} else {
		snprintf(what.code, sizeof(what.code), "%s", r->reply.code);
		store_describe(r, err, what.words, sizeof(what.words));
		note(f, r->key, r->op, &what);
	}
}

bool refusals_find(const struct refusals *f, const char *key,
		   struct metrics_refusal *ret)
{
	unsigned i = f->count ? find(f, key) : REFUSALS_MAX;

	if (i == REFUSALS_MAX)
		return false;
	*ret = f->items[i].what;
	return true;
}
