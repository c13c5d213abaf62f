/* SPDX-License-Identifier: Apache-2.0 */
#include "vfs_rig.h"

#include "vers3/sync/conflict.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#include "../../src/sync/syncer_impl.h"
#include "vers3/tree/content.h"
#include "vers3/tree/gone.h"

#define BYTES_MAX (UINT64_C(256) << 20)

/* The tap: notes requests, holds them, lets them fail. */
struct tap {
	struct store store;
	struct rig *rig; /* borrowed */
};

static const char *below_prefix(const char *key)
{
	size_t len = strlen(VFS_FIXTURE_PREFIX);

	if (!key)
		return "";
	return strncmp(key, VFS_FIXTURE_PREFIX, len) ? key : key + len;
}

/* The request's line, malloc'd. */
static char *line_of(const struct store_request *q)
{
	const char *name = store_op_name(q->op);
	const char *key = below_prefix(q->key ? q->key : q->prefix);
	char *line = NULL;
	int n;

	switch (q->op) {
	case STORE_COPY:
		n = asprintf(&line, "%s %s<%s%s", name, key,
			     below_prefix(q->source_key),
			     q->source_version ? "" : ", loose");
		break;
	case STORE_UPLOAD_PART:
	case STORE_COPY_PART:
		n = asprintf(&line, "%s %s %u", name, key, q->part_number);
		break;
	case STORE_DELETE_MANY:
		n = asprintf(&line, "%s %zu", name, q->delete_count);
		break;
	default:
		n = asprintf(&line, "%s %s", name, key);
		break;
	}
	return n < 0 ? NULL : line;
}

static bool matches(const char *line, const char *match)
{
	return !strncmp(line, match, strlen(match));
}

static void note_line(struct rig *r, char *line)
{
	pthread_mutex_lock(&r->mutex);
	if (r->line_count == r->line_size) {
		size_t size = r->line_size ? r->line_size * 2 : 64;
		char **p = realloc(r->lines, size * sizeof(*p));

		if (!p)
			abort();
		r->lines = p;
		r->line_size = size;
	}
	r->lines[r->line_count++] = line;
	pthread_mutex_unlock(&r->mutex);
}

/* 0, or -EINTR when its caller has given up, as a server's answer would. */
static int wait_at_gate(struct rig *r, const char *line, enum rig_when when)
{
	int rc = 0;

	pthread_mutex_lock(&r->mutex);
	if (r->gate_match[0] && r->gate_when == when &&
	    matches(line, r->gate_match)) {
		r->gate_held++;
		pthread_cond_broadcast(&r->cond);
		while (!rc && r->gate_match[0])
			rc = cancel_wait(&r->cond, &r->mutex);
		r->gate_held--;
	}
	pthread_mutex_unlock(&r->mutex);
	return rc;
}

/* The error that a request is to end in now, or 0. */
static int take_failure(struct rig *r, const char *line, enum rig_when when)
{
	int error = 0;

	pthread_mutex_lock(&r->mutex);
	if (r->fail_times && r->fail_when == when &&
	    matches(line, r->fail_match)) {
		error = r->fail_error;
		r->fail_times--;
	}
	pthread_mutex_unlock(&r->mutex);
	return error;
}

static void run_hook(struct rig *r, const char *line)
{
	static _Thread_local bool inside;
	void (*fn)(struct rig * r) = NULL;

	pthread_mutex_lock(&r->mutex);
	if (!inside && r->hook_times && matches(line, r->hook_match)) {
		fn = r->hook;
		r->hook_times--;
	}
	pthread_mutex_unlock(&r->mutex);
	if (!fn)
		return;
	inside = true;
	fn(r);
	inside = false;
}

void rig_hook(struct rig *r, const char *match, void (*fn)(struct rig *r),
	      unsigned times)
{
	pthread_mutex_lock(&r->mutex);
	snprintf(r->hook_match, sizeof(r->hook_match), "%s", match);
	r->hook = fn;
	r->hook_times = times;
	pthread_mutex_unlock(&r->mutex);
}

static int tap_call(struct store *s, struct store_request *q)
{
	struct rig *r = ((struct tap *)s)->rig;
	char *line = line_of(q), *copy = line ? strdup(line) : NULL;
	int rc, error;

	if (!copy)
		abort();
	note_line(r, line);
	rc = wait_at_gate(r, copy, RIG_BEFORE);
	store_reply_reset(&q->reply);
	if (!rc)
		rc = take_failure(r, copy, RIG_BEFORE);
	if (!rc) {
		rc = store_call(s->below, q);
		run_hook(r, copy);
		error = wait_at_gate(r, copy, RIG_AFTER);
		if (!error)
			error = take_failure(r, copy, RIG_AFTER);
		if (error) {
			store_reply_reset(&q->reply);
			q->reply.unsure = r->tells_unsure;
			rc = error;
		}
	}
	free(copy);
	return rc;
}

