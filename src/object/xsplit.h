/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which extended attributes stay with the object, and which go into one of
 * their own (overflow.h): all stay if there is room for them and for all that
 * may follow (objattr_meta_left()). Else those that decide what somebody may do
 * stay, one after the other, as long as they and a reference have room.
 */
#ifndef VERS3_SRC_OBJECT_XSPLIT_H
#define VERS3_SRC_OBJECT_XSPLIT_H

#include "vers3/object/object_meta.h"

struct mount;

/*
 * Brings into d what has no room with it: sends it if need be, and has d's
 * metadata name it. *ret_stay: the others, borrowed from x, to be freed by
 * free(ret_stay->items). a: what else goes with the object. Blocks. 0 or
 * -errno.
 */
int xsplit_send(struct mount *mount, const struct objattr *a,
		const struct objattr_xattrs *x, struct object_meta *d,
		struct objattr_xattrs *ret_stay);
/* Whether that will be possible. 0, -ENOSPC, -ENOMEM. No request. */
int xsplit_check(const struct mount *mount, const struct objattr *a,
		 const struct objattr_xattrs *x, const struct object_meta *d);

#endif
