/* SPDX-License-Identifier: Apache-2.0 */
/* S3's documents: good, cut, hostile, and as each server spells them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/s3/xml.h"
#include "vers3/util/clock.h"

#define NS "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

struct log {
	struct buf text; /* an item a line */
	int stop_after; /* -ECANCELED then; 0: never */
	int count;
};

static int on_entry(void *ctx, const struct store_entry *e)
{
	static const char kinds[] = {
		[STORE_ENTRY_OBJECT] = 'o', [STORE_ENTRY_VERSION] = 'v',
		[STORE_ENTRY_MARKER] = 'm', [STORE_ENTRY_PREFIX] = 'p',
		[STORE_ENTRY_UPLOAD] = 'u',
	};
	struct log *log = ctx;

	assert_int_equal(strlen(e->key), e->key_len);
	buf_printf(&log->text, "%c [%s] %s %s %s %llu %lld %d\n",
		   kinds[e->kind], e->key, e->version_id, e->etag,
		   e->storage_class, (unsigned long long)e->size_bytes,
		   (long long)(e->last_modified_ns / NS_PER_MS), e->latest);
	return ++log->count == log->stop_after ? -ECANCELED : 0;
}

static int parse(const char *doc, struct log *log, struct xml_list *list)
{
	memset(log, 0, sizeof(*log));
	memset(list, 0, sizeof(*list));
	buf_init(&log->text, (size_t)1 << 20);
	return xml_parse_list(doc, strlen(doc), on_entry, log, list);
}

static void done(struct log *log, struct xml_list *list)
{
	buf_release(&log->text);
	xml_list_release(list);
}

static void test_objects(void **state)
{
	struct log log;
	struct xml_list list;

	(void)state;
	assert_int_equal(
		parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<ListBucketResult " NS "><Name>b</Name><Prefix></Prefix>"
		      "<MaxKeys>2</MaxKeys><EncodingType>url</EncodingType>"
		      "<IsTruncated>true</IsTruncated>"
		      "<Contents><Key>a+b%2Bc%0Ad</Key>"
		      "<LastModified>2026-11-21T23:50:08.123Z</LastModified>"
		      "<ETag>&quot;abc-2&quot;</ETag><Size>5368709120</Size>"
		      "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
		      "<Owner><ID>x</ID><Key>not this</Key></Owner>"
		      "<StorageClass>GLACIER</StorageClass></Contents>\n"
		      "<CommonPrefixes><Prefix>%C3%A4/</Prefix>"
		      "</CommonPrefixes>"
		      "<NextContinuationToken>1+/x%=</NextContinuationToken>"
		      "</ListBucketResult>",
		      &log, &list),
		0);
	assert_string_equal(
		log.text.data,
		"o [a b+c\nd]  abc-2 GLACIER 5368709120 1795305008123 0\n"
		"p [\xc3\xa4/]    0 0 0\n");
	assert_true(list.truncated);
	assert_string_equal(list.next_token, "1+/x%=");
	assert_null(list.next_key_marker);
	assert_int_equal(list.skipped, 0);
	done(&log, &list);
}

static void test_versions(void **state)
{
	struct log log;
	struct xml_list list;

	(void)state;
	/* AWS: the marker is encoded as the keys are. */
	assert_int_equal(
		parse("<ListVersionsResult><EncodingType>url</EncodingType>"
		      "<IsTruncated>true</IsTruncated>"
		      "<NextKeyMarker>b+b</NextKeyMarker>"
		      "<NextVersionIdMarker>v3</NextVersionIdMarker>"
		      "<DeleteMarker><Key>a</Key><VersionId>v1</VersionId>"
		      "<IsLatest>true</IsLatest><LastModified>"
		      "2026-11-21T23:50:08Z</LastModified></DeleteMarker>"
		      "<Version><Key>a</Key><VersionId>null</VersionId>"
		      "<IsLatest>false</IsLatest><ETag>\"e\"</ETag>"
		      "<Size>1</Size></Version>"
		      "<DeleteMarker><Key>b+b</Key><VersionId>v3</VersionId>"
		      "</DeleteMarker></ListVersionsResult>",
		      &log, &list),
		0);
	assert_string_equal(log.text.data, "m [a] v1   0 1795305008000 1\n"
					   "v [a] null e  1 0 0\n"
					   "m [b b] v3   0 0 0\n");
	assert_string_equal(list.next_key_marker, "b b");
	assert_string_equal(list.next_version_marker, "v3");
	done(&log, &list);
}

