/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that were kept, and are not good any more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/net/http.h"
#include "../wire.h"

#include "http_rig.h"

/* A kept connection that turns out closed: sent again, body and all. */
static void test_stale(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{NULL, WIRE_CLOSE},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
	};
	struct http *h = client();
	struct wire *w = wire_new(STEPS(steps));
	FILE *f = tmpfile();
	struct http_body body = {.fd = fileno(f), .length = 6};

	(void)state;
	fputs("abcdef", f);
	fflush(f);
	for (int i = 0; i < 2; i++) {
		struct http_request r;

		http_request_init(&r);
		r.method = "PUT";
		r.url = wire_url(w);
		r.body = &body;
		assert_int_equal(http_perform(h, &r), 0);
		http_request_release(&r);
	}
	assert_non_null(strstr(wire_asked(w, 1), "\r\n\r\nabcdef"));
	assert_non_null(strstr(wire_asked(w, 2), "\r\n\r\nabcdef"));
	fclose(f);
	wire_free(w);
	http_free(h);
}

/* Likewise, but the caller wants to know: it may have been carried out. */
static void test_stale_once(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{NULL, WIRE_CLOSE},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
	};
	struct http_body body = {.mem = "abcdef", .length = 6};
	struct wire *w = wire_new(STEPS(steps));
	struct http *h = client();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct http_request r;

		http_request_init(&r);
		r.method = "PUT";
		r.url = wire_url(w);
		r.body = &body;
		r.once = true;
		assert_int_equal(http_perform(h, &r), i == 1 ? -ECONNRESET : 0);
		if (i == 1)
			assert_non_null(strstr(r.error, "closed"));
		http_request_release(&r);
	}
	wire_free(w);
	http_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_stale_once),
	};

	/* The server is here; a proxy would not find it. */
	setenv("no_proxy", "*", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
