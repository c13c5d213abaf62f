/* SPDX-License-Identifier: Apache-2.0 */
/* What a replica's options make of a store, and its answers at the mount. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/main/replica.h"
#include "../wire.h"

#define EMPTY "%D200 OK\r\ncontent-length: 0%E"

static char reason[1024];

static struct options options_of(const char *endpoint)
{
	struct options o = {
		.bucket = (char *)"own",
		.endpoint = (char *)"http://127.0.0.1:2",
		.region = (char *)"here",
		.path_style = true,
		.no_sign_request = true,
		.replica = (char *)"other",
		.replica_endpoint = (char *)endpoint,
		.connect_timeout_s = 1,
		.read_timeout_s = 30,
	};

	return o;
}

static void test_names(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", ""},
		{"the server is away", "the server is away"},
		{"region=", "replica_region="},
		{"mount with -o region=x; check endpoint=, or profile=",
		 "mount with -o replica_region=x; check replica_endpoint=, or "
		 "replica_profile="},
		{"regions=", "regions="},
		{"ca_file=x", "ca_file=x"},
	};
	char buf[256], small[20];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		replica_name_options(cases[i].text, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].expected);
		/* Whatever there is room for. */
		replica_name_options(cases[i].text, small, sizeof(small));
		assert_int_equal(
			strncmp(small, cases[i].expected, strlen(small)), 0);
	}
}

/* What is not given is the mount's own. */
static void test_defaults(void **state)
{
	struct options o = options_of(NULL);
	struct replica *r = NULL;

	(void)state;
	assert_int_equal(replica_new(&o, "http://127.0.0.1:2/own", reason,
				     sizeof(reason), &r),
			 0);
	assert_string_equal(s3_store_url(replica_s3(r)),
			    "http://127.0.0.1:2/other");
	assert_string_equal(s3_store_region(replica_s3(r)), "here");
	replica_free(r);
	o.replica_region = (char *)"there";
	o.replica_endpoint = (char *)"http://127.0.0.1:3";
	assert_int_equal(replica_new(&o, "http://127.0.0.1:2/own", reason,
				     sizeof(reason), &r),
			 0);
	assert_string_equal(s3_store_url(replica_s3(r)),
			    "http://127.0.0.1:3/other");
	assert_string_equal(s3_store_region(replica_s3(r)), "there");
	replica_free(r);
}

static void test_itself(void **state)
{
	struct options o = options_of(NULL);
	struct replica *r = NULL;

	(void)state;
	o.replica = (char *)"own";
	assert_int_equal(replica_new(&o, "http://127.0.0.1:2/own", reason,
				     sizeof(reason), &r),
			 -EINVAL);
	assert_non_null(strstr(reason, "replica=own is the bucket that"));
	assert_null(r);
	/* Of the same name at another server is another one. */
	o.replica_endpoint = (char *)"http://127.0.0.1:3";
	assert_int_equal(replica_new(&o, "http://127.0.0.1:2/own", reason,
				     sizeof(reason), &r),
			 0);
	replica_free(r);
}

static const struct {
	const char *head, *versioning; /* answers; NULL: not asked */
	int rc;
	const char *text; /* in the reason; NULL: it is empty */
	enum wire_then then;
} probes[] = {
	{EMPTY,
	 "%D200 OK\r\ncontent-length: 75%E<VersioningConfiguration>"
	 "<Status>Enabled</Status></VersioningConfiguration>",
	 0, NULL, WIRE_CLOSE},
	{EMPTY, "%D200 OK\r\ncontent-length: 26%E<VersioningConfiguration/>", 0,
	 "keeps no versions", WIRE_CLOSE},
	{"%D404 Not Found\r\ncontent-length: 0%E",
	 "%D404 Not Found\r\ncontent-length: 45%E"
	 "<Error><Code>NoSuchBucket</Code></Error>     ",
	 -ENOENT,
	 "replica: bucket other: there is no such bucket; check its "
	 "name, and replica_endpoint=",
	 WIRE_CLOSE},
	/* Away for now. */
	{"%D503 Slow\r\ncontent-length: 0%E", NULL, 0, "mounting without it",
	 WIRE_CLOSE},
	{NULL, NULL, 0, "no answer in 2 s; mounting without it", WIRE_STALL},
};

static void test_probe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		struct wire_step steps[2];
		size_t count = 0;
		struct options o;
		struct replica *r = NULL;
		struct wire *w;
		int rc;

		steps[count++] =
			(struct wire_step){probes[i].head, probes[i].then};
		/* One that cannot serve now is asked twice. */
		if (probes[i].head)
			steps[count++] = (struct wire_step){
				probes[i].versioning ? probes[i].versioning
						     : probes[i].head,
				probes[i].then};
		w = wire_new(steps, count);
		o = options_of(wire_url(w));
		assert_int_equal(
			replica_new(&o, "", reason, sizeof(reason), &r), 0);
		strcpy(reason, "");
		rc = replica_probe(r, reason, sizeof(reason));
		if (rc != probes[i].rc)
			fail_msg("%zu: %d, %s", i, rc, reason);
		if (!probes[i].text)
			assert_string_equal(reason, "");
		else if (!strstr(reason, probes[i].text))
			fail_msg("%zu: %s", i, reason);
		replica_free(r);
		wire_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
