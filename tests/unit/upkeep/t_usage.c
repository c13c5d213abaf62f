/* SPDX-License-Identifier: Apache-2.0 */
/* usage, as the control file answers, over a bucket in memory. */
#include "answer_rig.h"

static void fill(struct rig *r)
{
	rig_put_text(r, "a", "1");
	rig_put_text(r, "a", "22");
	rig_put_text(r, "a/b", "333");
	rig_put_text(r, "aa", "4444");
	rig_put_text(r, "gone", "55555");
	rig_remove(r, "gone");
	rig_put_text(r, MOUNT_OWN_NAME "/x/1", "666666");
}

static void test_counts(void **state)
{
	struct rig *r = *state;

	fill(r);
	SAYS(r, "usage", "[usage]\n\tpath = /\n\ttime = 20",
	     "\n\tobjects = 4\n\tbytes = 15\n\tnoncurrent = 2\n"
	     "\tnoncurrentBytes = 6\n\tmarkers = 1\n\town = 1\n"
	     "\townBytes = 6\n\tuploads = 0\n\tuploadBytes = 0\n"
	     "\tunsent = 0\n\tunsentBytes = 0\n"
	     "\tbiggest = \"5 1 0 gone\"\n\tbiggest = \"4 1 4 aa\"\n"
	     "\tbiggest = \"3 2 2 a\"\n\tbiggest = \"3 1 3 a/b\"\n"
	     "\tmost = \"3 2 2 a\"\n\tmost = \"3 1 3 a/b\"\n"
	     "\tmost = \"4 1 4 aa\"\n\tmost = \"5 1 0 gone\"\n"
	     "[class \"STANDARD\"]\n\tobjects = 4\n");
	/* A key and what is below it, not what begins with the same letters. */
	SAYS(r, "usage a", "\tpath = a\n",
	     "\n\tobjects = 2\n\tbytes = 5\n\tnoncurrent = 1\n"
	     "\tnoncurrentBytes = 1\n\tmarkers = 0\n\town = 0\n");
	SAYS(r, "usage a/b/", "\n\tobjects = 1\n\tbytes = 3\n");
}

/* Where nothing is, nothing was, and nothing is to be sent. */
static void test_nowhere(void **state)
{
	struct rig *r = *state;

	fill(r);
	fails(r, "usage \"no such\"\n", -ENOENT,
	      "usage: no such: there is no such path\n");
	fails(r, "usage a/b/c\n", -ENOENT,
	      "usage: a/b/c: there is no such path\n");
	SAYS(r, "usage gone", "\tobjects = 0\n", "\tmarkers = 1\n");
	rig_mkdir(r, "new");
	SAYS(r, "usage new", "\tobjects = 0\n");
	rig_write(r, "unsent", "x");
	SAYS(r, "usage unsent", "\tobjects = 0\n");
}

/* What was there is not known. */
static void test_nowhere_unversioned(void **state)
{
	SAYS(*state, "usage none", "\tobjects = 0\n");
}

/* What vers3 keeps beside the history is its own as well. */
static void test_own(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "a", "1");
	rig_put_text(r, MOUNT_VERSIONS_NAME "/zeros-1", "22");
	rig_put_text(r, MOUNT_OWN_NAME "/x/1", "333");
	SAYS(r, "usage", "\n\tobjects = 3\n\tbytes = 6\n",
	     "\n\town = 2\n\townBytes = 5\n",
	     "\tbiggest = \"1 1 1 a\"\n\tmost = \"1 1 1 a\"\n");
}

static void test_unsent(void **state)
{
	struct rig *r = *state;

	rig_write(r, "new", "seven77");
	SAYS(r, "usage", "\tobjects = 0\n", "\tunsent = 1\n");
}

static void test_uploads(void **state)
{
	struct rig *r = *state;

	rig_put_upload(r, VFS_FIXTURE_PREFIX "u", "four fives");
	rig_put_upload(r, VFS_FIXTURE_PREFIX "u/below", "four fives");
	rig_put_upload(r, VFS_FIXTURE_PREFIX "uu", "four fives");
	SAYS(r, "usage", "\tuploads = 3\n\tuploadBytes = 27\n");
	SAYS(r, "usage u", "\tuploads = 2\n\tuploadBytes = 18\n");
	SAYS(r, "usage u/below", "\tuploads = 1\n\tuploadBytes = 9\n");
	/* The rest is told where these cannot be. */
	rig_put_text(r, "file", "1");
	rig_fail(r, "ListMultipartUploads", RIG_BEFORE, -EACCES, 1);
	SAYS(r, "usage", "\tobjects = 1\n", "\tuploadsError = ");
}

