/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a GiB costs a month in each storage class. Pure. The built-in ones are
 * public, of one region and one day: requests, transfers, what is kept for
 * less than its class's least time and large accounts' discounts are not in
 * them.
 */
#ifndef VERS3_SRC_UPKEEP_PRICES_H
#define VERS3_SRC_UPKEEP_PRICES_H

#include <stddef.h>
#include <stdint.h>

#define PRICES_MAX	 32
#define PRICES_CLASS_MAX 63

struct price {
	char class[PRICES_CLASS_MAX + 1];
	double gib_month;
	uint64_t min_bytes; /* an object counts as that large at least */
};

struct prices {
	char currency[16];
	char date[16]; /* of the prices, "" : not said */
	struct price items[PRICES_MAX];
	size_t count;
};

void prices_default(struct prices *ret_prices);
/*
 * Adds "CLASS:PRICE" or "CLASS:PRICE:BYTES". 0, or -EINVAL with what it should
 * be in *ret_want, a constant.
 */
int prices_add(struct prices *p, const char *text, const char **ret_want);
/* NULL: it has none. */
const struct price *prices_find(const struct prices *p, const char *class);
/* So many bytes for a month. */
double prices_cost(const struct price *price, uint64_t bytes);

#endif
