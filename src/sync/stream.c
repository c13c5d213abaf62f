/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of files that are being streamed, what part each is due next, and
 * the jobs that send one part each.
 */
#include "stream.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upload_record.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/store/limit.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/map.h"
#include "vers3/util/path.h"
#include "vers3/util/pool.h"
#include "vers3/util/urgency.h"

#define WIDTH	   16 /* parts of one file on their way */
#define RSYNC_TAIL 7 /* .XXXXXX */

/*
 *	from	the file grew	upload made	part failed	take	forget
 *	NEW	one part	BEGUN		OFF		TAKEN	GONE
 *	BEGUN	WIDTH parts	BEGUN		OFF		TAKEN	GONE
 *	OFF	-		OFF		OFF		TAKEN	GONE
 *	GONE	-		GONE		GONE		TAKEN	GONE
 *	TAKEN	-		TAKEN		TAKEN		-EAGAIN	TAKEN
 *
 * One that is TAKEN begins no part, and is freed by streams_give(), when those
 * on their way have ended; one that is GONE is freed with its last part.
 */
enum stream_state {
	STREAM_NEW, /* the first part's job makes the upload, alone */
	STREAM_BEGUN, /* the upload's record is there */
	STREAM_OFF, /* something went wrong: no more parts */
	STREAM_GONE, /* the file is, or what is staged of it */
	STREAM_TAKEN, /* by its end */
};

#define TO(state) (1U << STREAM_##state)

static const unsigned may_become[] = {
	[STREAM_NEW] = TO(BEGUN) | TO(OFF) | TO(GONE) | TO(TAKEN),
	[STREAM_BEGUN] = TO(OFF) | TO(GONE) | TO(TAKEN),
	[STREAM_OFF] = TO(GONE) | TO(TAKEN),
	[STREAM_GONE] = TO(TAKEN),
	[STREAM_TAKEN] = 0,
};

/* One file that is being sent while it is written. */
struct stream {
	uint64_t ino;
	uint64_t size_bytes; /* of the file, as last heard of */
	unsigned next; /* number of the part to be sent next */
	uint64_t ready_bytes; /* it is when the file has grown to this */
	unsigned in_flight; /* parts, */
	unsigned numbers[WIDTH]; /* and which; 0: none */
	bool begun; /* what makes the upload has been done */
	struct urgency_cause cause; /* of these: its end's, once there is one */
	enum stream_state state;
};

struct streams {
	struct uploader *u; /* borrowed */
	pthread_mutex_t mutex;
	pthread_cond_t event; /* a part has come back */
	struct map *map; /* ino → struct stream, owned; under mutex */
};

struct part_job {
	struct streams *t;
	uint64_t ino;
	unsigned number;
};

int streams_new(struct uploader *u, struct streams **ret_streams)
{
	struct streams *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->u = u;
	pthread_mutex_init(&t->mutex, NULL);
	clock_cond_init(&t->event);
	rc = map_new(&t->map);
	if (rc)
		streams_free(t);
	else
		*ret_streams = t;
	return rc;
}

static void free_stream(void *ctx, const void *key, size_t len, void *value)
{
	(void)ctx;
	(void)key;
	(void)len;
	free(value);
}

