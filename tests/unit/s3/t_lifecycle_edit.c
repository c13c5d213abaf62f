/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle configurations: words, edits, what they leave as it was. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lifecycle_document.h"
#include "vers3/s3/lifecycle.h"

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
	"over=128K",
	"over=0",
	"over=none",
	"under=1G",
	"under=none",
	"over=1 under=2",
	"noncurrent-class=GLACIER:30d",
	"noncurrent-class=GLACIER:30d:3 noncurrent-class=DEEP_ARCHIVE:90d",
	"noncurrent-class=none",
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
	{"class=GLACIER:30d:3", "CLASS:30d"},
	{"over=128k", "over=128k: want a size"},
	{"over=-1", "want a size"},
	{"over=1.5K", "want a size"},
	{"over=99999999999T", "want a size"},
	{"under=0", "under=0: want a size"},
	{"under=", "want a size"},
	{"over=2K under=1K", "no size between"},
	{"noncurrent-class=GLACIER", "noncurrent-class=CLASS:30d"},
	{"noncurrent-class=GLACIER:30d:0", "noncurrent-class=CLASS:30d"},
	{"noncurrent-class=GLACIER:30d:x", "noncurrent-class=CLASS:30d"},
	{"noncurrent-class=GLACIER:2027-01-01", "noncurrent-class=CLASS:30d"},
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
#define OVER(n) "<ObjectSizeGreaterThan>" n "</ObjectSizeGreaterThan>"
#define MOVED(when)                                                            \
	"<NoncurrentVersionTransition>" when "<StorageClass>GLACIER"           \
	"</StorageClass></NoncurrentVersionTransition>"
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
	{HEAD ENABLED DAYS, "over=128K",
	 "<ID>r</ID><Filter><And><Prefix>p/</Prefix>" OVER(
		 "131072") "</And></Filter>" ENABLED DAYS},
	{"<ID>r</ID><Filter>" OVER("5") "</Filter>" ENABLED DAYS,
	 "over=0 under=9",
	 "<ID>r</ID><Filter><And>" OVER(
		 "0") "<ObjectSizeLessThan>9</ObjectSizeLessThan></And>"
		      "</Filter>" ENABLED DAYS},
	{"<ID>r</ID><Filter><And><Prefix>p/</Prefix>" OVER(
		 "5") "</And></Filter>" ENABLED DAYS,
	 "over=none", HEAD ENABLED DAYS},
	{"<ID>r</ID><Prefix>p/</Prefix>" ENABLED DAYS, "over=7",
	 "<ID>r</ID><Filter><And><Prefix>p/</Prefix>" OVER(
		 "7") "</And></Filter>" ENABLED DAYS},
	{HEAD ENABLED DAYS MOVED("<NoncurrentDays>4</NoncurrentDays>"),
	 "noncurrent-class=GLACIER:2d:3",
	 HEAD ENABLED DAYS MOVED("<NoncurrentDays>2</NoncurrentDays>"
				 "<NewerNoncurrentVersions>3"
				 "</NewerNoncurrentVersions>")},
	{HEAD ENABLED DAYS MOVED("<NoncurrentDays>4</NoncurrentDays>"),
	 "noncurrent-class=none", HEAD ENABLED DAYS},
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

/* Spellings that no writer of XML would choose again. */
#define ODD_BEFORE                                                             \
	"<?xml version='1.0'?>\r\n<!-- <Rule> --><x:LifecycleConfiguration"    \
	" xmlns:x = 'urn:a>b'  mode='\"'>\r\n<?odd <Rule>?>"                   \
	"<x:Rule  ><x:ID>first</x:ID><x:Filter></x:Filter><x:New a='1'"        \
	"  b='2'></x:New><x:Status>&#69;nabled</x:Status><x:Deep><x:Rule/>"    \
	"</x:Deep><![CDATA[</x:Rule>]]></x:Rule >\r\n\t"
#define ODD_AFTER                                                              \
	"\n  <x:Rule><x:ID>last</x:ID><x:Filter  /></x:Rule><x:Rule2/>"        \
	"<!-- end --> </x:LifecycleConfiguration  >\n<!-- over -->\n"
