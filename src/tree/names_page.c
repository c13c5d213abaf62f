/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the items of a page, and their names. */
#include "names_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/store/store.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"

int names_page_add(struct names_page *p, const char *name, size_t len,
		   bool is_dir, const struct store_entry *e)
{
	struct merge_item *it;

	if (array_room(p->items, p->count, p->size))
		return -ENOMEM;
	it = &p->items[p->count];
	memset(it, 0, sizeof(*it));
	it->is_dir = is_dir;
	it->name = strndup(name, len);
	if (!it->name)
		return -ENOMEM;
	if (e) {
		strcpy(it->etag, e->etag);
		it->size_bytes = e->size_bytes;
		it->last_modified_ns =
			e->last_modified_ns - e->last_modified_ns % NS_PER_S;
	}
	p->count++;
	return 0;
}

void names_page_reset(struct names_page *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i].name);
	p->count = 0;
}

void names_page_release(struct names_page *p)
{
	names_page_reset(p);
	free(p->items);
}
