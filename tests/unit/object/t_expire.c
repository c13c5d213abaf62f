/* SPDX-License-Identifier: Apache-2.0 */
/* When a file expires: words, the tag of its versions, the rule for it. */
#include "../history/view_rig.h"

#include <errno.h>
#include <pthread.h>

#include "../control_rig.h"
#include "vers3/control/expire_rule.h"
#include "vers3/core/tagset.h"
#include "vers3/object/expire.h"
#include "vers3/object/inherited.h"
#include "vers3/tree/tree.h"

#define EXPIRE	 "user.s3.expire"
#define PART_MIN (5 << 20)

static void test_words(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: none */
	} table[] = {
		{"7d", "7d"},
		{"1w", "7d"},
		{"48h", "2d"},
		{"86400s", "1d"},
		{"007d", "7d"},
		{"never", ""},
		{"36500d", "36500d"},
		{"36501d", NULL},
		{"0d", NULL},
		{"12h", NULL},
		{"25h", NULL},
		{"7", NULL},
		{"d", NULL},
		{"-1d", NULL},
		{"7 d", NULL},
		{"Never", NULL},
		{"2027-01-01", NULL},
		{"", NULL},
		{"1d1h", NULL},
		{"0000000000001d", "1d"},
		{"00000000000000001d", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char text[EXPIRE_TEXT_MAX] = "?";
		int rc = expire_parse(table[i].text, strlen(table[i].text),
				      text);

		if (rc != (table[i].want ? 0 : -EINVAL) ||
		    (table[i].want && strcmp(text, table[i].want) != 0))
			fail_msg("%s: %d %s", table[i].text, rc, text);
	}
	assert_int_equal(expire_days("7d"), 7);
	assert_int_equal(expire_days("36500d"), 36500);
	assert_int_equal(expire_days("36501d"), 0);
	assert_int_equal(expire_days("07d"), 0);
	assert_int_equal(expire_days("7"), 0);
	assert_int_equal(expire_days("7dd"), 0);
	assert_int_equal(expire_days(""), 0);
}

static int set(struct rig *r, const char *path, const char *value)
{
	return vfs_setxattr(r->f.v, rig_ino(r, path), EXPIRE, value,
			    strlen(value), 0);
}

/* want NULL: never. */
static void has(struct rig *r, const char *path, const char *want)
{
	struct buf value;
	int rc;

	buf_init(&value, 4096);
	rc = vfs_getxattr(r->f.v, rig_ino(r, path), EXPIRE, &value);
	if (rc != (want ? 0 : -ENODATA) ||
	    (want && strcmp(value.data, want) != 0))
		fail_msg("%s: %d '%s'", path, rc, value.len ? value.data : "");
	buf_release(&value);
}

/* The tags of what the bucket has there: "a=1 b=2". */
static void tags_are(struct rig *r, const char *path, const char *want)
{
	char key[META_KEY_MAX + 1], text[512] = "";
	struct kvlist tags;

	snprintf(key, sizeof(key), VFS_FIXTURE_PREFIX "%s", path);
	kvlist_init(&tags);
	assert_int_equal(tagset_get(r->bucket, key, NULL, &tags), 0);
	for (size_t i = 0; i < tags.count; i++) {
		strcat(strcat(text, i ? " " : ""), tags.items[i].name);
		strcat(strcat(text, "="), tags.items[i].value);
	}
	kvlist_release(&tags);
	assert_string_equal(text, want);
}

/* As another mount does it, or anybody. */
static void put_tags(struct rig *r, const char *path, const char *name,
		     const char *value)
{
	char key[META_KEY_MAX + 1];
	struct kvlist tags;

	snprintf(key, sizeof(key), VFS_FIXTURE_PREFIX "%s", path);
	kvlist_init(&tags);
	assert_int_equal(kvlist_add(&tags, name, value), 0);
	assert_int_equal(tagset_put(r->bucket, key, NULL, &tags), 0);
	kvlist_release(&tags);
}

/* How many rules there are, and that one is for so many days. */
static void rules_are(struct rig *r, size_t count, const char *text)
{
	struct lifecycle l = {.count = 0};
	struct store_request q;

	store_request_init(&q, STORE_GET_LIFECYCLE);
	if (!store_call(r->bucket, &q))
		assert_int_equal(lifecycle_parse(q.reply.body.data,
						 q.reply.body.len, &l),
				 0);
	store_request_release(&q);
	assert_int_equal(l.count, count);
	assert_int_equal(expire_rule_find(&l, text) != NULL, count > 0);
	lifecycle_release(&l);
}

