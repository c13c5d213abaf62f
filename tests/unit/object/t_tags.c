/* SPDX-License-Identifier: Apache-2.0 */
/* Tags go along with what replaces their version, or it is not replaced. */
#include "../vfs_rig.h"

#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/object/expire.h"

static void set_tags(struct rig *r, const char *value)
{
	struct kvlist tags;

	kvlist_init(&tags);
	if (value)
		assert_int_equal(kvlist_add(&tags, "team", value), 0);
	assert_int_equal(
		tagset_put(r->bucket, VFS_FIXTURE_PREFIX "f", NULL, &tags), 0);
	kvlist_release(&tags);
}

static void has_tag(struct rig *r, const char *value)
{
	struct kvlist tags;

	kvlist_init(&tags);
	assert_int_equal(
		tagset_get(r->bucket, VFS_FIXTURE_PREFIX "f", NULL, &tags), 0);
	assert_int_equal(tags.count, value ? 1 : 0);
	if (value)
		assert_string_equal(kvlist_get(&tags, "team"), value);
	kvlist_release(&tags);
}

static void fail_to_tag(struct rig *r)
{
	uint64_t left;

	rig_fail(r, "PutObjectTagging", RIG_BEFORE, -EIO, 1000);
	rig_try_sync(r, &left);
	rig_fail(r, "", RIG_BEFORE, 0, 0);
	assert_int_equal(left, 1);
}

/* The same after a change of the mode; then others give it that tag. */
static void drop_tag(struct rig *r, uint32_t mode, const char *tag)
{
	rig_chmod(r, "f", mode);
	fail_to_tag(r);
	set_tags(r, tag);
}

/*
 * A copy in place has dropped the tags (as Ceph's does) where no versions are
 * kept, and to set them again has failed: what ends then knows them.
 */
static void test_tags_after_kill(void **state)
{
	struct rig *r = *state;

	r->f.config.caps.keeps_tags = false;
	rig_restart(r);
	rig_write(r, "f", "text");
	rig_sync(r);
	set_tags(r, "blue");
	for (int i = 0; i < 2; i++) {
		drop_tag(r, i ? 0600 : 0604, NULL);
		if (i)
			rig_kill(r);
		rig_sync(r);
		has_tag(r, "blue");
		rig_holds(r, "f", "text");
	}
	/* And what was given is noted no more. */
	set_tags(r, NULL);
	rig_chmod(r, "f", 0644);
	rig_sync(r);
	has_tag(r, NULL);
	/* Nor are they those of what is written there meanwhile. */
	set_tags(r, "blue");
	drop_tag(r, 0600, NULL);
	rig_write(r, "f", "other");
	rig_sync(r);
	has_tag(r, NULL);
	rig_chmod(r, "f", 0644);
	rig_sync(r);
	has_tag(r, NULL);
	/* What others have set since goes before a note. */
	set_tags(r, "blue");
	drop_tag(r, 0640, "red");
	rig_sync(r);
	has_tag(r, "red");
}

/* What the server cannot copy is sent, and its tags go along all the same. */
static void test_tags_sent(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	set_tags(r, "blue");
	rig_fail(r, "CopyObject", RIG_BEFORE, -EXDEV, 1000);
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	has_tag(r, "blue");
	rig_rename(r, "f", "g");
	rig_sync(r);
	rig_rename(r, "g", "f");
	rig_sync(r);
	has_tag(r, "blue");
	rig_holds(r, "f", "text");
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

static void note_expiry(struct rig *r, const char *text)
{
	struct meta *meta = r->f.v->mount->meta;
	struct meta_inode inode;
	struct vfs_entry e;
	bool same;

	assert_int_equal(rig_lookup(r, "f", &e), 0);
	assert_int_equal(meta_lock(meta), 0);
	assert_int_equal(meta_inode_get(meta, e.ino, &inode), 0);
	assert_int_equal(expire_note(r->f.v->mount, &inode, text, &same), 0);
	meta_unlock(meta);
}

/* What is still noted, or -ENODATA. */
static int noted(struct rig *r, const char *text)
{
	struct meta *meta = r->f.v->mount->meta;
	struct meta_inode inode;
	struct vfs_entry e;
	struct buf value;
	int rc;

	buf_init(&value, 64);
	assert_int_equal(rig_lookup(r, "f", &e), 0);
	assert_int_equal(meta_lock(meta), 0);
	assert_int_equal(meta_inode_get(meta, e.ino, &inode), 0);
	rc = expire_known(r->f.v->mount, &inode, &value);
	meta_unlock(meta);
	if (!rc)
		assert_string_equal(value.data, text);
	buf_release(&value);
	return rc;
}

static void tag_is(struct rig *r, const char *name, const char *want)
{
	struct kvlist tags;
	const char *now;

	kvlist_init(&tags);
	assert_int_equal(
		tagset_get(r->bucket, VFS_FIXTURE_PREFIX "f", NULL, &tags), 0);
	now = kvlist_get(&tags, name);
	assert_string_equal(now ? now : "none", want);
	kvlist_release(&tags);
}

/* Tags that may be set and not read: an expiry that is to come waits. */
static void test_tags_hidden(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	set_tags(r, "blue");
	note_expiry(r, "7d");
	rig_fail(r, "GetObjectTagging", RIG_BEFORE, -EACCES, 1000);
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	tag_is(r, "team", "blue");
	tag_is(r, EXPIRE_TAG, "none");
	assert_int_equal(noted(r, "7d"), 0);
	/* It is no change by itself. */
	rig_forget_requests(r);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CopyObject"), 0);
	/* New content gets no other tag. */
	rig_write(r, "f", "new");
	rig_sync(r);
	tag_is(r, EXPIRE_TAG, "7d");
	assert_int_equal(noted(r, NULL), -ENODATA);
	set_tags(r, "blue");
	note_expiry(r, "7d");
	rig_fail(r, "", RIG_BEFORE, 0, 0);
	rig_chmod(r, "f", 0640);
	rig_sync(r);
	tag_is(r, "team", "blue");
	tag_is(r, EXPIRE_TAG, "7d");
	assert_int_equal(noted(r, NULL), -ENODATA);
	/* Nor is it forgotten where no tag may be set. */
	rig_fail(r, "PutObjectTagging", RIG_BEFORE, -EACCES, 1000);
	note_expiry(r, "9d");
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	assert_int_equal(noted(r, "9d"), 0);
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

/* A copy would go without them, and the server says that there are some. */
static void test_tags_left(void **state)
{
	struct rig *r = *state;
	uint64_t left;

	r->f.config.caps.keeps_tags = false;
	rig_restart(r);
	rig_write(r, "f", "text");
	rig_sync(r);
	set_tags(r, "blue");
	rig_fail(r, "GetObjectTagging", RIG_BEFORE, -EACCES, 1000);
	rig_forget_requests(r);
	rig_chmod(r, "f", 0600);
	assert_int_equal(rig_try_sync(r, &left), -EACCES);
	assert_int_equal(left, 1);
	assert_int_equal(rig_count(r, "CopyObject"), 0);
	has_tag(r, "blue");
	rig_fail(r, "", RIG_BEFORE, 0, 0);
	rig_sync(r);
	has_tag(r, "blue");
	/* There are none: it is as well. */
	set_tags(r, NULL);
	rig_fail(r, "GetObjectTagging", RIG_BEFORE, -EACCES, 1000);
	rig_chmod(r, "f", 0640);
	rig_sync(r);
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST_UNVERSIONED(test_tags_after_kill),
		RIG_TEST(test_tags_sent),
		RIG_TEST(test_tags_hidden),
		RIG_TEST(test_tags_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
