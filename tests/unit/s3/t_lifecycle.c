/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle configurations: reading, showing, explaining, editing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../git_config.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/util/clock.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define XMLNS	      " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

/* One rule of each form, and elements that are not known here. */
static const char document[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<LifecycleConfiguration" XMLNS ">\n"
	"  <!-- by hand -->\n"
	"  <Future mode=\"x\"><Deep>1</Deep></Future>\n"
	"  <Rule>\n"
	"    <ID>old form</ID>\n"
	"    <Prefix>logs/</Prefix>\n"
	"    <Status>Enabled</Status>\n"
	"    <Expiration><Days>30</Days><Later>y</Later></Expiration>\n"
	"  </Rule>\n"
	"  <Rule><ID>all</ID><Filter><And><Prefix>a &amp; b/</Prefix>"
	"<Tag><Key>k</Key><Value>v</Value></Tag>"
	"<Tag><Key>K</Key><Value>w x</Value></Tag>"
	"<ObjectSizeGreaterThan>10</ObjectSizeGreaterThan>"
	"<ObjectSizeLessThan>1000</ObjectSizeLessThan></And></Filter>"
	"<Status>Disabled</Status>"
	"<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass>"
	"</Transition><Transition><Date>2027-06-01T00:00:00.000Z</Date>"
	"<StorageClass>GLACIER</StorageClass></Transition>"
	"<Expiration><Date>2028-01-01T00:00:00.000Z</Date></Expiration>"
	"<NoncurrentVersionTransition><NoncurrentDays>9</NoncurrentDays>"
	"<StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition>"
	"<NoncurrentVersionExpiration><NoncurrentDays>60</NoncurrentDays>"
	"<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"
	"</NoncurrentVersionExpiration>"
	"<AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
	"</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>\n"
	"  <Rule><ID>markers</ID><Filter/><Status>Enabled</Status><Expiration>"
	"<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
	"</Expiration></Rule>\n"
	"</LifecycleConfiguration>\n";

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

/* Splits text at blanks into words and parses them. */
static int parse_words(const char *text, struct lifecycle_spec *spec,
		       char *reason)
{
	const char *words[32];
	size_t count = 0;
	char copy[512], *save;
	int err;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		words[count++] = w;
	reason[0] = '\0';
	err = lifecycle_spec_parse(words, count, spec, reason, 200);
	if (err)
		assert_string_not_equal(reason, "");
	return err;
}

static const char *const good_words[] = {
	"expire=7d",
	"expire=2027-01-01",
	"expire=none",
	"markers",
	"markers=none",
	"noncurrent=30d",
	"noncurrent=none",
	"keep=1",
	"keep=100",
	"keep=none",
	"abort=7d",
	"prefix=",
	"prefix=a=b/",
	"tag=k=v",
	"tag=k=",
	"tag=k=v=w",
	"tag=none",
	"tag=a=1 tag=b=2",
	"class=GLACIER:0d",
	"class=STANDARD_IA:30d",
	"class=none",
	"class=GLACIER:2027-01-01 class=DEEP_ARCHIVE:400d",
	"status=enabled",
	"status=disabled",
	"markers=none expire=7d",
	"markers expire=none",
};
static const struct {
	const char *words, *says;
} bad_words[] = {
	{"", "nothing to set"},
	{"expire=7", "expire=7: want whole days"},
	{"expire=7h", "whole days"},
	{"expire=30s", "whole days"},
	{"expire=0d", "whole days"},
	{"expire=-1d", "whole days"},
	{"expire=1.5d", "whole days"},
	{"expire=d", "whole days"},
	{"expire=99999999999d", "whole days"},
	{"expire=2027-02-30", "whole days"},
	{"expire=2027-1-1", "whole days"},
	{"expire", "want expire=VALUE"},
	{"expire=7d expire=8d", "twice"},
	{"expire=7d markers", "exclude"},
	{"noncurrent=3w", "whole days"},
	{"noncurrent=2027-01-01", "whole days"},
	{"keep=0", "1 to 100"},
	{"keep=101", "1 to 100"},
	{"keep=3d", "1 to 100"},
	{"abort=", "whole days"},
	{"tag=k", "tag=KEY=VALUE"},
	{"tag==v", "tag=KEY=VALUE"},
	{"class=GLACIER", "CLASS:30d"},
	{"class=glacier:30d", "CLASS:30d"},
	{"class=:30d", "CLASS:30d"},
	{"class=GLACIER:30", "CLASS:30d"},
	{"status=on", "enabled or disabled"},
	{"Expire=7d", "unknown"},
	{"expires=7d", "unknown"},
	{"markers=yes", "unknown"},
	{"=", "unknown"},
};

static void words(void **state)
{
	struct lifecycle_spec spec;
	char reason[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good_words); i++) {
		assert_int_equal(parse_words(good_words[i], &spec, reason), 0);
		lifecycle_spec_release(&spec);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_words); i++) {
		assert_int_equal(parse_words(bad_words[i].words, &spec, reason),
				 -EINVAL);
		assert_non_null(strstr(reason, bad_words[i].says));
	}
}

