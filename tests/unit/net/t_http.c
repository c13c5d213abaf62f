/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against a server that does as it is told. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/net/http.h"
#include "vers3/util/buf.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "../wire.h"

#include "http_rig.h"

/* For those that wait in vain. */
static struct http *hasty_client(void)
{
	return client_of(1);
}

static int to_buf(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct buf *b = ctx;

	assert_int_equal(offset, b->len);
	return buf_add(b, data, len);
}

static int take(void *ctx, uint64_t offset, const void *data, size_t len)
{
	(void)ctx;
	(void)offset;
	(void)data;
	(void)len;
	return 0;
}

static int refuse(void *ctx, uint64_t offset, const void *data, size_t len)
{
	(void)ctx;
	(void)offset;
	(void)data;
	(void)len;
	return -ECANCELED;
}

static void test_answers(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 5\r\nX-One: a b \r\n"
		 "X-Two:\r\nx-one: c%Ehello",
		 WIRE_KEEP},
		{"%D404 Not Found\r\nContent-Length: 2%Eno", WIRE_KEEP},
		{"%D100 Continue\r\nX-Early: 1%EHTTP/1.1 200 OK\r\n"
		 "Content-Length: 9%E",
		 WIRE_KEEP},
		{"%D301 Moved\r\nLocation: http://127.0.0.1:1/\r\n"
		 "Content-Length: 0%E",
		 WIRE_CLOSE},
		{"%D200 OK\r\nTransfer-Encoding: chunked%E"
		 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		 WIRE_CLOSE},
	};
	static const struct {
		const char *method;
		int status;
		const char *body;
	} cases[] = {
		{"GET", 200, "hello"}, {"DELETE", 404, "no"}, {"HEAD", 200, ""},
		{"GET", 301, ""},      {"GET", 200, "abcde"},
	};
	struct http *h = client();
	struct wire *w = wire_new(STEPS(steps));

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct http_request r;
		char url[128];
		struct buf body;

		buf_init(&body, 100);
		http_request_init(&r);
		snprintf(url, sizeof(url), "%s/a/../b%%2F?x=%%20", wire_url(w));
		r.method = cases[i].method;
		r.url = url;
		r.sink = to_buf;
		r.sink_ctx = &body;
		assert_int_equal(http_perform(h, &r), 0);
		assert_int_equal(r.status, cases[i].status);
		assert_string_equal(body.data, cases[i].body);
		assert_int_equal(r.received_bytes, body.len);
		assert_non_null(
			strstr(wire_asked(w, i), " /a/../b%2F?x=%20 HTTP/1.1"));
		if (!i) {
			assert_string_equal(kvlist_get(&r.answer, "x-one"),
					    "a b");
			assert_string_equal(kvlist_get(&r.answer, "x-two"), "");
			assert_int_equal(r.answer.count, 4);
		}
		http_request_release(&r);
		buf_release(&body);
	}
	/* All but the last shared a connection. */
	assert_int_equal(wire_connections(w), 2);
	wire_free(w);
	http_free(h);
}

