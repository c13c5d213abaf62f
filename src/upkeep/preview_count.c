/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the groups and their days. */
#include "preview_count.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/gitconfig.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

bool preview_count_wants(const struct preview_count *c, const struct verdict *v)
{
	return v->why == VERDICT_ACTS && v->when_ns <= c->until_ns;
}

static bool is_same(const struct verdict *a, const struct verdict *b)
{
	return a->rule == b->rule && a->action == b->action &&
	       (a->action != VERDICT_MOVE ||
		!strcmp(a->storage_class, b->storage_class));
}

/* NULL: no memory. */
static struct preview_group *find_group(struct preview_count *c,
					const struct verdict *v)
{
	struct preview_group *g;

	for (size_t i = 0; i < c->count; i++)
		if (is_same(&c->groups[i].verdict, v))
			return &c->groups[i];
	if (array_room(c->groups, c->count, c->size))
		return NULL;
	g = &c->groups[c->count++];
	memset(g, 0, sizeof(*g));
	g->verdict = *v;
	return g;
}

/* The same of a day. */
static struct preview_day *find_day(struct preview_group *g, int64_t day_ns)
{
	size_t at = g->count;

	while (at && g->days[at - 1].day_ns > day_ns)
		at--;
	if (at && g->days[at - 1].day_ns == day_ns)
		return &g->days[at - 1];
	if (array_room(g->days, g->count, g->size))
		return NULL;
	memmove(&g->days[at + 1], &g->days[at],
		(g->count - at) * sizeof(*g->days));
	g->count++;
	g->days[at] = (struct preview_day){.day_ns = day_ns};
	return &g->days[at];
}

static void sum_up(struct preview_sum *sum, uint64_t bytes)
{
	sum->count++;
	sum->bytes += bytes;
}

int preview_count_add(struct preview_count *c, const struct verdict *v,
		      uint64_t bytes)
{
	struct preview_group *g = find_group(c, v);
	struct preview_day *day;

	if (!g)
		return -ENOMEM;
	if (v->when_ns <= c->now_ns) {
		sum_up(&g->overdue, bytes);
	} else {
		day = find_day(g, v->when_ns - v->when_ns % DAY_NS);
		if (!day)
			return -ENOMEM;
		sum_up(&day->sum, bytes);
	}
	sum_up(&g->all, bytes);
	return 0;
}

static int write_day(const struct preview_day *day, struct buf *out)
{
	char when[32], text[96];

	clock_format_iso8601(day->day_ns, when, sizeof(when));
	/* "2026-12-06T00:00:00Z": it is always the midnight. */
	when[10] = '\0';
	snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64, when,
		 day->sum.count, day->sum.bytes);
	return gitconfig_value(out, "day", text);
}

static int write_action(const struct verdict *v, struct buf *out)
{
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	rc = verdict_write_action(v, &text);
	if (!rc)
		rc = gitconfig_value(out, "action", text.data);
	buf_release(&text);
	return rc;
}

int preview_count_write(const struct preview_count *c, size_t i,
			struct buf *out)
{
	const struct preview_group *g = &c->groups[i];
	char name[24];
	int rc;

	snprintf(name, sizeof(name), "%zu", i + 1);
	rc = gitconfig_section(out, "planned", name);
	if (!rc)
		rc = gitconfig_value(out, "rule", g->verdict.rule->id);
	if (!rc)
		rc = write_action(&g->verdict, out);
	if (!rc)
		rc = gitconfig_number(out, "count", (int64_t)g->all.count);
	if (!rc)
		rc = gitconfig_number(out, "bytes", (int64_t)g->all.bytes);
	if (!rc)
		rc = gitconfig_number(out, "overdue",
				      (int64_t)g->overdue.count);
	if (!rc)
		rc = gitconfig_number(out, "overdueBytes",
				      (int64_t)g->overdue.bytes);
	for (size_t k = 0; !rc && k < g->count; k++)
		rc = write_day(&g->days[k], out);
	return rc;
}

void preview_count_release(struct preview_count *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->groups[i].days);
	free(c->groups);
	c->groups = NULL;
	c->count = 0;
}
