/* SPDX-License-Identifier: Apache-2.0 */
/* A HEAD beside a directory's first list: when it counts, what it costs. */
#include "../vfs_rig.h"

#include "../../../src/tree/dir_impl.h"
#include "../../../src/tree/early_head.h"
#include "../../../src/tree/tree_impl.h"
#include "vers3/store/limit.h"
#include "vers3/util/cancel.h"
#include "vers3/util/pool.h"

#include "dir_rig.h"

static const struct {
	const char *label;
	const char *listed, *etag; /* "" : none */
	uint64_t listed_bytes, bytes;
	int listed_s, dated_s, now_s;
	const char *version; /* that is known */
	bool fits;
} fits[] = {
	{"the same", "e", "e", 3, 3, 5, 5, 9, "", true},
	{"no date of the answer", "e", "e", 3, 3, 5, 5, 0, "", true},
	{"another ETag", "e", "d", 3, 3, 5, 5, 9, "", false},
	{"no ETag", "e", NULL, 3, 3, 5, 5, 9, "", false},
	{"none in the list", "", "", 3, 3, 5, 5, 9, "", false},
	{"another size", "e", "e", 3, 4, 5, 5, 9, "", false},
	{"the list has a newer one", "e", "e", 3, 3, 6, 5, 9, "", false},
	{"moved by a tag, or newer", "e", "e", 3, 3, 5, 6, 9, "", true},
	{"made in that second", "e", "e", 3, 3, 5, 5, 5, "", false},
	{"made in the one before", "e", "e", 3, 3, 5, 5, 6, "", true},
	{"a version of ours", "e", "e", 3, 3, 5, 5, 9, "v", false},
};

static void test_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fits) / sizeof(*fits); i++) {
		struct meta_version v = {.size_bytes = fits[i].listed_bytes};
		struct store_reply reply = {.status = 200};

		print_message("%s\n", fits[i].label);
		v.last_modified_ns = fits[i].listed_s * NS_PER_S;
		strcpy(v.etag, fits[i].listed);
		strcpy(v.version_id, fits[i].version);
		reply.object.etag = (char *)fits[i].etag;
		reply.object.size_bytes = fits[i].bytes;
		reply.object.last_modified_ns = fits[i].dated_s * NS_PER_S;
		reply.date_ns = fits[i].now_s * NS_PER_S;
		assert_int_equal(early_head_fits(&v, &reply), fits[i].fits);
	}
}

/* All answers come from as far as that, and stay good. */
static void go_far(struct rig *r, int64_t far_ns)
{
	vfs_fixture_stop(&r->f);
	r->f.config.far_ns = far_ns;
	r->f.config.ttl_ns = 600 * NS_PER_S;
	assert_int_equal(limit_store_new(&r->f.store, &r->f.store), 0);
	vfs_fixture_start(&r->f);
	rig_forget_requests(r);
}

/* The directories of the root are known, what is in them is not. */
static void list_root(struct rig *r)
{
	char names[512];

	assert_int_equal(rig_list(r, "", true, names, sizeof(names)), 0);
	rig_forget_requests(r);
}

/* What is there was there before the second that begins. */
static void pass_second(void)
{
	int64_t second = clock_real_ns() / NS_PER_S;

	while (clock_real_ns() / NS_PER_S == second)
		usleep(10000);
}

static uint64_t in_flight(struct rig *r)
{
	struct metrics_snapshot m;

	metrics_store_read(r->f.store, &m);
	return m.in_flight;
}

static bool is_listed(struct rig *r, uint64_t ino)
{
	struct meta_inode inode;
	bool listed;

	assert_int_equal(meta_lock(r->f.meta), 0);
	listed = !meta_inode_get(r->f.meta, ino, &inode) &&
		 (inode.flags & META_I_LISTED);
	meta_unlock(r->f.meta);
	return listed;
}

struct looker {
	struct rig *r;
	uint64_t dir;
	const char *name;
	struct cancel cancel;
	pthread_t thread;
	struct vfs_entry e;
	int rc;
};

static void *look(void *arg)
{
	struct looker *l = arg;

	cancel_enter(&l->cancel);
	l->rc = vfs_lookup(l->r->f.v, l->dir, l->name, &l->e);
	cancel_enter(NULL);
	return NULL;
}

