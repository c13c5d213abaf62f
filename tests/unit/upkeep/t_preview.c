/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle preview, as the control file answers, over a bucket in memory. */
#include "answer_rig.h"

#include "vers3/core/tagset.h"
#include "vers3/util/clock.h"

static void says_not(struct rig *r, const char *line, const char *text)
{
	char *answer = ask(r, line);

	if (strstr(answer, text))
		fail_msg("%s: \"%s\" in\n%s", line, text, answer);
	free(answer);
}

static void set_tag(struct rig *r, const char *key, const char *value)
{
	struct kvlist tags;

	kvlist_init(&tags);
	assert_int_equal(kvlist_add(&tags, "class", value), 0);
	assert_int_equal(tagset_put(r->bucket, key, NULL, &tags), 0);
	kvlist_release(&tags);
}

#define RULE(id, filter, rest)                                                 \
	"<Rule><ID>" id "</ID><Filter>" filter "</Filter><Status>Enabled"      \
	"</Status>" rest "</Rule>"
#define RULES(...)                                                             \
	"<LifecycleConfiguration>" __VA_ARGS__ "</LifecycleConfiguration>"
#define ALL	     "<Prefix></Prefix>"
#define EXPIRE(days) "<Expiration><Days>" days "</Days></Expiration>"
#define OLD(days)                                                              \
	"<NoncurrentVersionExpiration><NoncurrentDays>" days                   \
	"</NoncurrentDays></NoncurrentVersionExpiration>"
#define MOVE(days, class)                                                      \
	"<Transition><Days>" days                                              \
	"</Days><StorageClass>" class "</StorageClass></Transition>"
#define ABORT                                                                  \
	"<AbortIncompleteMultipartUpload><DaysAfterInitiation>2"               \
	"</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
#define PAST "<Expiration><Date>2020-01-01T00:00:00Z</Date></Expiration>"

/* What a rule's day is called, days from now. */
static const char *day_after(unsigned days, char *buf)
{
	int64_t ns = clock_real_ns() + (days + 1) * INT64_C(86400) * NS_PER_S;

	clock_format_iso8601(ns, buf, 32);
	buf[10] = '\0';
	return buf;
}

static void test_counts(void **state)
{
	struct rig *r = *state;
	char day[32];

	SAYS(r, "lifecycle preview",
	     "[preview]\n\tpath = /\n\tdays = 30\n\tuntil = 20",
	     "\truleCount = 0\n\tversions = 0\n\ttagsUnknown = 0\n");
	rig_set_rules(r, RULES(RULE("all", ALL,
				    EXPIRE("3") OLD("9")
					    MOVE("1", "STANDARD_IA") ABORT)));
	rig_put_text(r, "d/a", "1");
	rig_put_text(r, "d/a", "22");
	rig_put_text(r, "d/a/b", "4444");
	rig_put_text(r, "dd", "88888888");
	rig_put_upload(r, VFS_FIXTURE_PREFIX "d/up", "seven77");
	rig_put_upload(r, VFS_FIXTURE_PREFIX "dd", "seven77");
	SAYS(r, "lifecycle preview days=0", "[preview]\n");
	says_not(r, "lifecycle preview days=0", "planned");
	day_after(3, day);
	SAYS(r, "lifecycle preview days=5",
	     "\trule = all\n\taction = expire\n\tcount = 3\n\tbytes = 14\n"
	     "\toverdue = 0\n\toverdueBytes = 0\n\tday = ",
	     day, " 3 14",
	     "\taction = move:STANDARD_IA\n\tcount = 3\n\tbytes = 14\n",
	     "\taction = abort\n\tcount = 2\n\tbytes = 14\n",
	     "\tversions = 4\n");
	/* What is old goes, and later on what has expired by then. */
	SAYS(r, "lifecycle preview days=10", "\taction = remove\n\tcount = 1\n",
	     "[preview]");
	SAYS(r, "lifecycle preview days=13",
	     "\taction = remove\n\tcount = 4\n\tbytes = 15\n",
	     "\tday = ", "\tday = ", "[preview]");
	/* A path and what is below it. */
	SAYS(r, "lifecycle preview d days=5",
	     "\taction = expire\n\tcount = 2\n",
	     "\taction = abort\n\tcount = 1\n\tbytes = 7\n", "\tpath = d\n");
	SAYS(r, "lifecycle preview /d/a/b/ days=5",
	     "\taction = expire\n\tcount = 1\n\tbytes = 4\n");
}

