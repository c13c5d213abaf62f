/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is refused says what can be done. */
#include "../vfs_fixture.h"
#include "../control_rig.h"

#include <errno.h>

#include "../../../src/tree/dir_impl.h"
#include "../../../src/tree/outage.h"
#include "../../../src/tree/tree_impl.h"
#include "vers3/core/bucket_reply.h"
#include "vers3/store/list.h"
#include "vers3/tree/tree.h"
#include "vers3/util/errtext.h"

#define TEXT_MAX 4096

struct advice {
	const char *line;
	int rc;
	const char *why, *todo; /* pieces of the answer */
};

static void check_all(struct vfs_fixture *f, const struct advice *a, size_t n)
{
	char answer[TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		int rc = control_run(f->v, a[i].line, answer, sizeof(answer));

		if (rc != a[i].rc || !strchr(answer, '\n') ||
		    !strstr(answer, a[i].why) || !strstr(answer, a[i].todo))
			fail_msg("%s: %d %s", a[i].line, rc, answer);
	}
}

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct advice versioned[] = {
	{"undelete file\n", -EEXIST, "is not deleted", "vers3ctl restore"},
	{"undelete dir\n", -ENOENT, "is a directory", "restore --at TIME"},
	{"restore dir @previous\n", -ENOENT, "is a directory", "vers3ctl log"},
	{"restore dir @1d\n", -ENOENT, "is a directory", "vers3ctl log"},
	{"restore none @previous\n", -ENOENT, "no version of such a file",
	 "vers3ctl log"},
	{"restore none @0s\n", -ENOENT, "no version of such a file",
	 "vers3ctl log"},
	{"restore file @previous\n", -ENOENT, "no earlier version",
	 "vers3ctl versions"},
	{"restore file @1d\n", -ENOENT, "did not exist at that time",
	 "vers3ctl versions"},
	{"restore file 12345\n", -ENOENT, "no such version",
	 "vers3ctl versions"},
	{"restore gone @0s\n", -ENOENT, "had been deleted",
	 "vers3ctl versions"},
	{"lifecycle remove x\n", -ENOENT, "no rule has this id",
	 "vers3ctl lifecycle"},
	{"lifecycle\n", -EINVAL, "usage: lifecycle list",
	 "lifecycle remove ID"},
	{"lifecycle frob\n", -EINVAL, "usage: lifecycle list",
	 "lifecycle set ID WORD..."},
	{"frob\n", -EINVAL, "no such command", "help lists them"},
	{"purge file keep=1\n", -EPERM, "only where", "-o versions=purge"},
};

static const struct advice unversioned[] = {
	{"undelete none\n", -ENOENT, "keeps no versions",
	 "-o enable_versioning"},
	{"restore none @previous\n", -ENOENT, "keeps no versions",
	 "-o enable_versioning"},
	{"restore file @previous\n", -ENOENT, "keeps no versions",
	 "-o enable_versioning"},
};

static const struct advice silent[] = {
	{"lifecycle list\n", -ECONNREFUSED, "connection refused",
	 "vers3ctl status"},
	{"restore file @previous\n", -ECONNREFUSED, "cannot be reached",
	 "vers3ctl status"},
	{"undelete file\n", -ECONNREFUSED, "cannot be reached",
	 "vers3ctl status"},
};

static const struct advice read_only[] = {
	{"restore file @previous\n", -EROFS, "read-only", "remount it rw"},
};

static void make_files(struct vfs_fixture *f)
{
	struct meta_inode dir;

	vfs_fixture_write(f, "file", "text");
	vfs_fixture_write(f, "gone", "text");
	assert_int_equal(tree_make(f->v->tree, META_ROOT_INO, "dir",
				   S_IFDIR | 0755, 0, NULL, &vfs_fixture_caller,
				   &dir),
			 0);
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(tree_unlink(f->v->tree, META_ROOT_INO, "gone"), 0);
	assert_int_equal(vfs_drain(f->v), 0);
}

static void test_commands(void **state)
{
	struct vfs_fixture *f = *state;

	make_files(f);
	check_all(f, versioned, COUNT(versioned));
	f->v->mount->config.versioned = false;
	check_all(f, unversioned, COUNT(unversioned));
	f->v->mount->config.versioned = true;
	atomic_store(&f->silent, true);
	check_all(f, silent, COUNT(silent));
	atomic_store(&f->silent, false);
	f->v->mount->config.read_only = true;
	check_all(f, read_only, COUNT(read_only));
}