static void test_bodies(void **state)
{
	static const size_t sizes[] = {0, 10, 70000, 3000000};
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
	};
	struct http *h = client();
	struct wire *w = wire_new(STEPS(steps));
	char *data = malloc(3000001);
	FILE *f = tmpfile();
	size_t step = 0;

	(void)state;
	assert_true(data && f);
	for (size_t i = 0; i < 3000000; i++)
		data[i] = (char)('a' + i % 23);
	data[3000000] = '\0';
	fprintf(f, "xyz%s", data);
	fflush(f);
	for (size_t i = 0; i < 4; i++)
		for (int from_fd = 0; from_fd < 2; from_fd++, step++) {
			struct http_body body = {
				.mem = from_fd ? NULL : data,
				.fd = from_fd ? fileno(f) : -1,
				.offset = from_fd ? 3 : 0,
				.length = sizes[i],
			};
			struct http_request r;
			const char *asked;
			char length[64];

			http_request_init(&r);
			r.method = "PUT";
			r.url = wire_url(w);
			r.body = &body;
			assert_int_equal(http_perform(h, &r), 0);
			assert_int_equal(r.sent_bytes, sizes[i]);
			asked = wire_asked(w, step);
			snprintf(length, sizeof(length),
				 "\r\nContent-Length: %zu\r\n", sizes[i]);
			assert_non_null(strstr(asked, length));
			assert_null(strstr(asked, "\r\nExpect:"));
			assert_null(strstr(asked, "\r\nContent-Type:"));
			asked = strstr(asked, "\r\n\r\n") + 4;
			assert_int_equal(strlen(asked), sizes[i]);
			assert_memory_equal(asked, data, sizes[i]);
			http_request_release(&r);
		}
	fclose(f);
	free(data);
	wire_free(w);
	http_free(h);
}

static void test_headers(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_KEEP},
	};
	struct http *h = client();
	struct wire *w = wire_new(STEPS(steps));
	struct kvlist headers;
	struct http_request r;

	(void)state;
	kvlist_init(&headers);
	kvlist_add(&headers, "host", "example.org:81");
	kvlist_add(&headers, "x-empty", "");
	kvlist_add(&headers, "content-type", "text/x");
	http_request_init(&r);
	r.method = "GET";
	r.url = wire_url(w);
	r.headers = &headers;
	assert_int_equal(http_perform(h, &r), 0);
	assert_non_null(
		strstr(wire_asked(w, 0), "\r\nHost: example.org:81\r\n"));
	assert_non_null(strstr(wire_asked(w, 0), "\r\nx-empty:\r\n"));
	assert_non_null(strstr(wire_asked(w, 0), "\r\nUser-Agent: t_http\r\n"));
	/* A value cannot smuggle a header in. */
	kvlist_add(&headers, "x-bad", "a\r\nx-more: b");
	assert_int_equal(http_perform(h, &r), -EINVAL);
	assert_true(r.error[0]);
	http_request_release(&r);
	kvlist_release(&headers);
	wire_free(w);
	http_free(h);
}