static void tap_free(struct store *s)
{
	store_free(s->below);
	free(s);
}

static const struct store_ops tap_ops = {
	.name = "tap",
	.call = tap_call,
	.free = tap_free,
};

static int setup(void **state, bool versioned)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct tap *tap = calloc(1, sizeof(*tap));
	struct vfs_fixture *f = &r->f;

	alarm(300);
	log_set_level(LOG_LEVEL_ERROR);
	assert_non_null(r);
	assert_non_null(tap);
	f->config = vfs_fixture_config;
	f->config.versioned = versioned;
	pthread_mutex_init(&r->mutex, NULL);
	clock_cond_init(&r->cond);
	snprintf(f->dir, sizeof(f->dir), "/tmp/t_vfs.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(memory_store_new(versioned, &r->bucket), 0);
	f->store = r->bucket;
	assert_int_equal(
		fault_store_new(vfs_fixture_fault, f, &f->store, &f->store), 0);
	tap->store.ops = &tap_ops;
	tap->store.below = f->store;
	tap->rig = r;
	f->store = &tap->store;
	assert_int_equal(metrics_store_new(&f->store, &f->store), 0);
	vfs_fixture_start(f);
	*state = r;
	return 0;
}

int rig_setup(void **state)
{
	return setup(state, true);
}

int rig_setup_unversioned(void **state)
{
	return setup(state, false);
}

int rig_teardown(void **state)
{
	struct rig *r = *state;

	rig_gate(r, NULL, RIG_BEFORE);
	vfs_fixture_stop(&r->f);
	/* The syncer has ended: nobody notes requests any more. */
	rig_forget_requests(r);
	free(r->lines);
	pthread_cond_destroy(&r->cond);
	pthread_mutex_destroy(&r->mutex);
	store_free(r->f.store);
	remove_tree(r->f.dir);
	free(r);
	return 0;
}

void rig_restart(struct rig *r)
{
	vfs_fixture_stop(&r->f);
	vfs_fixture_start(&r->f);
	rig_forget_requests(r);
}

void rig_kill(struct rig *r)
{
	uint64_t boot = 0;
	char reason[256];
	struct meta *m;

	assert_int_equal(meta_lock(r->f.meta), 0);
	meta_sys_get_u64(r->f.meta, "sync.ended", &boot);
	meta_unlock(r->f.meta);
	vfs_fixture_stop(&r->f);
	assert_int_equal(
		meta_open(r->f.dir, "identity", reason, sizeof(reason), &m), 0);
	assert_int_equal(meta_lock(m), 0);
	assert_int_equal(
		meta_sys_put_u64(m, "sync.ended", r->power_lost ? 0 : boot), 0);
	meta_unlock(m);
	meta_close(m);
	vfs_fixture_start(&r->f);
	rig_forget_requests(r);
}

void rig_forget(struct rig *r)
{
	vfs_fixture_stop(&r->f);
	remove_tree(r->f.dir);
	assert_int_equal(mkdir(r->f.dir, 0700), 0);
	vfs_fixture_start(&r->f);
	rig_forget_requests(r);
}

int rig_try_sync(struct rig *r, uint64_t *ret_left)
{
	uint64_t left = 0;
	int rc = syncer_sync_all(r->f.v->syncer, "", &left);

	if (ret_left)
		*ret_left = left;
	return rc;
}

void rig_sync(struct rig *r)
{
	uint64_t left;

	assert_int_equal(rig_try_sync(r, &left), 0);
	assert_int_equal(left, 0);
}

uint64_t rig_dirty(struct rig *r)
{
	struct syncer_stats st;

	syncer_read_stats(r->f.v->syncer, &st);
	return st.dirty_keys;
}

bool rig_idle(struct rig *r)
{
	struct syncer *s = r->f.v->syncer;
	bool idle;

	pthread_mutex_lock(&s->mutex);
	idle = s->asleep && !s->kicked && !s->in_flight && !s->next_due_ns;
	pthread_mutex_unlock(&s->mutex);
	return idle;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines, sorted, with "; " between; malloc'd. */
static char *join_lines(char **lines, size_t count)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	if (count)
		qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
			buf_printf(&b, "%s%s", i ? "; " : "", lines[i]), 0);
	return buf_detach(&b);
}

static bool is_question(const char *line)
{
	return matches(line, "Head") || matches(line, "List") ||
	       matches(line, "Get");
}

