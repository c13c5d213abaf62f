/* SPDX-License-Identifier: Apache-2.0 */
/* One change, one version: answers that are lost, tries that came before. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/sync/send.h"
#include "../store_suite.h"
#include "vers3/store/fault.h"
#include "vers3/store/memory.h"
#include "vers3/store/retry.h"

/* The answers to the next requests of one operation. */
struct plan {
	enum store_op op;
	unsigned lost, refused, failed;
	unsigned heads; /* asked */
};

static struct fault_decision reconcile(void *ctx, const struct store_request *r)
{
	struct fault_decision d = {FAULT_NONE, 0, NULL, 0};
	struct plan *p = ctx;

	p->heads += r->op == STORE_HEAD;
	if (r->op != p->op)
		return d;
	if (p->lost && p->lost--)
		d.kind = FAULT_LOST;
	else if (p->refused && p->refused--)
		d.kind = FAULT_REFUSE;
	else if (p->failed && p->failed--)
		d = (struct fault_decision){FAULT_STATUS, 500, "InternalError",
					    0};
	return d;
}

static void no_sleep(void *ctx, int64_t ns)
{
	(void)ctx;
	(void)ns;
}

static struct store *stack(struct plan *p)
{
	const struct retry_config retry = {.retries = 2, .sleep = no_sleep};
	struct store *memory, *fault, *s;

	assert_int_equal(memory_store_new(true, &memory), 0);
	assert_int_equal(fault_store_new(reconcile, p, &memory, &fault), 0);
	assert_int_equal(retry_store_new(&retry, &fault, &s), 0);
	return s;
}

static void has(struct store *s, const char *versions)
{
	char text[200];

	suite_list(s, STORE_LIST_VERSIONS, "", NULL, 0, text, sizeof(text),
		   NULL);
	assert_string_equal(text, versions);
}

/* Puts "one" with a mode at k. */
static int put(struct store *s, const char *mode, bool unsure)
{
	struct store_request r;
	struct send_want want = {.size_bytes = 3, .body = "one"};
	struct kvlist meta;
	int rc;

	kvlist_init(&meta);
	assert_int_equal(kvlist_add(&meta, "mode", mode), 0);
	want.meta = &meta;
	store_request_init(&r, STORE_PUT);
	r.key = "k";
	r.meta = &meta;
	r.body.mem = "one";
	r.body.length = 3;
	rc = send_once(s, &r, &want, unsure);
	if (!rc) {
		assert_non_null(r.reply.object.etag);
		assert_non_null(r.reply.object.version_id);
	}
	store_request_release(&r);
	kvlist_release(&meta);
	return rc;
}

static void test_put(void **state)
{
	static const struct {
		struct plan plan;
		const char *there; /* its mode, or NULL */
		bool unsure;
		int rc;
		unsigned heads;
		const char *versions;
	} table[] = {
		{.versions = "k=^"},
		{{.op = STORE_PUT, .lost = 1}, .heads = 1, .versions = "k=^"},
		{{.op = STORE_PUT, .refused = 2}, .versions = "k=^"},
		{{.op = STORE_PUT, .failed = 2}, .heads = 2, .versions = "k=^"},
		{{.op = STORE_PUT, .failed = 9},
		 .rc = -EIO,
		 .heads = 3,
		 .versions = ""},
		{{.op = STORE_HEAD},
		 "600",
		 true,
		 .heads = 1,
		 .versions = "k=^"},
		{{.op = STORE_HEAD},
		 "644",
		 true,
		 .heads = 1,
		 .versions = "k=^ k="},
		{{.op = STORE_HEAD}, NULL, true, .heads = 1, .versions = "k=^"},
		{{.op = STORE_HEAD, .refused = 9},
		 "600",
		 true,
		 -ECONNREFUSED,
		 3,
		 "k=^"},
		/* Sure that it is another one: not asked. */
		{{.op = STORE_HEAD}, "600", false, .versions = "k=^ k="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct plan p = {.op = STORE_OP_COUNT};
		struct store *s = stack(&p);

		if (table[i].there)
			assert_int_equal(put(s, table[i].there, false), 0);
		p = table[i].plan;
		assert_int_equal(put(s, "600", table[i].unsure), table[i].rc);
		assert_int_equal(p.heads, table[i].heads);
		p = (struct plan){.op = STORE_OP_COUNT};
		has(s, table[i].versions);
		store_free(s);
	}
}

static void test_copy(void **state)
{
	struct plan p = {.op = STORE_OP_COUNT};
	struct store *s = stack(&p);
	struct send_want want = {.size_bytes = 3, .source_key = "k"};
	struct store_request r;
	char etag[SEND_ETAG_SIZE];

	(void)state;
	assert_int_equal(put(s, "600", false), 0);
	want.body = "one";
	send_etag(&want, etag);
	want.body = NULL;
	want.etag = etag;
	p = (struct plan){.op = STORE_COPY, .lost = 1};
	store_request_init(&r, STORE_COPY);
	r.key = "to";
	r.source_key = "k";
	assert_int_equal(send_once(s, &r, &want, false), 0);
	store_request_release(&r);
	has(s, "k=^ to=^");
	/* The same bytes under other attributes are not the copy. */
	assert_int_equal(put(s, "644", false), 0);
	p = (struct plan){.op = STORE_OP_COUNT};
	store_request_init(&r, STORE_COPY);
	r.key = "to";
	r.source_key = "k";
	assert_int_equal(send_once(s, &r, &want, true), 0);
	store_request_release(&r);
	has(s, "k=^ k= to=^ to=");
	store_free(s);
}

static void test_delete(void **state)
{
	static const struct send_want want = {.nothing = true};
	struct plan p = {.op = STORE_OP_COUNT};
	struct store *s = stack(&p);
	struct store_request r;

	(void)state;
	assert_int_equal(put(s, "600", false), 0);
	p = (struct plan){.op = STORE_DELETE, .lost = 1};
	for (int i = 0; i < 2; i++) {
		store_request_init(&r, STORE_DELETE);
		r.key = "k";
		assert_int_equal(send_once(s, &r, &want, i > 0), 0);
		store_request_release(&r);
	}
	has(s, "k-^ k=");
	store_free(s);
}

/* Two parts of the bytes "abc"; hexadecimal in either case. */
static void test_parts_etag(void **state)
{
	static const struct store_part parts[] = {
		{1, "900150983cd24fb0d6963f7d28e17f72"},
		{2, "900150983CD24FB0D6963F7D28E17F72"},
	};
	static const struct store_part other = {1, "no-md5"};
	char etag[PARTS_ETAG_SIZE];

	(void)state;
	parts_etag(parts, 2, etag);
	assert_string_equal(etag, "043a916d6cfeecedf5e04f0312ba762d-2");
	parts_etag(&other, 1, etag);
	assert_string_equal(etag, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_parts_etag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
