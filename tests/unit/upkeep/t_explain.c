/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle explain, from a file's name to the answer's lines. */
#include "../vfs_rig.h"

#include "../../../src/upkeep/expiration.h"
#include "../control_rig.h"
#include "vers3/core/tagset.h"
#include "vers3/upkeep/explain.h"
#include "vers3/util/clock.h"

#define TEXT_MAX (64 << 10)

static char *explain(struct rig *r, const char *path, int want)
{
	char *answer = malloc(TEXT_MAX), line[256];

	assert_non_null(answer);
	snprintf(line, sizeof(line), "lifecycle explain %s", path);
	assert_int_equal(control_run(r->f.v, line, answer, TEXT_MAX), want);
	return answer;
}

static void says(struct rig *r, const char *path, const char *text)
{
	char *answer = explain(r, path, 0);

	if (!strstr(answer, text))
		fail_msg("no %s in %s", text, answer);
	free(answer);
}

#define RULE(id, filter, rest)                                                 \
	"<Rule><ID>" id "</ID><Filter>" filter "</Filter><Status>Enabled"      \
	"</Status>" rest "</Rule>"
#define EXPIRE "<Expiration><Days>3</Days></Expiration>"
#define KEEP                                                                   \
	"<NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>"      \
	"<NewerNoncurrentVersions>1</NewerNoncurrentVersions>"                 \
	"</NoncurrentVersionExpiration>"
static const char rules[] =
	"<LifecycleConfiguration>" RULE("all", "<Prefix></Prefix>", EXPIRE KEEP)
		RULE("tmp", "<Prefix>tmp/</Prefix>", EXPIRE)
			RULE("tag",
			     "<Tag><Key>class</Key><Value>tmp</Value></Tag>",
			     EXPIRE) "</LifecycleConfiguration>";

static void test_versions(void **state)
{
	struct rig *r = *state;
	struct kvlist tags;
	char *answer;

	rig_set_rules(r, rules);
	for (int i = 0; i < 3; i++)
		rig_put_text(r, "a", "text");
	answer = explain(r, "a", 0);
	assert_int_equal(count_text(answer, "[version "), 3);
	assert_int_equal(count_text(answer, "state = current"), 1);
	assert_int_equal(count_text(answer, "state = noncurrent"), 2);
	assert_int_equal(count_text(answer, " expire all\"\n"), 2);
	/* The newer one is pushed out when the current one expires. */
	assert_int_equal(count_text(answer, "kept: newest 1 noncurrent"), 0);
	assert_int_equal(count_text(answer, " remove all\"\n"), 4);
	assert_int_equal(count_text(answer,
				    "idle = \"tag: tag class=tmp is missing"),
			 3);
	assert_int_equal(
		count_text(answer, "idle = \"tmp: prefix is tmp/, the key"), 3);
	assert_int_equal(count_text(answer, "next = never"), 0);
	free(answer);
	/* The versions' tags are their own. */
	kvlist_init(&tags);
	assert_int_equal(kvlist_add(&tags, "class", "tmp"), 0);
	assert_int_equal(
		tagset_put(r->bucket, VFS_FIXTURE_PREFIX "a", NULL, &tags), 0);
	kvlist_release(&tags);
	answer = explain(r, "a", 0);
	assert_int_equal(count_text(answer,
				    "idle = \"tag: tag class=tmp is missing"),
			 2);
	assert_int_equal(
		count_text(answer, "idle = \"tag: rule all comes first"), 1);
	free(answer);
	rig_remove(r, "a");
	says(r, "a", "state = deleted");
	says(r, "a", "idle = \"all: kept: newest 1 noncurrent");
	says(r, "a", "idle = \"all: the marker hides versions that are there");
}

static void test_unsent(void **state)
{
	struct rig *r = *state;
	char *answer;

	rig_set_rules(r, rules);
	rig_write(r, "new", "text");
	answer = explain(r, "new", 0);
	assert_int_equal(count_text(answer, "[version \"unsent\"]"), 1);
	assert_int_equal(count_text(answer, "[version "), 1);
	assert_int_equal(count_text(answer, "size = 4"), 1);
	assert_int_equal(count_text(answer, " expire all\"\n"), 2);
	free(answer);
	rig_sync(r);
	says(r, "new", "state = current");
	/* What it will have, and not what it has. */
	rig_mkdir(r, "d");
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "d"), "user.s3.expire",
				      "1d", 2, 0),
			 0);
	rig_write(r, "d/f", "text");
	says(r, "d/f", " expire vers3-expire-1d-");
	says(r, "new", "tag vers3-expire=1d is missing");
}