static void look_begin(struct looker *l, struct rig *r, const char *dir,
		       const char *name)
{
	memset(l, 0, sizeof(*l));
	l->r = r;
	l->dir = vfs_fixture_find(&r->f, dir);
	l->name = name;
	assert_int_not_equal(l->dir, 0);
	cancel_init(&l->cancel, NULL);
	assert_int_equal(pthread_create(&l->thread, NULL, look, l), 0);
}

/* What others do, and what is found. */
struct found {
	int rc;
	mode_t mode;
	unsigned heads; /* 0: it depends on the clock */
};

/* In each c<n>/ is what is looked up: c<n>/f. */
static const struct {
	const char *label;
	const char *text, *mode; /* of what is there; NULL: nothing */
	int error; /* of the HEAD */
	const char *then, *then_mode; /* others put it between the answers */
	bool removed; /* or remove it */
	struct found early, late; /* the HEAD answered first, or last */
} cases[] = {
	{.label = "a file",
	 .text = "x",
	 .mode = "0100640",
	 .early = {0, S_IFREG | 0640, 1},
	 .late = {0, S_IFREG | 0640, 1}},
	{.label = "nothing", .early = {-ENOENT, 0, 1}, .late = {-ENOENT, 0, 1}},
	{.label = "it finds nothing",
	 .text = "x",
	 .mode = "0100640",
	 .error = -ENOENT,
	 .early = {0, S_IFREG | 0640, 2},
	 .late = {0, S_IFREG | 0640, 2}},
	{.label = "it is refused",
	 .text = "x",
	 .mode = "0100640",
	 .error = -EACCES,
	 .early = {0, S_IFREG | 0640, 2},
	 .late = {0, S_IFREG | 0640, 2}},
	{.label = "it fails",
	 .text = "x",
	 .mode = "0100640",
	 .error = -EIO,
	 .early = {0, S_IFREG | 0640, 2},
	 .late = {0, S_IFREG | 0640, 2}},
	{.label = "it is not answered",
	 .text = "x",
	 .mode = "0100640",
	 .error = -ETIMEDOUT,
	 .early = {0, S_IFREG | 0640, 2},
	 .late = {0, S_IFREG | 0640, 2}},
	{.label = "changed between",
	 .text = "x",
	 .mode = "0100640",
	 .then = "longer",
	 .then_mode = "0100600",
	 .early = {0, S_IFREG | 0600, 2},
	 .late = {0, S_IFREG | 0600, 2}},
	{.label = "other attributes between",
	 .text = "x",
	 .mode = "0100640",
	 .then = "x",
	 .then_mode = "0100600",
	 .early = {0, S_IFREG | 0600, 2},
	 .late = {0, S_IFREG | 0600, 0}},
	{.label = "made between",
	 .then = "x",
	 .then_mode = "0100600",
	 .early = {0, S_IFREG | 0600, 2},
	 .late = {-ENOENT, 0, 1}},
	{.label = "removed between",
	 .text = "x",
	 .mode = "0100640",
	 .removed = true,
	 .early = {-ENOENT, 0, 1},
	 .late = {-ENOENT, 0, 2}},
	{.label = "a symlink",
	 .text = "there",
	 .mode = "0120777",
	 .early = {0, S_IFLNK | 0777, 1},
	 .late = {0, S_IFLNK | 0777, 1}},
};
#define CASES (sizeof(cases) / sizeof(*cases))

static void put_cases(struct rig *r)
{
	char key[32];

	for (size_t i = 0; i < CASES; i++) {
		snprintf(key, sizeof(key), "c%zu/other", i);
		rig_put_text(r, key, "x");
		snprintf(key, sizeof(key), "c%zu/f", i);
		if (cases[i].text)
			rig_put_mode(r, key, cases[i].text, cases[i].mode);
	}
	list_root(r);
	pass_second();
}

static void change_between(struct rig *r, size_t i)
{
	char key[32];

	snprintf(key, sizeof(key), "c%zu/f", i);
	if (cases[i].then)
		rig_put_mode(r, key, cases[i].then, cases[i].then_mode);
	if (cases[i].removed)
		rig_remove(r, key);
}

static void check_found(struct rig *r, size_t i, const struct looker *l,
			const struct found *f)
{
	char line[64];

	assert_int_equal(l->rc, f->rc);
	if (!f->rc)
		assert_int_equal(l->e.st.st_mode, f->mode);
	snprintf(line, sizeof(line), "ListObjectsV2 c%zu/", i);
	assert_int_equal(rig_count(r, line), 1);
	snprintf(line, sizeof(line), "HeadObject c%zu/f", i);
	if (f->heads)
		assert_int_equal(rig_count(r, line), f->heads);
}