/* The right that is missing, of each question about the bucket. */
static void test_rights(void **state)
{
	static const struct {
		enum store_op op;
		const char *right;
	} rights[] = {
		{STORE_GET_LIFECYCLE, "s3:GetLifecycleConfiguration"},
		{STORE_PUT_LIFECYCLE, "s3:PutLifecycleConfiguration"},
		{STORE_DELETE_LIFECYCLE, "s3:PutLifecycleConfiguration"},
		{STORE_GET_REPLICATION, "s3:GetReplicationConfiguration"},
		{STORE_LIST_VERSIONS, "s3:ListBucketVersions"},
		{STORE_HEAD_BUCKET, "s3:ListBucket"},
	};
	struct store_reply reply = {.status = 403, .code = "AccessDenied"};
	char reason[320];

	(void)state;
	for (size_t i = 0; i < COUNT(rights); i++) {
		bucket_explain(rights[i].op, &reply, -EACCES, reason,
			       sizeof(reason));
		assert_memory_equal(reason, "AccessDenied; ", 14);
		assert_non_null(strstr(reason, rights[i].right));
	}
	strcpy(reply.code, "InternalError");
	strcpy(reply.message, "try again");
	bucket_explain(STORE_GET_LIFECYCLE, &reply, -EIO, reason,
		       sizeof(reason));
	assert_string_equal(reason, "InternalError: try again");
	strcpy(reply.request_id, "tx1");
	bucket_explain(STORE_GET_LIFECYCLE, &reply, -EIO, reason,
		       sizeof(reason));
	assert_string_equal(reason, "InternalError: try again (request tx1)");
	/* Where there is no room the end is cut off. */
	bucket_explain(STORE_GET_LIFECYCLE, &reply, -EACCES, reason, 30);
	assert_int_equal(strlen(reason), 29);
}

/* How often a piece of text stands in the log. */
static unsigned count_in(const char *path, const char *piece)
{
	char text[TEXT_MAX];
	FILE *f = fopen(path, "r");
	unsigned n = 0;
	size_t got;

	assert_non_null(f);
	got = fread(text, 1, sizeof(text) - 1, f);
	text[got] = '\0';
	fclose(f);
	for (const char *at = text; (at = strstr(at, piece)); at++)
		n++;
	return n;
}

/* Nothing is answered from here on, nor is anything under way. */
static void silence(struct vfs_fixture *f)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct metrics_snapshot m;

	atomic_store(&f->silent, true);
	for (;;) {
		metrics_store_read(f->store, &m);
		if (!m.in_flight)
			break;
		nanosleep(&pause, NULL);
	}
}

/* The log has when an outage began and when it was over, once each. */
static void test_outage(void **state)
{
	struct vfs_fixture *f = *state;
	struct store_request r;
	char path[128];

	snprintf(path, sizeof(path), "%s/log", f->dir);
	assert_int_equal(log_open(path, false), 0);
	log_set_level(LOG_LEVEL_INFO);
	for (int round = 1; round <= 2; round++) {
		silence(f);
		for (int i = 0; i < 3; i++) {
			outage_note(f->v->tree, clock_mono_ns(), -ECONNREFUSED);
			assert_true(outage_is_on(f->v->tree));
			/* It is looked for the end of it. */
			atomic_store(&f->v->tree->dirs->outage.until, 0);
			assert_false(outage_is_on(f->v->tree));
		}
		assert_int_equal(count_in(path, "not reachable"), round);
		assert_int_equal(count_in(path, "bucket answers again"),
				 round - 1);
		atomic_store(&f->silent, false);
		store_request_init(&r, STORE_HEAD_BUCKET);
		assert_int_equal(store_call(f->store, &r), 0);
		store_request_release(&r);
		assert_false(outage_is_on(f->v->tree));
		assert_false(outage_is_on(f->v->tree));
		assert_int_equal(count_in(path, "bucket answers again"), round);
	}
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(log_open("stderr", false), 0);
}

static int want_no_more(void *ctx, const struct store_entry *e)
{
	(void)ctx;
	(void)e;
	return -ECANCELED;
}

/* Who has seen enough of a list makes no error of it. */
static void test_enough(void **state)
{
	struct vfs_fixture *f = *state;
	struct metrics_snapshot m;
	struct store_list list;

	vfs_fixture_write(f, "file", "text");
	assert_int_equal(vfs_drain(f->v), 0);
	store_list_init(&list, STORE_LIST, "", NULL);
	list.on_entry = want_no_more;
	assert_int_equal(store_list_page(f->store, &list), -ECANCELED);
	store_list_release(&list);
	metrics_store_read(f->store, &m);
	assert_int_equal(m.ops[STORE_LIST].errors, 0);
	assert_string_equal(m.last_error, "");
}

static void test_errtext(void **state)
{
	(void)state;
	assert_non_null(strstr(errtext(-ECONNREFUSED), "Connection refused"));
	assert_non_null(strstr(errtext(ECONNREFUSED), "cannot be reached"));
	assert_non_null(strstr(errtext(-ENOTCONN), "mount it again"));
	assert_string_equal(errtext(-ENOENT), strerror(ENOENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VFS_FIXTURE_TEST(test_commands), cmocka_unit_test(test_rights),
		cmocka_unit_test(test_errtext),	 VFS_FIXTURE_TEST(test_outage),
		VFS_FIXTURE_TEST(test_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
