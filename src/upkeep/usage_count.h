/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of a usage: entries go in, in the server's order, and nothing grows
 * with them. Pure; one owner at a time. Sizes in bytes.
 */
#ifndef VERS3_SRC_UPKEEP_USAGE_COUNT_H
#define VERS3_SRC_UPKEEP_USAGE_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prices.h"
#include "vers3/meta/inode.h"
#include "vers3/store/store.h"

#define USAGE_CLASSES_MAX 16 /* further ones count as the last */
#define USAGE_TOP	  10

struct usage_sum {
	uint64_t count, bytes;
	double cost; /* a month */
};

struct usage_class {
	char name[PRICES_CLASS_MAX + 1];
	const struct price *price; /* borrowed; NULL: there is none */
	struct usage_sum current, noncurrent, uploads;
};

struct usage_file {
	char path[META_KEY_MAX + 1];
	uint64_t versions, bytes; /* of all its versions */
	uint64_t size_bytes; /* of the current one */
};

/* What a rule would remove. */
struct usage_rule {
	unsigned days; /* 0: there is none */
	unsigned keep; /* so many noncurrent versions of a file stay */
	int64_t now_ns; /* the server's */
	struct usage_sum saved;
};

struct usage_count {
	const struct prices *prices; /* borrowed */
	size_t skip; /* bytes of the mount's prefix */
	struct usage_rule rule;
	struct usage_sum current, noncurrent, own, uploads;
	uint64_t markers;
	struct usage_class classes[USAGE_CLASSES_MAX];
	size_t class_count;
	struct usage_file biggest[USAGE_TOP], most[USAGE_TOP];
	size_t biggest_count, most_count;

	struct usage_file file; /* the key that entries come of */
	bool met; /* there is one */
	bool is_own; /* it is vers3's, nobody's file */
	int64_t replaced_ns; /* when the entry above was made */
	unsigned kept; /* noncurrent ones of it that came, markers too */
};

/* A version or a delete marker; own: of an object of vers3 itself. */
void usage_count_version(struct usage_count *c, const struct store_entry *e,
			 bool own);
/* An unfinished upload: what its parts have. */
void usage_count_upload(struct usage_count *c, const char *class,
			uint64_t bytes);
/* No version comes any more. */
void usage_count_end(struct usage_count *c);

#endif