/* How requests fail. Each step is one request, on a connection of its own. */
static void test_failures(void **state)
{
	static const struct {
		struct wire_step step;
		int err;
	} cases[] = {
		{{NULL, WIRE_CLOSE}, -ECONNRESET},
		{{NULL, WIRE_RESET}, -ECONNRESET},
		{{NULL, WIRE_STALL}, -ETIMEDOUT},
		{{"%D200 OK\r\nContent-Length: 5%Eabc", WIRE_CLOSE},
		 -ECONNRESET},
		{{"%D200 OK\r\nContent-Length: 5%Eabc", WIRE_STALL},
		 -ETIMEDOUT},
		{{"%D200 OK\r\nTransfer-Encoding: chunked%E5\r\nabc",
		  WIRE_CLOSE},
		 -ECONNRESET},
		{{"%D200 OK\r\nContent-Le", WIRE_CLOSE}, -ECONNRESET},
		{{"SSH-2.0-OpenSSH_9\r\n", WIRE_CLOSE}, -EIO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool stalls = cases[i].err == -ETIMEDOUT;
		struct http *h = stalls ? hasty_client() : client();
		struct wire *w = wire_new(&cases[i].step, 1);
		int64_t start_ns = clock_mono_ns(), took_ns;
		struct http_request r;
		struct buf body;

		buf_init(&body, 100);
		http_request_init(&r);
		r.method = "GET";
		r.url = wire_url(w);
		r.sink = to_buf;
		r.sink_ctx = &body;
		if (http_perform(h, &r) != cases[i].err)
			fail_msg("case %zu: %s", i, r.error);
		assert_true(r.error[0]);
		took_ns = clock_mono_ns() - start_ns;
		/* Who did not look at the time would wait for ever. */
		if (stalls)
			assert_true(took_ns >= NS_PER_S);
		http_request_release(&r);
		buf_release(&body);
		wire_free(w);
		http_free(h);
	}
}

static void test_no_server(void **state)
{
	struct http *h = client();
	struct http_request r;
	char url[64];
	struct wire *w = wire_new(NULL, 0);

	(void)state;
	snprintf(url, sizeof(url), "%s", wire_url(w));
	wire_free(w);
	http_request_init(&r);
	r.method = "GET";
	r.url = url;
	assert_int_equal(http_perform(h, &r), -ECONNREFUSED);
	assert_int_equal(r.status, 0);
	r.url = "http://no-such-host.invalid/";
	assert_int_equal(http_perform(h, &r), -EHOSTUNREACH);
	r.url = "ftp://127.0.0.1/";
	assert_int_equal(http_perform(h, &r), -EINVAL);
	r.url = "not a url";
	assert_int_equal(http_perform(h, &r), -EINVAL);
	http_request_release(&r);
	http_free(h);
}

static void test_no_tls(void **state)
{
	static const struct wire_step steps[] = {{NULL, WIRE_CLOSE}};
	static const struct http_config config = {
		.user_agent = "t_http",
		.connect_timeout_s = 1,
	};
	struct http *h = NULL;
	struct wire *w = wire_new(steps, 0);
	struct http_request r;
	char url[64];

	(void)state;
	assert_int_equal(http_new(&config, &h), 0);
	snprintf(url, sizeof(url), "https%s", wire_url(w) + 4);
	http_request_init(&r);
	r.method = "GET";
	r.url = url;
	/* The server waits for the end of a request that is none. */
	assert_int_equal(http_perform(h, &r), -ETIMEDOUT);
	http_request_release(&r);
	wire_free(w);
	http_free(h);
}

static void test_sink_ends(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 5%Ehello", WIRE_CLOSE},
	};
	struct http *h = client();
	struct wire *w = wire_new(STEPS(steps));
	struct http_request r;

	(void)state;
	http_request_init(&r);
	r.method = "GET";
	r.url = wire_url(w);
	r.sink = refuse;
	assert_int_equal(http_perform(h, &r), -ECANCELED);
	assert_int_equal(r.status, 200);
	http_request_release(&r);
	wire_free(w);
	http_free(h);
}

static int look_at_headers(void *ctx, uint64_t offset, const void *data,
			   size_t len)
{
	const struct http_request *r = ctx;
	const char *etag = kvlist_get(&r->answer, "etag");

	(void)offset;
	(void)data;
	(void)len;
	return etag && !strcmp(etag, "e") && r->status == 200 ? 0 : -ECANCELED;
}

/* Whoever takes bytes can tell first whose they are. */
static void test_headers_first(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nETag: e\r\nContent-Length: 5%Ehello", WIRE_KEEP},
		{"%D100 Continue\r\nETag: no%E"
		 "HTTP/1.1 200 OK\r\nETag: e\r\nContent-Length: 5%Ehello",
		 WIRE_CLOSE},
	};
	struct http *h = client();
	struct wire *w = wire_new(STEPS(steps));
	struct http_request r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		http_request_init(&r);
		r.method = "GET";
		r.url = wire_url(w);
		r.sink = look_at_headers;
		r.sink_ctx = &r;
		assert_int_equal(http_perform(h, &r), 0);
		/* Nor are they told twice. */
		assert_int_equal(r.answer.count, 2);
		http_request_release(&r);
	}
	wire_free(w);
	http_free(h);
}

struct crowd {
	struct http *http;
	const char *url;
};

static void *crowd_main(void *arg)
{
	struct crowd *c = arg;
	struct http_request r;
	void *failed = NULL;

	http_request_init(&r);
	r.method = "GET";
	r.url = c->url;
	for (int i = 0; i < 8 && !failed; i++)
		if (http_perform(c->http, &r) || r.status != 200)
			failed = arg;
	http_request_release(&r);
	return failed;
}