void streams_free(struct streams *t)
{
	if (!t)
		return;
	if (t->map)
		map_each(t->map, free_stream, NULL);
	map_free(t->map);
	pthread_cond_destroy(&t->event);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

/*
 * rsync writes .NAME.XXXXXX and renames it to NAME: that is where it goes.
 * path holds META_KEY_MAX + 2 bytes and gets shorter.
 */
static void guess_path(char *path)
{
	char *name = path + (path_base(path) - path);
	size_t len = strlen(name);
	char *tail = name + len - RSYNC_TAIL;

	if (name[0] != '.' || len < RSYNC_TAIL + 2 || *tail != '.')
		return;
	for (int i = 1; i < RSYNC_TAIL; i++)
		if (!isalnum((unsigned char)tail[i]))
			return;
	*tail = '\0';
	memmove(name, name + 1, strlen(name));
}

/*
 * What the file will be called, what it is now, and where a part's bytes come
 * from. -ENOENT: deleted. -EAGAIN: the part is not in one piece; written here
 * and there, it is not done yet, perhaps.
 */
static int read_file(struct syncer *s, uint64_t ino, struct meta_inode *inode,
		     const struct plan_part *p, struct upload_record_part *part,
		     uint64_t *ret_place, char path[META_KEY_MAX + 2])
{
	struct meta_extent *list = NULL;
	size_t count = 0;
	struct meta_dentry dentry = {.name = ""};
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(s->meta, ino, inode);
	if (!rc)
		rc = meta_name_next(s->meta, ino, 0, "", &dentry);
	if (!rc)
		rc = meta_path(s->meta, dentry.parent, dentry.name, path);
	if (!rc)
		rc = file_snapshot_extents(s->tree, ino, p->offset,
					   p->offset + p->length, &list,
					   &count);
	meta_unlock(s->meta);
	if (!rc)
		rc = upload_record_fingerprint(inode, list, count, p,
					       part->fingerprint, ret_place);
	free(list);
	if (!rc && (inode->base_bytes || *ret_place == UINT64_MAX))
		rc = -EAGAIN;
	if (!rc)
		guess_path(path);
	return rc;
}

/* -EAGAIN: the record is of an upload to another key, or under another
 * encryption; its end sees to it. */
static int begin(struct streams *t, const struct meta_inode *inode,
		 const char *path, struct upload_record *o)
{
	struct syncer *s = t->u->s;
	char key[META_KEY_MAX + 1];
	int rc = mount_key(s->mount, path, key);

	if (!rc)
		rc = upload_record_read(s, inode->ino, o);
	if (!rc)
		return strcmp(o->key, key) || !upload_has_encryption(s, o)
			       ? -EAGAIN
			       : 0;
	if (rc == -ENOENT)
		rc = object_meta_make(s->mount, inode, path, OBJECT_CONTENT_NEW,
				      &o->began);
	if (!rc)
		rc = upload_add_encryption(s, &o->began.headers);
	if (rc)
		return rc;
	strcpy(o->key, key);
	return upload_begin(t->u, inode->ino, o);
}

/* The file is to be a part past the end of this one. */
static void set_next(struct stream *s, unsigned number)
{
	uint64_t offset, length;

	plan_part_range(&plan_limits_s3, number, &offset, &length);
	s->next = number;
	s->ready_bytes = offset + 2 * length;
}

static void set_state(struct stream *s, enum stream_state state)
{
	assert(may_become[s->state] & (1U << state));
	s->state = state;
}

/* How many parts may be on their way. */
static unsigned width(const struct stream *s)
{
	if (s->state == STREAM_NEW)
		return 1;
	return s->state == STREAM_BEGUN ? WIDTH : 0;
}

/* Whether parts of it are still to be sent. */
static bool is_sending(const struct stream *s)
{
	return width(s) > 0;
}

static void run_part(void *arg);

/* The place of a part on its way, or with 0 a free one; NULL: there is none. */
static unsigned *find_number(struct stream *s, unsigned number)
{
	for (unsigned i = 0; i < WIDTH; i++)
		if (s->numbers[i] == number)
			return &s->numbers[i];
	return NULL;
}

/* Sends what may go; with the mutex held. */
static void submit_ready(struct streams *t, struct stream *s)
{
	while (s->in_flight < width(s) && s->size_bytes >= s->ready_bytes) {
		struct part_job *j = malloc(sizeof(*j));

		if (!j) {
			set_state(s, STREAM_OFF);
			return;
		}
		*j = (struct part_job){t, s->ino, s->next};
		if (pool_submit(t->u->parts, run_part, j)) {
			free(j);
			set_state(s, STREAM_OFF);
			return;
		}
		s->in_flight++;
		*find_number(s, 0) = s->next;
		set_next(s, s->next + 1);
	}
}

/* With the mutex held. */
static void free_if_gone(struct streams *t, struct stream *s)
{
	uint64_t ino = s->ino;

	if (s->state == STREAM_GONE && !s->in_flight)
		free(map_del(t->map, &ino, sizeof(ino)));
}

/* The upload is there: the other parts need not wait for this one. */
static void note_begun(struct streams *t, uint64_t ino)
{
	struct stream *s;

	pthread_mutex_lock(&t->mutex);
	s = map_get(t->map, &ino, sizeof(ino));
	s->begun = true;
	if (s->state == STREAM_NEW) {
		set_state(s, STREAM_BEGUN);
		submit_ready(t, s);
	}
	/* Who has taken it may wait for that. */
	pthread_cond_broadcast(&t->event);
	pthread_mutex_unlock(&t->mutex);
}

/* 0 when the part is in the bucket. */
static int send_part(struct streams *t, uint64_t ino, unsigned number)
{
	struct syncer *s = t->u->s;
	struct plan_part where = {.number = number, .kind = PLAN_DATA};
	struct upload_record_part part = {.number = number};
	char path[META_KEY_MAX + 2];
	struct meta_inode inode;
	struct upload_record o;
	uint64_t place = UINT64_MAX;
	int rc;

	upload_record_init(&o);
	plan_part_range(&plan_limits_s3, number, &where.offset, &where.length);
	part.length = where.length;
	rc = read_file(s, ino, &inode, &where, &part, &place, path);
	if (!rc)
		rc = begin(t, &inode, path, &o);
	if (!rc)
		note_begun(t, ino);
	if (!rc && upload_record_part_get(s, ino, &part) != 0)
		rc = upload_staged(t->u, &o, ino, place, &part);
	upload_record_release(&o);
	return rc;
}

static void run_part(void *arg)
{
	struct part_job *j = arg;
	struct streams *t = j->t;
	struct stream *s;
	bool sending;
	int rc = 0;

	urgency_enter(URGENCY_BACKGROUND);
	pthread_mutex_lock(&t->mutex);
	/* It stays in the map while a part of it is on its way. */
	s = map_get(t->map, &j->ino, sizeof(j->ino));
	urgency_cause_enter(&s->cause);
	sending = is_sending(s);
	pthread_mutex_unlock(&t->mutex);
	if (sending)
		rc = send_part(t, j->ino, j->number);
	if (rc)
		log_debug("part %u of inode %" PRIu64 " is sent later: %s",
			  j->number, j->ino, strerror(-rc));
	urgency_cause_enter(NULL);
	pthread_mutex_lock(&t->mutex);
	s->in_flight--;
	*find_number(s, j->number) = 0;
	if (is_sending(s) && rc)
		set_state(s, STREAM_OFF);
	submit_ready(t, s);
	free_if_gone(t, s);
	pthread_cond_broadcast(&t->event);
	pthread_mutex_unlock(&t->mutex);
	free(j);
}

/* With the mutex held; NULL without memory. */
static struct stream *get_stream(struct streams *t, uint64_t ino)
{
	struct stream *s = map_get(t->map, &ino, sizeof(ino));

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->ino = ino;
	urgency_cause_init(&s->cause);
	set_next(s, 1);
	if (map_put(t->map, &ino, sizeof(ino), s)) {
		free(s);
		return NULL;
	}
	return s;
}

void streams_written(struct streams *t, const struct meta_inode *inode)
{
	struct stream *s;

	if (inode->base_bytes || inode->size_bytes < STREAM_MIN)
		return;
	pthread_mutex_lock(&t->mutex);
	s = get_stream(t, inode->ino);
	if (s) {
		s->size_bytes = inode->size_bytes;
		submit_ready(t, s);
	}
	pthread_mutex_unlock(&t->mutex);
}

int streams_take(struct streams *t, uint64_t ino)
{
	struct stream *s;
	int rc = 0;

	pthread_mutex_lock(&t->mutex);
	s = get_stream(t, ino);
	if (!s)
		rc = -ENOMEM;
	else if (s->state == STREAM_TAKEN)
		rc = -EAGAIN;
	if (!rc) {
		set_state(s, STREAM_TAKEN);
		/* Who waits for the end waits for the parts on their way. */
		urgency_cause_serve(&s->cause, urgency_cause_current());
		if (s->in_flight)
			limit_store_hurry(t->u->s->limited);
		/* Else there would be two uploads. */
		while (s->in_flight && !s->begun)
			clock_cond_wait(&t->event, &t->mutex);
	}
	pthread_mutex_unlock(&t->mutex);
	return rc;
}

void streams_wait_part(struct streams *t, uint64_t ino, unsigned number)
{
	struct stream *s;

	pthread_mutex_lock(&t->mutex);
	s = map_get(t->map, &ino, sizeof(ino));
	assert(s && s->state == STREAM_TAKEN);
	while (find_number(s, number))
		clock_cond_wait(&t->event, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

void streams_wait_parts(struct streams *t, uint64_t ino)
{
	struct stream *s;

	pthread_mutex_lock(&t->mutex);
	s = map_get(t->map, &ino, sizeof(ino));
	assert(s && s->state == STREAM_TAKEN);
	while (s->in_flight)
		clock_cond_wait(&t->event, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

void streams_give(struct streams *t, uint64_t ino)
{
	struct stream *s;

	streams_wait_parts(t, ino);
	pthread_mutex_lock(&t->mutex);
	s = map_del(t->map, &ino, sizeof(ino));
	pthread_mutex_unlock(&t->mutex);
	free(s);
}

void streams_forget(struct streams *t, uint64_t ino)
{
	struct stream *s;

	pthread_mutex_lock(&t->mutex);
	s = map_get(t->map, &ino, sizeof(ino));
	if (s && s->state != STREAM_TAKEN && s->state != STREAM_GONE)
		set_state(s, STREAM_GONE);
	if (s)
		free_if_gone(t, s);
	pthread_mutex_unlock(&t->mutex);
}

void streams_wait_forgotten(struct streams *t, uint64_t ino)
{
	struct stream *s;

	pthread_mutex_lock(&t->mutex);
	/* One that is sending is of what was staged since then. */
	while ((s = map_get(t->map, &ino, sizeof(ino))) && s->in_flight &&
	       !is_sending(s))
		clock_cond_wait(&t->event, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

static void check_stream(void *ctx, const void *key, size_t len, void *value)
{
	const struct stream *s = value;
	const char **words = ctx;

	(void)key;
	(void)len;
	if (s->in_flight)
		*words = "streams: a part is on its way";
	else if (s->state == STREAM_TAKEN)
		*words = "streams: a file was not given back";
	else if (s->state == STREAM_GONE)
		*words = "streams: a file that is gone is kept";
}

const char *streams_check(struct streams *t)
{
	const char *words = NULL;

	pthread_mutex_lock(&t->mutex);
	map_each(t->map, check_stream, &words);
	pthread_mutex_unlock(&t->mutex);
	return words;
}
