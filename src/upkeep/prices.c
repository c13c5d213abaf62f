/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the public prices, and how one is written. */
#include "prices.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GIB_BYTES    1073741824.0
#define SMALL_BYTES  (128 << 10)
#define PRICE_MOST   1e12
#define DEFAULT_DATE "2025-06-01"

/* Amazon S3, us-east-1, the first 50 TB. */
static const struct price public_prices[] = {
	{"STANDARD", 0.023, 0},
	{"INTELLIGENT_TIERING", 0.023, 0}, /* its dearest tier */
	{"STANDARD_IA", 0.0125, SMALL_BYTES},
	{"ONEZONE_IA", 0.01, SMALL_BYTES},
	{"GLACIER_IR", 0.004, SMALL_BYTES},
	{"GLACIER", 0.0036, 0},
	{"DEEP_ARCHIVE", 0.00099, 0},
	{"REDUCED_REDUNDANCY", 0.024, 0},
};

void prices_default(struct prices *ret_prices)
{
	*ret_prices = (struct prices){.currency = "USD", .date = DEFAULT_DATE};
	memcpy(ret_prices->items, public_prices, sizeof(public_prices));
	ret_prices->count = sizeof(public_prices) / sizeof(*public_prices);
}

static int read_price(const char *text, struct price *ret_price,
		      const char **ret_want)
{
	size_t len = strcspn(text, ":");
	char *end;

	*ret_want = "want CLASS:PRICE or CLASS:PRICE:BYTES";
	if (!len || len > PRICES_CLASS_MAX || !text[len])
		return -EINVAL;
	*ret_price = (struct price){.min_bytes = 0};
	memcpy(ret_price->class, text, len);
	text += len + 1;
	*ret_want = "want a price such as 0.023 for a GiB and a month";
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	ret_price->gib_month = strtod(text, &end);
	if (!isfinite(ret_price->gib_month) ||
	    ret_price->gib_month > PRICE_MOST || (*end && *end != ':'))
		return -EINVAL;
	if (!*end)
		return 0;
	text = end + 1;
	*ret_want = "want the least bytes of an object after its price";
	if (!isdigit((unsigned char)*text) || strlen(text) > 12)
		return -EINVAL;
	ret_price->min_bytes = strtoull(text, &end, 10);
	return *end ? -EINVAL : 0;
}

int prices_add(struct prices *p, const char *text, const char **ret_want)
{
	struct price price;
	int rc = read_price(text, &price, ret_want);

	if (rc)
		return rc;
	if (p->count == PRICES_MAX) {
		*ret_want = "no more than 32 prices can be given";
		return -EINVAL;
	}
	p->items[p->count++] = price;
	return 0;
}

const struct price *prices_find(const struct prices *p, const char *class)
{
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->items[i].class, class))
			return &p->items[i];
	return NULL;
}

double prices_cost(const struct price *price, uint64_t bytes)
{
	return price->gib_month * (double)bytes / GIB_BYTES;
}
