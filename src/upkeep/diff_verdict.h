/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a path between then and now, as far as lists tell, and with
 * the attributes of both.
 *
 * Pure; any thread. S3 API: ListObjectVersions.
 */
#ifndef VERS3_SRC_UPKEEP_DIFF_VERDICT_H
#define VERS3_SRC_UPKEEP_DIFF_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/history/history.h"

enum diff_kind {
	DIFF_NONE, /* nothing is there */
	DIFF_FILE, /* or a link, or a device */
	DIFF_DIR,
};

/* A path on one side. */
struct diff_side {
	enum diff_kind kind;
	/*
	 * The version of the file, or of the directory's own object; id "": of
	 * none, or of what is not sent yet. Of a file always with its size.
	 */
	struct history_entry version;
	bool unsent; /* the mount has changed it since its version */
	bool bare; /* of a directory: its own object never had a version */
	bool known; /* the attributes below are */
	uint32_t mode, uid, gid;
	uint64_t rdev;
	int64_t mtime_ns;
};

enum diff_verdict {
	DIFF_SAME,
	DIFF_ADDED,
	DIFF_REMOVED,
	DIFF_CHANGED,
	DIFF_ASK, /* the attributes of both tell */
};

/*
 * By lists: one version is one state, and another size, or ETag, is other
 * content. Only of equal content, and of content whose ETags do not tell (of
 * an upload in parts, unsent), the attributes have to be asked for.
 */
enum diff_verdict diff_by_lists(const struct diff_side *then,
				const struct diff_side *now);
/* What had to be asked for, with the attributes of both. SAME or CHANGED. */
enum diff_verdict diff_by_attrs(const struct diff_side *then,
				const struct diff_side *now);

#endif
