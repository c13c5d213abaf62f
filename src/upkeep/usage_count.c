/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up; two short tables are kept sorted by insertion. */
#include "usage_count.h"

#include <stdio.h>
#include <string.h>

#include "vers3/s3/lifecycle.h"

static struct usage_class *class_of(struct usage_count *c, const char *name)
{
	struct usage_class *class;

	if (!*name)
		name = "STANDARD";
	for (size_t i = 0; i < c->class_count; i++)
		if (!strcmp(c->classes[i].name, name))
			return &c->classes[i];
	if (c->class_count == USAGE_CLASSES_MAX)
		return &c->classes[USAGE_CLASSES_MAX - 1];
	class = &c->classes[c->class_count++];
	/* The last one takes what has no room of its own. */
	if (c->class_count == USAGE_CLASSES_MAX)
		name = "others";
	snprintf(class->name, sizeof(class->name), "%s", name);
	class->price = prices_find(c->prices, class->name);
	return class;
}

static void add(struct usage_sum *sum, uint64_t bytes, double cost)
{
	sum->count++;
	sum->bytes += bytes;
	sum->cost += cost;
}

static double cost_of(const struct usage_class *class, uint64_t bytes)
{
	const struct price *p = class->price;

	if (!p)
		return 0;
	return prices_cost(p, bytes > p->min_bytes ? bytes : p->min_bytes);
}

static bool is_more(const struct usage_file *a, const struct usage_file *b,
		    bool by_versions)
{
	return by_versions ? a->versions > b->versions : a->bytes > b->bytes;
}

/* Of those that are equal the first in the list stays before. */
static void insert(struct usage_file *top, size_t *count,
		   const struct usage_file *file, bool by_versions)
{
	size_t at = *count;

	while (at && is_more(file, &top[at - 1], by_versions))
		at--;
	if (at == USAGE_TOP)
		return;
	if (*count < USAGE_TOP)
		(*count)++;
	memmove(top + at + 1, top + at, (*count - at - 1) * sizeof(*top));
	top[at] = *file;
}

void usage_count_end(struct usage_count *c)
{
	if (!c->met || !c->file.versions || c->is_own)
		return;
	insert(c->biggest, &c->biggest_count, &c->file, false);
	insert(c->most, &c->most_count, &c->file, true);
}

static void begin_key(struct usage_count *c, const char *path, bool own)
{
	usage_count_end(c);
	memset(&c->file, 0, sizeof(c->file));
	snprintf(c->file.path, sizeof(c->file.path), "%s", path);
	c->met = true;
	c->is_own = own;
	c->kept = 0;
	c->replaced_ns = 0;
}

/*
 * Whether the rule takes this one. A noncurrent delete marker is one of the
 * noncurrent versions that stay, as the rules count them (verdict.h).
 */
static bool is_removed(struct usage_count *c, const struct store_entry *e)
{
	return c->rule.days && !e->latest && ++c->kept > c->rule.keep &&
	       lifecycle_after_days(c->replaced_ns, c->rule.days) <=
		       c->rule.now_ns;
}

void usage_count_version(struct usage_count *c, const struct store_entry *e,
			 bool own)
{
	const char *path = e->key + c->skip;
	struct usage_class *class;
	bool removed;
	double cost;

	if (!c->met || strcmp(c->file.path, path) != 0)
		begin_key(c, path, own);
	removed = is_removed(c, e);
	if (e->kind == STORE_ENTRY_MARKER) {
		c->markers++;
		c->replaced_ns = e->last_modified_ns;
		return;
	}
	class = class_of(c, e->storage_class);
	cost = cost_of(class, e->size_bytes);
	c->file.versions++;
	c->file.bytes += e->size_bytes;
	if (e->latest) {
		c->file.size_bytes = e->size_bytes;
		add(&c->current, e->size_bytes, cost);
		add(&class->current, e->size_bytes, cost);
	} else {
		add(&c->noncurrent, e->size_bytes, cost);
		add(&class->noncurrent, e->size_bytes, cost);
		if (removed)
			add(&c->rule.saved, e->size_bytes, cost);
	}
	if (own)
		add(&c->own, e->size_bytes, cost);
	c->replaced_ns = e->last_modified_ns;
}

void usage_count_upload(struct usage_count *c, const char *name, uint64_t bytes)
{
	struct usage_class *class = class_of(c, name);
	double cost = class->price ? prices_cost(class->price, bytes) : 0;

	add(&c->uploads, bytes, cost);
	add(&class->uploads, bytes, cost);
}
