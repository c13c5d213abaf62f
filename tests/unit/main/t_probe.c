/* SPDX-License-Identifier: Apache-2.0 */
/* What the questions before a mount make of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/main/probe.h"
#include "vers3/util/clock.h"

#define NS_S3 " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static const struct probe_about about = {
	.bucket = "photos",
	.url = "https://host/photos",
	.region = "eu-west-1",
};

static void test_versioning_documents(void **state)
{
	static const struct {
		const char *doc;
		int rc;
		enum probe_versioning expected;
	} cases[] = {
		{"<VersioningConfiguration" NS_S3 "/>", 0, PROBE_UNVERSIONED},
		{"<?xml version=\"1.0\"?>\n<VersioningConfiguration" NS_S3
		 "><Status>Enabled</Status></VersioningConfiguration>",
		 0, PROBE_VERSIONED},
		{"<VersioningConfiguration><MfaDelete>Disabled</MfaDelete>"
		 "<Status>Enabled</Status></VersioningConfiguration>",
		 0, PROBE_VERSIONED},
		{"<VersioningConfiguration><Status>Suspended</Status>"
		 "</VersioningConfiguration>",
		 0, PROBE_SUSPENDED},
		{"<VersioningConfiguration><Other><Status>Enabled</Status>"
		 "</Other></VersioningConfiguration>",
		 0, PROBE_UNVERSIONED},
		{"<GetBucketVersioningResponse" NS_S3 "/>", 0,
		 PROBE_UNVERSIONED},
		{"<GetBucketVersioningResponse" NS_S3
		 "><Status>Enabled</Status></GetBucketVersioningResponse>",
		 0, PROBE_VERSIONED},
		{"<GetBucketPolicyResponse/>", -EIO, 0},
		{"", -EIO, 0},
		{"<html><body>Welcome</body></html>", -EIO, 0},
		{"<VersioningConfiguration><Status>Enabled</Status>", -EIO, 0},
		{"<!DOCTYPE a [<!ENTITY e \"Enabled\">]>"
		 "<VersioningConfiguration><Status>&e;</Status>"
		 "</VersioningConfiguration>",
		 -EIO, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum probe_versioning got = PROBE_UNKNOWN;

		assert_int_equal(probe_parse_versioning(cases[i].doc,
							strlen(cases[i].doc),
							&got),
				 cases[i].rc);
		if (!cases[i].rc)
			assert_int_equal(got, cases[i].expected);
	}
}

/* Where the bucket is a part of the host's name, that may be what is wrong. */
static void test_path_style(void **state)
{
	static const struct {
		const char *url;
		bool hint;
	} urls[] = {
		{"https://photos.s3.example.org", true},
		{"https://s3.example.org/photos", false},
		{"https://photos.example.org/photos", false},
		{"https://photos.s3.us-east-1.amazonaws.com", false},
		{"https://photoshop.example.org/photos", false},
	};
	static const struct {
		int rc;
		const char *message;
	} answers[] = {
		{-EHOSTUNREACH, "Could not resolve host: x"},
		{-EPROTO, "SSL: no alternative certificate subject name "
			  "matches target host name 'x'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		for (size_t k = 0; k < 2; k++) {
			struct probe_about about_url = about;
			struct store_reply reply = {.status = 0};
			char reason[512];

			about_url.url = urls[i].url;
			strcpy(reply.message, answers[k].message);
			probe_explain(&about_url, answers[k].rc, &reply, reason,
				      sizeof(reason));
			assert_int_equal(strstr(reason, "path_style") != NULL,
					 urls[i].hint);
			assert_non_null(strstr(reason, "endpoint="));
		}
	}
}