static void test_classes_and_prices(void **state)
{
	struct rig *r = *state;

	rig_put_class(r, "cold", "four", "STANDARD_IA", NULL);
	rig_put_class(r, "odd", "threeee", "MINE", NULL);
	rig_put_text(r, "warm", "12345678");
	SAYS(r, "usage",
	     "[class \"STANDARD_IA\"]\n\tobjects = 1\n\tbytes = 4\n",
	     "\tcost = 0.0000\n", "[class \"MINE\"]\n\tobjects = 1\n",
	     "[cost]\n\tcurrency = USD\n\tdate = 20", "\tunpriced = MINE\n");
	/* In the order of the keys; a small object costs as a larger one. */
	SAYS(r,
	     "usage / price=STANDARD:1073741824 "
	     "price=STANDARD_IA:1073741824:10 currency=EUR",
	     "[class \"STANDARD_IA\"]\n", "\tcost = 10.0000\n",
	     "[class \"STANDARD\"]\n", "\tcost = 8.0000\n",
	     "[cost]\n\tcurrency = EUR\n\tcurrent = 18.0000\n"
	     "\tnoncurrent = 0.0000\n\tuploads = 0.0000\n"
	     "\tmonth = 18.0000\n\tunpriced = MINE\n");
}

static void test_words(void **state)
{
	static const struct {
		const char *line, *answer; /* the answer's beginning */
	} words[] = {
		{"usage if=soon", "if=soon: want such as if=noncurrent=30d"},
		{"usage if=", "if=: want such as"},
		{"usage if=keep=3", "if=keep=3: want such as"},
		{"usage if=noncurrent=0d", "if=noncurrent=0d: want such as"},
		{"usage if=noncurrent=30", "if=noncurrent=30: want such as"},
		{"usage if=noncurrent=-1d", "if=noncurrent=-1d: want"},
		{"usage if=noncurrent=1d,keep=101",
		 "if=noncurrent=1d,keep=101"},
		{"usage if=noncurrent=2147483648d",
		 "if=noncurrent=2147483648d: want"},
		{"usage if=noncurrent=1d,keep=0",
		 "if=noncurrent=1d,keep=0: want such as"},
		{"usage if=noncurrent=1d,noncurrent=2d",
		 "if=noncurrent=1d,noncurrent=2d: want such as"},
		{"usage if=noncurrent=1d,expire=1d",
		 "if=noncurrent=1d,expire=1d: want such as"},
		{"usage if=noncurrent=1d,", "if=noncurrent=1d,: want such as"},
		{"usage if=noncurrent=none", "if=noncurrent=none: want such"},
		{"usage a b", "b: want if=RULE"},
		{"usage price=X", "price=X: want CLASS:PRICE"},
		{"usage price=:1", "price=:1: want CLASS:PRICE"},
		{"usage price=X:nan", "price=X:nan: want a price"},
		{"usage price=X:-1", "price=X:-1: want a price"},
		{"usage price=X:1e99", "price=X:1e99: want a price"},
		{"usage price=X:1:", "price=X:1:: want the least bytes"},
		{"usage price=X:1:9k", "price=X:1:9k: want the least bytes"},
		{"usage / currency=", "currency=: want 1 to 15"},
		{"usage currency=", "currency=: want 1 to 15"},
		{"usage date=", "date=: want 1 to 15"},
		{"usage / currency=0123456789abcdef",
		 "currency=0123456789abcdef"},
	};
	struct rig *r = *state;
	char *answer = malloc(TEXT_MAX);

	assert_non_null(answer);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int rc = control_run(r->f.v, words[i].line, answer, TEXT_MAX);

		if (rc != -EINVAL || strstr(answer, words[i].answer) != answer)
			fail_msg("%s: %d %s", words[i].line, rc, answer);
		assert_ptr_equal(strchr(answer, '\n') + 1,
				 answer + strlen(answer));
	}
	assert_int_equal(rig_count(r, "ListObjectVersions"), 0);
	free(answer);
}

/* What fails is told in the last line, and by the read after it. */
static void test_failure(void **state)
{
	struct rig *r = *state;
	struct control_session *s;
	char text[400] = "";
	size_t len = 0, got = 0;
	int rc;

	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	assert_int_equal(control_open(r->f.v->control, &s), 0);
	assert_int_equal(control_write(s, "usage dir\n", 10), 0);
	while (!(rc = control_read_now(s, len, text + len,
				       sizeof(text) - 1 - len, &got)) &&
	       got)
		len += got;
	assert_int_equal(rc, -EACCES);
	text[len] = '\0';
	assert_ptr_equal(strstr(text, "usage: dir: "), text);
	assert_ptr_equal(strchr(text, '\n') + 1, text + len);
	control_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_counts),
		RIG_TEST(test_nowhere),
		RIG_TEST_UNVERSIONED(test_nowhere_unversioned),
		RIG_TEST(test_own),
		RIG_TEST(test_unsent),
		RIG_TEST(test_uploads),
		RIG_TEST(test_classes_and_prices),
		RIG_TEST(test_words),
		RIG_TEST(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
