/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle configurations: reading, showing, explaining, comparing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../git_config.h"
#include "lifecycle_document.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/util/clock.h"

static void parse(void **state)
{
	const struct lifecycle_rule *rule;
	struct lifecycle l;

	(void)state;
	assert_int_equal(lifecycle_parse(document, strlen(document), &l), 0);
	assert_int_equal(l.count, 3);
	rule = &l.rules[0];
	assert_string_equal(rule->id, "old form");
	assert_string_equal(rule->prefix, "logs/");
	assert_true(rule->enabled);
	assert_int_equal(rule->expire_days, 30);
	rule = &l.rules[1];
	assert_false(rule->enabled);
	assert_string_equal(rule->prefix, "a & b/");
	assert_int_equal(rule->tags.count, 2);
	assert_string_equal(rule->tags.items[1].name, "K");
	assert_string_equal(rule->tags.items[1].value, "w x");
	assert_int_equal(rule->size_over_bytes, 10);
	assert_int_equal(rule->size_under_bytes, 1000);
	assert_int_equal(rule->expire_date_ns, 1830297600 * NS_PER_S);
	assert_int_equal(rule->noncurrent_days, 60);
	assert_int_equal(rule->keep_versions, 3);
	assert_int_equal(rule->abort_days, 7);
	assert_int_equal(rule->transitions.count, 2);
	assert_int_equal(rule->transitions.items[0].days, 30);
	assert_string_equal(rule->transitions.items[1].storage_class,
			    "GLACIER");
	assert_int_equal(rule->noncurrent_transitions.count, 1);
	assert_int_equal(rule->noncurrent_transitions.items[0].days, 9);
	rule = &l.rules[2];
	assert_true(rule->expire_markers);
	assert_string_equal(rule->prefix, "");
	lifecycle_release(&l);
}

static void damaged(void **state)
{
	static const char *const table[] = {
		"",
		"<LifecycleConfiguration>",
		"<Other/>",
		"<!DOCTYPE x [<!ENTITY a \"b\">]><LifecycleConfiguration/>",
		"<LifecycleConfiguration><Rule><Expiration><Days>-1</Days>"
		"</Expiration></Rule></LifecycleConfiguration>",
		"<LifecycleConfiguration><Rule><Expiration><Days>"
		"9223372036854775808</Days></Expiration></Rule>"
		"</LifecycleConfiguration>",
		"<LifecycleConfiguration><Rule><Expiration><Days>1x</Days>"
		"</Expiration></Rule></LifecycleConfiguration>",
		"<LifecycleConfiguration><Rule><Expiration><Date>soon</Date>"
		"</Expiration></Rule></LifecycleConfiguration>",
		"<LifecycleConfiguration><Rule><Transition><Days>1</Days>"
		"</Transition></Rule></LifecycleConfiguration>",
	};
	struct lifecycle l;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t len = strlen(table[i]);

		assert_int_equal(lifecycle_parse(table[i], len, &l), -EIO);
		if (i < 4)
			assert_int_equal(
				lifecycle_remove(table[i], len, "x", &b), -EIO);
	}
	buf_release(&b);
}