static void test_explain(void **state)
{
	static const struct {
		int rc, status;
		const char *code, *message, *region;
		const char *words[3]; /* in the reason */
	} cases[] = {
		{-ENOENT, 404, "NoSuchBucket", "", "", {"photos", "no such"}},
		{-ENOENT, 404, "", "", "", {"photos", "no such bucket"}},
		{-EACCES,
		 403,
		 "InvalidAccessKeyId",
		 "",
		 "",
		 {"access key", "AWS_ACCESS_KEY_ID"}},
		{-EACCES,
		 403,
		 "SignatureDoesNotMatch",
		 "",
		 "",
		 {"secret key", "wrong"}},
		{-EACCES, 403, "AccessDenied", "", "", {"s3:ListBucket"}},
		{-EACCES, 403, "", "", "", {"photos", "denied", "403"}},
		{-EACCES, 400, "ExpiredToken", "", "", {"expired"}},
		{-EACCES, 403, "RequestTimeTooSkewed", "", "", {"clock"}},
		{-EIO,
		 301,
		 "PermanentRedirect",
		 "",
		 "us-west-2",
		 {"photos", "region=us-west-2"}},
		{-EACCES,
		 400,
		 "AuthorizationHeaderMalformed",
		 "",
		 "",
		 {"eu-west-1", "region="}},
		{-ECONNREFUSED, 0, "", "", "", {"https://host", "refused"}},
		{-ETIMEDOUT, 0, "", "", "", {"no answer in time"}},
		{-EHOSTUNREACH,
		 0,
		 "",
		 "Could not resolve host: host",
		 "",
		 {"resolve", "endpoint="}},
		{-EPROTO,
		 0,
		 "",
		 "SSL: no alternative certificate subject name matches target "
		 "host name 'host'",
		 "",
		 {"another host name"}},
		{-EPROTO,
		 0,
		 "",
		 "SSL certificate problem: certificate has expired",
		 "",
		 {"the certificate has expired"}},
		{-EPROTO,
		 0,
		 "",
		 "SSL certificate problem: unable to get local issuer "
		 "certificate",
		 "",
		 {"unknown authority", "ca_file="}},
		{-EPROTO,
		 0,
		 "",
		 "SSL certificate problem: self-signed certificate in "
		 "certificate chain",
		 "",
		 {"unknown authority", "ca_file="}},
		{-EPROTO, 0, "", "odd", "", {"TLS", "odd"}},
		{-EIO,
		 503,
		 "SlowDown",
		 "Reduce your request rate",
		 "",
		 {"photos", "SlowDown", "Reduce"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_request r;
		char reason[1024] = "";

		store_request_init(&r, STORE_HEAD_BUCKET);
		r.reply.status = cases[i].status;
		strcpy(r.reply.code, cases[i].code);
		strcpy(r.reply.message, cases[i].message);
		strcpy(r.reply.region, cases[i].region);
		probe_explain(&about, cases[i].rc, &r.reply, reason,
			      sizeof(reason));
		for (int w = 0; w < 3 && cases[i].words[w]; w++) {
			if (!strstr(reason, cases[i].words[w]))
				fail_msg("no '%s' in: %s", cases[i].words[w],
					 reason);
		}
		assert_null(strchr(reason, '\n'));
		store_request_release(&r);
	}
}

/* A store that gives recorded answers. */
struct script {
	struct store store;
	int head_rc, head_status;
	int get_rc, get_status;
	const char *get_code, *get_body;
	int64_t clock_off_ns;
	unsigned heads, gets, puts;
	unsigned bad_first; /* this many HEADs fail with 500 first */
	char put_body[512];
};

static int script_call(struct store *st, struct store_request *r)
{
	struct script *s = (struct script *)st;

	store_reply_reset(&r->reply);
	r->reply.date_ns = clock_real_ns() + s->clock_off_ns;
	switch (r->op) {
	case STORE_HEAD_BUCKET:
		s->heads++;
		if (s->heads <= s->bad_first) {
			r->reply.status = 500;
			return -EIO;
		}
		r->reply.status = s->head_status;
		return s->head_rc;
	case STORE_GET_VERSIONING:
		s->gets++;
		r->reply.status = s->get_status;
		if (s->get_code)
			strcpy(r->reply.code, s->get_code);
		if (s->get_body)
			assert_int_equal(buf_puts(&r->reply.body, s->get_body),
					 0);
		return s->get_rc;
	case STORE_PUT_VERSIONING:
		s->puts++;
		snprintf(s->put_body, sizeof(s->put_body), "%.*s",
			 (int)r->body.length, (const char *)r->body.mem);
		r->reply.status = 200;
		return 0;
	default:
		fail();
		return -EIO;
	}
}

static const struct store_ops script_ops = {
	.name = "script",
	.call = script_call,
};

#define VC	"VersioningConfiguration"
#define ENABLED "<" VC "><Status>Enabled</Status></" VC ">"

static void test_bucket(void **state)
{
	static const struct {
		struct script script;
		int rc;
		enum probe_versioning expected;
		const char *word;
		unsigned heads;
	} cases[] = {
		{.script = {.head_status = 200, .get_body = ENABLED},
		 .expected = PROBE_VERSIONED,
		 .heads = 1},
		{.script = {.head_status = 200, .get_body = "<" VC "/>"},
		 .expected = PROBE_UNVERSIONED,
		 .heads = 1},
		{.script = {.head_status = 200, .get_rc = -EOPNOTSUPP},
		 .expected = PROBE_UNVERSIONED,
		 .heads = 1},
		{.script = {.head_status = 200,
			    .get_rc = -EACCES,
			    .get_status = 403,
			    .get_code = "AccessDenied"},
		 .expected = PROBE_UNKNOWN,
		 .heads = 1},
		/* The document of the second answer tells what was wrong. */
		{.script = {.head_rc = -EACCES,
			    .head_status = 403,
			    .get_rc = -EACCES,
			    .get_status = 403,
			    .get_code = "SignatureDoesNotMatch"},
		 .rc = -EACCES,
		 .word = "secret key",
		 .heads = 1},
		{.script = {.head_rc = -EACCES,
			    .head_status = 403,
			    .get_body = ENABLED},
		 .rc = -EACCES,
		 .word = "s3:ListBucket",
		 .heads = 1},
		{.script = {.head_rc = -ECONNREFUSED},
		 .rc = -ECONNREFUSED,
		 .word = "refused",
		 .heads = 1},
		{.script = {.bad_first = 1,
			    .head_status = 200,
			    .get_body = ENABLED},
		 .expected = PROBE_VERSIONED,
		 .heads = 2},
		{.script = {.bad_first = 9},
		 .rc = -EIO,
		 .word = "photos",
		 .heads = 2},
		{.script = {.head_status = 200, .get_body = "<html/>"},
		 .rc = -EINVAL,
		 .word = "endpoint=",
		 .heads = 1},
		{.script = {.head_status = 200,
			    .get_body = ENABLED,
			    .clock_off_ns = 3600 * NS_PER_S},
		 .rc = -ESTALE,
		 .word = "behind the server's",
		 .heads = 1},
		{.script = {.head_status = 200,
			    .get_body = ENABLED,
			    .clock_off_ns = -3600 * NS_PER_S},
		 .rc = -ESTALE,
		 .word = "ahead of the server's",
		 .heads = 1},
		{.script = {.head_status = 200,
			    .get_body = ENABLED,
			    .clock_off_ns = -60 * NS_PER_S},
		 .expected = PROBE_VERSIONED,
		 .heads = 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct script s = cases[i].script;
		enum probe_versioning got = PROBE_UNKNOWN;
		char reason[1024] = "";

		s.store.ops = &script_ops;
		assert_int_equal(probe_bucket(&s.store, &about, reason,
					      sizeof(reason), &got),
				 cases[i].rc);
		assert_int_equal(s.heads, cases[i].heads);
		assert_int_equal(s.puts, 0);
		if (!cases[i].rc)
			assert_int_equal(got, cases[i].expected);
		else if (!strstr(reason, cases[i].word))
			fail_msg("no '%s' in: %s", cases[i].word, reason);
	}
}

static void test_enable(void **state)
{
	struct script s = {.store = {.ops = &script_ops}};
	enum probe_versioning got = PROBE_UNKNOWN;
	char reason[256];

	(void)state;
	assert_int_equal(probe_enable_versioning(&s.store, &about, reason,
						 sizeof(reason)),
			 0);
	assert_int_equal(s.puts, 1);
	assert_int_equal(probe_parse_versioning(s.put_body, strlen(s.put_body),
						&got),
			 0);
	assert_int_equal(got, PROBE_VERSIONED);
}

static void test_outage(void **state)
{
	(void)state;
	assert_true(probe_is_outage(-ECONNREFUSED));
	assert_true(probe_is_outage(-ETIMEDOUT));
	assert_true(probe_is_outage(-EIO));
	assert_false(probe_is_outage(0));
	assert_false(probe_is_outage(-ENOENT));
	assert_false(probe_is_outage(-EACCES));
	assert_false(probe_is_outage(-EPROTO));
	assert_false(probe_is_outage(-ESTALE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versioning_documents),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_path_style),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_enable),
		cmocka_unit_test(test_outage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