#define VERSION(key) "<Version><Key>" key "</Key><Size>0</Size></Version>"

/* What the next key marker is, by how the server writes it. */
static void test_markers(void **state)
{
	static const struct {
		const char *marker, *entries, *want;
	} cases[] = {
		/* as AWS does */
		{"a%20b", VERSION("a%20b"), "a b"},
		{"a%2520b", VERSION("a%2520b"), "a%20b"},
		/* as Ceph does: never encoded */
		{"a b", VERSION("a%20b"), "a b"},
		{"a+b", VERSION("a%2Bb"), "a+b"},
		{"a%20b", VERSION("a%2520b"), "a%20b"},
		{"100%", VERSION("100%25"), "100%"},
		/* one that XML cannot carry: the last key has to do */
		{"a&#x01;", VERSION("a%01"), "a\x01"},
		/* a common prefix that is beyond the last key */
		{"b+/",
		 VERSION("a") "<CommonPrefixes><Prefix>b%2B/</Prefix>"
			      "</CommonPrefixes>",
		 "b+/"},
		/* the marker is none of the items */
		{"c%20d", VERSION("a"), "c d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct log log;
		struct xml_list list;
		char doc[1024];

		snprintf(doc, sizeof(doc),
			 "<ListVersionsResult><EncodingType>url</EncodingType>"
			 "<IsTruncated>true</IsTruncated>"
			 "<NextKeyMarker>%s</NextKeyMarker>%s"
			 "</ListVersionsResult>",
			 cases[i].marker, cases[i].entries);
		assert_int_equal(parse(doc, &log, &list), 0);
		assert_string_equal(list.next_key_marker, cases[i].want);
		done(&log, &list);
	}
}

static void check_keys(const char *doc, const char *want)
{
	struct log log;
	struct xml_list list;

	assert_int_equal(parse(doc, &log, &list), 0);
	if (!strstr(log.text.data, want))
		fail_msg("no %s in %s", want, log.text.data);
	done(&log, &list);
}

static void test_encoding(void **state)
{
	(void)state;
	/* Not said: keys are as they stand. */
	check_keys("<ListBucketResult><Contents><Key>a+%20</Key><Size>1</Size>"
		   "</Contents></ListBucketResult>",
		   "[a+%20]");
	/* Said late. */
	check_keys("<ListBucketResult><Contents><Key>a+%20</Key><Size>1</Size>"
		   "</Contents><EncodingType>url</EncodingType>"
		   "</ListBucketResult>",
		   "[a  ]");
	/* Uploads, where nothing is said: by what the keys look like. */
	check_keys("<ListMultipartUploadsResult><Upload><Key>a%20b</Key>"
		   "<UploadId>1</UploadId></Upload>"
		   "</ListMultipartUploadsResult>",
		   "u [a b] 1");
	check_keys("<ListMultipartUploadsResult><Upload><Key>a%20b</Key>"
		   "<UploadId>1</UploadId></Upload><Upload><Key>c d</Key>"
		   "<UploadId>2</UploadId></Upload>"
		   "</ListMultipartUploadsResult>",
		   "u [a%20b] 1");
	check_keys("<ListMultipartUploadsResult><Upload><Key>100%</Key>"
		   "<UploadId>1</UploadId><Initiated>2026-11-21T23:50:08Z"
		   "</Initiated></Upload></ListMultipartUploadsResult>",
		   "u [100%] 1   0 1795305008000");
	/* CDATA, character references, a prefix of the namespace. */
	check_keys("<s:ListBucketResult xmlns:s=\"http://x/\"><s:Contents>"
		   "<s:Key><![CDATA[<a&b>]]>&#xe4;&amp;</s:Key><s:Size>1"
		   "</s:Size></s:Contents></s:ListBucketResult>",
		   "[<a&b>\xc3\xa4&]");
}

#define LIST(items)                                                            \
	"<ListBucketResult><EncodingType>url</EncodingType>" items             \
	"</ListBucketResult>"

static void test_skipped(void **state)
{
	static const char *const items[] = {
		"<Contents><Key>a%00b</Key><Size>1</Size></Contents>",
		"<Contents><Key></Key><Size>1</Size></Contents>",
		"<Contents><Size>1</Size></Contents>",
		"<Contents><Key>a</Key></Contents>",
		"<Contents><Key>a</Key><Size>-1</Size></Contents>",
		"<Contents><Key>a</Key><Size>1x</Size></Contents>",
		"<Contents><Key>a</Key><Size>99999999999999999999</Size>"
		"</Contents>",
		"<Contents><Key>a%2</Key><Size>1</Size></Contents>",
		"<Contents><Key>a&#1;</Key><Size>1</Size></Contents>",
		"<Contents><Key>a</Key><Size>1</Size><LastModified>now"
		"</LastModified></Contents>",
		"<CommonPrefixes></CommonPrefixes>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
		struct log log;
		struct xml_list list;
		char doc[512];

		snprintf(doc, sizeof(doc),
			 LIST("%s<Contents><Key>z</Key><Size>1</Size>"
			      "</Contents>"),
			 items[i]);
		assert_int_equal(parse(doc, &log, &list), 0);
		if (list.skipped != 1)
			fail_msg("%s", items[i]);
		assert_string_equal(log.text.data, "o [z]    1 0 0\n");
		done(&log, &list);
	}
}

static void test_refused(void **state)
{
	static const char *const docs[] = {
		"",
		"hello",
		"<",
		"<ListBucketResult>",
		"<ListBucketResult><Contents>",
		"<ListBucketResult></ListBucketResult><x/>",
		"<ListBucketResult></Other>",
		"<Other></Other>",
		"<Error><Code>NoSuchBucket</Code></Error>",
		"<ListBucketResult><IsTruncated>true</IsTruncated>"
		"</ListBucketResult>",
		"<ListBucketResult>&unknown;</ListBucketResult>",
		"<ListBucketResult>\xff\xfe</ListBucketResult>",
		"<!DOCTYPE x><ListBucketResult></ListBucketResult>",
		"<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\">"
		"<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
		"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
		"<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">]>"
		"<ListBucketResult><Contents><Key>&d;</Key></Contents>"
		"</ListBucketResult>",
		"<!DOCTYPE l [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>"
		"<ListBucketResult><Contents><Key>&f;</Key></Contents>"
		"</ListBucketResult>",
		"<!DOCTYPE l SYSTEM \"http://127.0.0.1:1/x.dtd\">"
		"<ListBucketResult/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++) {
		struct log log;
		struct xml_list list;

		if (parse(docs[i], &log, &list) != -EIO)
			fail_msg("%s", docs[i]);
		assert_string_equal(log.text.data, "");
		done(&log, &list);
	}
}

