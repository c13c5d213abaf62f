/* SPDX-License-Identifier: Apache-2.0 */
/* The table of mount options; for options.c and usage.c only. */
#ifndef VERS3_SRC_MAIN_OPTDEF_H
#define VERS3_SRC_MAIN_OPTDEF_H

#include <stddef.h>

#include "vers3/main/options.h"

enum optdef_kind {
	OPT_FLAG, /* bool */
	OPT_STRING, /* char *, not empty */
	OPT_NAME, /* the same, of a file; may be empty */
	OPT_PATH, /* char *, made absolute; `words` stand as they are */
	OPT_URL, /* char *, http or https */
	OPT_SIZE, /* uint64_t, bytes */
	OPT_SIZE_OR_PERCENT, /* uint64_t; bool at `percent_offset` */
	OPT_TIME, /* int64_t, nanoseconds */
	OPT_SECONDS, /* unsigned, rounded up */
	OPT_NUMBER, /* unsigned */
	OPT_USER, /* uint32_t: a name or a number */
	OPT_GROUP, /* the same */
	OPT_MODE, /* uint32_t, octal */
	OPT_ENUM, /* an enum: index into `words` */
};

struct optdef {
	const char *group; /* heading of the list it stands under */
	const char *name;
	enum optdef_kind kind;
	size_t offset; /* of the field in struct options */
	const char *help; /* one line, no full stop */
	const char *value; /* what stands behind '=' in the help */
	const char *fallback; /* the default as a user would write it */
	const char
		*shown; /* the default in words, where there is no fallback */
	const char *min, *max; /* as a user would write them */
	const char *const *words; /* ends in NULL */
	size_t percent_offset;
};

extern const struct optdef optdefs[];
extern const size_t optdefs_count;

/* NULL if there is none of that name. */
const struct optdef *optdef_find(const char *name);
/*
 * Reads a value into its field; value is NULL where none was given. 0,
 * -EINVAL with a reason, -ENOMEM.
 */
int optdef_set(const struct optdef *d, const char *value, struct options *o,
	       char *reason, size_t size);
/* "text|json", "SIZE"...: what stands behind '='; buf as snprintf(). */
void optdef_value_text(const struct optdef *d, char *buf, size_t size);

#endif
