/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store suite against a real server: VERS3_TEST_ENDPOINT (a URL),
 * VERS3_TEST_BUCKET (a versioned bucket to write to) and the credentials of
 * the environment. Skipped where they are absent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../store_suite.h"
#include "vers3/core/caps.h"
#include "vers3/core/mount.h"
#include "vers3/s3/s3.h"
#include "vers3/store/metrics.h"
#include "vers3/store/retry.h"
#include "vers3/util/log.h"

#define SKIPPED 77

static struct store *make_stack(const char *endpoint, const char *bucket)
{
	const struct s3_config s3 = {
		.bucket = bucket,
		.endpoint = endpoint,
		.region = "us-east-1",
		.path_style = true,
	};
	const struct retry_config retry = {.retries = 3};
	struct store *s, *upper;
	char reason[256];

	if (s3_store_new(&s3, reason, sizeof(reason), &s)) {
		fprintf(stderr, "%s\n", reason);
		return NULL;
	}
	if (retry_store_new(&retry, &s, &upper) ||
	    metrics_store_new(&upper, &s))
		return NULL;
	return s;
}

/* Servers differ; what is asked of this one is what it shows here. */
static unsigned find_lacks(struct store *s, const char *prefix, const char *key)
{
	unsigned lacks = SUITE_LIMITS;
	struct store_request r;
	struct caps caps;

	if (caps_probe(s, prefix, MOUNT_VERSIONS_NAME, &caps) ||
	    suite_put(s, key, "", NULL))
		return lacks;
	if (!caps.if_none_match)
		lacks |= SUITE_IF_NONE_MATCH;
	if (!caps.if_match)
		lacks |= SUITE_IF_MATCH;
	if (!caps.remove)
		lacks |= SUITE_DELETE_IF_MATCH;
	store_request_init(&r, STORE_COPY);
	r.key = key;
	r.source_key = key;
	r.replace_meta = true;
	if (store_call(s, &r) || !r.reply.object.version_id)
		lacks |= SUITE_COPY_VERSION;
	store_request_release(&r);
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	suite_delete(s, key, NULL, NULL);
	store_call(s, &r);
	if (!r.reply.object.delete_marker)
		lacks |= SUITE_MARKER_TOLD;
	store_request_release(&r);
	return lacks;
}

int main(void)
{
	const char *endpoint = getenv("VERS3_TEST_ENDPOINT");
	const char *bucket = getenv("VERS3_TEST_BUCKET");
	struct suite suite = {0};
	char prefix[64], key[80];
	int failed;

	if (!endpoint || !bucket) {
		fprintf(stderr, "skipped: VERS3_TEST_ENDPOINT and "
				"VERS3_TEST_BUCKET name no server\n");
		return SKIPPED;
	}
	log_set_level(LOG_LEVEL_INFO);
	snprintf(prefix, sizeof(prefix), "suite-%d/", (int)getpid());
	snprintf(key, sizeof(key), "%sprobe", prefix);
	suite.store = make_stack(endpoint, bucket);
	if (!suite.store)
		return 1;
	suite.prefix = prefix;
	suite.lacks = find_lacks(suite.store, prefix, key);
	fprintf(stderr, "the server lacks %#x of the suite's features\n",
		suite.lacks);
	failed = suite_run("store suite over a server", &suite);
	suite_sweep(suite.store, prefix);
	store_free(suite.store);
	return failed ? 1 : 0;
}
