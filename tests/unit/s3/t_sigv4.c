/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signatures that the Amazon S3 API reference publishes under
 * "Authenticating Requests", and cases that S3's own rules make special.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/net/uri.h"
#include "vers3/s3/digest.h"
#include "vers3/s3/sigv4.h"
#include "vers3/util/clock.h"

#define ACCESS_KEY "AKIAIOSFODNN7EXAMPLE"
#define SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define HOST	   "examplebucket.s3.amazonaws.com"
#define SCOPE	   "20130524/us-east-1/s3/aws4_request"
#define EMPTY	   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int setup(void **state)
{
	struct digest *digest = NULL;

	assert_int_equal(digest_new(&digest), 0);
	*state = digest;
	return 0;
}

static int teardown(void **state)
{
	digest_free(*state);
	return 0;
}

static void make_signer(const struct digest *digest, struct sigv4_signer *s)
{
	memset(s, 0, sizeof(*s));
	s->digest = digest;
	s->access_key = ACCESS_KEY;
	s->region = "us-east-1";
	assert_int_equal(clock_parse_http("Fri, 24 May 2013 00:00:00 GMT",
					  &s->time_ns),
			 0);
	assert_int_equal(sigv4_key(s, SECRET_KEY), 0);
}

struct pair {
	const char *name, *value;
};

struct vector {
	const char *name;
	const char *method, *path;
	struct pair params[4];
	struct pair headers[4]; /* beside host and the date */
	const char *payload; /* hashed; NULL: nothing */
	const char *signed_headers;
	const char *signature;
};

static const struct vector vectors[] = {
	{
		.name = "GET with a range",
		.method = "GET",
		.path = "/test.txt",
		.headers = {{"Range", "bytes=0-9"}},
		.signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
		.signature = "f0e8bdb87c964420e857bd35b5d6ed31"
			     "0bd44f0170aba48dd91039c6036bdb41",
	},
	{
		.name = "PUT of a key to encode",
		.method = "PUT",
		.path = "/test%24file.text",
		.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
			    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
		.payload = "Welcome to Amazon S3.",
		.signed_headers = "date;host;x-amz-content-sha256;x-amz-date;"
				  "x-amz-storage-class",
		.signature = "98ad721746da40c64f1a55b78f14c238"
			     "d841ea1380cd77a1b5971af0ece108bd",
	},
	{
		.name = "GET of the lifecycle",
		.method = "GET",
		.path = "/",
		.params = {{"lifecycle", ""}},
		.signed_headers = "host;x-amz-content-sha256;x-amz-date",
		.signature = "fea454ca298b7da1c68078a5d1bdbfbb"
			     "e0d65c699e0f91ac7a200a0136783543",
	},
	{
		.name = "a list, parameters out of order",
		.method = "GET",
		.path = "/",
		.params = {{"prefix", "J"}, {"max-keys", "2"}},
		.signed_headers = "host;x-amz-content-sha256;x-amz-date",
		.signature = "34b48302e7b5fa45bde8084f4b7868a8"
			     "6f0a534bc59db6670ed5711ef69dc6f7",
	},
};

static void add_pairs(struct kvlist *l, const struct pair *pairs)
{
	for (size_t i = 0; i < 4 && pairs[i].name; i++)
		assert_int_equal(kvlist_add(l, pairs[i].name, pairs[i].value),
				 0);
}

static void check_vector(const struct digest *digest, const struct vector *v)
{
	char hash[DIGEST_HEX_SIZE], want[512];
	const char *payload = v->payload ? v->payload : "";
	struct sigv4_signer signer;
	struct kvlist headers, params;
	struct buf query, value;

	kvlist_init(&headers);
	kvlist_init(&params);
	buf_init(&query, 4096);
	buf_init(&value, 4096);
	make_signer(digest, &signer);
	assert_int_equal(digest_sha256(digest, payload, strlen(payload), hash),
			 0);
	kvlist_add(&headers, "Host", HOST);
	kvlist_add(&headers, "x-amz-date", "20130524T000000Z");
	kvlist_add(&headers, "x-amz-content-sha256", hash);
	add_pairs(&headers, v->headers);
	add_pairs(&params, v->params);
	assert_int_equal(uri_query(&query, &params), 0);
	const struct sigv4_request request = {
		.method = v->method,
		.path = v->path,
		.query = query.data,
		.headers = &headers,
		.payload = hash,
	};
	assert_int_equal(sigv4_authorization(&signer, &request, &value), 0);
	snprintf(want, sizeof(want),
		 "AWS4-HMAC-SHA256 Credential=" ACCESS_KEY "/" SCOPE
		 ",SignedHeaders=%s,Signature=%s",
		 v->signed_headers, v->signature);
	if (strcmp(value.data, want) != 0)
		fail_msg("%s: %s", v->name, value.data);
	buf_release(&value);
	buf_release(&query);
	kvlist_release(&params);
	kvlist_release(&headers);
}

static void test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		check_vector(*state, &vectors[i]);
}

