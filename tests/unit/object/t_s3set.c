/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual attributes that are set on a version, of files and in .versions. */
#include "../history/view_rig.h"

#include <errno.h>

#include "vers3/object/overflow.h"
#include "vers3/object/s3set.h"
#include "vers3/tree/tree.h"

/* Of a path; NULL: it has none. */
static void has(struct rig *r, const char *path, const char *name,
		const char *want)
{
	struct buf value;
	int rc;

	buf_init(&value, 65536);
	rc = vfs_getxattr(r->f.v, rig_ino(r, path), name, &value);
	if (rc != (want ? 0 : -ENODATA) ||
	    (want && strcmp(value.data, want) != 0))
		fail_msg("%s of %s: %d '%s'", name, path, rc, value.data);
	buf_release(&value);
}

static int set(struct rig *r, const char *path, const char *name,
	       const char *value)
{
	return vfs_setxattr(r->f.v, rig_ino(r, path), name, value,
			    strlen(value), 0);
}

static void test_set(void **state)
{
	struct rig *r = *state;

	/* What is unsent is sent first: it is set on what the file holds. */
	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "user.s3.tags", "b=2&a=x%20y"), 0);
	assert_int_equal(rig_versions(r, "f"), 1);
	has(r, "f", "user.s3.tags", "a=x%20y&b=2");
	has(r, "f", "s3.tags", "a=x%20y&b=2");
	assert_int_equal(set(r, "f", "user.s3.legal_hold", "on"), 0);
	has(r, "f", "s3.legal_hold", "ON");
	assert_int_equal(set(r, "f", "s3.legal_hold", "OFF"), 0);
	has(r, "f", "s3.legal_hold", "OFF");
	assert_int_equal(set(r, "f", "s3.retention",
			     "COMPLIANCE 2099-01-02T03:04:05Z"),
			 0);
	has(r, "f", "s3.retention", "2099-01-02T03:04:05Z");
	has(r, "f", "s3.retention_mode", "COMPLIANCE");
	assert_int_equal(set(r, "f", "s3.retention", "2099-01-01"), 0);
	has(r, "f", "s3.retention", "2099-01-01T00:00:00Z");
	has(r, "f", "s3.retention_mode", "GOVERNANCE");
	assert_int_equal(set(r, "f", "s3.retention", "30d"), 0);
	assert_int_equal(
		vfs_removexattr(r->f.v, rig_ino(r, "f"), "user.s3.tags"), 0);
	has(r, "f", "s3.tags", NULL);
	/* None is a new version, nor a change. */
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_dirty(r), 0);
}

/* Of the version that is named, and of no other. */
static void test_version(void **state)
{
	char path[1024], names[NAMES_MAX];
	struct rig *r = *state;

	rig_run_keys(r, "f f");
	names_of(r, ".versions/f", names);
	snprintf(path, sizeof(path), ".versions/f/%s", strtok(names, " "));
	assert_int_equal(set(r, path, "s3.tags", "old=1"), 0);
	assert_int_equal(set(r, path, "s3.legal_hold", "ON"), 0);
	assert_int_equal(set(r, path, "user.other", "x"), -EROFS);
	assert_int_equal(set(r, ".versions/f", "s3.tags", "a=1"), -EOPNOTSUPP);
	has(r, path, "s3.tags", "old=1");
	has(r, path, "s3.legal_hold", "ON");
	has(r, "f", "s3.tags", NULL);
	has(r, "f", "s3.legal_hold", NULL);
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, path), "s3.tags"),
			 0);
	has(r, path, "s3.tags", NULL);
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, path),
					 "s3.legal_hold"),
			 -EROFS);
	r->f.v->mount->config.read_only = true;
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, path), "s3.tags"),
			 -EROFS);
	assert_int_equal(set(r, path, "s3.tags", "a=1"), -EROFS);
	assert_int_equal(set(r, "f", "s3.tags", "a=1"), -EROFS);
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *value;
	} cases[] = {
		{"s3.tags", "a"},
		{"s3.tags", "=1"},
		{"s3.tags", "a=1&"},
		{"s3.tags", "a=1&&b=2"},
		{"s3.tags", "a=1&a=2"},
		{"s3.tags", "a=%00"},
		{"s3.tags", "a=%2"},
		{"s3.tags", "vers3-attrs=1"},
		{"s3.tags", "0=&1=&2=&3=&4=&5=&6=&7=&8=&9=&10="},
		{"s3.legal_hold", ""},
		{"s3.legal_hold", "yes"},
		{"s3.retention", ""},
		{"s3.retention", "soon"},
		{"s3.retention", "2001-01-01"},
		{"s3.retention", "0d"},
		{"s3.retention", "FOREVER 2099-01-01"},
	};
	struct rig *r = *state;
	char many[400];

	rig_write(r, "f", "text");
	rig_sync(r);
	assert_int_equal(set(r, "f", "s3.tags", "a=1"), 0);
	rig_forget_requests(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (set(r, "f", cases[i].name, cases[i].value) != -EINVAL)
			fail_msg("%s=%s", cases[i].name, cases[i].value);
	memset(many, 'x', sizeof(many));
	strcpy(many + 129, "=1");
	assert_int_equal(set(r, "f", "s3.tags", many), -EINVAL);
	rig_changed(r, "");
	has(r, "f", "s3.tags", "a=1");
	assert_int_equal(set(r, "f", "s3.etag", "x"), -EOPNOTSUPP);
	assert_int_equal(set(r, "f", "s3.frob", "x"), -EOPNOTSUPP);
}

