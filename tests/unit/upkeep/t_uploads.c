/* SPDX-License-Identifier: Apache-2.0 */
/* uploads, as the control file answers, over a bucket in memory. */
#include "answer_rig.h"

static void lists(struct rig *r, const char *line, int rc, const char *has,
		  char *answer)
{
	int got = control_run(r->f.v, line, answer, TEXT_MAX);

	if (got != rc || !strstr(answer, has))
		fail_msg("%s: %d: %s", line, got, answer);
}

static void test_list(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	lists(r, "uploads list\n", 0, "\tcount = 0\n", answer);
	rig_put_upload(r, "pre/a", "abc");
	rig_put_upload(r, "pre/d/b c", "abc");
	rig_put_upload(r, "pre/d/b c", "abc");
	rig_put_upload(r, "pre/dx", "abc");
	rig_put_upload(r, "other", "abc");
	lists(r, "uploads list\n", 0, "\tcount = 4\n", answer);
	assert_non_null(strstr(answer, "\tpath = \"d/b c\"\n"));
	assert_non_null(strstr(answer, "\tbytes = 12\n"));
	assert_non_null(strstr(answer, "\tbytes = 3\n"));
	assert_int_equal(count_text(answer, "[upload \""), 4);
	assert_int_equal(count_text(answer, "\town = false\n"), 4);
	lists(r, "uploads list /d/\n", 0, "\tcount = 2\n", answer);
	lists(r, "uploads list a\n", 0, "\tcount = 1\n", answer);
	lists(r, "uploads list /\n", 0, "\tcount = 4\n", answer);
	/* From the root it is a path, whatever it looks like. */
	rig_put_upload(r, "pre/older=7/a", "abc");
	lists(r, "uploads abort older=0s /older=7/\n", 0, "\tcount = 1\n",
	      answer);
	assert_non_null(strstr(answer, "\tpath = older=7/a\n"));
	fails(r, "uploads list none\n", -ENOENT,
	      "uploads list: none: there is no such path\n");
	fails(r, "uploads abort older=0s d/none\n", -ENOENT,
	      "uploads abort: d/none: there is no such path\n");
	/* A path at which there are no uploads. */
	rig_put_text(r, "file", "x");
	rig_remove(r, "file");
	lists(r, "uploads list file\n", 0, "\tcount = 0\n", answer);
	rig_mkdir(r, "new");
	lists(r, "uploads list new\n", 0, "\tcount = 0\n", answer);
}

/* What this mount has under way stays, whatever its age. */
static void test_abort(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;
	unsigned char *bytes = rig_bytes(1, 40 << 20);
	struct vfs_file *file = rig_open(r, "large", O_CREAT | O_WRONLY);
	unsigned asked;

	/* It goes up while it is written. */
	rig_pwrite(r, file, 0, bytes, 40 << 20);
	while (!rig_count(r, "UploadPart large"))
		usleep(1000);
	rig_put_upload(r, "pre/a", "abc");
	rig_put_upload(r, "pre/d/b", "abc");
	lists(r, "uploads list\n", 0, "\tcount = 3\n", answer);
	assert_int_equal(count_text(answer, "\town = true\n"), 1);
	/* None is so old: their parts are not asked for. */
	asked = rig_count(r, "ListParts");
	lists(r, "uploads abort older=1d\n", 0, "\tcount = 0\n", answer);
	assert_int_equal(rig_uploads(r), 3);
	assert_int_equal(rig_count(r, "ListParts"), asked);
	lists(r, "uploads abort older=0s d\n", 0, "\tcount = 1\n", answer);
	assert_non_null(strstr(answer, "\tpath = d/b\n"));
	assert_int_equal(rig_uploads(r), 2);
	lists(r, "uploads abort older=0s\n", 0, "\tcount = 1\n", answer);
	assert_non_null(strstr(answer, "\tpath = a\n"));
	assert_non_null(strstr(answer, "\town = 1\n"));
	assert_int_equal(rig_uploads(r), 1);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds_bytes(r, "large", bytes, 40 << 20);
	assert_int_equal(rig_uploads(r), 0);
	free(bytes);
}

