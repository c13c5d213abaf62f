/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bucket's lifecycle rules do to one file and its old versions, and
 * why each of the others does nothing.
 *
 * Any thread, no lock held; takes meta_lock(). Asks the bucket: for the rules,
 * one list of the key, its HEAD, and tags where rules ask for some.
 */
#ifndef VERS3_UPKEEP_EXPLAIN_H
#define VERS3_UPKEEP_EXPLAIN_H

#include "vers3/core/mount.h"
#include "vers3/util/buf.h"

/* So many versions of a file are told of, the newest. */
#define EXPLAIN_VERSIONS 100

/*
 * Appends the answer, in git-config syntax: [file], and one [version "ID"] a
 * version, newest first (see vers3-control(5)). 0; or -errno, the answer being
 * one line that says why: -ENOENT where there never was such a file.
 */
int lifecycle_explain(struct mount *mount, const char *path,
		      struct buf *answer);

#endif