/* A tag, no version; the others stay; and the next save has it. */
static void test_file(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "7d"), 0);
	rules_are(r, 1, "7d");
	tags_are(r, "f", "vers3-expire=7d");
	has(r, "f", "7d");
	put_tags(r, "f", "class", "x");
	has(r, "f", NULL);
	rig_forget_requests(r);
	assert_int_equal(set(r, "f", "1w"), 0);
	assert_int_equal(rig_count(r, "PutBucketLifecycle"), 0);
	tags_are(r, "f", "class=x vers3-expire=7d");
	assert_int_equal(set(r, "f", "30d"), 0);
	rules_are(r, 2, "30d");
	tags_are(r, "f", "class=x vers3-expire=30d");
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_dirty(r), 0);
	/* Other attributes of that kind leave it alone. */
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "f"), "user.s3.tags",
				      "a=1", 3, 0),
			 0);
	tags_are(r, "f", "a=1 vers3-expire=30d");
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "f"), "user.s3.tags",
				      "vers3-expire=1d", 15, 0),
			 -EINVAL);
	/* New content. */
	rig_write(r, "f", "other");
	rig_sync(r);
	assert_int_equal(rig_versions(r, "f"), 2);
	tags_are(r, "f", "vers3-expire=30d");
	/* A copy in place, and another name. */
	rig_chmod(r, "f", 0600);
	rig_sync(r);
	rig_rename(r, "f", "g");
	rig_sync(r);
	tags_are(r, "g", "vers3-expire=30d");
	rig_forget(r);
	has(r, "g", "30d");
	assert_int_equal(set(r, "g", "never"), 0);
	tags_are(r, "g", "");
	has(r, "g", NULL);
	rig_write(r, "g", "again");
	rig_sync(r);
	tags_are(r, "g", "");
	assert_int_equal(set(r, "g", "7d"), 0);
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, "g"), EXPIRE), 0);
	tags_are(r, "g", "");
}

/* What others have set since is what the next save has. */
static void test_others(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_write(r, "g", "text");
	rig_sync(r);
	assert_int_equal(set(r, "f", "7d"), 0);
	put_tags(r, "f", EXPIRE_TAG, "30d");
	has(r, "f", "30d");
	rig_write(r, "f", "other");
	put_tags(r, "g", EXPIRE_TAG, "30d");
	rig_write(r, "g", "other");
	rig_sync(r);
	tags_are(r, "f", "vers3-expire=30d");
	tags_are(r, "g", "vers3-expire=30d");
}

/* Where nobody uses it a save asks for no tags. */
static void test_unused(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	rig_write(r, "f", "other");
	rig_sync(r);
	assert_int_equal(rig_count(r, "GetObjectTagging"), 0);
	assert_int_equal(rig_count(r, "PutObjectTagging"), 0);
}

static void test_dir(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_write(r, "d/before", "text");
	assert_int_equal(set(r, "d", "7d"), 0);
	has(r, "d", "7d");
	rig_sync(r);
	rig_meta_is(r, "d/", EXPIRE_META, "7d");
	tags_are(r, "d/", "");
	rig_forget(r);
	has(r, "d", "7d");
	rig_write(r, "d/f", "text");
	has(r, "d/f", "7d");
	rig_mkdir(r, "d/sub");
	rig_write(r, "d/sub/f", "text");
	rig_sync(r);
	assert_int_equal(rig_versions(r, "d/f"), 1);
	tags_are(r, "d/f", "vers3-expire=7d");
	tags_are(r, "d/sub/f", "vers3-expire=7d");
	tags_are(r, "d/before", "");
	has(r, "d/before", NULL);
	rules_are(r, 1, "7d");
	/* One that is not sent yet can be told otherwise. */
	rig_write(r, "d/stays", "text");
	assert_int_equal(set(r, "d/stays", "never"), 0);
	rig_write(r, "d/stays", "other");
	rig_sync(r);
	tags_are(r, "d/stays", "");
	/* With the storage class, which is handed down the same way. */
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "d"),
				      "user.s3.storage_class", "STANDARD_IA",
				      11, 0),
			 0);
	rig_write(r, "d/both", "text");
	rig_sync(r);
	tags_are(r, "d/both", "vers3-expire=7d");
	assert_int_equal(vfs_removexattr(r->f.v, rig_ino(r, "d"), EXPIRE), 0);
	rig_write(r, "d/after", "text");
	rig_sync(r);
	rig_forget(r);
	has(r, "d", NULL);
	tags_are(r, "d/after", "");
}

/* In parts, and again with other attributes that come late. */
static void test_parts(void **state)
{
	unsigned char *data = rig_bytes(1, 3 * PART_MIN);
	struct rig *r = *state;

	rig_mkdir(r, "d");
	assert_int_equal(set(r, "d", "7d"), 0);
	rig_write_bytes(r, "d/f", data, 3 * PART_MIN);
	rig_utimens(r, "d/f", NS_PER_S);
	rig_sync(r);
	has(r, "d/f", "7d");
	assert_int_equal(rig_count(r, "CompleteMultipartUpload"), 1);
	rig_write_bytes(r, "d/f", data + 1, 3 * PART_MIN - 1);
	rig_sync(r);
	has(r, "d/f", "7d");
	free(data);
}