/* Every beginning of a good document is refused, and none crashes. */
static void test_cut(void **state)
{
	static const char doc[] =
		LIST("<Contents><Key>a%20b</Key><Size>1</Size>"
		     "<ETag>&quot;x&quot;</ETag></Contents>");
	struct log log;
	struct xml_list list;

	(void)state;
	for (size_t len = 0; len < sizeof(doc) - 1; len++) {
		memset(&list, 0, sizeof(list));
		memset(&log, 0, sizeof(log));
		buf_init(&log.text, 1000);
		assert_int_equal(
			xml_parse_list(doc, len, on_entry, &log, &list), -EIO);
		done(&log, &list);
	}
}

static void test_deep(void **state)
{
	struct log log;
	struct xml_list list;
	struct buf doc;

	(void)state;
	buf_init(&doc, (size_t)1 << 22);
	buf_puts(&doc, "<ListBucketResult>");
	for (unsigned i = 0; i < 100000; i++)
		buf_puts(&doc, "<a>");
	assert_int_equal(parse(doc.data, &log, &list), -EIO);
	done(&log, &list);
	/* A text that is too long for any field. */
	buf_reset(&doc);
	buf_puts(&doc, "<ListBucketResult><Contents><Key>");
	for (unsigned i = 0; i < 100000; i++)
		buf_putc(&doc, 'k');
	buf_puts(&doc, "</Key></Contents></ListBucketResult>");
	assert_int_equal(parse(doc.data, &log, &list), -EIO);
	done(&log, &list);
	buf_release(&doc);
}

static void test_huge(void **state)
{
	struct log log;
	struct xml_list list;
	struct buf doc;

	(void)state;
	buf_init(&doc, (size_t)1 << 24);
	buf_puts(&doc, "<ListBucketResult><EncodingType>url</EncodingType>");
	for (unsigned i = 0; i < 20000; i++) {
		buf_puts(&doc, "<Contents><Key>");
		for (unsigned k = 0; k < 40; k++)
			buf_puts(&doc, "%C3%A4");
		buf_printf(&doc, "%u</Key><Size>%u</Size></Contents>", i, i);
	}
	buf_puts(&doc, "</ListBucketResult>");
	memset(&list, 0, sizeof(list));
	memset(&log, 0, sizeof(log));
	buf_init(&log.text, (size_t)1 << 24);
	assert_int_equal(
		xml_parse_list(doc.data, doc.len, on_entry, &log, &list), 0);
	assert_int_equal(log.count, 20000);
	done(&log, &list);
	/* The callback ends it. */
	memset(&log, 0, sizeof(log));
	buf_init(&log.text, (size_t)1 << 20);
	log.stop_after = 3;
	assert_int_equal(xml_parse_list(doc.data, doc.len, on_entry, &log,
					&list),
			 -ECANCELED);
	assert_int_equal(log.count, 3);
	buf_release(&log.text);
	buf_release(&doc);
}