#define KEEP(days, count)                                                      \
	"<NoncurrentVersionExpiration><NoncurrentDays>" days                   \
	"</NoncurrentDays><NewerNoncurrentVersions>" count                     \
	"</NewerNoncurrentVersions></NoncurrentVersionExpiration>"

/* What expires is one of those to keep, and pushes the oldest one out. */
static void test_keep(void **state)
{
	struct rig *r = *state;
	char day[32];

	rig_set_rules(r, RULES(RULE("all", ALL, EXPIRE("9") KEEP("1", "2"))));
	for (int i = 0; i < 4; i++)
		rig_put_text(r, "a", i ? "22" : "1");
	rig_put_text(r, "b", "1");
	rig_put_text(r, "b", "1");
	/* Two of three stay, while the newest does. */
	SAYS(r, "lifecycle preview days=8", "\taction = remove\n",
	     "\tcount = 1\n\tbytes = 1\n");
	day_after(9, day);
	SAYS(r, "lifecycle preview days=11 names", "\tpath = a\n\tdate = ", day,
	     "\taction = expire\n\tbytes = 2\n", "\tpath = a\n\tdate = ", day,
	     "\taction = remove\n\tbytes = 2\n",
	     "\taction = expire\n\tcount = 2\n",
	     "\taction = remove\n\tcount = 2\n\tbytes = 3\n");
	/* By its tags the newest of a stays: so does all of the rest. */
	rig_set_rules(
		r, RULES(RULE("tag",
			      "<Tag><Key>class</Key><Value>tmp</Value></Tag>",
			      EXPIRE("9")) RULE("all", ALL, KEEP("1", "3"))));
	says_not(r, "lifecycle preview", "planned");
	set_tag(r, VFS_FIXTURE_PREFIX "a", "tmp");
	SAYS(r, "lifecycle preview", "\taction = expire\n\tcount = 1\n",
	     "\trule = all\n\taction = remove\n\tcount = 1\n\tbytes = 1\n",
	     "\tday = ", day);
}

static void test_names(void **state)
{
	struct rig *r = *state;

	rig_set_rules(r,
		      RULES(RULE("a rule",
				 "<Prefix>" VFS_FIXTURE_PREFIX "tmp/</Prefix>",
				 PAST)));
	rig_put_text(r, "tmp/one", "1");
	rig_put_text(r, "tmp/two words", "22");
	rig_put_text(r, "names", "333");
	SAYS(r, "lifecycle preview names", "[due \"",
	     "\tpath = tmp/one\n\tdate = 2020-01-01T00:00:00Z\n"
	     "\taction = expire\n\tbytes = 1\n\trule = \"a rule\"\n",
	     "\tpath = \"tmp/two words\"\n",
	     "[planned \"1\"]\n\trule = \"a rule\"\n\taction = expire\n"
	     "\tcount = 2\n\tbytes = 3\n\toverdue = 2\n\toverdueBytes = 3\n"
	     "[preview]\n");
	says_not(r, "lifecycle preview", "[due");
	SAYS(r, "lifecycle preview /names names", "\tpath = names\n",
	     "\tversions = 1\n");
}

/* Tags are asked for only where they decide, and each version has its own. */
static void test_tags(void **state)
{
	struct rig *r = *state;

	rig_set_rules(
		r, RULES(RULE("tag",
			      "<Tag><Key>class</Key><Value>tmp</Value></Tag>",
			      EXPIRE("3"))
				 RULE("other",
				      "<Tag><Key>class</Key><Value>no</Value>"
				      "</Tag>",
				      EXPIRE("2"))));
	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%03d", i);
		rig_put_text(r, name, "1");
	}
	set_tag(r, VFS_FIXTURE_PREFIX "f000", "tmp");
	set_tag(r, VFS_FIXTURE_PREFIX "f299", "tmp");
	set_tag(r, VFS_FIXTURE_PREFIX "f150", "none");
	says_not(r, "lifecycle preview days=1", "planned");
	assert_int_equal(rig_count(r, "GetObjectTagging"), 0);
	SAYS(r, "lifecycle preview", "\trule = tag\n", "\tcount = 2\n",
	     "\ttagsUnknown = 0\n");
	assert_int_equal(rig_count(r, "GetObjectTagging"), 300);
	says_not(r, "lifecycle preview", "rule = other");
	/* One that cannot be asked for is no reason to tell nothing. */
	rig_fail(r, "GetObjectTagging", RIG_BEFORE, -EACCES, 1);
	SAYS(r, "lifecycle preview f000", "\ttagsUnknown = 1\n");
}