/* Sets a rule; the new document goes to out. */
static int set(const char *doc, const char *id, const char *text,
	       struct buf *out)
{
	struct lifecycle_spec spec;
	char reason[200];
	int err;

	assert_int_equal(parse_words(text, &spec, reason), 0);
	reason[0] = '\0';
	buf_reset(out);
	err = lifecycle_set(doc, doc ? strlen(doc) : 0, id, &spec, out, reason,
			    sizeof(reason));
	if (err)
		assert_string_not_equal(reason, "");
	lifecycle_spec_release(&spec);
	return err;
}

/* Each edit of a rule alone, as the text of the rule before and after. */
#define HEAD	"<ID>r</ID><Filter><Prefix>p/</Prefix></Filter>"
#define ENABLED "<Status>Enabled</Status>"
#define DAYS	"<Expiration><Days>5</Days></Expiration>"
#define TAG(k)	"<Tag><Key>" k "</Key><Value>v</Value></Tag>"
#define KEEP(n, v)                                                             \
	"<NoncurrentVersionExpiration><NoncurrentDays>" n "</NoncurrentDays>"  \
	"<NewerNoncurrentVersions>" v "</NewerNoncurrentVersions>"             \
	"</NoncurrentVersionExpiration>"
static const struct {
	const char *before, *words, *after;
} edit_table[] = {
	{HEAD ENABLED DAYS, "expire=9d",
	 HEAD ENABLED "<Expiration><Days>9</Days></Expiration>"},
	{HEAD ENABLED DAYS, "expire=2027-01-01",
	 HEAD ENABLED "<Expiration><Date>2027-01-01T00:00:00.000Z"
		      "</Date></Expiration>"},
	{HEAD ENABLED DAYS, "markers",
	 HEAD ENABLED "<Expiration><ExpiredObjectDeleteMarker>true"
		      "</ExpiredObjectDeleteMarker></Expiration>"},
	{HEAD ENABLED DAYS "<New>1</New>", "status=disabled",
	 HEAD "<Status>Disabled</Status>" DAYS "<New>1</New>"},
	{HEAD ENABLED DAYS KEEP("4", "2"), "expire=none",
	 HEAD ENABLED KEEP("4", "2")},
	{HEAD ENABLED KEEP("4", "2"), "noncurrent=5d",
	 HEAD ENABLED KEEP("5", "2")},
	{HEAD ENABLED KEEP("4", "2"), "keep=7", HEAD ENABLED KEEP("4", "7")},
	{HEAD ENABLED DAYS, "abort=2d",
	 HEAD ENABLED DAYS
	 "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2"
	 "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"},
	{HEAD ENABLED DAYS, "class=GLACIER:2d",
	 HEAD ENABLED DAYS "<Transition><Days>2</Days><StorageClass>"
			   "GLACIER</StorageClass></Transition>"},
	/* Filters: one condition, several, none, the old form. */
	{HEAD ENABLED DAYS, "prefix=q&r/",
	 "<ID>r</ID><Filter><Prefix>q&amp;r/</Prefix></Filter>" ENABLED DAYS},
	{HEAD ENABLED DAYS, "tag=k=v",
	 "<ID>r</ID><Filter><And><Prefix>p/</Prefix>" TAG(
		 "k") "</And></Filter>" ENABLED DAYS},
	{HEAD ENABLED DAYS, "tag=k=v prefix=",
	 "<ID>r</ID><Filter>" TAG("k") "</Filter>" ENABLED DAYS},
	{"<ID>r</ID><Filter><And><Prefix>p/</Prefix>" TAG("k")
		 TAG("l") "</And></Filter>" ENABLED DAYS,
	 "tag=none", HEAD ENABLED DAYS},
	{"<ID>r</ID><Filter>" TAG("k") "</Filter>" ENABLED DAYS, "prefix=p/",
	 "<ID>r</ID><Filter><And><Prefix>p/</Prefix>" TAG(
		 "k") "</And></Filter>" ENABLED DAYS},
	{"<ID>r</ID><Filter>" TAG("k") "</Filter>" ENABLED DAYS, "tag=none",
	 "<ID>r</ID><Filter><Prefix></Prefix></Filter>" ENABLED DAYS},
	{"<ID>r</ID><Prefix>p/</Prefix>" ENABLED DAYS, "prefix=q/",
	 "<ID>r</ID><Prefix>q/</Prefix>" ENABLED DAYS},
	{"<ID>r</ID><Prefix>p/</Prefix>" ENABLED DAYS, "tag=k=v",
	 "<ID>r</ID><Filter><And><Prefix>p/</Prefix>" TAG(
		 "k") "</And></Filter>" ENABLED DAYS},
	{"<ID>r</ID><Filter/>" ENABLED DAYS, "prefix=p/", HEAD ENABLED DAYS},
};

