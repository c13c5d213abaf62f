/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other writers while the mount was killed, and what it had noted of its
 * requests.
 */
#include "../vfs_rig.h"

#include "../git_config.h"
#include "vers3/journal/journal.h"

#include "conflict_rig.h"

/* Nothing of it was sent. */
static void killed_with_delete(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	rig_kill(r);
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_is(r, "f", "theirs");
	assert_int_equal(rig_markers(r, "f"), 0);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "theirs");
}

static void killed_with_rename(struct rig *r)
{
	base(r, "f");
	rig_rename(r, "f", "g");
	rig_kill(r);
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_is(r, "f", "theirs");
	rig_is(r, "g", "base");
	says(r, "conflicts.count", "1");
}

static void killed_with_write(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_kill(r);
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	rig_holds(r, "f", "ours");
	assert_int_equal(rig_versions(r, "f"), 3);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "ours");
}

static void killed_alone(struct rig *r)
{
	base(r, "f");
	base(r, "g");
	rig_write(r, "f", "ours");
	rig_unlink(r, "g");
	rig_kill(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	assert_int_equal(rig_there(r, "g"), -ENOENT);
	assert_int_equal(rig_markers(r, "g"), 1);
	says(r, "conflicts.count", "0");
}

/* The delete was carried out, and then they wrote. */
static void killed_after_delete(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	note_sent(r, "f", META_TRIED_NOTHING);
	rig_remove(r, "f");
	rig_put_text(r, "f", "theirs");
	rig_kill(r);
	rig_sync(r);
	rig_is(r, "f", "theirs");
	assert_int_equal(rig_markers(r, "f"), 1);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "theirs");
}

static void killed_before_delete(struct rig *r)
{
	base(r, "f");
	base(r, "g");
	rig_unlink(r, "f");
	rig_unlink(r, "g");
	note_sent(r, "f", META_TRIED_NOTHING);
	note_sent(r, "g", META_TRIED_NOTHING);
	rig_remove(r, "g");
	rig_kill(r);
	rig_sync(r);
	rig_lists(r, "", "");
	assert_int_equal(rig_markers(r, "f"), 1);
	assert_int_equal(rig_markers(r, "g"), 1);
	says(r, "conflicts.count", "0");
}

/* Deleted, and made anew here. */
static void killed_between(struct rig *r)
{
	base(r, "f");
	rig_unlink(r, "f");
	note_sent(r, "f", META_TRIED_NOTHING);
	rig_remove(r, "f");
	rig_write(r, "f", "ours");
	rig_kill(r);
	rig_sync(r);
	rig_holds(r, "f", "ours");
	says(r, "conflicts.count", "0");
}

static void killed_after_write(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_write(r, "new", "ours");
	note_sent(r, "f", MD5_OURS);
	note_sent(r, "new", MD5_OURS);
	rig_put_text(r, "f", "ours");
	rig_put_text(r, "new", "ours");
	rig_write(r, "f", "more");
	rig_unlink(r, "new");
	rig_kill(r);
	rig_sync(r);
	rig_lists(r, "", "f");
	rig_holds(r, "f", "more");
	assert_int_equal(rig_markers(r, "new"), 1);
	says(r, "conflicts.count", "0");
}

static void killed_under_theirs(struct rig *r)
{
	base(r, "f");
	rig_write(r, "f", "ours");
	rig_write(r, "new", "ours");
	note_sent(r, "f", MD5_OURS);
	note_sent(r, "new", MD5_OURS);
	rig_put_text(r, "f", "theirs");
	rig_put_text(r, "new", "theirs");
	rig_unlink(r, "f");
	rig_unlink(r, "new");
	rig_kill(r);
	rig_sync(r);
	rig_lists(r, "", "f new");
	rig_holds(r, "f", "theirs");
	rig_holds(r, "new", "theirs");
	assert_int_equal(rig_markers(r, "f"), 0);
	says(r, "conflicts.count", "2");
}