static void test_answered_first(void **state)
{
	struct rig *r = *state;

	go_far(r, 1);
	put_cases(r);
	for (size_t i = 0; i < CASES; i++) {
		char dir[16], list[32], head[32];
		struct looker l;

		print_message("%s\n", cases[i].label);
		snprintf(dir, sizeof(dir), "c%zu", i);
		snprintf(list, sizeof(list), "ListObjectsV2 c%zu/", i);
		snprintf(head, sizeof(head), "HeadObject c%zu/f", i);
		if (cases[i].error)
			rig_fail(r, head, RIG_BEFORE, cases[i].error, 1);
		rig_gate(r, list, RIG_BEFORE);
		look_begin(&l, r, dir, "f");
		rig_wait_held(r);
		while (!rig_count(r, head) || in_flight(r) > 1)
			usleep(1000);
		change_between(r, i);
		rig_gate(r, NULL, RIG_BEFORE);
		pthread_join(l.thread, NULL);
		check_found(r, i, &l, &cases[i].early);
	}
}

static void test_answered_last(void **state)
{
	struct rig *r = *state;

	go_far(r, 1);
	put_cases(r);
	for (size_t i = 0; i < CASES; i++) {
		char dir[16], list[32], head[32];
		struct looker l;

		print_message("%s\n", cases[i].label);
		snprintf(dir, sizeof(dir), "c%zu", i);
		snprintf(list, sizeof(list), "ListObjectsV2 c%zu/", i);
		snprintf(head, sizeof(head), "HeadObject c%zu/f", i);
		if (cases[i].error)
			rig_fail(r, head, RIG_BEFORE, cases[i].error, 1);
		rig_gate(r, head, RIG_BEFORE);
		rig_hook(r, list, rig_wait_held, 1);
		look_begin(&l, r, dir, "f");
		while (!is_listed(r, l.dir))
			usleep(1000);
		change_between(r, i);
		rig_gate(r, NULL, RIG_BEFORE);
		pthread_join(l.thread, NULL);
		/* What nobody waits for must not meet the next gate. */
		while (in_flight(r))
			usleep(1000);
		check_found(r, i, &l, &cases[i].late);
	}
}

/* What turns out to be a directory is asked for as one. */
static void test_directory(void **state)
{
	struct rig *r = *state;
	struct looker l;

	go_far(r, 1);
	put_all(r, "d/f/x e/f e/f/x");
	list_root(r);
	pass_second();
	rig_gate(r, "ListObjectsV2 d/", RIG_BEFORE);
	look_begin(&l, r, "d", "f");
	rig_wait_held(r);
	while (!rig_count(r, "HeadObject d/f"))
		usleep(1000);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(l.thread, NULL);
	assert_int_equal(l.rc, 0);
	assert_true(S_ISDIR(l.e.st.st_mode));
	rig_asked(r, "ListObjectsV2 d/; HeadObject d/f; HeadObject d/f/");
	/* The file of that name is hidden, though there is an answer for it. */
	rig_gate(r, "ListObjectsV2 e/", RIG_BEFORE);
	look_begin(&l, r, "e", "f");
	rig_wait_held(r);
	while (!rig_count(r, "HeadObject e/f") || in_flight(r) > 1)
		usleep(1000);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(l.thread, NULL);
	assert_int_equal(l.rc, 0);
	assert_true(S_ISDIR(l.e.st.st_mode));
	rig_asked(r, "ListObjectsV2 e/; HeadObject e/f; HeadObject e/f/");
}

/* Who does not need it does not wait for it, nor does the end. */
static void test_hangs(void **state)
{
	struct rig *r = *state;

	go_far(r, 1);
	put_all(r, "d/f");
	list_root(r);
	rig_gate(r, "HeadObject d/none", RIG_BEFORE);
	rig_hook(r, "ListObjectsV2 d/", rig_wait_held, 1);
	assert_int_equal(rig_there(r, "d/none"), -ENOENT);
	assert_int_equal(in_flight(r), 1);
	/* It is one a directory, and this one is over. */
	assert_int_equal(rig_there(r, "d/f"), 0);
	rig_restart(r);
	assert_int_equal(in_flight(r), 0);
	rig_gate(r, NULL, RIG_BEFORE);
}

