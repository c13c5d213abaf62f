/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that expire so many days after they were saved (object/expire.h): the
 * server does it, by one lifecycle rule for each number of days, made when it
 * is first asked for and good for the whole bucket:
 *
 *	vers3-expire-7d-2026-11-28	objects with the tag vers3-expire=7d
 *					expire after 7 days
 *
 * The date is the day on which it was made. A rule of that kind that somebody
 * has disabled, or has given other days, stays as it is.
 *
 * Any thread, no lock held; waits for the bucket. 0 or -errno.
 */
#ifndef VERS3_CONTROL_EXPIRE_RULE_H
#define VERS3_CONTROL_EXPIRE_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/s3/lifecycle.h"
#include "vers3/util/buf.h"

struct control;

#define EXPIRE_RULE_PREFIX "vers3-expire-"

/*
 * Sets when the file `ino` expires, or what is made in that directory: value
 * is such as 7d, or never. What the file holds is sent first. -EINVAL: no such
 * value; -EOPNOTSUPP: a server without lifecycle rules, or no file or
 * directory; -EBUSY: it is written to all the time. One line in reason (size
 * bytes) then.
 */
int expire_rule_set(struct control *control, uint64_t ino, const char *value,
		    size_t value_size, char *reason, size_t size);
/* The rule that carries it out for a value such as 7d; NULL: none. Pure. */
const struct lifecycle_rule *expire_rule_find(const struct lifecycle *l,
					      const char *text);

#endif