/* So does one whose id has not come yet. */
static void test_beginning(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;
	unsigned char *bytes = rig_bytes(1, 40 << 20);
	struct vfs_file *file = rig_open(r, "large", O_CREAT | O_WRONLY);

	rig_gate(r, "CreateMultipartUpload large", RIG_AFTER);
	rig_pwrite(r, file, 0, bytes, 40 << 20);
	rig_wait_held(r);
	assert_int_equal(rig_uploads(r), 1);
	rig_put_upload(r, "pre/a", "abc");
	lists(r, "uploads abort older=0s\n", 0, "\tcount = 1\n", answer);
	assert_non_null(strstr(answer, "\town = 1\n"));
	assert_int_equal(rig_uploads(r), 1);
	rig_gate(r, NULL, RIG_AFTER);
	vfs_release(r->f.v, file);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload large"), 1);
	rig_holds_bytes(r, "large", bytes, 40 << 20);
	assert_int_equal(rig_uploads(r), 0);
	free(bytes);
}

/* A store over the mount's: the first answer to an abort is lost. */
struct lossy {
	struct store store;
	struct store *to; /* borrowed */
};

static int lossy_call(struct store *s, struct store_request *r)
{
	struct store *to = ((struct lossy *)s)->to;
	int rc = store_call(to, r);

	if (r->op != STORE_ABORT_UPLOAD || rc)
		return rc;
	rc = store_call(to, r);
	r->reply.tries = 2;
	return rc;
}

static void test_answer_lost(void **state)
{
	static const struct store_ops ops = {"lossy", lossy_call, NULL};
	static char answer[TEXT_MAX];
	struct rig *r = *state;
	struct mount *mount = r->f.v->mount;
	struct lossy lossy = {{&ops, NULL}, mount->store};

	rig_put_upload(r, "pre/a", "abc");
	mount->store = &lossy.store;
	lists(r, "uploads abort older=0s\n", 0, "\tcount = 1\n", answer);
	mount->store = lossy.to;
	assert_non_null(strstr(answer, "\tpath = a\n"));
	assert_int_equal(rig_uploads(r), 0);
}

/* So does what vers3 copies for itself, which is on no record. */
static void test_own_copies(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	rig_put_upload(r, "pre/" MOUNT_VERSIONS_NAME "/zeros-1", "abc");
	lists(r, "uploads list\n", 0, "\town = true\n", answer);
	lists(r, "uploads abort older=0s\n", 0, "\tcount = 0\n", answer);
	assert_non_null(strstr(answer, "\town = 1\n"));
	assert_int_equal(rig_uploads(r), 1);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *has;
	} cases[] = {
		{"uploads\n", "usage: uploads list [PATH] | uploads abort"},
		{"uploads abort\n", "usage: uploads abort"},
		{"uploads abort d\n", "want older=AGE"},
		{"uploads abort older=7\n", "older=7: want an age"},
		{"uploads abort older=1d a b\n", "usage: uploads abort"},
		{"uploads list .versions/a\n", ".versions/a: is no path"},
	};
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	rig_put_upload(r, "pre/a", "abc");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		lists(r, cases[i].line, -EINVAL, cases[i].has, answer);
	rig_fail(r, "AbortMultipartUpload", RIG_BEFORE, -EOPNOTSUPP, 1);
	fails(r, "uploads abort older=0s\n", -EOPNOTSUPP,
	      "1 could not be aborted: not supported by this server");
	r->f.v->mount->config.read_only = true;
	lists(r, "uploads abort older=0s\n", -EROFS, "read-only", answer);
	assert_int_equal(rig_uploads(r), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_list),	   RIG_TEST(test_abort),
		RIG_TEST(test_beginning),  RIG_TEST(test_answer_lost),
		RIG_TEST(test_own_copies), RIG_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