static void shown(void **state)
{
	static const struct {
		const char *name, *value;
	} table[] = {
		{"lifecycle.old form.status", "enabled"},
		{"lifecycle.old form.prefix", "logs/"},
		{"lifecycle.old form.expireDays", "30"},
		{"lifecycle.all.status", "disabled"},
		{"lifecycle.all.prefix", "a & b/"},
		{"lifecycle.all.tags", "k=v|K=w x"},
		{"lifecycle.all.sizeOver", "10"},
		{"lifecycle.all.sizeUnder", "1000"},
		{"lifecycle.all.expireDate", "2028-01-01"},
		{"lifecycle.all.noncurrentDays", "60"},
		{"lifecycle.all.keepVersions", "3"},
		{"lifecycle.all.transitions",
		 "STANDARD_IA:30d|GLACIER:2027-06-01"},
		{"lifecycle.all.noncurrentTransitions", "GLACIER:9d"},
		{"lifecycle.all.abortUploadsDays", "7"},
		{"lifecycle.markers.expireMarkers", "true"},
	};
	struct lifecycle l;
	struct buf b;
	char got[128];

	(void)state;
	if (!have_git())
		skip();
	buf_init(&b, 65536);
	assert_int_equal(lifecycle_parse(document, strlen(document), &l), 0);
	assert_int_equal(lifecycle_write(&l, "", &b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(git_config_get(b.data, table[i].name, got,
						sizeof(got)),
				 0);
		assert_string_equal(got, table[i].value);
	}
	assert_int_equal(git_config_get(b.data, "lifecycle.old form.tags", got,
					sizeof(got)),
			 1);
	lifecycle_release(&l);
	buf_release(&b);
}

static const char rules[] =
	"<LifecycleConfiguration>"
	"<Rule><ID>tmp</ID><Filter><Prefix>tmp/</Prefix></Filter>"
	"<Status>Enabled</Status><Expiration><Days>3</Days></Expiration>"
	"<NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>"
	"</NoncurrentVersionExpiration></Rule>"
	"<Rule><ID>tag</ID><Filter><Tag><Key>t</Key><Value>1</Value></Tag>"
	"</Filter><Status>Enabled</Status><Expiration><Days>1</Days>"
	"</Expiration></Rule>"
	"<Rule><ID>big</ID><Filter><ObjectSizeGreaterThan>100"
	"</ObjectSizeGreaterThan></Filter><Status>Enabled</Status>"
	"<Transition><Days>9</Days><StorageClass>GLACIER</StorageClass>"
	"</Transition></Rule>"
	"<Rule><ID>any</ID><Filter><And><Prefix>z/</Prefix>"
	"<ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></And></Filter>"
	"<Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"
	"<Rule><ID>off</ID><Filter/><Status>Disabled</Status><Expiration>"
	"<Days>1</Days></Expiration></Rule>"
	"<Rule><ID>date</ID><Filter><Prefix>d</Prefix></Filter>"
	"<Status>Enabled</Status><Expiration><Date>2027-01-01</Date>"
	"</Expiration></Rule>"
	"</LifecycleConfiguration>";

static const struct {
	const char *key;
	bool tagged;
	uint64_t size;
	const char *mtime, *rule, *expires, *moves;
} fate_table[] = {
	{"tmp/x", false, 1, "2014-01-15T10:30:00Z", "tmp",
	 "2014-01-19T00:00:00Z", NULL},
	{"tmp/x", false, 1, "2014-01-15T00:00:00Z", "tmp",
	 "2014-01-18T00:00:00Z", NULL},
	{"tmp/x", true, 1, "2014-01-15T10:30:00Z", "tag",
	 "2014-01-17T00:00:00Z", NULL},
	{"other", false, 1, "2014-01-15T10:30:00Z", NULL, NULL, NULL},
	{"tmp", false, 100, "2014-01-15T10:30:00Z", NULL, NULL, NULL},
	{"other", false, 101, "2014-01-15T10:30:00Z", NULL, NULL,
	 "2014-01-25T00:00:00Z"},
	/* Larger than nothing. */
	{"z/", false, 0, "2014-01-15T10:30:00Z", NULL, NULL, NULL},
	{"z/", false, 1, "2014-01-15T10:30:00Z", "any", "2014-01-17T00:00:00Z",
	 NULL},
	{"d", false, 1, "2014-01-15T10:30:00Z", "date", "2027-01-01T00:00:00Z",
	 NULL},
};

static void fates(void **state)
{
	struct lifecycle l;
	struct kvlist tags;

	(void)state;
	kvlist_init(&tags);
	assert_int_equal(kvlist_add(&tags, "t", "1"), 0);
	assert_int_equal(lifecycle_parse(rules, strlen(rules), &l), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fate_table); i++) {
		const struct kvlist *t = fate_table[i].tagged ? &tags : NULL;
		struct lifecycle_fate fate;
		int64_t mtime_ns, ns;

		assert_int_equal(
			clock_parse_iso8601(fate_table[i].mtime, &mtime_ns), 0);
		lifecycle_fate(&l, fate_table[i].key, t, fate_table[i].size,
			       mtime_ns, &fate);
		if (fate_table[i].rule) {
			assert_string_equal(fate.expire_rule->id,
					    fate_table[i].rule);
			clock_parse_iso8601(fate_table[i].expires, &ns);
			assert_int_equal(fate.expire_ns, ns);
		} else {
			assert_null(fate.expire_rule);
		}
		if (fate_table[i].moves) {
			clock_parse_iso8601(fate_table[i].moves, &ns);
			assert_int_equal(fate.transition_ns, ns);
			assert_string_equal(fate.transition->storage_class,
					    "GLACIER");
		} else {
			assert_null(fate.transition);
		}
	}
	lifecycle_release(&l);
	kvlist_release(&tags);
}

