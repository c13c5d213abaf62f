/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing one version of a file back under a live name, by reference: the
 * name's inode is based on that version from then on, and the syncer has the
 * server copy it, as after any change.
 */
#ifndef VERS3_SRC_CONTROL_RESTORE_H
#define VERS3_SRC_CONTROL_RESTORE_H

#include "vers3/util/buf.h"

struct control;

struct restore {
	const char *path; /* whose history; as meta_path() writes it */
	/*
	 * A version id; "@TIME" for what stood there then (timestamp.h); or
	 * "@previous" for the last version before the present one, or before
	 * the file was deleted.
	 */
	const char *which;
	const char *to; /* the live name; may be path */
};

/*
 * What the name holds now is saved first, so that it stays in the history.
 * Content, mode, owner, times and attributes become the version's; missing
 * directories are made. Waits for the bucket. Appends one line for people to
 * answer, of success or of failure. 0 or -errno: -ENOENT no such version,
 * -EREMOTE archived, -EISDIR, -EBUSY written to meanwhile.
 */
int restore_version(struct control *control, const struct restore *what,
		    struct buf *answer);

#endif
