/* SPDX-License-Identifier: Apache-2.0 */
/* A client over the wire. */
#ifndef VERS3_TESTS_UNIT_NET_HTTP_RIG_H
#define VERS3_TESTS_UNIT_NET_HTTP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/net/http.h"

#define STEPS(steps) steps, sizeof(steps) / sizeof(*(steps))

static inline struct http *client_of(int idle_timeout_s)
{
	const struct http_config config = {
		.user_agent = "t_http",
		.connect_timeout_s = idle_timeout_s,
		.idle_timeout_s = idle_timeout_s,
		.max_connections = 4,
	};
	struct http *h = NULL;

	assert_int_equal(http_new(&config, &h), 0);
	return h;
}

/* For all others: the server's thread may have to wait for a processor. */
static inline struct http *client(void)
{
	return client_of(30);
}

#endif