#define NEW(condition)                                                         \
	"<Rule><ID>a</ID><Filter><And><Prefix>p/</Prefix>" condition           \
	"</And></Filter><Status>Enabled</Status><Expiration><Days>1</Days>"    \
	"</Expiration></Rule>"

#define SIZED(bytes)                                                           \
	"<Rule><ID>a</ID><Filter><And><Prefix>p/</Prefix>"                     \
	"<ObjectSizeGreaterThan>" bytes "</ObjectSizeGreaterThan></And>"       \
	"</Filter><Status>Enabled</Status><Expiration><Days>1</Days>"          \
	"</Expiration></Rule>"

static void compared(void **state)
{
	static const struct {
		const char *sent, *now, *id;
		enum lifecycle_kept kept;
		const char *rule;
	} table[] = {
		{DOC(RULE("a", "")), DOC(RULE("a", "")), "a", LIFECYCLE_KEPT,
		 ""},
		{DOC(RULE("a", "")), DOC(RULE_2("a")), "a", LIFECYCLE_RULE_LOST,
		 "a"},
		{DOC(RULE("a", "")), NULL, "a", LIFECYCLE_RULE_LOST, "a"},
		/* A condition that is not known here, and one more. */
		{DOC(NEW("<Age>9</Age>")), DOC(NEW("<Age>9</Age>")), "a",
		 LIFECYCLE_KEPT, ""},
		{DOC(NEW("<Age>9</Age>")), DOC(NEW("<By>x</By><Age>9</Age>")),
		 "a", LIFECYCLE_KEPT, ""},
		{DOC(NEW("<Age>9</Age>")), DOC(NEW("")), "a",
		 LIFECYCLE_RULE_LOST, "a"},
		{DOC(NEW("<Age>9</Age>")), DOC(NEW("<Age>90</Age>")), "a",
		 LIFECYCLE_RULE_LOST, "a"},
		{DOC(NEW("<Age><Of>9</Of></Age>") RULE("b", "")),
		 DOC(NEW("<Old/>") RULE("b", "")), "b",
		 LIFECYCLE_OTHERS_CHANGED, "a"},
		{DOC(SIZED("0")), DOC(SIZED("0")), "a", LIFECYCLE_KEPT, ""},
		{DOC(SIZED("0")), DOC(RULE("a", "")), "a", LIFECYCLE_RULE_LOST,
		 "a"},
		{NULL, NULL, "a", LIFECYCLE_KEPT, ""},
		{NULL, DOC(RULE("a", "")), "a", LIFECYCLE_RULE_LOST, "a"},
		/* Somebody else's new rule is no matter. */
		{DOC(RULE("a", "")), DOC(RULE("b", "") RULE("a", "")), "a",
		 LIFECYCLE_KEPT, ""},
		{DOC(RULE("a", "") RULE("b", "")), DOC(RULE("a", "")), "a",
		 LIFECYCLE_OTHERS_CHANGED, "b"},
		{DOC(RULE("a", "") RULE("b", "")),
		 DOC(RULE("a", "") RULE_2("b")), "a", LIFECYCLE_OTHERS_CHANGED,
		 "b"},
		/* What is not known here counts. */
		{DOC(RULE("a", "<New>1</New>")), DOC(RULE("a", "")), "a",
		 LIFECYCLE_RULE_LOST, "a"},
		{DOC(RULE("a", "") RULE("b", "<New>1</New>")),
		 DOC(RULE("a", "") RULE("b", "<New>2</New>")), "a",
		 LIFECYCLE_OTHERS_CHANGED, "b"},
		/* The server gives a name to what has none. */
		{DOC(RULE("a", "") RULE("", "")),
		 DOC(RULE("a", "") RULE("xyz", "")), "a", LIFECYCLE_KEPT, ""},
		{DOC(RULE("", "")), DOC(RULE_2("xyz")), "a",
		 LIFECYCLE_OTHERS_CHANGED, ""},
		{BESIDE, BESIDE, "c", LIFECYCLE_KEPT, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum lifecycle_kept kept;
		char rule[64];
		int rc = lifecycle_compare(
			table[i].sent,
			table[i].sent ? strlen(table[i].sent) : 0, table[i].now,
			table[i].now ? strlen(table[i].now) : 0, table[i].id,
			&kept, rule, sizeof(rule));

		assert_int_equal(rc, 0);
		assert_int_equal(kept, table[i].kept);
		assert_string_equal(rule, table[i].rule);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),    cmocka_unit_test(damaged),
		cmocka_unit_test(shown),    cmocka_unit_test(fates),
		cmocka_unit_test(compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
