/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an instant's directories, and what happens to it when it is
 * too much. */
#include "../vfs_rig.h"

#include <sched.h>

#include "../../../src/history/past_records.h"
#include "../../../src/history/view_node.h"

#define NAMES 20
#define OLD   30000 /* records: many holds of the lock to remove */
#define MAX   1000
#define SLOW  100000 /* a directory that takes long to list */

static struct view *begin(struct rig *r, struct past_records *records)
{
	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	assert_int_equal(past_records_init(r->f.v->view, records), 0);
	return r->f.v->view;
}

static void path_of(unsigned n, char path[32])
{
	snprintf(path, 32, "dir%u", n);
}

/* Some names of a walk of a directory. With meta_lock() held, as below. */
static void file_names(struct view *view, unsigned n, uint64_t walk,
		       unsigned from, unsigned to)
{
	const struct past_entry e = {.version = {.version_id = "v"}};
	char path[32], name[16];
	struct past_id id;

	path_of(n, path);
	past_id_make(&id, 1, path, walk);
	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "f%05u", i);
		assert_int_equal(past_put_entry(view, &id, name, &e), 0);
	}
}

static void file_stamp(struct view *view, unsigned n, uint64_t walk,
		       uint64_t mark)
{
	const struct past_stamp st = {
		.walked_ns = mount_server_now_ns(view->mount),
		.mark = mark,
		.walk = walk,
	};
	uint64_t old = 0;
	char path[32];

	path_of(n, path);
	assert_int_equal(past_put_stamp(view, 1, path, &st, &old), 0);
}

/* A whole walk. */
static void file_dir(struct view *view, struct past_records *records,
		     unsigned n, uint64_t mark)
{
	uint64_t walk = past_records_number(records);

	file_names(view, n, walk, 0, NAMES);
	file_stamp(view, n, walk, mark);
}

/* It is not known, or all of it is. */
static bool look_at_dir(struct view *view, struct past_records *records,
			unsigned n)
{
	char path[32], name[META_NAME_MAX + 1] = "";
	struct past_stamp st;
	struct past_entry e;
	unsigned count = 0;
	struct past_id id;
	bool known;

	path_of(n, path);
	assert_int_equal(meta_lock(view->meta), 0);
	known = past_is_known(view, records, 1, path, &st);
	if (known) {
		past_id_make(&id, 1, path, st.walk);
		while (!past_next_entry(view, &id, name, name, &e))
			count++;
	}
	meta_unlock(view->meta);
	assert_int_equal(count, known ? NAMES : 0);
	return known;
}

/* The later stamp counts; what was before it can go. */
static void test_stamps(void **state)
{
	struct past_records records;
	struct view *view = begin(*state, &records);
	uint64_t mark = atomic_load(&records.mark);

	assert_int_equal(meta_lock(view->meta), 0);
	file_dir(view, &records, 1, mark);
	assert_false(past_has_other(view, 1, "dir1", 1));
	file_dir(view, &records, 1, mark);
	assert_true(past_has_other(view, 1, "dir1", 1));
	assert_false(past_has_other(view, 1, "dir1", 2));
	assert_false(past_has_other(view, 1, "dir2", 1));
	meta_unlock(view->meta);
	past_drop_names(view, 1, "dir1", 1);
	assert_int_equal(meta_lock(view->meta), 0);
	assert_int_equal(meta_count(view->meta, META_PAST), NAMES + 1);
	meta_unlock(view->meta);
	assert_true(look_at_dir(view, &records, 1));
	past_records_forget(&records);
	assert_false(look_at_dir(view, &records, 1));
	past_records_release(&records);
}

struct remover {
	struct view *view;
	struct past_records *records;
	atomic_bool ended;
};

static void *remove_thread(void *arg)
{
	struct remover *r = arg;
	int rc = past_records_bound(r->view, r->records);

	atomic_store(&r->ended, true);
	return (void *)(intptr_t)rc;
}

/* What is filed while all of it goes never counts by half. */
static void test_removal(void **state)
{
	struct past_records records;
	struct view *view = begin(*state, &records);
	struct remover remover = {.view = view, .records = &records};
	uint64_t mark, slow, slow_mark;
	unsigned count = 0;
	pthread_t thread;
	void *rc = NULL;

	atomic_store(&records.max, MAX);
	for (unsigned i = 0; i < OLD / MAX; i++) {
		assert_int_equal(meta_lock(view->meta), 0);
		file_names(view, SLOW + 1 + i, past_records_number(&records), 0,
			   MAX);
		meta_unlock(view->meta);
	}
	atomic_init(&remover.ended, false);
	assert_int_equal(pthread_create(&thread, NULL, remove_thread, &remover),
			 0);
	while (!atomic_load(&records.removing) && !atomic_load(&remover.ended))
		sched_yield();
	slow_mark = atomic_load(&records.mark);
	assert_int_equal(meta_lock(view->meta), 0);
	slow = past_records_number(&records);
	file_names(view, SLOW, slow, 0, NAMES / 2);
	meta_unlock(view->meta);
	while (!atomic_load(&remover.ended) && count < 2000) {
		mark = atomic_load(&records.mark);
		assert_int_equal(meta_lock(view->meta), 0);
		file_dir(view, &records, count, mark);
		meta_unlock(view->meta);
		look_at_dir(view, &records, count++);
	}
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_int_equal((intptr_t)rc, 0);
	assert_int_equal(meta_lock(view->meta), 0);
	file_names(view, SLOW, slow, NAMES / 2, NAMES);
	file_stamp(view, SLOW, slow, slow_mark);
	meta_unlock(view->meta);
	look_at_dir(view, &records, SLOW);
	for (unsigned i = 0; i < count; i++)
		look_at_dir(view, &records, i);
	/* Then it does again. */
	assert_int_equal(meta_lock(view->meta), 0);
	file_dir(view, &records, count, atomic_load(&records.mark));
	meta_unlock(view->meta);
	assert_true(look_at_dir(view, &records, count));
	past_records_release(&records);
}

/* What another walk had found goes in steps, and nothing else does. */
static void test_drop(void **state)
{
	struct past_records records;
	struct rig *r = *state;
	struct view *view = begin(r, &records);
	uint64_t mark = atomic_load(&records.mark), first, old = 0;
	struct past_stamp st = {.walked_ns = mount_server_now_ns(view->mount),
				.mark = mark};
	char path[32];

	first = past_records_number(&records);
	assert_int_equal(meta_lock(view->meta), 0);
	file_names(view, 1, first, 0, 5 * MAX);
	file_stamp(view, 1, first, mark);
	file_dir(view, &records, 2, mark);
	st.walk = past_records_number(&records);
	file_names(view, 1, st.walk, 0, NAMES);
	path_of(1, path);
	assert_int_equal(past_put_stamp(view, 1, path, &st, &old), 0);
	assert_int_equal(old, first);
	/* The same walk again leaves nothing behind. */
	assert_int_equal(past_put_stamp(view, 1, path, &st, &old), 0);
	assert_int_equal(old, 0);
	meta_unlock(view->meta);
	past_drop_names(view, 1, path, old);
	past_drop_names(view, 1, path, first);
	assert_int_equal(meta_lock(view->meta), 0);
	assert_int_equal(meta_count(view->meta, META_PAST), 2 * (NAMES + 1));
	meta_unlock(view->meta);
	assert_true(look_at_dir(view, &records, 1));
	assert_true(look_at_dir(view, &records, 2));
	past_records_release(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_drop),
		RIG_TEST(test_stamps),
		RIG_TEST(test_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