static void test_presigned(void **state)
{
	struct sigv4_signer signer;
	struct kvlist headers, params;
	struct buf query;

	kvlist_init(&headers);
	kvlist_init(&params);
	buf_init(&query, 4096);
	make_signer(*state, &signer);
	kvlist_add(&headers, "host", HOST);
	const struct sigv4_request request = {
		.method = "GET",
		.path = "/test.txt",
		.query = "",
		.headers = &headers,
		.payload = SIGV4_UNSIGNED,
	};
	assert_int_equal(sigv4_presign(&signer, &request, &params, NULL, 86400,
				       &query),
			 0);
	assert_string_equal(
		query.data,
		"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" ACCESS_KEY
		"%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
		"&X-Amz-SignedHeaders=host&X-Amz-Signature="
		"aeeed9bbccd4d02ee5c0109b86d86835"
		"f995330da4c265957d157751f604d404");

	/* Parameters of the request and the token are signed in order. */
	buf_reset(&query);
	kvlist_add(&params, "versionId", "a+b/c=");
	assert_int_equal(sigv4_presign(&signer, &request, &params,
				       "to/ken==", 60, &query),
			 0);
	assert_non_null(strstr(query.data,
			       "&X-Amz-Security-Token=to%2Fken%3D%3D&"
			       "X-Amz-SignedHeaders=host&"
			       "versionId=a%2Bb%2Fc%3D&X-Amz-Signature="));
	buf_release(&query);
	kvlist_release(&params);
	kvlist_release(&headers);
}

static void test_canonical(void **state)
{
	struct kvlist headers, params;
	struct buf path, query, text, names;

	(void)state;
	kvlist_init(&headers);
	kvlist_init(&params);
	buf_init(&path, 4096);
	buf_init(&query, 4096);
	buf_init(&text, 4096);
	buf_init(&names, 4096);
	/* The path is encoded once; dots and doubled slashes stay. */
	assert_int_equal(uri_encode(&path, "/a//../b c%2F+~", 15, true), 0);
	/* By name, then by value: '-' stands before '=' would. */
	kvlist_add(&params, "a-b", "1");
	kvlist_add(&params, "a", "z");
	kvlist_add(&params, "a", "b&c");
	assert_int_equal(uri_query(&query, &params), 0);
	kvlist_add(&headers, "X-Amz-Meta-B", "  two   words\t here ");
	kvlist_add(&headers, "x-amz-security-token", "t==");
	kvlist_add(&headers, "Host", "h:81");
	kvlist_add(&headers, "x-amz-meta-empty", "");
	const struct sigv4_request request = {
		.method = "PUT",
		.path = path.data,
		.query = query.data,
		.headers = &headers,
		.payload = EMPTY,
	};
	assert_int_equal(sigv4_canonical(&request, &text, &names), 0);
	assert_string_equal(
		names.data,
		"host;x-amz-meta-b;x-amz-meta-empty;x-amz-security-token");
	assert_string_equal(text.data,
			    "PUT\n/a//../b%20c%252F%2B~\n"
			    "a=b%26c&a=z&a-b=1\n"
			    "host:h:81\nx-amz-meta-b:two words here\n"
			    "x-amz-meta-empty:\nx-amz-security-token:t==\n\n"
			    "host;x-amz-meta-b;x-amz-meta-empty;"
			    "x-amz-security-token\n" EMPTY);
	buf_release(&names);
	buf_release(&text);
	buf_release(&query);
	buf_release(&path);
	kvlist_release(&params);
	kvlist_release(&headers);
}

static void test_string_to_sign(void **state)
{
	struct sigv4_signer signer;
	struct buf canonical, text;

	buf_init(&canonical, 4096);
	buf_init(&text, 4096);
	make_signer(*state, &signer);
	assert_int_equal(sigv4_string_to_sign(&signer, &canonical, &text), 0);
	assert_string_equal(text.data,
			    "AWS4-HMAC-SHA256\n20130524T000000Z\n" SCOPE
			    "\n" EMPTY);
	buf_release(&text);
	buf_release(&canonical);
}

static void test_digests(void **state)
{
	unsigned all = DIGEST_SHA256 | DIGEST_MD5 | DIGEST_CRC64NVME;
	char md5[DIGEST_BASE64_SIZE];
	struct digests sums;
	FILE *f = tmpfile();

	assert_non_null(f);
	fputs("xxWelcome to Amazon S3.yy", f);
	fflush(f);
	assert_int_equal(
		digest_body(*state, all, NULL, fileno(f), 2, 21, &sums), 0);
	assert_string_equal(sums.sha256, "44ce7dd67c959e0d3524ffac1771dfbb"
					 "a87d2b6b4b4e99e42034a8b803f8b072");
	assert_string_equal(sums.md5, "1EfQ6PKJ8WoS/2AnznfCWA==");
	assert_int_equal(digest_body(*state, all, "123456789", -1, 0, 9, &sums),
			 0);
	assert_string_equal(sums.crc64nvme, "rosUhgp5mIg=");
	assert_int_equal(digest_body(*state, DIGEST_SHA256, NULL, fileno(f), 0,
				     0, &sums),
			 0);
	assert_string_equal(sums.sha256, EMPTY);
	assert_string_equal(sums.md5, "");
	assert_int_equal(
		digest_body(*state, all, NULL, fileno(f), 20, 21, &sums), -EIO);
	assert_int_equal(digest_body(*state, all, NULL, -1, 0, 1, &sums),
			 -EBADF);
	fclose(f);
	assert_int_equal(digest_md5(*state, "", 0, md5), 0);
	assert_string_equal(md5, "1B2M2Y8AsgTpgAmY7PhCfg==");
	assert_int_equal(
		digest_md5_of_hex("d41d8cd98f00b204e9800998ecf8427e", md5), 0);
	assert_string_equal(md5, "1B2M2Y8AsgTpgAmY7PhCfg==");
	assert_int_equal(digest_md5_of_hex("d41d", md5), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_presigned),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_string_to_sign),
		cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