#define CLASS(value) "<Tag><Key>class</Key><Value>" value "</Value></Tag>"

/* Two rules that want the same tag with another value each. */
static void test_values_of_a_tag(void **state)
{
	struct rig *r = *state;

	rig_set_rules(r, RULES(RULE("tmp",
				    "<And><Prefix>" VFS_FIXTURE_PREFIX
				    "x/</Prefix>" CLASS("tmp") "</And>",
				    EXPIRE("3"))
				       RULE("log", CLASS("log"), EXPIRE("3"))));
	rig_put_text(r, "a", "22");
	set_tag(r, VFS_FIXTURE_PREFIX "a", "log");
	SAYS(r, "lifecycle preview", "\trule = log\n",
	     "\tcount = 1\n\tbytes = 2\n");
}

static void test_markers(void **state)
{
	struct rig *r = *state;

	rig_set_rules(r,
		      RULES(RULE("m", ALL,
				 "<Expiration><ExpiredObjectDeleteMarker>true"
				 "</ExpiredObjectDeleteMarker></Expiration>")));
	rig_put_text(r, "a", "1");
	rig_remove(r, "a");
	rig_remove(r, "b");
	rig_put_text(r, "c", "1");
	/* Only the one of b hides nothing. */
	SAYS(r, "lifecycle preview names", "\tpath = b\n",
	     "\taction = remove\n\tcount = 1\n\tbytes = 0\n",
	     "\tversions = 4\n");
	SAYS(r, "lifecycle preview b", "\tcount = 1\n");
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *answer; /* the answer's beginning */
	} words[] = {
		{"lifecycle preview days=", "days=: want a number of days"},
		{"lifecycle preview days=7d", "days=7d: want a number of days"},
		{"lifecycle preview days=-1", "days=-1: want a number"},
		{"lifecycle preview days=3651", "days=3651: want a number"},
		{"lifecycle preview a b", "b: want days=NUMBER or names"},
		{"lifecycle preview a b c d", "usage: lifecycle preview"},
	};
	struct rig *r = *state;
	char *answer = malloc(TEXT_MAX);

	assert_non_null(answer);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int rc = control_run(r->f.v, words[i].line, answer, TEXT_MAX);

		if (rc != -EINVAL || strstr(answer, words[i].answer) != answer)
			fail_msg("%s: %d %s", words[i].line, rc, answer);
	}
	assert_int_equal(rig_count(r, "ListObjectVersions"), 0);
	free(answer);
}

/* It ends with rc, and one line that says so. */
static void ends(struct rig *r, const char *line, int want, const char *has)
{
	static char text[TEXT_MAX];
	int rc = control_ask(r->f.v, line, text, TEXT_MAX);

	if (rc != want || !strstr(text, has) ||
	    strncmp(text, "lifecycle preview: ", 19) != 0 ||
	    strchr(text, '\n') + 1 != text + strlen(text))
		fail_msg("%s: %d %s", line, rc, text);
}

/* A server without lifecycle, or without lists of uploads. */
static void test_failure(void **state)
{
	struct rig *r = *state;

	rig_set_rules(r, RULES(RULE("all", ALL, EXPIRE("3") ABORT)));
	rig_put_text(r, "a", "1");
	rig_fail(r, "ListMultipartUploads", RIG_BEFORE, -EACCES, 1);
	SAYS(r, "lifecycle preview", "\tcount = 1\n", "\tuploadsError = ");
	ends(r, "lifecycle preview nothing", -ENOENT,
	     "lifecycle preview: nothing: there is no such path\n");
	rig_fail(r, "ListObjectVersions", RIG_BEFORE, -EACCES, 1);
	ends(r, "lifecycle preview", -EACCES, "need s3:ListBucketVersions");
	rig_fail(r, "GetBucketLifecycleConfiguration", RIG_BEFORE, -EOPNOTSUPP,
		 1);
	ends(r, "lifecycle preview", -EOPNOTSUPP, "lifecycle preview: /: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_counts),		RIG_TEST(test_keep),
		RIG_TEST(test_names),		RIG_TEST(test_tags),
		RIG_TEST(test_values_of_a_tag), RIG_TEST(test_markers),
		RIG_TEST(test_refused),		RIG_TEST(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
