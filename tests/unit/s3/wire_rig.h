/* SPDX-License-Identifier: Apache-2.0 */
/* A store in front of scripted answers. */
#ifndef VERS3_TESTS_UNIT_S3_WIRE_RIG_H
#define VERS3_TESTS_UNIT_S3_WIRE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/s3/s3.h"
#include "vers3/util/clock.h"
#include "../wire.h"

#define STEPS(steps) steps, sizeof(steps) / sizeof(*(steps))
#define DATE	     "Date: Sat, 21 Nov 2026 23:50:08 GMT\r\n"
#define DATE_NS	     (INT64_C(1795305008) * NS_PER_S)
#define OK	     "%D200 OK\r\nContent-Length: 0%E"
#define OK_STEP                                                                \
	{                                                                      \
		OK, WIRE_KEEP                                                  \
	}

static char dir[] = "/tmp/t_s3wire.XXXXXX";

static inline int setup(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/config", dir);
	setenv("AWS_CONFIG_FILE", path, 1);
	snprintf(path, sizeof(path), "%s/credentials", dir);
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	setenv("no_proxy", "*", 1);
	return 0;
}

static inline int teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static inline int each_setup(void **state)
{
	static const char *const unset[] = {
		"AWS_PROFILE",	    "AWS_SESSION_TOKEN",
		"AWS_REGION",	    "AWS_DEFAULT_REGION",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
		"AWS_CA_BUNDLE",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unset) / sizeof(*unset); i++)
		unsetenv(unset[i]);
	setenv("AWS_ACCESS_KEY_ID", "KEY", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	return 0;
}

static inline struct store *store_at(const char *endpoint)
{
	const struct s3_config config = {
		.bucket = "bucket",
		.endpoint = endpoint,
		.read_timeout_s = 2,
	};
	struct store *s = NULL;
	char reason[256];

	if (s3_store_new(&config, reason, sizeof(reason), &s))
		fail_msg("%s", reason);
	return s;
}

/* Is this text in that request, once at least? */
static inline void asked(struct wire *w, size_t step, const char *text)
{
	if (!strcasestr(wire_asked(w, step), text))
		fail_msg("no %s in:\n%s", text, wire_asked(w, step));
}

#endif
