/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store suite share. */
#ifndef VERS3_TESTS_UNIT_STORE_SUITE_INT_H
#define VERS3_TESTS_UNIT_STORE_SUITE_INT_H

#include "store_suite.h"

#define KEY_SIZE      512
#define TEXT_SIZE     4096
#define VERSION_SIZE  64
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Declares NAME_key, the key PREFIXNAME. */
#define KEY(name)                                                              \
	char name##_key[KEY_SIZE];                                             \
	snprintf(name##_key, sizeof(name##_key), "%s" #name, prefix)

struct suite_case {
	const char *name;
	void (*run)(const struct suite *s, const char *prefix);
	unsigned needs; /* enum suite_feature */
};

/* Each file's cases end in one without a name. */
extern const struct suite_case suite_object_cases[];
extern const struct suite_case suite_list_cases[];
extern const struct suite_case suite_upload_cases[];

/* Collects a list's entries; see suite_list(). */
struct suite_line {
	char *buf;
	size_t size;
	size_t skip; /* of each key, the suite's prefix */
	char prefixes[TEXT_SIZE]; /* to stand behind the keys */
};

int suite_to_line(void *ctx, const struct store_entry *e);
/* Copies the version id of a reply, VERSION_SIZE bytes; NULL is fine. */
void suite_copy_version(const struct store_request *r, char *ret_version);
/* Carries a prepared GET out; buf becomes a string. */
int suite_get_range(struct store *s, struct store_request *r, char *buf,
		    size_t size, size_t *ret_len);
/* meta, if any, replaces the source's. */
int suite_copy(struct store *s, const char *key, const char *source,
	       const char *source_version, const struct kvlist *meta);
/* want NULL: the object has no such metadata. */
void suite_assert_meta(struct store *s, const char *key, const char *name,
		       const char *want);

#endif