/* A mount was killed, and others went on. */
static void test_killed(void **state)
{
	static void (*const table[])(struct rig * r) = {
		killed_with_delete, killed_with_rename,	 killed_with_write,
		killed_alone,	    killed_after_delete, killed_before_delete,
		killed_between,	    killed_after_write,	 killed_under_theirs,
	};
	void *fresh = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (int n = 0; n < 4; n++) {
			print_message("killed %zu, %sconditions%s\n", i,
				      n & 1 ? "no " : "",
				      n & 2 ? ", power lost" : "");
			rig_setup(&fresh);
			((struct rig *)fresh)->power_lost = n & 2;
			use(fresh, n & 1 ? &no_caps : &all_caps, 0);
			table[i](fresh);
			rig_teardown(&fresh);
		}
	}
}

static unsigned notes_seen, notes_pending;

/* The request is out: is what was noted of it durable? */
static void look_at_note(struct rig *r)
{
	if (meta_lock(r->f.v->mount->meta))
		return; /* not seen, which fails the test */
	notes_pending += meta_pending_ns(r->f.v->mount->meta) != 0;
	meta_unlock(r->f.v->mount->meta);
	notes_seen++;
}

/*
 * What comes between the snapshot and the note may be durable without it; then
 * a loss of power would leave a save of ours that nobody knows, under a delete
 * that is then given up.
 */
static void test_moved_before_note(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	notes_seen = notes_pending = 0;
	rig_write(r, "f", "text");
	journal_suspect(r->f.v->journal,
			"f"); /* so that there is a look to hold */
	rig_gate(r, "HeadObject f", RIG_BEFORE);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	rig_unlink(r, "f");
	assert_int_equal(meta_sync(r->f.v->mount->meta), 0);
	rig_hook(r, "PutObject f", look_at_note, 1);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	assert_int_equal(notes_seen, 1);
	assert_int_equal(notes_pending, 0);
	rig_sync(r);
	rig_holds(r, "f", NULL);
}

/* After a kill what was never sent costs no look; without power it may. */
static void test_kill_costs_nothing(void **state)
{
	struct rig *r = *state;
	char names[256];

	use(r, &all_caps, 600 * NS_PER_S);
	for (int power = 0; power < 2; power++) {
		assert_int_equal(rig_list(r, "", false, names, sizeof(names)),
				 0);
		rig_write(r, power ? "b" : "a", "text");
		r->power_lost = power;
		rig_kill(r);
		rig_sync(r);
		assert_int_equal(rig_count(r, "HeadObject") > 0, power);
		assert_int_equal(rig_count(r, "PutObject"), 1);
	}
}

/* What goes out is noted before it does, and no longer than it is open. */
static void test_noted(void **state)
{
	static const struct {
		const char *held;
		bool unlink;
		const char *noted;
	} table[] = {
		{"PutObject f", false, MD5_OURS " "},
		{"DeleteObject f", true, META_TRIED_NOTHING " "},
	};
	struct rig *r = *state;
	struct meta_dirty dirty;
	pthread_t thread;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		base(r, "f");
		if (table[i].unlink)
			rig_unlink(r, "f");
		else
			rig_write(r, "f", "ours");
		/* What is refused leaves nothing open. */
		rig_fail(r, table[i].held, RIG_BEFORE, -EACCES, 1);
		assert_int_equal(rig_try_sync(r, NULL), -EACCES);
		assert_int_equal(meta_lock(r->f.meta), 0);
		assert_int_equal(meta_dirty_get(r->f.meta, "f", &dirty), 0);
		meta_unlock(r->f.meta);
		assert_string_equal(dirty.tried, "");
		rig_gate(r, table[i].held, RIG_BEFORE);
		assert_int_equal(
			pthread_create(&thread, NULL, rig_sync_thread, r), 0);
		rig_wait_held(r);
		assert_int_equal(meta_lock(r->f.meta), 0);
		assert_int_equal(meta_dirty_get(r->f.meta, "f", &dirty), 0);
		meta_unlock(r->f.meta);
		assert_string_equal(dirty.tried, table[i].noted);
		rig_gate(r, NULL, RIG_BEFORE);
		pthread_join(thread, NULL);
		rig_sync(r);
		assert_int_equal(rig_dirty(r), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		RIG_TEST(test_noted),
		RIG_TEST(test_moved_before_note),
		RIG_TEST(test_kill_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
