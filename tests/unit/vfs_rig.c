/* SPDX-License-Identifier: Apache-2.0 */
#include "vfs_rig.h"

#include "vers3/sync/conflict.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#include "../../src/sync/syncer_impl.h"
#include "vers3/tree/gone.h"

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
		if (q->op == STORE_COPY && r->nameless_copies) {
			free(q->reply.object.version_id);
			q->reply.object.version_id = NULL;
		}
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

static const struct store_ops tap_ops = {
	.name = "tap",
	.call = tap_call,
	.free = vfs_fixture_free_layer,
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
	assert_int_equal(make_work_dir(f->dir, sizeof(f->dir), "t_vfs"), 0);
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

/*
 * A key is clean a little before its job lets go of it. Changed in between, it
 * would be sent after the others, and not with them.
 */
static bool has_jobs(struct rig *r)
{
	struct syncer *s = r->f.v->syncer;
	bool has;

	pthread_mutex_lock(&s->mutex);
	has = s->in_flight || s->deleting || map_count(s->busy);
	pthread_mutex_unlock(&s->mutex);
	return has;
}

void rig_sync(struct rig *r)
{
	uint64_t left;

	assert_int_equal(rig_try_sync(r, &left), 0);
	assert_int_equal(left, 0);
	while (has_jobs(r))
		usleep(1000);
}

void *rig_sync_thread(void *rig)
{
	return (void *)(intptr_t)rig_try_sync(rig, NULL);
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