static void test_results(void **state)
{
	struct xml_result x;
	const char *doc =
		"  \n<?xml version=\"1.0\"?>\n  <Error><Code>SlowDown</Code>"
		"<Message>Please &lt;wait&gt;</Message><Region>eu-west-1"
		"</Region><RequestId>R</RequestId></Error>";

	(void)state;
	/* An XML declaration behind white space, as a kept line has it. */
	assert_int_equal(xml_parse_result(doc, strlen(doc), &x), 0);
	assert_string_equal(x.root, "Error");
	assert_string_equal(x.code, "SlowDown");
	assert_string_equal(x.message, "Please <wait>");
	assert_string_equal(x.region, "eu-west-1");
	assert_string_equal(x.request_id, "R");
	doc = "<CopyObjectResult " NS "><LastModified>2026-11-21T23:50:08.000Z"
	      "</LastModified><ETag>&#34;abc&#34;</ETag></CopyObjectResult>";
	assert_int_equal(xml_parse_result(doc, strlen(doc), &x), 0);
	assert_string_equal(x.root, "CopyObjectResult");
	assert_string_equal(x.etag, "abc");
	assert_string_equal(x.code, "");
	doc = "<InitiateMultipartUploadResult><Key>k&#1;</Key>"
	      "<UploadId>u.1-_</UploadId></InitiateMultipartUploadResult>";
	assert_int_equal(xml_parse_result(doc, strlen(doc), &x), 0);
	assert_string_equal(x.upload_id, "u.1-_");
	doc = "<html><body>Bad Gateway<br></body></html>";
	assert_int_equal(xml_parse_result(doc, strlen(doc), &x), -EIO);
	assert_int_equal(xml_parse_result("   ", 3, &x), -EIO);
}

static int on_deleted(void *ctx, const struct xml_deleted *d)
{
	return buf_printf(ctx, "[%s] %s %s %s\n", d->key, d->version_id,
			  d->marker_version, d->code);
}

static void test_deleted(void **state)
{
	static const char doc[] =
		"<DeleteResult " NS "><Deleted><Key>a &amp; b</Key>"
		"<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>m1"
		"</DeleteMarkerVersionId></Deleted>"
		"<Deleted><Key>c</Key><VersionId>v</VersionId></Deleted>"
		"<Error><Key>d</Key><VersionId>w</VersionId><Code>AccessDenied"
		"</Code><Message>no</Message></Error>"
		"<Error><Key>e</Key></Error></DeleteResult>";
	struct buf text;

	(void)state;
	buf_init(&text, 1000);
	assert_int_equal(
		xml_parse_deleted(doc, sizeof(doc) - 1, on_deleted, &text), 0);
	assert_string_equal(text.data, "[a & b]  m1 \n[c] v  \n"
				       "[d] w  AccessDenied\n"
				       "[e]   InternalError\n");
	assert_int_equal(xml_parse_deleted("<a/>", 4, on_deleted, &text), -EIO);
	buf_release(&text);
}

