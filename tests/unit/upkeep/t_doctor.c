/* SPDX-License-Identifier: Apache-2.0 */
/* doctor, as the control file answers, over a bucket in memory. */
#include "../vfs_rig.h"

#include "../../../src/upkeep/doctor_try.h"
#include "../control_rig.h"

#define TEXT_MAX (64 << 10)

/* The severity of a check, or "". */
static void severity(const char *answer, const char *check, char out[16])
{
	char section[80];
	const char *at;

	snprintf(section, sizeof(section),
		 "[finding \"%s\"]\n\tseverity = ", check);
	at = strstr(answer, section);
	out[0] = '\0';
	if (at)
		sscanf(at + strlen(section), "%15s", out);
}

static void is(const char *answer, const char *check, const char *want)
{
	char got[16];

	severity(answer, check, got);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s: %s", check, got, want, answer);
}

static void test_answer(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	rig_write(r, "file", "text");
	rig_sync(r);
	rig_forget_requests(r);
	assert_int_equal(control_run(r->f.v, "doctor\n", answer, TEXT_MAX), 0);
	is(answer, "versioning", "ok");
	is(answer, "encryption", "info");
	is(answer, "policy", "info");
	is(answer, "noncurrent", "warning");
	is(answer, "uploads", "warning");
	is(answer, "s3:ListBucket", "ok");
	is(answer, "s3:GetObjectVersion", "ok");
	is(answer, "s3:PutObject", "ok");
	is(answer, "s3:AbortMultipartUpload", "ok");
	is(answer, "s3:DeleteObject", "info");
	is(answer, "s3:DeleteObjectVersion", "info");
	assert_non_null(strstr(answer, "\twarnings = 2\n"));
	assert_non_null(strstr(answer, "\terrors = 0\n"));
	/* Nothing has come of it. */
	assert_int_equal(rig_count(r, "PutObject "), 0);
	assert_int_equal(rig_count(r, "CreateMultipartUpload"), 0);
	assert_int_equal(rig_uploads(r), 0);
	assert_int_equal(rig_versions(r, "file"), 1);
	assert_int_equal(rig_markers(r, ".vers3"), 0);
	assert_int_equal(rig_count(r, "DeleteObject "), 1);
}

static void test_denied(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	rig_write(r, "file", "text");
	rig_sync(r);
	rig_fail(r, "UploadPart", RIG_BEFORE, -EACCES, 1);
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(control_run(r->f.v, "doctor\n", answer, TEXT_MAX), 0);
	is(answer, "s3:ListBucketVersions", "error");
}

static void test_away(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	rig_forget_requests(r);
	rig_fail(r, "HeadBucket", RIG_BEFORE, -EHOSTUNREACH, 1);
	assert_int_equal(control_run(r->f.v, "doctor\n", answer, TEXT_MAX), 0);
	is(answer, "server", "error");
	is(answer, "versioning", "");
	is(answer, "min_free", "ok");
	assert_int_equal(rig_count(r, "GetBucketVersioning"), 0);
}

static void test_words(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	assert_int_equal(control_run(r->f.v, "doctor x\n", answer, TEXT_MAX),
			 -EINVAL);
	assert_non_null(strstr(answer, "usage: doctor"));
}

static void test_unversioned(void **state)
{
	static char answer[TEXT_MAX];
	struct rig *r = *state;

	assert_int_equal(control_run(r->f.v, "doctor\n", answer, TEXT_MAX), 0);
	is(answer, "versioning", "error");
	is(answer, "noncurrent", "");
	is(answer, "s3:DeleteObjectVersion", "");
}

/* Whatever the server is called, no delete could leave a marker. */
static void test_no_marker(void **state)
{
	struct rig *r = *state;
	struct doctor_facts facts = {.prefix = r->f.v->mount->config.prefix,
				     .amazon = true,
				     .versioning = {.enabled = true}};

	rig_write(r, "file", "text");
	rig_sync(r);
	rig_forget_requests(r);
	assert_int_equal(doctor_try(r->f.v->mount, &facts), 0);
	assert_int_equal(facts.rights[RIGHT_DELETE].tried, TRIED_IMPOSSIBLE);
	assert_int_not_equal(facts.rights[RIGHT_DELETE_VERSION].tried,
			     TRIED_IMPOSSIBLE);
	/* The one of a version that there is not. */
	assert_int_equal(rig_count(r, "DeleteObject "), 1);
	assert_int_equal(rig_count(r, "PutObject "), 0);
	assert_int_equal(rig_count(r, "CreateMultipartUpload"), 0);
}

/* What the end of a try says of the right. */
static void test_tries(void **state)
{
	static const struct {
		enum doctor_right right;
		bool amazon;
		int rc;
		const char *code;
		enum doctor_tried want;
	} rows[] = {
		{RIGHT_LIST, false, 0, "", TRIED_ALLOWED},
		{RIGHT_LIST, false, -EACCES, "AccessDenied", TRIED_DENIED},
		{RIGHT_GET, false, -ENOENT, "NoSuchKey", TRIED_ALLOWED},
		{RIGHT_PUT, false, -ENOENT, "NoSuchUpload", TRIED_ALLOWED},
		{RIGHT_PUT, false, -EOPNOTSUPP, "", TRIED_UNSUPPORTED},
		{RIGHT_PUT, false, -EIO, "InternalError", TRIED_UNTOLD},
		{RIGHT_PUT_TAGGING, false, -ENOENT, "NoSuchKey", TRIED_UNTOLD},
		{RIGHT_PUT_TAGGING, true, -ENOENT, "NoSuchKey", TRIED_ALLOWED},
		{RIGHT_LIST_PARTS, false, -ENOENT, "NoSuchKey", TRIED_UNTOLD},
		{RIGHT_LIST_PARTS, false, -ENOENT, "NoSuchUpload",
		 TRIED_ALLOWED},
		{RIGHT_DELETE_VERSION, true, -EINVAL, "InvalidArgument",
		 TRIED_UNTOLD},
		{RIGHT_GET_TAGGING, true, -ENODATA, "NoSuchTagSet",
		 TRIED_ALLOWED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(doctor_read_try(rows[i].right, rows[i].amazon,
						 rows[i].rc, rows[i].code),
				 rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_answer),
		RIG_TEST(test_denied),
		RIG_TEST(test_away),
		RIG_TEST(test_words),
		RIG_TEST(test_no_marker),
		RIG_TEST_UNVERSIONED(test_unversioned),
		cmocka_unit_test(test_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
