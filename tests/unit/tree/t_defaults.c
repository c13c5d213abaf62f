/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What objects do not name is the mount's to say, of whatever the cache knew
 * before; what they name, and what was changed here, stays.
 */
#include "../vfs_rig.h"

/* The next mount: it knows all that this one knew. */
static void mount_again(struct rig *r, uint32_t id, uint32_t umask)
{
	r->f.config.defaults = (struct meta_defaults){
		.uid = id,
		.gid = id + 1,
		.file_mode = 0666 & ~umask,
		.dir_mode = 0777 & ~umask,
	};
	rig_restart(r);
}

/* "755 7:8 ", as many as there are paths. */
static void is_all(struct rig *r, const char *paths, const char *wanted)
{
	char copy[256], text[256] = "", *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", paths);
	for (char *p = strtok_r(copy, " ", &rest); p;
	     p = strtok_r(NULL, " ", &rest)) {
		uint64_t ino = strcmp(p, "/") ? vfs_fixture_find(&r->f, p)
					      : META_ROOT_INO;
		size_t len = strlen(text);
		struct stat st;

		assert_int_equal(vfs_getattr(r->f.v, ino, &st), 0);
		snprintf(text + len, sizeof(text) - len, "%s%o %u:%u",
			 len ? ", " : "", (unsigned)st.st_mode & 07777,
			 (unsigned)st.st_uid, (unsigned)st.st_gid);
	}
	assert_string_equal(text, wanted);
}

/* What the bucket's object says of its owner; NULL: nothing. */
static void says_owner(struct rig *r, const char *key, const char *owner)
{
	rig_meta_is(r, key, "file-owner", owner);
}

static void test_later_mount(void **state)
{
	struct rig *r = *state;

	rig_run_keys(r, "d/f marked/");
	rig_put_mode(r, "named", "text", "0100604");
	mount_again(r, 5, 022);
	is_all(r, "/ d marked d/f named",
	       "755 5:6, 755 5:6, 755 5:6, 644 5:6, 604 5:6");
	/* A stricter one above all. */
	mount_again(r, 9, 077);
	rig_lists(r, "", "d/ marked/ named");
	is_all(r, "/ d marked d/f named",
	       "700 9:10, 700 9:10, 700 9:10, 600 9:10, 604 9:10");
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	rig_changed(r, "");
}

static void test_changed_here(void **state)
{
	struct rig *r = *state;

	rig_run_keys(r, "f g w d/x");
	mount_again(r, 5, 022);
	rig_mkdir(r, "new");
	rig_chmod(r, "f", 0640);
	rig_chmod(r, "d", 0750);
	rig_write(r, "w", "written here");
	/* Also before it was sent. */
	mount_again(r, 9, 077);
	is_all(r, "f d g", "640 5:6, 750 5:6, 600 9:10");
	rig_sync(r);
	mount_again(r, 11, 0);
	is_all(r, "f d w", "640 5:6, 750 5:6, 600 9:10");
	says_owner(r, "f", "5");
	says_owner(r, "w", "9");
	/* The same as the bucket has it. */
	rig_forget(r);
	is_all(r, "f d w g", "640 5:6, 750 5:6, 600 9:10, 666 11:12");
}

/* Whoever moves an object does not say whose it is. */
static void moves(struct rig *r, bool asked)
{
	rig_run_keys(r, "f d/x");
	mount_again(r, 5, 022);
	if (asked)
		is_all(r, "f d/x", "644 5:6, 644 5:6");
	rig_rename(r, "f", "g");
	rig_rename(r, "d", "e");
	rig_sync(r);
	says_owner(r, "g", NULL);
	says_owner(r, "e/x", NULL);
	mount_again(r, 9, 077);
	is_all(r, "g e/x", "600 9:10, 600 9:10");
	rig_chmod(r, "g", 0604);
	rig_sync(r);
	mount_again(r, 11, 0);
	is_all(r, "g e/x", "604 9:10, 666 11:12");
	rig_forget(r);
	is_all(r, "g e/x", "604 9:10, 666 11:12");
}

static void test_moved(void **state)
{
	moves(*state, true);
}

static void test_moved_unasked(void **state)
{
	moves(*state, false);
}

/* Changed while it is sent: what was said meanwhile counts. */
static void change_mode(struct rig *r)
{
	rig_chmod(r, "g", 0604);
}

static void test_changed_meanwhile(void **state)
{
	struct rig *r = *state;

	rig_run_keys(r, "f");
	mount_again(r, 5, 022);
	is_all(r, "f", "644 5:6");
	rig_rename(r, "f", "g");
	rig_hook(r, "CopyObject", change_mode, 1);
	rig_sync(r);
	rig_sync(r);
	mount_again(r, 9, 077);
	is_all(r, "g", "604 5:6");
	rig_forget(r);
	is_all(r, "g", "604 5:6");
}

/* The history's records, too. */
static void test_history(void **state)
{
	struct rig *r = *state;
	char at[64], path[160];
	struct timespec now;
	struct tm tm;

	rig_run_keys(r, "d/f gone/ gone/f -gone/f -gone/");
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += 3;
	gmtime_r(&now.tv_sec, &tm);
	strftime(at, sizeof(at), ".versions/@%Y-%m-%dT%H-%M-%SZ", &tm);
	snprintf(path, sizeof(path), "%s/d %s/d/f .versions/gone", at, at);
	mount_again(r, 5, 022);
	is_all(r, path, "755 5:6, 644 5:6, 755 5:6");
	mount_again(r, 9, 077);
	is_all(r, path, "700 9:10, 600 9:10, 700 9:10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_later_mount),
		RIG_TEST_UNVERSIONED(test_later_mount),
		RIG_TEST(test_changed_here),
		RIG_TEST_UNVERSIONED(test_changed_here),
		RIG_TEST(test_moved),
		RIG_TEST_UNVERSIONED(test_moved),
		RIG_TEST(test_moved_unasked),
		RIG_TEST_UNVERSIONED(test_moved_unasked),
		RIG_TEST(test_changed_meanwhile),
		RIG_TEST_UNVERSIONED(test_changed_meanwhile),
		RIG_TEST(test_history),
	};

	return cmocka_run_group_tests_name("defaults", tests, NULL, NULL);
}