/* Forgets the requests that change nothing in the bucket. */
static void drop_questions(struct rig *r)
{
	size_t kept = 0;

	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->line_count; i++) {
		if (is_question(r->lines[i]))
			free(r->lines[i]);
		else
			r->lines[kept++] = r->lines[i];
	}
	r->line_count = kept;
	pthread_mutex_unlock(&r->mutex);
}

/* The same lines as a caller wrote them, sorted. */
static char *sort_wanted(const char *wanted)
{
	char *copy = strdup(wanted), *at = copy, *end, *joined;
	char *lines[256];
	size_t count = 0;

	assert_non_null(copy);
	while (at && *at) {
		end = strstr(at, "; ");
		if (end)
			*end = '\0';
		assert_true(count < 256);
		lines[count++] = at;
		at = end ? end + 2 : NULL;
	}
	joined = join_lines(lines, count);
	free(copy);
	return joined;
}

void rig_asked(struct rig *r, const char *lines)
{
	char *have, *want = sort_wanted(lines);

	pthread_mutex_lock(&r->mutex);
	have = join_lines(r->lines, r->line_count);
	pthread_mutex_unlock(&r->mutex);
	assert_string_equal(have, want);
	free(have);
	free(want);
	rig_forget_requests(r);
}

void rig_changed(struct rig *r, const char *lines)
{
	drop_questions(r);
	rig_asked(r, lines);
}

unsigned rig_count(struct rig *r, const char *match)
{
	unsigned count = 0;

	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->line_count; i++)
		count += matches(r->lines[i], match);
	pthread_mutex_unlock(&r->mutex);
	return count;
}

void rig_forget_requests(struct rig *r)
{
	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->line_count; i++)
		free(r->lines[i]);
	r->line_count = 0;
	pthread_mutex_unlock(&r->mutex);
}

void rig_fail(struct rig *r, const char *match, enum rig_when when, int error,
	      unsigned times)
{
	pthread_mutex_lock(&r->mutex);
	snprintf(r->fail_match, sizeof(r->fail_match), "%s", match);
	r->fail_when = when;
	r->fail_error = error;
	r->fail_times = times;
	pthread_mutex_unlock(&r->mutex);
}

void rig_gate(struct rig *r, const char *match, enum rig_when when)
{
	pthread_mutex_lock(&r->mutex);
	snprintf(r->gate_match, sizeof(r->gate_match), "%s",
		 match ? match : "");
	r->gate_when = when;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->mutex);
}

void rig_wait_held(struct rig *r)
{
	pthread_mutex_lock(&r->mutex);
	while (!r->gate_held)
		pthread_cond_wait(&r->cond, &r->mutex);
	pthread_mutex_unlock(&r->mutex);
}

static void object_key(const char *key, char *buf, size_t size)
{
	snprintf(buf, size, VFS_FIXTURE_PREFIX "%s", key);
}

void rig_put_meta(struct rig *r, const char *key, const void *data, size_t size,
		  const struct kvlist *meta)
{
	char full[META_KEY_MAX + 64];
	struct store_request q;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_PUT);
	q.key = full;
	q.meta = meta;
	q.body.mem = size ? data : "";
	q.body.length = size;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

void rig_put(struct rig *r, const char *key, const void *data, size_t size)
{
	rig_put_meta(r, key, data, size, NULL);
}

void rig_put_text(struct rig *r, const char *key, const char *text)
{
	rig_put_meta(r, key, text, strlen(text), NULL);
}

void rig_put_mode(struct rig *r, const char *key, const char *text,
		  const char *permissions)
{
	struct kvlist meta;

	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, "file-permissions", permissions), 0);
	rig_put_meta(r, key, text, strlen(text), &meta);
	kvlist_release(&meta);
}

void rig_remove(struct rig *r, const char *key)
{
	char full[META_KEY_MAX + 64];
	struct store_request q;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_DELETE);
	q.key = full;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

static int take_body(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct buf *b = ctx;

	return offset == b->len ? buf_add(b, data, len) : -EIO;
}

/* What the bucket holds at a key: 0 or -ENOENT. */
static int get_body(struct rig *r, const char *key, struct buf *body)
{
	char full[META_KEY_MAX + 64];
	struct store_request q;
	int rc;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_GET);
	q.key = full;
	q.sink = take_body;
	q.sink_ctx = body;
	rc = store_call(r->bucket, &q);
	store_request_release(&q);
	return rc;
}

void rig_holds_bytes(struct rig *r, const char *key, const void *data,
		     size_t size)
{
	struct buf body;

	buf_init(&body, BYTES_MAX);
	assert_int_equal(get_body(r, key, &body), data ? 0 : -ENOENT);
	assert_int_equal(body.len, size);
	if (size)
		assert_memory_equal(body.data, data, size);
	buf_release(&body);
}

