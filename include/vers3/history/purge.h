/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing versions for good, where the mount allows it (-o versions=purge).
 *
 * This is the one place where bytes go of which no copy is left. So a version
 * goes only when somebody has named it, or an age that it has, and when
 * nothing here stands on it: no change that is not in the bucket yet, no open
 * file, no copy that is being made. While its request is under way nothing
 * can come to stand on it either: who tries gets -EBUSY.
 *
 * Any thread, no lock held; one batch at a time, the others wait. S3 API:
 * DeleteObjects with version ids.
 */
#ifndef VERS3_HISTORY_PURGE_H
#define VERS3_HISTORY_PURGE_H

#include "vers3/history/history.h"
#include "vers3/util/buf.h"

struct view;

struct purge;

int purge_new(struct purge **ret_purge);
void purge_free(struct purge *p);

#define PURGE_BATCH 1000

struct purge_item {
	char path[META_KEY_MAX + 1]; /* a directory's own object ends in '/' */
	struct history_entry version;
	int result; /* out: 0, -EBUSY, -EPERM, -EACCES and so on */
};

/*
 * Purges one version of a path, or a delete marker. It may be the present
 * one: the one before it is that then, and the live tree learns of it. May
 * wait. -EBUSY: something stands on it; -EPERM: the bucket keeps no versions
 * and this is what it holds; -EACCES: the server does not allow it.
 */
int purge_one(struct view *view, const char *path,
	      const struct history_entry *version);
/*
 * Purges up to PURGE_BATCH versions, none of them one that the mount takes as
 * the present one: that is -EBUSY here. Sorts them by path; each has its own
 * result. 0, or why none could be asked for. May wait.
 */
int purge_many(struct view *view, struct purge_item *items, size_t count);

/* What is to go of a path, and of all below it. */
struct purge_rule {
	const char *path; /* as meta_path() writes it; "" : all */
	const char *older; /* not the present one since then; or NULL */
	unsigned keep; /* of each file the newest that are not the present */
	bool dry_run;
};

/*
 * Purges by a rule: versions that are not the present one, and then delete
 * markers below which nothing is left. What a named point shows stays.
 * Appends to answer a section [purge] in git-config syntax, or on failure one
 * line that says why. May wait.
 */
int purge_by_rule(struct view *view, const struct purge_rule *rule,
		  struct buf *answer);

#endif
