/* SPDX-License-Identifier: Apache-2.0 */
/* What is left in a store: for tests over a bucket of their own. */
#ifndef VERS3_TESTS_UNIT_STORE_COUNT_H
#define VERS3_TESTS_UNIT_STORE_COUNT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vers3/store/store.h"

static inline int store_count_entry(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

/* How many entries a list of that kind has, on its first page. */
static inline unsigned store_count(struct store *s, enum store_op op)
{
	struct store_request r;
	unsigned count = 0;

	store_request_init(&r, op);
	r.prefix = "";
	r.on_entry = store_count_entry;
	r.entry_ctx = &count;
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
	return count;
}

#endif