/* A kill between the version and its tag. */
static void test_killed(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	assert_int_equal(set(r, "d", "7d"), 0);
	rig_write(r, "d/f", "text");
	rig_fail(r, "PutObjectTagging", RIG_BEFORE, -EIO, 1);
	rig_try_sync(r, NULL);
	rig_kill(r);
	rig_sync(r);
	tags_are(r, "d/f", "vers3-expire=7d");
	assert_int_equal(rig_versions(r, "d/f"), 1);
}

static void write_more(struct rig *r)
{
	rig_write(r, "f", "more");
}

/* It is written to while its version gets the tag. */
static void test_meanwhile(void **state)
{
	struct rig *r = *state;

	rig_write(r, "f", "text");
	rig_sync(r);
	rig_hook(r, "PutObjectTagging", write_more, 1);
	assert_int_equal(set(r, "f", "7d"), 0);
	has(r, "f", "7d");
	rig_sync(r);
	tags_are(r, "f", "vers3-expire=7d");
	rig_holds(r, "f", "more");
}

static void test_versions(void **state)
{
	char path[1024], names[NAMES_MAX];
	struct rig *r = *state;

	rig_write(r, "f", "text");
	assert_int_equal(set(r, "f", "7d"), 0);
	names_of(r, ".versions/f", names);
	snprintf(path, sizeof(path), ".versions/f/%s", strtok(names, " "));
	has(r, path, "7d");
	/* Rules with days take none but the present one. */
	assert_int_equal(set(r, path, "1d"), -EROFS);
}

static void test_refused(void **state)
{
	struct rig *r = *state;
	char answer[1024];

	rig_write(r, "f", "text");
	rig_sync(r);
	rig_forget_requests(r);
	assert_int_equal(set(r, "f", "12h"), -EINVAL);
	assert_int_equal(set(r, "f", ""), -EINVAL);
	assert_int_equal(control_run(r->f.v, "expire f 12h", answer,
				     sizeof(answer)),
			 -EINVAL);
	assert_string_equal(answer, "12h: want whole days such as 7d, 36500 "
				    "at most, or never\n");
	assert_int_equal(vfs_setxattr(r->f.v, META_ROOT_INO, EXPIRE, "7d", 2,
				      0),
			 -EOPNOTSUPP);
	rig_changed(r, "");
	rules_are(r, 0, "7d");
	rig_fail(r, "GetBucketLifecycleConfiguration", RIG_BEFORE, -EOPNOTSUPP,
		 9);
	assert_int_equal(set(r, "f", "7d"), -EOPNOTSUPP);
	assert_int_equal(control_run(r->f.v, "expire f 7d", answer,
				     sizeof(answer)),
			 -EOPNOTSUPP);
	tags_are(r, "f", "");
	assert_int_equal(control_run(r->f.v, "expire none 7d", answer,
				     sizeof(answer)),
			 -ENOENT);
	r->f.v->mount->config.read_only = true;
	assert_int_equal(set(r, "f", "7d"), -EROFS);
	assert_int_equal(control_run(r->f.v, "expire f 7d", answer,
				     sizeof(answer)),
			 -EROFS);
	assert_int_equal(
		control_run(r->f.v, "expire f", answer, sizeof(answer)), 0);
	assert_string_equal(answer, "[expire]\n\tpath = f\n\tdirectory = false"
				    "\n\texpire = never\n\tpending = false\n");
}

static void test_command(void **state)
{
	struct rig *r = *state;
	char answer[1024];

	rig_mkdir(r, "d");
	rig_write(r, "d/f", "text");
	assert_int_equal(control_run(r->f.v, "expire d/f 2w", answer,
				     sizeof(answer)),
			 0);
	assert_ptr_equal(strstr(answer, "[expire]\n\tpath = d/f\n"
					"\tdirectory = false\n\texpire = 14d\n"
					"\tpending = "),
			 answer);
	assert_non_null(strstr(answer, "\n\trule = vers3-expire-14d-20"));
	assert_int_equal(
		control_run(r->f.v, "expire d 1d", answer, sizeof(answer)), 0);
	assert_non_null(strstr(answer, "\tdirectory = true\n\texpire = 1d\n"));
	assert_int_equal(control_run(r->f.v, "expire /d/f never", answer,
				     sizeof(answer)),
			 0);
	assert_non_null(strstr(answer, "\texpire = never\n"));
	tags_are(r, "d/f", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), RIG_TEST(test_file),
		RIG_TEST(test_others),	      RIG_TEST(test_unused),
		RIG_TEST(test_dir),	      RIG_TEST(test_parts),
		RIG_TEST(test_killed),	      RIG_TEST(test_meanwhile),
		RIG_TEST(test_versions),      RIG_TEST(test_refused),
		RIG_TEST(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
