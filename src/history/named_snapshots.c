/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a point is exact. A tree holds what its instant is not younger than by
 * the server's dates, which are cut to a second or less. What was saved
 * before the point's object was written has no later date. What comes after
 * must have one: named_snapshots_make() returns when the server's clock, which
 * stood at the point's date or later when it answered, has moved on by the
 * unit that dates are cut to.
 */
#include "vers3/history/named_snapshots.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "timestamp.h"
#include "vers3/core/mount.h"
#include "vers3/store/version_list.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/log.h"
#include "view_node.h"

#define PATH_TAIL  "/@" /* between the name of .versions and a point's */
#define POINTS_MAX 10000 /* the rest is not seen */
/* How far two clocks may part in a second. */
#define MARGIN_NS (5 * NS_PER_MS)

struct named_snapshots {
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	struct point_list list;
	int64_t asked_ns; /* monotonic, when it was asked for; 0: never */
	uint64_t changes; /* made or heard of: what was asked before is old */
};

int named_snapshots_new(struct named_snapshots **ret_named_snapshots)
{
	struct named_snapshots *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->mutex, NULL);
	*ret_named_snapshots = p;
	return 0;
}

void named_snapshots_free(struct named_snapshots *p)
{
	if (!p)
		return;
	point_list_release(&p->list);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

void point_list_release(struct point_list *l)
{
	free(l->items);
	*l = (struct point_list){.items = NULL};
}

static int by_name(const void *name, const void *item)
{
	return strcmp(name, ((const struct point *)item)->name);
}

const struct point *point_list_find(const struct point_list *l,
				    const char *name)
{
	return array_find(name, l->items, l->count, sizeof(*l->items), by_name);
}

/* Whether a point may have this name: it means nothing else after an '@'. */
static bool is_name(const char *name)
{
	int64_t ns;

	return strlen(name) < META_NAME_MAX && mount_name_ok(NULL, name) &&
	       timestamp_parse(name, 0, &ns) && strcmp(name, "previous") != 0 &&
	       strcmp(name, "GMT") != 0; /* shadow_copy.h */
}

/* The first version of a key that no delete marker is younger than. */
struct first {
	const char *key; /* the only one looked for; or NULL */
	size_t skip; /* bytes before the name */
	struct version_list list;
	struct point_list points; /* owned: of each key */
	size_t size;
	char last[META_KEY_MAX + 1]; /* the key met last */
	bool over; /* its versions are all seen, or hidden by a marker */
	char version_id[META_VERSION_MAX + 1]; /* of the first, met last */
};

static struct point *add_point(struct first *f)
{
	struct point_list *l = &f->points;

	if (array_room(l->items, l->count, f->size))
		return NULL;
	return &l->items[l->count++];
}

static int start_key(struct first *f, const struct store_entry *e)
{
	struct point *p;

	strcpy(f->last, e->key);
	f->over = e->kind != STORE_ENTRY_VERSION ||
		  (f->key && strcmp(e->key, f->key) != 0) ||
		  !is_name(e->key + f->skip);
	if (f->over)
		return 0;
	if (f->points.count == POINTS_MAX) {
		log_warning("more than %d points: the others are not seen",
			    POINTS_MAX);
		f->list.stop = f->over = true;
		return 0;
	}
	p = add_point(f);
	if (!p)
		return -ENOMEM;
	strcpy(p->name, e->key + f->skip);
	return 0;
}

static int look_at(void *ctx, const struct store_entry *e)
{
	struct first *f = ctx;
	int rc;

	if (e->kind == STORE_ENTRY_PREFIX || e->key_len > META_KEY_MAX ||
	    strlen(e->version_id) > META_VERSION_MAX)
		return 0;
	if (strcmp(e->key, f->last) != 0) {
		rc = start_key(f, e);
		if (rc)
			return rc;
	}
	f->over = f->over || e->kind == STORE_ENTRY_MARKER;
	if (f->over)
		return 0;
	/* Newest first: the last one met is the first one made. */
	f->points.items[f->points.count - 1].at_ns = e->last_modified_ns;
	strcpy(f->version_id, e->version_id);
	return 0;
}

/* Asks for all points, or for the one of a key; the caller releases f. */
static int ask(struct view *view, const char *key, struct first *f)
{
	char prefix[META_KEY_MAX + 1];
	int rc = mount_key(view->mount, view->mount->config.versions_name,
			   prefix);

	memset(f, 0, sizeof(*f));
	if (!*view->mount->config.versions_name)
		return 0;
	if (!rc && strlen(prefix) + strlen(PATH_TAIL) > META_KEY_MAX)
		rc = -ENAMETOOLONG;
	if (!rc)
		strcat(prefix, PATH_TAIL);
	/* Under a prefix this long nothing has a name. */
	if (rc)
		return rc == -ENAMETOOLONG ? 0 : rc;
	f->key = key;
	f->skip = strlen(prefix);
	f->list = (struct version_list){.prefix = key ? key : prefix,
					.delimiter = "/",
					.on_entry = look_at,
					.ctx = f};
	return version_list(view->mount->store, &f->list);
}

/*
 * Takes the mutex, with a list under it that is not older than ttl. Several
 * who find it too old ask each for themselves, without the mutex. A failure
 * leaves it free.
 */
static int lock_fresh(struct view *view)
{
	struct named_snapshots *p = view->points;
	int64_t now = clock_mono_ns();
	uint64_t changes;
	struct first f;
	int rc;

	pthread_mutex_lock(&p->mutex);
	if (p->asked_ns && now - p->asked_ns < view->mount->config.ttl_ns)
		return 0;
	changes = p->changes;
	pthread_mutex_unlock(&p->mutex);
	rc = ask(view, NULL, &f);
	if (rc) {
		point_list_release(&f.points);
		return rc;
	}
	pthread_mutex_lock(&p->mutex);
	point_list_release(&p->list);
	p->list = f.points;
	p->asked_ns = p->changes == changes ? now : 0;
	return 0;
}

void named_snapshots_look_again(struct view *view)
{
	pthread_mutex_lock(&view->points->mutex);
	view->points->asked_ns = 0;
	view->points->changes++;
	pthread_mutex_unlock(&view->points->mutex);
}

int named_snapshots_list(struct view *view, struct point_list *ret_list)
{
	struct named_snapshots *p = view->points;
	size_t size;
	int rc = lock_fresh(view);

	if (rc)
		return rc;
	*ret_list = (struct point_list){NULL, 0};
	size = p->list.count * sizeof(struct point);
	if (size) {
		ret_list->items = malloc(size);
		rc = ret_list->items ? 0 : -ENOMEM;
	}
	if (size && !rc) {
		memcpy(ret_list->items, p->list.items, size);
		ret_list->count = p->list.count;
	}
	pthread_mutex_unlock(&p->mutex);
	return rc;
}

int named_snapshot_time(struct view *view, const char *text, int64_t *ret_ns)
{
	const struct point *found;
	int rc;

	text += *text == '@';
	if (!timestamp_parse(text, mount_server_now_ns(view->mount), ret_ns))
		return 0;
	if (!is_name(text))
		return -EINVAL;
	rc = lock_fresh(view);
	if (rc)
		return rc;
	found = point_list_find(&view->points->list, text);
	if (found)
		*ret_ns = found->at_ns;
	else
		rc = -EINVAL;
	pthread_mutex_unlock(&view->points->mutex);
	return rc;
}

static int key_of(struct view *view, const char *name, char *key)
{
	char path[2 * META_NAME_MAX + sizeof(PATH_TAIL)];

	if (!is_name(name))
		return strlen(name) < META_NAME_MAX ? -EINVAL : -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s" PATH_TAIL "%s",
		 view->mount->config.versions_name, name);
	return mount_key(view->mount, path, key);
}

