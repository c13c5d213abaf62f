/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every object store must do, as cases to run over any stack on a
 * versioned bucket: the in-memory store, a stack with faults, a gateway.
 */
#ifndef VERS3_TESTS_UNIT_STORE_SUITE_H
#define VERS3_TESTS_UNIT_STORE_SUITE_H

#include <stddef.h>

#include "vers3/store/store.h"

/* What some servers cannot do; a case that needs it is skipped there. */
enum suite_feature {
	SUITE_IF_NONE_MATCH = 1 << 0, /* PUT If-None-Match: * */
	SUITE_IF_MATCH = 1 << 1, /* PUT If-Match on a versioned bucket */
	SUITE_MARKER_TOLD = 1 << 2, /* a 404 says that it is a marker's */
	SUITE_COPY_VERSION = 1 << 3, /* a copy's reply has version ids */
	SUITE_DELETE_IF_MATCH = 1 << 5, /* DELETE and DeleteObjects */
	SUITE_LIMITS = 1 << 4, /* 2 KiB of metadata, self-copies refused */
};

struct suite {
	struct store *store;
	const char *prefix; /* keys of the suite begin with it */
	unsigned lacks; /* enum suite_feature */
};

/* Runs every case as a cmocka test of its own; 0 when all passed. */
int suite_run(const char *name, const struct suite *s);
/* Deletes each version of each key that begins with the prefix. */
void suite_sweep(struct store *store, const char *prefix);

/* Shared with the tests that are not for every store. */

/* PUTs text; returns 0 or -errno, the version id copied (64 bytes). */
int suite_put(struct store *s, const char *key, const char *text,
	      char *ret_version);
/* GETs text into buf as a string (version_id may be NULL). */
int suite_get(struct store *s, const char *key, const char *version_id,
	      char *buf, size_t size);
int suite_delete(struct store *s, const char *key, const char *version_id,
		 char *ret_version);
/*
 * A whole list as one line, page by page: keys; "key=" and "key-" for
 * versions and markers, "^" behind the latest; "key+" for uploads. Items are
 * separated by blanks. Common prefixes, "prefix*", stand at the end, since
 * servers differ in whether a page tells them before the keys or after. What
 * stands up to the last slash of `prefix` is left out of each. ret_pages may
 * be NULL.
 */
void suite_list(struct store *s, enum store_op op, const char *prefix,
		const char *delimiter, unsigned max_keys, char *buf,
		size_t size, unsigned *ret_pages);

#endif