static void edits(void **state)
{
	char before[2048], after[2048];
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	for (size_t i = 0; i < ARRAY_SIZE(edit_table); i++) {
		static const char frame[] =
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<LifecycleConfiguration" XMLNS "><Rule>%s</Rule>"
			"</LifecycleConfiguration>\n";

		snprintf(before, sizeof(before), frame, edit_table[i].before);
		snprintf(after, sizeof(after), frame, edit_table[i].after);
		assert_int_equal(set(before, "r", edit_table[i].words, &out),
				 0);
		assert_string_equal(out.data, after);
	}
	buf_release(&out);
}

static void new_rules(void **state)
{
	static const char want[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<LifecycleConfiguration" XMLNS "><Rule><ID>tmp</ID>"
		"<Filter><Prefix>tmp/</Prefix></Filter>"
		"<Status>Enabled</Status><Expiration><Days>7</Days>"
		"</Expiration><NoncurrentVersionExpiration><NoncurrentDays>30"
		"</NoncurrentDays><NewerNoncurrentVersions>3"
		"</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
		"</Rule></LifecycleConfiguration>\n";
	static const struct {
		const char *id, *words;
	} bad[] = {
		{"x", "prefix=a/"},
		{"x", "keep=3"},
		{"x", "expire=none"},
		{"", "expire=7d"},
		{"a\nb", "expire=7d"},
		{"\xff", "expire=7d"},
		{"x", "expire=7d prefix=\001"},
		{"x", "expire=7d tag=\xff=v"},
	};
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(set(NULL, "tmp",
			     "prefix=tmp/ expire=7d noncurrent=30d keep=3",
			     &out),
			 0);
	assert_string_equal(out.data, want);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(set(NULL, bad[i].id, bad[i].words, &out),
				 -EINVAL);
		assert_int_equal(out.len, 0);
	}
	buf_release(&out);
}

/* What an edit is not about is the same, byte for byte. */
static void rest_is_kept(void **state)
{
	static const char old_rule[] = "<Days>30</Days><Later>y</Later>";
	static const char new_rule[] = "<Days>31</Days><Later>y</Later>";
	char want[4096];
	struct buf out;
	char *at;

	(void)state;
	buf_init(&out, 65536);
	snprintf(want, sizeof(want), "%s", document);
	at = strstr(want, old_rule);
	assert_non_null(at);
	memcpy(at, new_rule, strlen(new_rule));
	assert_int_equal(set(document, "old form", "expire=31d", &out), 0);
	assert_string_equal(out.data, want);

	/* A rule added and removed again leaves the document as it was. */
	assert_int_equal(set(document, "new", "expire=1d", &out), 0);
	assert_non_null(strstr(out.data, "<ID>new</ID>"));
	snprintf(want, sizeof(want), "%s", out.data);
	buf_reset(&out);
	assert_int_equal(lifecycle_remove(want, strlen(want), "new", &out), 0);
	assert_string_equal(out.data, document);
	buf_release(&out);
}