#define ODD(days)                                                              \
	"<x:Rule><x:ID>mid</x:ID><x:Filter/><x:Status>Enabled</x:Status>"      \
	"<x:Expiration><x:Days>" days "</x:Days></x:Expiration></x:Rule>"

static void bytes_are_kept(void **state)
{
	static const char odd[] = ODD_BEFORE ODD("5") ODD_AFTER;
	static const char single[] =
		"<?xml version='1.0'?><LifecycleConfiguration  />\n";
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(set(odd, "mid", "expire=9d", &out), 0);
	assert_string_equal(out.data, ODD_BEFORE ODD("9") ODD_AFTER);
	buf_reset(&out);
	assert_int_equal(lifecycle_remove(odd, strlen(odd), "mid", &out), 0);
	assert_int_equal(strncmp(out.data, ODD_BEFORE,
				 strlen(ODD_BEFORE) - strlen("\r\n\t")),
			 0);
	assert_string_equal(out.data + out.len - strlen(ODD_AFTER), ODD_AFTER);
	buf_reset(&out);
	assert_int_equal(lifecycle_normalise(odd, strlen(odd), &out), 0);
	assert_string_equal(out.data, odd);
	/* A new rule, behind all others; also in what is one tag. */
	assert_int_equal(set(odd, "new", "expire=9d", &out), 0);
	assert_int_equal(strncmp(out.data, odd, strlen(ODD_BEFORE) + 1), 0);
	assert_non_null(strstr(out.data, "<!-- end --> <x:Rule><x:ID>new"));
	assert_int_equal(set(single, "new", "expire=9d", &out), 0);
	assert_non_null(strstr(out.data, "<LifecycleConfiguration  ><Rule>"));
	assert_non_null(strstr(out.data, "</Rule></LifecycleConfiguration>\n"));
	/* What is not in UTF-8 is written anew, and says the same. */
	assert_int_equal(set("<?xml version='1.0' encoding='ISO-8859-1'?>"
			     "<LifecycleConfiguration>\xe9" RULE("a", "")
				     RULE("b", "") "</LifecycleConfiguration>",
			     "a", "expire=9d", &out),
			 0);
	assert_non_null(strstr(out.data, "\xc3\xa9<Rule>"));
	assert_non_null(strstr(out.data, "<Days>9</Days>"));
	buf_release(&out);
}

static void difference(void **state)
{
	static const char want[] =
		"--- lifecycle, as it is\n+++ lifecycle, as it would be\n"
		"@@ -7,7 +7,7 @@\n"
		"     </Filter>\n"
		"     <Status>Enabled</Status>\n"
		"     <Expiration>\n"
		"-      <Days>1</Days>\n"
		"+      <Days>2</Days>\n"
		"     </Expiration>\n"
		"   </Rule>\n"
		" </LifecycleConfiguration>\n";
	static const char one[] = DOC(RULE("a", ""));
	static const char two[] = DOC(RULE_2("a"));
	static const char spaced[] = DOC("\n  " RULE("a", "") "\n");
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(
		lifecycle_diff(one, strlen(one), two, strlen(two), &out), 0);
	assert_string_equal(out.data, want);
	buf_reset(&out);
	assert_int_equal(lifecycle_diff(one, strlen(one), spaced,
					strlen(spaced), &out),
			 0);
	assert_string_equal(out.data, "");
	assert_int_equal(lifecycle_diff(NULL, 0, one, strlen(one), &out), 0);
	assert_non_null(strstr(out.data, "@@ -0,0 +1,"));
	assert_null(strstr(out.data, "\n-"));
	buf_reset(&out);
	assert_int_equal(lifecycle_diff(one, strlen(one), NULL, 0, &out), 0);
	assert_non_null(strstr(out.data, " +0,0 @@\n-<?xml"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(edits),
		cmocka_unit_test(new_rules),
		cmocka_unit_test(rest_is_kept),
		cmocka_unit_test(bytes_are_kept),
		cmocka_unit_test(difference),
		cmocka_unit_test(removal),
		cmocka_unit_test(beside_the_and),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
