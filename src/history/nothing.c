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

struct below {
	struct version_list list;
	bool found;
};

static int see(void *ctx, const struct store_entry *e)
{
	struct below *b = ctx;

	(void)e;
	b->found = b->list.stop = true;
	return 0;
}

/* Whether the bucket has, or had, anything in a directory of this path. */
static int look_below(struct view *view, const char *path, bool *ret_found)
{
	char key[META_KEY_MAX + 2];
	struct below b = {.found = false};
	int rc = mount_key(view->mount, path, key);

	if (rc)
		return rc;
	strcat(key, "/");
	b.list = (struct version_list){
		.prefix = key, .max_keys = 1, .on_entry = see, .ctx = &b};
	rc = version_list(view->mount->store, &b.list);
	if (!rc)
		*ret_found = b.found;
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
