/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over the cache directory of a server that had another name. It may
 * hold what was never sent, so it goes to no other bucket: bucket and prefix
 * have to be called the same, and the server has to have an object that the
 * cache knows (adopt_is_same()).
 *
 *	DIR/lock	DIR/meta	what was
 *	old		old		nothing yet
 *	old		new		it was cut off; the rest follows
 *	new		new		it is taken over
 */
#ifndef VERS3_MAIN_ADOPT_H
#define VERS3_MAIN_ADOPT_H

#include <stddef.h>

#include "vers3/meta/meta.h"
#include "vers3/store/store.h"

/*
 * Whether the bucket has one of the objects that the cache knows: the version
 * of that id, or where there are no ids an object of the same key, ETag, size
 * and time that is not empty. 0; -EXDEV: none of those that were asked for; or
 * why they could not be asked for. Takes meta_lock(). Blocks.
 */
int adopt_is_same(struct meta *meta, struct store *store, const char *prefix);
/*
 * Makes DIR, which was used as `from`, that of `to`; nobody uses it.
 * Nothing in it changes but its name. wait_ms as cachedir_open(). 0, or -errno
 * with a line in reason. Blocks.
 */
int adopt_dir(const char *dir, const char *from, const char *to,
	      unsigned wait_ms, struct store *store, const char *prefix,
	      char *reason, size_t size);

#endif
