/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the sentence, by whether the bucket keeps versions and whether a
 * list finds anything below the path.
 */
#include "vers3/history/nothing.h"

#include <errno.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/store/version_list.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "view_node.h"

struct look {
	struct version_list list;
	const char *key; /* borrowed: of it alone; NULL: of all */
	bool found;
};

/* The first entry tells: a key stands before all that it begins. */
static int see(void *ctx, const struct store_entry *e)
{
	struct look *l = ctx;

	l->found = !l->key || !strcmp(e->key, l->key);
	l->list.stop = true;
	return 0;
}

/* Whether the bucket has, or had, a key (own), or any that begins with it. */
static int look(struct view *view, const char *key, bool own, bool *ret_found)
{
	struct look l = {.key = own ? key : NULL};
	int rc;

	l.list = (struct version_list){
		.prefix = key, .max_keys = 1, .on_entry = see, .ctx = &l};
	rc = version_list(view->mount->store, &l.list);
	if (!rc)
		*ret_found = l.found;
	return rc;
}

/* Whether the bucket has, or had, anything in a directory of this path. */
static int look_below(struct view *view, const char *path, bool *ret_found)
{
	char key[META_KEY_MAX + 2];
	int rc = mount_key(view->mount, path, key);

	if (rc)
		return rc;
	strcat(key, "/");
	return look(view, key, false, ret_found);
}

int nothing_ever(struct view *view, const char *path, bool *ret_never)
{
	char key[META_KEY_MAX + 1];
	bool found = false;
	int rc;

	if (!view->mount->config.versioned)
		return -EOPNOTSUPP;
	rc = mount_key(view->mount, path, key);
	if (!rc)
		rc = look(view, key, true, &found);
	if (!rc && !found)
		rc = look_below(view, path, &found);
	if (!rc)
		*ret_never = !found;
	return rc;
}

int nothing_say(struct view *view, const char *path, struct buf *answer)
{
	bool directory = false;
	int rc;

	if (!view->mount->config.versioned)
		return gitconfig_say(
			answer, -ENOENT, path,
			"the bucket keeps no versions: what was "
			"overwritten or deleted is gone (mount with "
			"-o enable_versioning to keep it from then "
			"on)");
	rc = look_below(view, path, &directory);
	if (rc)
		return nothing_say_error(rc, path, answer);
	return gitconfig_say(
		answer, -ENOENT, path,
		directory ? "is a directory: `vers3ctl log` of it tells what "
			    "happened there, `vers3ctl restore --at TIME` "
			    "brings it back"
			  : "the bucket has no version of such a file; "
			    "`vers3ctl log` of its directory tells what was "
			    "there");
}

int nothing_say_error(int rc, const char *path, struct buf *answer)
{
	if (rc == -EACCES)
		return gitconfig_say(
			answer, rc, path,
			"the server does not let these credentials do "
			"it: README.md has the policies");
	return gitconfig_say(answer, rc, path, errtext(rc));
}