/* As many and as long as S3 takes, of characters that take most. */
static void test_most_tags(void **state)
{
	static const char face[] = "%F0%9F%98%80";
	struct rig *r = *state;
	struct buf all;

	buf_init(&all, 65536);
	for (int tag = 0; tag < 10; tag++) {
		assert_int_equal(buf_printf(&all, "%s%d", tag ? "&" : "", tag),
				 0);
		for (int i = 1; i < 128 + 256; i++) {
			if (i == 128)
				assert_int_equal(buf_putc(&all, '='), 0);
			assert_int_equal(buf_puts(&all, face), 0);
		}
	}
	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "s3.tags", all.data), 0);
	has(r, "f", "s3.tags", all.data);
	buf_release(&all);
}

#define CLASS "user.s3.storage_class"

/* By a copy in place: one version, of the same content. */
static void test_class(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	has(r, "f", CLASS, "STANDARD");
	rig_forget_requests(r);
	assert_int_equal(set(r, "f", CLASS, "STANDARD_IA"), 0);
	has(r, "f", CLASS, "STANDARD_IA");
	rig_sync(r);
	assert_int_equal(rig_count(r, "CopyObject f<f"), 1);
	assert_int_equal(rig_count(r, "PutObject"), 0);
	assert_int_equal(rig_versions(r, "f"), 2);
	rig_holds(r, "f", "text");
	rig_forget(r);
	has(r, "f", CLASS, "STANDARD_IA");
	/* It is that already. */
	assert_int_equal(set(r, "f", CLASS, "STANDARD_IA"), 0);
	assert_int_equal(rig_dirty(r), 0);
	/* New content goes where the old was. */
	rig_write(r, "f", "other");
	rig_sync(r);
	rig_forget(r);
	has(r, "f", CLASS, "STANDARD_IA");
	assert_int_equal(set(r, "f", CLASS, "GLACIER"), 0);
	rig_sync(r);
	assert_int_equal(set(r, "f", CLASS, "STANDARD"), -EREMOTE);
	assert_int_equal(rig_dirty(r), 0);
}

static void name_another(struct rig *r)
{
	struct vfs *v = r->f.v;
	struct vfs_entry e;

	/* As tree_setxattr() does it, which would wait for this copy. */
	if (!vfs_lookup(v, META_ROOT_INO, "f", &e))
		tree_setxattr(v->tree, e.ino, CLASS, "ONEZONE_IA", 10, 0);
}

/* One that is named while the copy for another is under way. */
static void test_class_meanwhile(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	rig_hook(r, "CopyObject f<f", name_another, 1);
	assert_int_equal(set(r, "f", CLASS, "STANDARD_IA"), 0);
	rig_sync(r);
	has(r, "f", CLASS, "ONEZONE_IA");
	rig_sync(r);
	rig_forget(r);
	has(r, "f", CLASS, "ONEZONE_IA");
}