static void removal(void **state)
{
	struct lifecycle l;
	struct buf out;
	char one[512];

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(lifecycle_remove(document, strlen(document), "none",
					  &out),
			 -ENOENT);
	assert_int_equal(
		lifecycle_remove(document, strlen(document), "all", &out), 0);
	assert_non_null(strstr(out.data, "<!-- by hand -->"));
	assert_non_null(
		strstr(out.data, "<Future mode=\"x\"><Deep>1</Deep></Future>"));
	assert_int_equal(lifecycle_parse(out.data, out.len, &l), 0);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.rules[1].id, "markers");
	lifecycle_release(&l);

	/* The last one leaves nothing that S3 would take. */
	assert_int_equal(set(NULL, "only", "expire=1d", &out), 0);
	snprintf(one, sizeof(one), "%s", out.data);
	buf_reset(&out);
	assert_int_equal(lifecycle_remove(one, strlen(one), "only", &out), 0);
	assert_int_equal(out.len, 0);
	buf_release(&out);
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

/* As Ceph 16 writes it: the prefix of two tags' rule beside the And. */
#define BESIDE                                                                 \
	"<LifecycleConfiguration" XMLNS "><Rule><ID>b</ID><Filter>"            \
	"<Prefix>tmp/</Prefix><And><Tag><Key>a</Key><Value>1</Value></Tag>"    \
	"<Tag><Key>b</Key><Value>2</Value></Tag></And></Filter>"               \
	"<Status>Enabled</Status><Expiration><Days>1</Days></Expiration>"      \
	"</Rule><Rule><ID>c</ID><Filter><Prefix>c/</Prefix></Filter><Status>"  \
	"Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"       \
	"</LifecycleConfiguration>"

static void beside_the_and(void **state)
{
	const char *words[] = {"expire=2d"};
	struct lifecycle_spec spec;
	struct lifecycle l;
	char reason[128];
	struct buf b;

	(void)state;
	assert_int_equal(lifecycle_parse(BESIDE, strlen(BESIDE), &l), 0);
	assert_string_equal(l.rules[0].prefix, "tmp/");
	assert_int_equal(l.rules[0].tags.count, 2);
	lifecycle_release(&l);
	buf_init(&b, 65536);
	assert_int_equal(lifecycle_spec_parse(words, 1, &spec, reason,
					      sizeof(reason)),
			 0);
	/* The edit of one rule does not widen the other. */
	assert_int_equal(lifecycle_set(BESIDE, strlen(BESIDE), "c", &spec, &b,
				       reason, sizeof(reason)),
			 0);
	assert_non_null(strstr(b.data, "<Filter><And><Prefix>tmp/</Prefix>"
				       "<Tag>"));
	assert_null(strstr(b.data, "</Prefix><And>"));
	buf_reset(&b);
	assert_int_equal(lifecycle_remove(BESIDE, strlen(BESIDE), "c", &b), 0);
	assert_non_null(strstr(b.data, "<And><Prefix>tmp/</Prefix>"));
	buf_reset(&b);
	assert_int_equal(lifecycle_normalise(BESIDE, strlen(BESIDE), &b), 0);
	assert_non_null(strstr(b.data, "<And><Prefix>tmp/</Prefix>"));
	lifecycle_spec_release(&spec);
	buf_release(&b);
}

#define RULE(id, rest)                                                         \
	"<Rule><ID>" id "</ID><Filter><Prefix>p/</Prefix></Filter><Status>"    \
	"Enabled</Status><Expiration><Days>1</Days></Expiration>" rest         \
	"</Rule>"
#define RULE_2(id)                                                             \
	"<Rule><ID>" id "</ID><Filter><Prefix>p/</Prefix></Filter><Status>"    \
	"Enabled</Status><Expiration><Days>2</Days></Expiration></Rule>"
#define DOC(rules) "<LifecycleConfiguration>" rules "</LifecycleConfiguration>"

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
		cmocka_unit_test(beside_the_and), cmocka_unit_test(compared),
		cmocka_unit_test(parse),	  cmocka_unit_test(damaged),
		cmocka_unit_test(shown),	  cmocka_unit_test(words),
		cmocka_unit_test(edits),	  cmocka_unit_test(new_rules),
		cmocka_unit_test(rest_is_kept),	  cmocka_unit_test(removal),
		cmocka_unit_test(fates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