/* The point of a key, as the bucket has it now. 0, -ENOENT. */
static int find_now(struct view *view, const char *key, int64_t *ret_ns,
		    char *version_id)
{
	struct first f;
	int rc = ask(view, key, &f);

	if (!rc && !f.points.count)
		rc = -ENOENT;
	if (!rc) {
		*ret_ns = f.points.items[0].at_ns;
		strcpy(version_id, f.version_id);
	}
	point_list_release(&f.points);
	return rc;
}

/*
 * Waits until what the server dates from now on is dated later than at_ns,
 * which it had reached at since_ns (monotonic). What a date is cut to shows
 * in it, or it is waited for longer than needed.
 */
static void wait_over(int64_t at_ns, int64_t since_ns)
{
	int64_t unit = NS_PER_S;
	struct timespec until;

	while (unit > NS_PER_MS && at_ns % unit)
		unit /= 10;
	until = clock_timespec(since_ns + unit + MARGIN_NS);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		;
}

/* Writes the object; whose it is then, if two did so at once, is told by
 * its version's id. */
static int put(struct view *view, const char *key, int64_t *ret_ns)
{
	char version_id[META_VERSION_MAX + 1];
	struct store_request r;
	int64_t answered;
	int rc;

	store_request_init(&r, STORE_PUT);
	r.sum = caps_sum(&view->mount->config.caps);
	r.key = key;
	r.body.mem = "";
	rc = store_call(view->mount->store, &r);
	answered = clock_mono_ns();
	if (!rc)
		rc = find_now(view, key, ret_ns, version_id);
	/*
	 * Sent twice, either may be ours. Somebody else's is as good then: it
	 * was not there when all had been sent.
	 */
	if (!rc && r.reply.tries <= 1 && r.reply.object.version_id &&
	    strcmp(r.reply.object.version_id, version_id) != 0)
		rc = -EEXIST;
	store_request_release(&r);
	if (!rc)
		wait_over(*ret_ns, answered);
	return rc;
}

int named_snapshots_make(struct view *view, const char *name)
{
	char key[META_KEY_MAX + 1], version_id[META_VERSION_MAX + 1];
	int64_t at_ns;
	uint64_t left;
	int rc = key_of(view, name, key);

	if (!rc && !view->mount->config.versioned)
		rc = -EOPNOTSUPP;
	if (!rc)
		rc = syncer_sync_all(view->syncer, "", &left);
	if (rc) {
		log_warning("no point %s: %s", name,
			    rc == -EOPNOTSUPP
				    ? "the bucket keeps no versions (mount "
				      "with -o enable_versioning)"
				    : errtext(rc));
		return rc;
	}
	rc = find_now(view, key, &at_ns, version_id);
	if (!rc)
		return -EEXIST;
	if (rc == -ENOENT)
		rc = put(view, key, &at_ns);
	named_snapshots_look_again(view);
	return rc;
}

int named_snapshots_remove(struct view *view, const char *name)
{
	char key[META_KEY_MAX + 1], version_id[META_VERSION_MAX + 1];
	struct store_request r;
	int64_t at_ns;
	int rc = key_of(view, name, key);

	if (!rc)
		rc = find_now(view, key, &at_ns, version_id);
	if (rc)
		return rc;
	store_request_init(&r, STORE_DELETE);
	r.key = key;
	rc = store_call(view->mount->store, &r);
	store_request_release(&r);
	named_snapshots_look_again(view);
	return rc;
}
