/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the list of named points and round times without doubles, and reads a
 * name back into its instant.
 */
#include "shadow_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "timestamp.h"
#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "view_node.h"

#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS	(24 * HOUR_NS)
#define HOURS	24
#define DAYS	30

static void name_of(int64_t at_ns, char *name, size_t size)
{
	struct timespec ts = clock_timespec(at_ns);
	struct tm tm;

	*name = '\0';
	if (gmtime_r(&ts.tv_sec, &tm))
		strftime(name, size, "GMT-%Y.%m.%d-%H.%M.%S", &tm);
}

/* Whether it was made by add_round(): servers' dates never end so. */
static bool is_round(const struct point *p)
{
	return p->at_ns % NS_PER_S == NS_PER_S - 1;
}

/* A full hour or day: of its name, which ends with its second. */
static void add_round(struct view *view, struct point_list *l, int64_t at_ns)
{
	struct point *p = &l->items[l->count];

	name_of(at_ns, p->name, sizeof(p->name));
	if (!timestamp_parse(p->name, mount_server_now_ns(view->mount),
			     &p->at_ns))
		l->count++;
}

/*
 * By name; of one name a named point before a round time, which is the end of
 * that second; of several the last, which has all that they had.
 */
static int compare(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	if (is_round(x) != is_round(y))
		return is_round(x) ? 1 : -1;
	return x->at_ns > y->at_ns ? -1 : x->at_ns < y->at_ns;
}

/* In order, the first of each name stays. */
static void drop_doubles(struct point_list *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		if (!count ||
		    strcmp(l->items[count - 1].name, l->items[i].name) != 0)
			l->items[count++] = l->items[i];
	l->count = count;
}

int shadow_copy_list(struct view *view, struct point_list *ret_list)
{
	int64_t now = mount_server_now_ns(view->mount);
	struct point_list named, all = {.items = NULL};
	int rc = named_snapshots_list(view, &named);

	if (rc)
		return rc;
	all.items = calloc(named.count + HOURS + DAYS, sizeof(*all.items));
	if (!all.items) {
		rc = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < named.count; i++) {
		struct point *p = &all.items[all.count++];

		p->at_ns = named.items[i].at_ns;
		name_of(p->at_ns, p->name, sizeof(p->name));
	}
	for (int64_t i = 0; i < HOURS; i++)
		add_round(view, &all, now - now % HOUR_NS - i * HOUR_NS);
	for (int64_t i = 0; i < DAYS; i++)
		add_round(view, &all, now - now % DAY_NS - i * DAY_NS);
	qsort(all.items, all.count, sizeof(*all.items), compare);
	drop_doubles(&all);
	*ret_list = all;
out:
	point_list_release(&named);
	return rc;
}

int shadow_copy_time(struct view *view, const char *name, int64_t *ret_ns)
{
	const struct point *p;
	struct point_list l;
	int rc;

	if (strncmp(name, GMT_DIR "-", strlen(GMT_DIR "-")) != 0)
		return -ENOENT;
	rc = shadow_copy_list(view, &l);
	if (rc)
		return rc;
	p = point_list_find(&l, name + 1);
	if (p)
		*ret_ns = p->at_ns;
	else if (timestamp_parse(name + 1, mount_server_now_ns(view->mount),
				 ret_ns))
		rc = -ENOENT;
	point_list_release(&l);
	return rc;
}