static double seconds_since(int64_t start_ns)
{
	return (double)(clock_mono_ns() - start_ns) / (double)NS_PER_S;
}

/* A byte now and then keeps nobody waiting; nor do headers without end. */
static void test_endless(void **state)
{
	static const struct {
		struct wire_step step;
		bool trickles; /* it may */
		int result;
		const char *words;
	} cases[] = {
		{{"%D200 OK\r\nContent-Length: 9999%Ex", WIRE_DRIP},
		 false,
		 -ETIMEDOUT,
		 "bytes a second"},
		{{"%D200 OK\r\nContent-Length: 9999%Ex", WIRE_DRIP},
		 true,
		 -ETIMEDOUT,
		 "did not end"},
		{{"%D200 OK\r\nX-One: x", WIRE_DRIP},
		 false,
		 -ETIMEDOUT,
		 "no byte"},
		{{"%D200 OK\r\nX-One: x", WIRE_FLOOD}, false, -EIO, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire *w = wire_new(&cases[i].step, 1);
		struct http *h = hasty_client();
		int64_t start_ns = clock_mono_ns();
		struct http_request r;

		http_request_init(&r);
		r.method = "GET";
		r.url = wire_url(w);
		r.trickles = cases[i].trickles;
		r.answer_limit_s = 3;
		r.sink = take;
		assert_int_equal(http_perform(h, &r), cases[i].result);
		if (!strstr(r.error, cases[i].words))
			fail_msg("case %zu: %s", i, r.error);
		/* 1 s idle, 1 s to connect, 1 s between looks. */
		assert_true(seconds_since(start_ns) < 20);
		http_request_release(&r);
		http_free(h);
		wire_free(w);
	}
}

/* Headers in lines without end: none is too long. */
static void test_header_lines(void **state)
{
	char *answer = malloc((size_t)1 << 20), *p = answer;
	struct wire_step step = {.then = WIRE_CLOSE};
	struct http *h = client();
	struct http_request r;
	struct wire *w;

	(void)state;
	assert_non_null(answer);
	p += sprintf(p, "%%D200 OK\r\n");
	for (int i = 0; i < 20000; i++)
		p += sprintf(p, "X-%d: 0123456789\r\n", i);
	strcpy(p, "\r\n");
	step.answer = answer;
	w = wire_new(&step, 1);
	http_request_init(&r);
	r.method = "GET";
	r.url = wire_url(w);
	assert_int_equal(http_perform(h, &r), -EIO);
	http_request_release(&r);
	http_free(h);
	wire_free(w);
	free(answer);
}

static void *cancel_soon(void *arg)
{
	usleep(100000);
	cancel_set(arg);
	return NULL;
}

static void *end_soon(void *arg)
{
	usleep(100000);
	http_end(arg);
	return NULL;
}

/* Given up from outside: while it waits for an answer, and from the start. */
static void test_given_up(void **state)
{
	static const struct wire_step steps[] = {{NULL, WIRE_STALL},
						 {NULL, WIRE_STALL}};
	struct wire *w = wire_new(STEPS(steps));
	struct http *h = client();
	struct cancel outer, inner;
	struct http_request r;
	pthread_t thread;

	(void)state;
	cancel_init(&outer, NULL);
	cancel_init(&inner, &outer);
	assert_null(cancel_enter(&inner));
	http_request_init(&r);
	r.method = "GET";
	r.url = wire_url(w);
	pthread_create(&thread, NULL, cancel_soon, &outer);
	assert_int_equal(http_perform(h, &r), -EINTR);
	pthread_join(thread, NULL);
	assert_int_equal(http_perform(h, &r), -EINTR);
	assert_ptr_equal(cancel_enter(NULL), &inner);
	/* And for all, when the client ends. */
	pthread_create(&thread, NULL, end_soon, h);
	assert_int_equal(http_perform(h, &r), -ESHUTDOWN);
	pthread_join(thread, NULL);
	assert_int_equal(http_perform(h, &r), -ESHUTDOWN);
	http_request_release(&r);
	http_free(h);
	wire_free(w);
}

/* Those that stand in line for a connection can be given up, too. */
static void test_given_up_in_line(void **state)
{
	static const struct wire_step steps[] = {{NULL, WIRE_STALL}};
	const struct http_config config = {.user_agent = "t_http",
					   .max_connections = 1};
	struct wire *w = wire_new(STEPS(steps));
	struct crowd c = {.url = wire_url(w)};
	struct http_request r;
	struct cancel cancel;
	pthread_t first, soon;
	void *failed = NULL;

	(void)state;
	assert_int_equal(http_new(&config, &c.http), 0);
	pthread_create(&first, NULL, crowd_main, &c);
	while (!*wire_asked(w, 0))
		usleep(10000);
	cancel_init(&cancel, NULL);
	cancel_enter(&cancel);
	http_request_init(&r);
	r.method = "GET";
	r.url = wire_url(w);
	pthread_create(&soon, NULL, cancel_soon, &cancel);
	assert_int_equal(http_perform(c.http, &r), -EINTR);
	pthread_join(soon, NULL);
	cancel_enter(NULL);
	http_end(c.http);
	pthread_join(first, &failed);
	assert_non_null(failed);
	http_request_release(&r);
	http_free(c.http);
	wire_free(w);
}

/* A slow line is not an idle one, though all stands in the socket. */
static void test_slow_line(void **state)
{
	static const struct wire_step steps[] = {
		{"%D200 OK\r\nContent-Length: 0%E", WIRE_SLOW},
	};
	struct http *h = hasty_client();
	struct wire *w = wire_new(STEPS(steps));
	struct http_body body = {.mem = NULL, .length = 1500000};
	struct http_request r;
	char *data = malloc(1500000);

	(void)state;
	assert_non_null(data);
	memset(data, 'x', 1500000);
	body.mem = data;
	http_request_init(&r);
	r.method = "PUT";
	r.url = wire_url(w);
	r.body = &body;
	if (http_perform(h, &r))
		fail_msg("%s", r.error);
	assert_int_equal(r.status, 200);
	http_request_release(&r);
	free(data);
	wire_free(w);
	http_free(h);
}

static void test_short_file(void **state)
{
	static const struct wire_step steps[] = {{NULL, WIRE_CLOSE}};
	struct http *h = client();
	struct wire *w = wire_new(steps, 0);
	FILE *f = tmpfile();
	struct http_body body = {.fd = fileno(f), .length = 100000};
	struct http_request r;

	(void)state;
	fputs("too short", f);
	fflush(f);
	http_request_init(&r);
	r.method = "PUT";
	r.url = wire_url(w);
	r.body = &body;
	assert_int_equal(http_perform(h, &r), -EIO);
	http_request_release(&r);
	fclose(f);
	wire_free(w);
	http_free(h);
}

/* More callers than connections, and a server that serves them in turn. */
static void test_crowd(void **state)
{
	static struct wire_step steps[64];
	struct http *h = client();
	struct crowd c = {.http = h};
	pthread_t threads[8];
	struct wire *w;
	void *failed;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		steps[i] =
			(struct wire_step){"%D200 OK\r\nContent-Length: 2\r\n"
					   "Connection: close%Eok",
					   WIRE_CLOSE};
	w = wire_new(STEPS(steps));
	c.url = wire_url(w);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, crowd_main, &c), 0);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	wire_free(w);
	http_free(h);
	http_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_sink_ends),
		cmocka_unit_test(test_headers_first),
		cmocka_unit_test(test_slow_line),
		cmocka_unit_test(test_short_file),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_header_lines),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_given_up_in_line),
		cmocka_unit_test(test_crowd),
	};

	/* The server is here; a proxy would not find it. */
	setenv("no_proxy", "*", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
