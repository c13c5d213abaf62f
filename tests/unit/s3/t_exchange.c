/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are sent again: regions, clocks, keys that expire; and hosts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vers3/s3/s3.h"
#include "vers3/util/clock.h"
#include "../wire.h"

#include "wire_rig.h"

#define ERROR(status, code, more)                                              \
	"%D" status "\r\n" DATE "Connection: close%E<Error><Code>" code        \
	"</Code>" more "</Error>"

static void test_region(void **state)
{
	static const struct {
		enum store_op op;
		const char *answer;
	} cases[] = {
		{STORE_HEAD_BUCKET,
		 "%D301 Moved\r\nx-amz-bucket-region: eu-west-1\r\n"
		 "Connection: close%E"},
		{STORE_HEAD_BUCKET,
		 "%D400 Bad\r\nx-amz-bucket-region: eu-west-1\r\n"
		 "Connection: close%E"},
		{STORE_GET_VERSIONING,
		 ERROR("400 Bad", "AuthorizationHeaderMalformed",
		       "<Region>eu-west-1</Region>")},
		{STORE_GET_VERSIONING,
		 ERROR("307 Moved\r\nx-amz-bucket-region: eu-west-1",
		       "TemporaryRedirect", "")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct wire_step steps[] = {
			{cases[i].answer, WIRE_CLOSE}, OK_STEP, OK_STEP};
		struct wire *w = wire_new(STEPS(steps));
		struct store *s = store_at(wire_url(w));
		struct store_request r;

		assert_string_equal(s3_store_region(s), "us-east-1");
		for (int n = 0; n < 2; n++) {
			store_request_init(&r, cases[i].op);
			assert_int_equal(store_call(s, &r), 0);
			assert_int_equal(r.reply.tries, n ? 1 : 2);
			store_request_release(&r);
		}
		assert_string_equal(s3_store_region(s), "eu-west-1");
		asked(w, 0, "/us-east-1/s3/aws4_request");
		asked(w, 1, "/eu-west-1/s3/aws4_request");
		asked(w, 2, "/eu-west-1/s3/aws4_request");
		store_free(s);
		wire_free(w);
	}
}

/* A region that does not help, or is none, is taken no second time. */
static void test_region_loop(void **state)
{
	static const struct wire_step steps[] = {
		{ERROR("400 Bad", "AuthorizationHeaderMalformed",
		       "<Region>r-1</Region>"),
		 WIRE_CLOSE},
		{ERROR("400 Bad", "AuthorizationHeaderMalformed",
		       "<Region>r-2</Region>"),
		 WIRE_CLOSE},
		{ERROR("400 Bad", "AuthorizationHeaderMalformed",
		       "<Region>evil.example.org/</Region>"),
		 WIRE_CLOSE},
	};
	struct wire *w = wire_new(STEPS(steps));
	struct store *s = store_at(wire_url(w));
	struct store_request r;

	(void)state;
	for (int n = 0; n < 2; n++) {
		store_request_init(&r, STORE_GET_VERSIONING);
		assert_int_equal(store_call(s, &r), -EACCES);
		assert_int_equal(r.reply.tries, n ? 1 : 2);
		store_request_release(&r);
	}
	store_free(s);
	wire_free(w);
}

#define SKEWED                                                                 \
	"Connection: close%%E<Error><Code>RequestTimeTooSkewed</Code></Error>"

/* The server's clock, so far from ours, is taken; or not. */
static void clock_off(int64_t off_s, bool taken)
{
	struct wire_step steps[] = {{NULL, WIRE_CLOSE}, OK_STEP};
	time_t then = (time_t)(clock_real_ns() / NS_PER_S + off_s);
	char answer[256], date[64], signed_for[64];
	struct store_request r;
	struct store *s;
	struct wire *w;
	struct tm tm;

	gmtime_r(&then, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	strftime(signed_for, sizeof(signed_for), "x-amz-date: %Y%m%dT", &tm);
	snprintf(answer, sizeof(answer), "%%D403 No\r\nDate: %s\r\n" SKEWED,
		 date);
	steps[0].answer = answer;
	w = wire_new(steps, taken ? 2 : 1);
	s = store_at(wire_url(w));
	store_request_init(&r, STORE_GET_VERSIONING);
	assert_int_equal(store_call(s, &r), taken ? 0 : -EACCES);
	store_request_release(&r);
	if (taken)
		asked(w, 1, signed_for);
	store_free(s);
	wire_free(w);
}

static void test_clock(void **state)
{
	(void)state;
	clock_off(-7200, true);
	clock_off(20 * 3600, true);
	/* No TLS vouches for it. */
	clock_off(3 * 86400, false);
	clock_off(-3 * 86400, false);
	clock_off(INT64_C(10) * 366 * 86400, false);
}

static void write_config(const char *text)
{
	FILE *f = fopen(getenv("AWS_CONFIG_FILE"), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define PROFILE(key, token)                                                    \
	"[profile p]\naws_access_key_id=" key "\naws_secret_access_key=s\n"    \
	"aws_session_token=" token "\n"

static void test_expired(void **state)
{
	static const struct wire_step steps[] = {
		{ERROR("400 Bad", "ExpiredToken", ""), WIRE_CLOSE},
		OK_STEP,
		OK_STEP,
		{ERROR("400 Bad", "ExpiredToken", ""), WIRE_CLOSE},
	};
	struct wire *w = wire_new(STEPS(steps));
	struct s3_config config = {
		.bucket = "bucket", .endpoint = wire_url(w), .profile = "p"};
	struct store_request r;
	struct store *s = NULL;
	char reason[256];

	(void)state;
	write_config(PROFILE("ONE", "old"));
	assert_int_equal(s3_store_new(&config, reason, sizeof(reason), &s), 0);
	write_config(PROFILE("TWO", "new"));
	store_request_init(&r, STORE_GET_VERSIONING);
	assert_int_equal(store_call(s, &r), 0);
	assert_int_equal(r.reply.tries, 2);
	store_request_release(&r);
	asked(w, 0, "Credential=ONE/");
	asked(w, 0, "\r\nx-amz-security-token: old\r\n");
	asked(w, 1, "Credential=TWO/");
	asked(w, 1, "\r\nx-amz-security-token: new\r\n");
	/* As `reload` asks for it. */
	write_config(PROFILE("THREE", "new"));
	assert_int_equal(s3_store_reload(s), 0);
	store_request_init(&r, STORE_GET_VERSIONING);
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
	asked(w, 2, "Credential=THREE/");
	/* Nothing new to be had: the error stands. */
	store_request_init(&r, STORE_GET_VERSIONING);
	assert_int_equal(store_call(s, &r), -EACCES);
	assert_int_equal(r.reply.tries, 1);
	store_request_release(&r);
	write_config("");
	assert_int_equal(s3_store_reload(s), -ENOKEY);
	store_free(s);
	wire_free(w);
}

static void test_hosts(void **state)
{
	static const struct wire_step steps[] = {OK_STEP};
	static const struct {
		const char *bucket, *endpoint, *region, *url, *known;
	} cases[] = {
		{"bucket", "https://s3.example.org", NULL,
		 "https://bucket.s3.example.org", "us-east-1"},
		{"bucket", "https://s3.example.org:444/base/", "r",
		 "https://bucket.s3.example.org:444/base", "r"},
		{"my.bucket", "https://s3.example.org", NULL,
		 "https://s3.example.org/my.bucket", "us-east-1"},
		{"My_Bucket", "http://s3.example.org", NULL,
		 "http://s3.example.org/My_Bucket", "us-east-1"},
		{"bucket", "http://[::1]:80", NULL, "http://[::1]/bucket",
		 "us-east-1"},
		{"bucket", NULL, "eu-west-3",
		 "https://bucket.s3.eu-west-3.amazonaws.com", "eu-west-3"},
		{"bucket", NULL, "cn-north-1",
		 "https://bucket.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{"bucket", NULL, NULL,
		 "https://bucket.s3.us-east-1.amazonaws.com", ""},
	};
	struct wire *w = wire_new(STEPS(steps));
	struct store_request r;
	struct store *s;
	char endpoint[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct s3_config config = {
			.bucket = cases[i].bucket,
			.endpoint = cases[i].endpoint,
			.region = cases[i].region,
		};
		char reason[256];

		assert_int_equal(
			s3_store_new(&config, reason, sizeof(reason), &s), 0);
		assert_string_equal(s3_store_url(s), cases[i].url);
		assert_string_equal(s3_store_region(s), cases[i].known);
		store_free(s);
	}
	/* By name on the wire: every name under localhost is this host. */
	snprintf(endpoint, sizeof(endpoint), "http://s3.localhost%s",
		 strrchr(wire_url(w), ':'));
	s = store_at(endpoint);
	store_request_init(&r, STORE_GET_VERSIONING);
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
	asked(w, 0, "GET /?versioning= HTTP/1.1\r\n");
	asked(w, 0, "\r\nhost: bucket.s3.localhost:");
	store_free(s);
	wire_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_region, each_setup),
		cmocka_unit_test_setup(test_region_loop, each_setup),
		cmocka_unit_test_setup(test_clock, each_setup),
		cmocka_unit_test_setup(test_expired, each_setup),
		cmocka_unit_test_setup(test_hosts, each_setup),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