void rig_get_bytes(struct rig *r, const char *key, unsigned char **ret_data,
		   size_t *ret_size)
{
	struct buf body;

	buf_init(&body, BYTES_MAX);
	assert_int_equal(get_body(r, key, &body), 0);
	*ret_data = malloc(body.len + 1);
	assert_non_null(*ret_data);
	memcpy(*ret_data, body.data, body.len);
	*ret_size = body.len;
	buf_release(&body);
}

void rig_holds(struct rig *r, const char *key, const char *text)
{
	rig_holds_bytes(r, key, text, text ? strlen(text) : 0);
}

char *rig_meta(struct rig *r, const char *key, const char *name)
{
	char full[META_KEY_MAX + 64], *copy = NULL;
	struct store_request q;
	const char *value;

	object_key(key, full, sizeof(full));
	store_request_init(&q, STORE_HEAD);
	q.key = full;
	assert_int_equal(store_call(r->bucket, &q), 0);
	value = kvlist_get(&q.reply.object.meta, name);
	if (value)
		copy = strdup(value);
	store_request_release(&q);
	return copy;
}

void rig_meta_is(struct rig *r, const char *key, const char *name,
		 const char *value)
{
	char *got = rig_meta(r, key, name);

	if (!got || !value)
		assert_ptr_equal(got, value);
	else
		assert_string_equal(got, value);
	free(got);
}

struct tally {
	const char *key;
	unsigned versions, markers, all;
};

static int count_entry(void *ctx, const struct store_entry *e)
{
	struct tally *t = ctx;

	t->all++;
	if (t->key && strcmp(e->key, t->key))
		return 0;
	t->versions += e->kind == STORE_ENTRY_VERSION;
	t->markers += e->kind == STORE_ENTRY_MARKER;
	return 0;
}

static struct tally tally(struct rig *r, enum store_op op, const char *key)
{
	char full[META_KEY_MAX + 64];
	struct tally t = {.key = key ? full : NULL};
	struct store_request q;

	object_key(key ? key : "", full, sizeof(full));
	store_request_init(&q, op);
	q.prefix = full;
	q.on_entry = count_entry;
	q.entry_ctx = &t;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
	return t;
}

uint64_t rig_detach(struct rig *r, const char *name)
{
	struct meta_dentry dentry;
	struct meta_inode inode;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(
		meta_dentry_get(r->f.meta, META_ROOT_INO, name, &dentry), 0);
	assert_int_equal(meta_inode_get(r->f.meta, dentry.ino, &inode), 0);
	assert_int_equal(gone_detach(r->f.v->tree, &dentry, &inode, name), 0);
	meta_unlock(r->f.meta);
	return dentry.ino;
}

unsigned rig_versions(struct rig *r, const char *key)
{
	return tally(r, STORE_LIST_VERSIONS, key).versions;
}

unsigned rig_markers(struct rig *r, const char *key)
{
	return tally(r, STORE_LIST_VERSIONS, key).markers;
}

unsigned rig_uploads(struct rig *r)
{
	return tally(r, STORE_LIST_UPLOADS, NULL).all;
}

static int abort_entry(void *ctx, const struct store_entry *entry)
{
	struct store_request q;
	struct rig *r = ctx;

	store_request_init(&q, STORE_ABORT_UPLOAD);
	q.key = entry->key;
	q.upload_id = entry->version_id;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
	return 0;
}

void rig_run_keys(struct rig *r, const char *script)
{
	char *copy = strdup(script), *rest = NULL, *key;

	assert_non_null(copy);
	for (key = strtok_r(copy, " ", &rest); key;
	     key = strtok_r(NULL, " ", &rest)) {
		if (*key == '-')
			rig_remove(r, key + 1);
		else
			rig_put_text(r, key, key);
	}
	free(copy);
}

void rig_abort_uploads(struct rig *r)
{
	struct store_request q;

	store_request_init(&q, STORE_LIST_UPLOADS);
	q.on_entry = abort_entry;
	q.entry_ctx = r;
	assert_int_equal(store_call(r->bucket, &q), 0);
	store_request_release(&q);
}

uint64_t rig_random(uint64_t *seed)
{
	/* SplitMix64. */
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned char *rig_bytes(uint64_t seed, size_t size)
{
	unsigned char *p = malloc(size ? size : 1);

	assert_non_null(p);
	for (size_t i = 0; i < size; i += 8) {
		uint64_t x = rig_random(&seed);

		memcpy(p + i, &x, size - i < 8 ? size - i : 8);
	}
	return p;
}

unsigned rig_conflicts(struct rig *r)
{
	unsigned count = 0;
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(conflict_write(r->f.v->syncer, &text), 0);
	for (const char *at = text.data; at && (at = strstr(at, "current = "));
	     at++)
		count++;
	buf_release(&text);
	return count;
}
