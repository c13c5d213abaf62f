/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions that must not go, and versions that are going (purge.h). Who stands
 * on a version has it held; who removes versions for good files them as going
 * first, and looks then for whoever stands on them. Who comes later asks here:
 * one of both sees the other. Any thread; any lock may be held.
 *
 * A version is copied or hashed; what a purge files is borrowed until
 * pins_end().
 */
#ifndef VERS3_CORE_PINS_H
#define VERS3_CORE_PINS_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/meta/inode.h"

struct pins;

int pins_new(struct pins **ret_pins);
void pins_free(struct pins *p);

/*
 * Keeps a version from being purged while it is read, or copied by name:
 * until pins_drop(). 0; -EBUSY: it is just being purged; -ENOMEM.
 */
int pins_hold(struct pins *p, const struct meta_version *version);
void pins_drop(struct pins *p, const struct meta_version *version);
/*
 * Whether what the mount takes as the present version of a path is just
 * being purged: then nothing may be changed there, or opened.
 */
bool pins_present_goes(struct pins *p, const char *path);

/* A version that is to go. What is known without an id is known by its ETag. */
struct pin {
	const char *path, *version_id, *etag; /* borrowed */
	bool held; /* out: it stays */
};

bool pin_is(const struct pin *pin, const struct meta_version *version);
/* The first of the pins, sorted by path, that is of a path; or count. */
size_t pins_find(const struct pin *pins, size_t count, const char *path);
/*
 * Files these, sorted by path and borrowed, as going, until pins_end(). One
 * batch at a time, which the caller sees to.
 */
void pins_begin(struct pins *p, struct pin *going, size_t count);
/* Whether the one version of the batch is, or may be soon, a present one. */
void pins_set_present(struct pins *p, bool present);
void pins_end(struct pins *p);

/*
 * For tests: what is held or going, in words that are constant; NULL: nothing,
 * as it has to be when all that used the mount has ended.
 */
const char *pins_check(struct pins *p);

#endif
