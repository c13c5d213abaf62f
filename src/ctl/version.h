/* SPDX-License-Identifier: Apache-2.0 */
/* The names of versions in .versions. */
#ifndef VERS3_SRC_CTL_VERSION_H
#define VERS3_SRC_CTL_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#define TIME_LEN    20 /* of 2026-11-21T23-50-08Z */
#define VERSION_MAX 1024

/* One entry of a file's directory in .versions. */
struct version {
	char time[TIME_LEN + 1]; /* as ISO 8601 has it */
	char id[VERSION_MAX];
	bool deleted;
};

/*
 * Reads "TIME~ID" or "TIME~ID.deleted", TIME with milliseconds or an ordinal
 * where it has some; false when it is another name.
 */
bool version_parse(const char *name, struct version *ret);

/*
 * Undoes the percent-encoding of an id; ret_id has VERSION_MAX bytes. 0,
 * -EINVAL, -ENOMEM, -EFBIG.
 */
int version_decode_id(const char *text, size_t len, char *ret_id);

#endif
