/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over the list of uploads. Those of a page are kept until it has
 * come; then their parts are asked for.
 */
#include "uploads_below.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/store/list.h"
#include "vers3/store/upload_size.h"
#include "vers3/util/array.h"

struct item {
	char *key, *id; /* owned */
	struct store_entry entry; /* its strings are none of the item's */
	char storage_class[64], owner[128];
};

struct uploads_walk {
	struct mount *mount; /* borrowed, as the next */
	uploads_want_fn wants;
	store_entry_fn on_entry;
	void *ctx;
	struct item *items; /* owned: those of the page */
	size_t count, size;
	char key[META_KEY_MAX + 2]; /* of the path */
	uint64_t seen;
};

/* The path's own key, or one below it; "" and "prefix/" are all. */
static bool is_below(const struct uploads_walk *w, const char *key)
{
	size_t len = strlen(w->key);

	return !len || w->key[len - 1] == '/' || !key[len] || key[len] == '/';
}

static int keep(void *ctx, const struct store_entry *e)
{
	struct uploads_walk *w = ctx;
	struct item *it;

	if (e->kind != STORE_ENTRY_UPLOAD || !is_below(w, e->key) ||
	    (w->wants && !w->wants(w->ctx, e)))
		return 0;
	if (array_room(w->items, w->count, w->size))
		return -ENOMEM;
	it = &w->items[w->count];
	memset(it, 0, sizeof(*it));
	it->entry = *e;
	strncpy(it->storage_class, e->storage_class,
		sizeof(it->storage_class) - 1);
	strncpy(it->owner, e->owner ? e->owner : "", sizeof(it->owner) - 1);
	it->key = strdup(e->key);
	it->id = strdup(e->version_id);
	if (!it->key || !it->id) {
		free(it->key);
		free(it->id);
		return -ENOMEM;
	}
	w->count++;
	return 0;
}

static void drop(struct uploads_walk *w)
{
	for (size_t i = 0; i < w->count; i++) {
		free(w->items[i].key);
		free(w->items[i].id);
	}
	w->count = 0;
}

static int give_page(struct uploads_walk *w, struct answer_stream *answer)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < w->count; i++) {
		struct item *it = &w->items[i];
		struct store_entry e = it->entry;

		e.key = it->key;
		e.version_id = it->id;
		e.storage_class = it->storage_class;
		e.owner = it->owner;
		e.etag = "";
		rc = upload_size(w->mount->store, it->key, it->id,
				 &e.size_bytes);
		/* It has ended meanwhile. */
		if (rc == -ENOENT)
			rc = 0;
		else if (!rc)
			rc = w->on_entry(w->ctx, &e);
		if (!rc)
			rc = answer_stream_progress(
				answer, "%" PRIu64 " uploads", ++w->seen);
	}
	drop(w);
	return rc;
}

int uploads_below(struct mount *mount, const char *path, uploads_want_fn wants,
		  store_entry_fn on_entry, void *ctx,
		  struct answer_stream *answer)
{
	struct uploads_walk w = {.mount = mount,
				 .wants = wants,
				 .on_entry = on_entry,
				 .ctx = ctx};
	struct store_list list;
	int rc = mount_key(mount, path, w.key);

	store_list_init(&list, STORE_LIST_UPLOADS, w.key, NULL);
	list.on_entry = keep;
	list.ctx = &w;
	do {
		if (!rc)
			rc = store_list_page(mount->store, &list);
		if (!rc)
			rc = give_page(&w, answer);
	} while (!rc && list.more);
	store_list_release(&list);
	drop(&w);
	free(w.items);
	return rc;
}