/* Whoever is killed while it is under way gets away. */
static void test_killed(void **state)
{
	struct rig *r = *state;
	struct looker l;

	go_far(r, 1);
	put_all(r, "d/f");
	list_root(r);
	rig_gate(r, "HeadObject d/f", RIG_BEFORE);
	rig_hook(r, "ListObjectsV2 d/", rig_wait_held, 1);
	look_begin(&l, r, "d", "f");
	while (!is_listed(r, l.dir))
		usleep(1000);
	cancel_set(&l.cancel);
	pthread_join(l.thread, NULL);
	assert_int_equal(l.rc, -EINTR);
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(rig_there(r, "d/f"), 0);
}

/* A list that fails fails the look-up, whatever the HEAD says. */
static void test_list_fails(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	uint64_t d;

	go_far(r, 1);
	put_all(r, "d/f");
	list_root(r);
	d = vfs_fixture_find(&r->f, "d");
	rig_fail(r, "ListObjectsV2 d/", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(vfs_lookup(r->f.v, d, "f", &e), -EACCES);
	assert_false(is_listed(r, d));
	assert_int_equal(vfs_lookup(r->f.v, d, "f", &e), 0);
}

/* In an outage nothing is asked for beside. */
static void test_outage(void **state)
{
	struct rig *r = *state;
	struct vfs_entry e;
	uint64_t d;

	go_far(r, 1);
	put_all(r, "d/f");
	list_root(r);
	d = vfs_fixture_find(&r->f, "d");
	atomic_store(&r->f.silent, true);
	assert_int_not_equal(vfs_lookup(r->f.v, d, "f", &e), 0);
	assert_null(early_head_begin(r->f.v->tree, d, "f"));
	atomic_store(&r->f.silent, false);
}

/* One a directory; none where the server is near, or nothing is unknown. */
static void test_seldom(void **state)
{
	struct rig *r = *state;
	struct early_head *e;
	uint64_t d;

	put_all(r, "d/f e/f");
	list_root(r);
	d = vfs_fixture_find(&r->f, "d");
	assert_null(early_head_begin(r->f.v->tree, d, "f"));
	go_far(r, 1);
	e = early_head_begin(r->f.v->tree, d, "f");
	assert_non_null(e);
	assert_null(early_head_begin(r->f.v->tree, d, "g"));
	early_head_end(e);
	e = early_head_begin(r->f.v->tree, d, "g");
	assert_non_null(e);
	early_head_end(e);
	pool_drain(r->f.v->tree->dirs->pool);
	rig_mkdir(r, "new");
	rig_forget_requests(r);
	assert_int_equal(rig_there(r, "new/none"), -ENOENT);
	rig_asked(r, "");
	/* By its answer it is known to be near. */
	assert_int_equal(rig_there(r, "d/f"), 0);
	r->f.config.far_ns = 600 * NS_PER_S;
	rig_restart(r);
	assert_int_equal(rig_there(r, "e/none"), -ENOENT);
	assert_int_equal(rig_count(r, "HeadObject e/none"), 0);
}

struct plug {
	pthread_mutex_t mutex;
};

static void hold_thread(void *arg)
{
	struct plug *p = arg;

	pthread_mutex_lock(&p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

/* Where no thread is free it is asked as if it had not been sent. */
static void test_pool_full(void **state)
{
	struct plug p = {PTHREAD_MUTEX_INITIALIZER};
	struct rig *r = *state;
	struct pool *pool;

	go_far(r, 1);
	put_all(r, "d/f");
	list_root(r);
	pass_second();
	pool = r->f.v->tree->dirs->pool;
	pthread_mutex_lock(&p.mutex);
	for (int i = 0; i < ATTR_WIDTH; i++)
		assert_int_equal(pool_submit(pool, hold_thread, &p), 0);
	assert_int_equal(rig_there(r, "d/f"), 0);
	pthread_mutex_unlock(&p.mutex);
	pool_drain(pool);
	rig_asked(r, "ListObjectsV2 d/; HeadObject d/f");
	pthread_mutex_destroy(&p.mutex);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		RIG_TEST(test_answered_first),
		RIG_TEST(test_answered_last),
		RIG_TEST_UNVERSIONED(test_answered_first),
		RIG_TEST(test_directory),
		RIG_TEST(test_hangs),
		RIG_TEST(test_killed),
		RIG_TEST(test_list_fails),
		RIG_TEST(test_outage),
		RIG_TEST(test_seldom),
		RIG_TEST(test_pool_full),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