static void set_class(struct rig *r, const char *path, const char *class)
{
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, path),
				      "user.s3.storage_class", class,
				      strlen(class), 0),
			 0);
}

/* A file that was renamed, and is to be moved to another class. */
static void test_unsent_of_another(void **state)
{
	struct rig *r = *state;
	struct kvlist tags;

	rig_set_rules(r, rules);
	rig_put_text(r, "old", "text");
	kvlist_init(&tags);
	assert_int_equal(kvlist_add(&tags, "class", "tmp"), 0);
	assert_int_equal(tagset_put(r->bucket, VFS_FIXTURE_PREFIX "old", NULL,
				    &tags),
			 0);
	kvlist_release(&tags);
	assert_int_equal(rig_there(r, "old"), 0);
	rig_rename(r, "old", "new");
	says(r, "new", "state = unsent");
	says(r, "new", "storageClass = STANDARD\n");
	says(r, "new", "idle = \"tag: rule all comes first");
	set_class(r, "new", "STANDARD_IA");
	says(r, "new", "storageClass = STANDARD_IA\n");
	rig_sync(r);
	says(r, "new", "state = current");
	says(r, "new", "storageClass = STANDARD_IA\n");
	says(r, "new", "idle = \"tag: rule all comes first");
	/* New content stays in the class of the old. */
	rig_write(r, "new", "other");
	says(r, "new", "state = unsent");
	says(r, "new", "storageClass = STANDARD_IA\n");
}

static void test_directory(void **state)
{
	struct rig *r = *state;
	char *answer;

	rig_set_rules(r, rules);
	rig_mkdir(r, "d");
	rig_sync(r);
	says(r, "d", "directory = true");
	says(r, "d", "key = " VFS_FIXTURE_PREFIX "d/\n");
	rig_put_text(r, "e/x", "text");
	assert_int_equal(rig_there(r, "e/x"), 0);
	answer = explain(r, "e", -ENOENT);
	assert_int_equal(count_text(answer, "a directory without an object"),
			 1);
	assert_int_equal(count_text(answer, "\n"), 1);
	free(answer);
	answer = explain(r, "never", -ENOENT);
	assert_string_equal(answer, "never: there is no such file, and no "
				    "version of one\n");
	free(answer);
}

static void test_no_rules(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "a", "text");
	says(r, "a", "next = never");
	says(r, "a", "ruleCount = 0");
}

static void test_many(void **state)
{
	struct rig *r = *state;
	char *answer;

	for (int i = 0; i < 102; i++)
		rig_put_text(r, "a", "text");
	answer = explain(r, "a", 0);
	assert_int_equal(count_text(answer, "more = true"), 1);
	assert_int_equal(count_text(answer, "[version "), EXPLAIN_VERSIONS);
	free(answer);
	/* What is not sent yet stands above as many. */
	rig_write(r, "a", "longer");
	answer = explain(r, "a", 0);
	assert_int_equal(count_text(answer, "more = true"), 1);
	assert_int_equal(count_text(answer, "[version "), EXPLAIN_VERSIONS + 1);
	free(answer);
}

static void test_server(void **state)
{
	static const struct {
		const char *text, *rule;
		int rc;
	} table[] = {
		{"expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\", "
		 "rule-id=\"a%20rule\"",
		 "a rule", 0},
		{"expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\", "
		 "rule-id=\"50%\"",
		 "50%", 0},
		{"expiry-date=\"soon\", rule-id=\"a\"", "", -EINVAL},
		{"rule-id=\"a\"", "", -EINVAL},
		{"expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT", "", -EINVAL},
		{"", "", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct expiration e = {.when_ns = 0};

		assert_int_equal(expiration_parse(table[i].text, &e),
				 table[i].rc);
		assert_string_equal(e.rule, table[i].rule);
		if (!table[i].rc)
			assert_int_equal(e.when_ns,
					 INT64_C(1356048000) * NS_PER_S);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_versions),	  RIG_TEST(test_unsent),
		RIG_TEST(test_unsent_of_another), RIG_TEST(test_directory),
		RIG_TEST(test_no_rules),	  RIG_TEST(test_many),
		cmocka_unit_test(test_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
