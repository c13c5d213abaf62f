/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of others between a save's last look and the save. */
#include "../vfs_rig.h"

#include "vers3/sync/between.h"

#include "conflict_rig.h"

/* What others did since the last look, and under our save. */
static void between_write(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
}

static void between_two(struct rig *r)
{
	between_write(r);
	rig_put_text(r, "f", "theirs, too");
}

static void between_make(struct rig *r)
{
	look(r);
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
}

static void between_remove(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_remove(r, "f");
}

static void between_rename(struct rig *r)
{
	base(r, "g");
	base(r, "f");
	look(r);
	rig_rename(r, "g", "f");
	rig_put_text(r, "f", "theirs");
}

static void between_dress(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_put_mode(r, "f", "base", "0100640");
}

static void write_theirs_on_top(struct rig *r)
{
	rig_put_text(r, "f", "theirs on top");
}

/*
 * They are above and below a copy whose answer names no version, and were
 * faster than the look that was to tell it.
 */
static void between_nameless(struct rig *r)
{
	r->nameless_copies = true;
	base(r, "g");
	base(r, "f");
	look(r);
	rig_rename(r, "g", "f");
	rig_put_text(r, "f", "theirs");
	rig_hook(r, "CopyObject f", write_theirs_on_top, 1);
}

/* Nothing of others is below it. */
static void between_nameless_own(struct rig *r)
{
	r->nameless_copies = true;
	base(r, "g");
	base(r, "f");
	look(r);
	rig_rename(r, "g", "f");
	rig_hook(r, "CopyObject f", write_theirs_on_top, 1);
}

/* Ours alone. */
static void between_own(struct rig *r)
{
	base(r, "f");
	look(r);
	rig_write(r, "f", "ours");
	rig_sync(r);
	rig_write(r, "f", "ours again");
	rig_sync(r);
	rig_unlink(r, "f");
	rig_sync(r);
	rig_write(r, "f", "anew");
	rig_sync(r);
	rig_write(r, "g", "moved");
	rig_sync(r);
	rig_rename(r, "g", "f");
}

/* They have made and removed it, and nothing is taken from anybody. */
static void between_came_and_went(struct rig *r)
{
	look(r);
	rig_write(r, "f", "ours");
	rig_put_text(r, "f", "theirs");
	rig_remove(r, "f");
}

/*
 * On a server without conditions, what a save has met after the last look is
 * listed when the history has shown it; also after a kill in between.
 */
static void test_between(void **state)
{
	static const struct {
		void (*run)(struct rig *r);
		const char *current;
		bool deleted;
	} table[] = {
		{between_write, "ours", false},
		{between_two, "ours", false},
		{between_make, "ours", false},
		{between_remove, "ours", true},
		{between_rename, "ours", false},
		{between_dress, "ours", false},
		{between_nameless, "ours", false},
		{between_nameless_own, NULL, false},
		{between_own, NULL, false},

		{between_came_and_went, NULL, false},
	};
	void *fresh = NULL;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		struct rig *r;

		rig_setup(&fresh);
		r = fresh;
		use(r, &no_caps, 3600 * NS_PER_S);
		table[i / 2].run(r);
		rig_sync(r);
		says(r, "conflicts.count", "0");
		if (i % 2)
			rig_kill(r);
		between_look(r->f.v->syncer);
		says(r, "conflicts.count", table[i / 2].current ? "1" : "0");
		if (table[i / 2].current)
			says(r, "conflicts.f.current", table[i / 2].current);
		if (table[i / 2].deleted)
			says(r, "conflicts.f.theirs", "deleted");
		/* Once is enough. */
		rig_forget_requests(r);
		between_look(r->f.v->syncer);
		rig_asked(r, "");
		rig_teardown(&fresh);
	}
}

/* The bucket's version at f, with something before it. */
static void name_version(struct rig *r, const char *before, char *text,
			 size_t size)
{
	struct store_request q;

	assert_int_equal(
		store_head(r->bucket, &q, VFS_FIXTURE_PREFIX "f", NULL), 0);
	snprintf(text, size, "%s%s", before, q.reply.object.version_id);
	store_request_release(&q);
}

/*
 * A save that was carried out on top of theirs, of which the answer never came,
 * and the file is not wanted any more.
 */
static void test_between_tries(void **state)
{
	char ours[128];
	struct rig *r;

	for (int more = 0; more < 2; more++) {
		rig_setup(state);
		r = *state;
		use(r, &no_caps, 3600 * NS_PER_S);
		between_write(r);
		note_sent(r, "f", MD5_OURS);
		rig_put_text(r, "f", "ours");
		name_version(r, more ? "deleted|" : "", ours, sizeof(ours));
		rig_unlink(r, "f");
		if (more)
			rig_put_text(r, "f", "theirs, too");
		rig_kill(r);
		rig_sync(r);
		rig_holds(r, "f", more ? "theirs, too" : NULL);
		says(r, "conflicts.count", more ? "1" : "0");
		between_look(r->f.v->syncer);
		says(r, "conflicts.count", more ? "2" : "1");
		says(r, "conflicts.f.ours", ours);
		rig_teardown(state);
	}
}

/* What a look at what came between asks for. */
static void look_asks(struct rig *r, const char *lines)
{
	rig_forget_requests(r);
	between_look(r->f.v->syncer);
	rig_asked(r, lines);
}

/* Many saves cost a list; what was removed since proves nothing. */
static void test_between_many(void **state)
{
	struct rig *r = *state;
	char name[16];

	use(r, &no_caps, 3600 * NS_PER_S);
	look(r);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%03d", i);
		rig_write(r, name, "base");
	}
	rig_sync(r);
	rig_put_text(r, "f150", "theirs");
	rig_write(r, "f150", "ours");
	rig_sync(r);
	rig_forget_requests(r);
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EIO, 1);
	between_look(r->f.v->syncer);
	says(r, "conflicts.count", "0");
	between_look(r->f.v->syncer);
	rig_asked(r, "ListObjectVersions f; ListObjectVersions f");
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f150.current", "ours");
	/* Not allowed to ask: then it is given up. */
	rig_put_text(r, "f7", "theirs");
	rig_write(r, "f7", "ours");
	rig_sync(r);
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	between_look(r->f.v->syncer);
	look_asks(r, "");
	says(r, "conflicts.count", "1");
}

/* What was sent with a condition needs no look. */
static void test_between_conditions(void **state)
{
	struct rig *r = *state;

	base(r, "f");
	rig_write(r, "f", "ours");
	rig_sync(r);
	look_asks(r, "");
	/* When one was refused, others may come between that and the next. */
	rig_write(r, "f", "ours again");
	rig_put_text(r, "f", "theirs");
	rig_sync(r);
	says(r, "conflicts.count", "1");
	look_asks(r, "ListObjectVersions f");
	says(r, "conflicts.count", "1");
}

/*
 * Nor is that enough for a try whose condition is met by an earlier one, which
 * went on top of theirs.
 */
static void test_between_tried(void **state)
{
	struct rig *r = *state;

	use(r, &all_caps, 3600 * NS_PER_S);
	between_write(r);
	note_sent(r, "f", MD5_OURS);
	rig_put_text(r, "f", "ours");
	rig_sync(r);
	rig_holds(r, "f", "ours");
	says(r, "conflicts.count", "0");
	between_look(r->f.v->syncer);
	says(r, "conflicts.count", "1");
	says(r, "conflicts.f.current", "ours");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_between_tries),
		RIG_TEST(test_between_many),
		RIG_TEST(test_between_conditions),
		RIG_TEST(test_between_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