static void test_parts(void **state)
{
	static const struct {
		const char *in; /* of ListPartsResult */
		int rc;
		struct xml_parts parts;
	} docs[] = {
		{"", 0, {0, false, 0}},
		{"<IsTruncated>false</IsTruncated><Part><Size>5</Size>"
		 "<PartNumber>1</PartNumber></Part><Part><Size>7</Size></Part>",
		 0,
		 {12, false, 0}},
		{"<NextPartNumberMarker>9</NextPartNumberMarker>"
		 "<IsTruncated>true</IsTruncated><Size>3</Size>",
		 0,
		 {0, true, 9}},
		{"<NextPartNumberMarker/>", 0, {0, false, 0}},
		{"<Part><Size>x</Size></Part>", -EIO, {0, false, 0}},
		{"<Part><Size>-1</Size></Part>", -EIO, {0, false, 0}},
		{"<Part><Size>9223372036854775807</Size></Part>"
		 "<Part><Size>1</Size></Part>",
		 -EIO,
		 {0, false, 0}},
		{"<NextPartNumberMarker>10001</NextPartNumberMarker>",
		 -EIO,
		 {0, false, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++) {
		struct xml_parts p = {0, false, 0};
		char doc[500];

		snprintf(doc, sizeof(doc),
			 "<ListPartsResult>%s</ListPartsResult>", docs[i].in);
		assert_int_equal(xml_parse_parts(doc, strlen(doc), &p),
				 docs[i].rc);
		assert_int_equal(p.bytes, docs[i].parts.bytes);
		assert_int_equal(p.truncated, docs[i].parts.truncated);
		assert_int_equal(p.next, docs[i].parts.next);
	}
	assert_int_equal(xml_parse_parts("<a/>", 4, &(struct xml_parts){0}),
			 -EIO);
}

static void test_written(void **state)
{
	static const struct store_delete deletes[] = {
		{.key = "a<&>\"'\r\n\tb"},
		{.key = "bad\x01"},
		{.key = "\xc3\xa4", .version_id = "v&1"},
		{.key = "c", .if_match = "e1"},
	};
	static const struct store_part parts[] = {{1, "e1"}, {10, "e2-3"}};
	struct buf text;

	(void)state;
	buf_init(&text, 1000);
	assert_int_equal(xml_write_deletes(&text, deletes, 4), 0);
	assert_string_equal(
		text.data,
		"<Delete " NS "><Object><Key>a&lt;&amp;&gt;&quot;'&#13;\n\tb"
		"</Key></Object><Object><Key>\xc3\xa4</Key><VersionId>v&amp;1"
		"</VersionId></Object><Object><Key>c</Key>"
		"<ETag>&quot;e1&quot;</ETag></Object></Delete>");
	buf_reset(&text);
	assert_int_equal(xml_write_parts(&text, parts, 2), 0);
	assert_string_equal(
		text.data,
		"<CompleteMultipartUpload " NS "><Part><PartNumber>1"
		"</PartNumber><ETag>&quot;e1&quot;</ETag></Part><Part>"
		"<PartNumber>10</PartNumber><ETag>&quot;e2-3&quot;</ETag>"
		"</Part></CompleteMultipartUpload>");
	buf_release(&text);
	assert_true(xml_can_hold("plain \xf0\x9f\x98\x80\t\n\r"));
	assert_false(xml_can_hold("\x01"));
	assert_false(xml_can_hold("\xc3"));
	assert_false(xml_can_hold("\xff"));
	assert_false(xml_can_hold("\xef\xbf\xbf"));
}

static void test_rules(void **state)
{
	static const char with[] = "<C><Rule><ID>1</ID></Rule></C>";
	static const char without[] = "<C><Role></Role></C>";
	bool has = false;

	(void)state;
	assert_int_equal(xml_has_rules(with, sizeof(with) - 1, &has), 0);
	assert_true(has);
	assert_int_equal(xml_has_rules(without, sizeof(without) - 1, &has), 0);
	assert_false(has);
	assert_int_equal(xml_has_rules("<C>", 3, &has), -EIO);
}

static void test_tame(void **state)
{
	static const struct {
		const char *doc;
		bool tame;
	} cases[] = {
		{"", true},
		{"no document", true},
		{"<?xml version=\"1.0\"?><a b='1' c=\"=>=\">t</a>", true},
		{"<a><!-- <b c=1 --><![CDATA[ <d ]]></a>", true},
		{"<a/><b/><c/>", true},
		{"<a", true},
		{"<!DOCTYPE a><a/>", false},
		{"<!ENTITY a 'b'>", false},
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(xml_is_tame(cases[i].doc,
					     strlen(cases[i].doc)),
				 cases[i].tame);
	for (int form = 0; form < 4; form++) {
		buf_init(&b, (size_t)8 << 20);
		buf_puts(&b, "<a ");
		for (int i = 0; i < 300000; i++) {
			if (form == 0)
				buf_printf(&b, "a%d='' ", i);
			else if (form == 1)
				buf_puts(&b, "x");
			else if (form == 2)
				buf_puts(&b, "><a");
			else
				buf_puts(&b, "/><a ");
		}
		buf_puts(&b, "/>");
		assert_int_equal(xml_is_tame(b.data, b.len), form == 3);
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_markers), cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_skipped), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_deep),
		cmocka_unit_test(test_huge),	cmocka_unit_test(test_results),
		cmocka_unit_test(test_deleted), cmocka_unit_test(test_parts),
		cmocka_unit_test(test_written), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_tame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