static void test_class_dir(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_write(r, "d/before", "text");
	assert_int_equal(set(r, "d", CLASS, "STANDARD_IA"), 0);
	has(r, "d", CLASS, "STANDARD_IA");
	rig_sync(r);
	rig_meta_is(r, "d/", "vers3-class", "STANDARD_IA");
	rig_forget(r);
	has(r, "d", CLASS, "STANDARD_IA");
	rig_write(r, "d/f", "text");
	rig_mkdir(r, "d/sub");
	rig_write(r, "d/sub/f", "text");
	rig_sync(r);
	rig_forget(r);
	has(r, "d/before", CLASS, "STANDARD");
	has(r, "d/f", CLASS, "STANDARD_IA");
	has(r, "d/sub/f", CLASS, "STANDARD_IA");
	assert_int_equal(rig_versions(r, "d/f"), 1);
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, "d"), CLASS), 0);
	rig_write(r, "d/after", "text");
	rig_sync(r);
	rig_forget(r);
	has(r, "d/after", CLASS, "STANDARD");
	has(r, "d/f", CLASS, "STANDARD_IA");
}

/* Whether an attribute of so many bytes stands with a directory's object. */
static bool fits(struct rig *r, const char *path, char *value, size_t size)
{
	char key[64], *ref;

	memset(value, 'x', size);
	value[size] = '\0';
	assert_int_equal(set(r, path, "user.a", value), 0);
	rig_sync(r);
	snprintf(key, sizeof(key), "%s/", path);
	ref = rig_meta(r, key, OVERFLOW_META);
	free(ref);
	return !ref;
}

/* Where the attributes leave no room for it, some stand elsewhere then. */
static void test_class_full_dir(void **state)
{
	struct rig *r = *state;
	size_t least = 1, most = 2000;
	struct stat st = {.st_uid = UINT32_MAX - 1, .st_gid = UINT32_MAX - 1};
	char value[2001];

	rig_mkdir(r, "d");
	assert_int_equal(vfs_setattr(r->f.v, rig_ino(r, "d"), &st,
				     VFS_SET_UID | VFS_SET_GID, &st),
			 0);
	while (most - least > 1) {
		size_t size = (least + most) / 2;

		*(fits(r, "d", value, size) ? &least : &most) = size;
	}
	assert_true(fits(r, "d", value, least));
	assert_int_equal(set(r, "d", CLASS, "INTELLIGENT_TIERING"), 0);
	rig_sync(r);
	assert_int_equal(rig_dirty(r), 0);
	rig_meta_is(r, "d/", "vers3-class", "INTELLIGENT_TIERING");
	rig_forget(r);
	has(r, "d", "user.a", value);
}

static void test_class_refused(void **state)
{
	static const char *const names[] = {
		"", "a b", "x/y", "STANDARD\n",
		"A_CLASS_WITH_A_NAME_OF_TOO_MANY_LETTERS"};
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	rig_forget_requests(r);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(set(r, "f", CLASS, names[i]), -EINVAL);
	rig_changed(r, "");
	/* The server has no such class. */
	rig_fail(r, "CreateMultipartUpload", RIG_BEFORE, -EINVAL, 1);
	assert_int_equal(set(r, "f", CLASS, "FROB"), -EINVAL);
	has(r, "f", CLASS, "STANDARD");
	assert_int_equal(rig_dirty(r), 0);
	assert_int_equal(vfs_setxattr(r->f.v, META_ROOT_INO, CLASS, "STANDARD",
				      8, 0),
			 -EOPNOTSUPP);
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, "f"), CLASS),
			 -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_set),	      RIG_TEST(test_version),
		RIG_TEST(test_refused),	      RIG_TEST(test_most_tags),
		RIG_TEST(test_class),	      RIG_TEST(test_class_meanwhile),
		RIG_TEST(test_class_dir),     RIG_TEST(test_class_full_dir),
		RIG_TEST(test_class_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
