/* SPDX-License-Identifier: Apache-2.0 */
#include "refused.h"

#include <string.h>
#include <sys/stat.h>

#include "dir_impl.h"
#include "vers3/util/clock.h"

void refused_take(struct vfs *v, struct meta_inode *in, int64_t asked_ns)
{
	in->mode = S_ISDIR(in->mode) ? S_IFDIR | 0700 : S_IFREG;
	in->flags |= META_I_REFUSED | META_I_LACKS_UID | META_I_LACKS_GID;
	in->flags &= ~(uint32_t)META_I_LACKS_MODE;
	meta_fill_in(v->meta, in->flags, &in->mode, &in->uid, &in->gid);
	if (!S_ISDIR(in->mode))
		in->listed_ns = asked_ns;
}

bool refused_lately(struct vfs *v, const struct meta_inode *in)
{
	int64_t age = clock_real_ns() - in->listed_ns;

	if (!(in->flags & META_I_REFUSED))
		return false;
	/* Each list of a directory makes it asked again. */
	if (S_ISDIR(in->mode))
		return dir_is_fresh(v, in);
	return age >= 0 && age < v->config.ttl_ns;
}

int refused_replace(struct vfs *v, struct meta_inode *in)
{
	int rc = meta_xattr_clear(v->meta, in->ino);

	if (!rc)
		rc = meta_head_del(v->meta, in->ino);
	if (rc && rc != -ENOENT)
		return rc;
	in->mode = S_IFREG;
	in->flags |= META_I_LACKS;
	meta_fill_in(v->meta, in->flags, &in->mode, &in->uid, &in->gid);
	/* None of its bytes are seen; nothing is copied from it. */
	memset(&in->base, 0, sizeof(in->base));
	in->base_bytes = 0;
	in->flags &= ~(uint32_t)(META_I_REFUSED | META_I_RENAMED);
	in->flags |= META_I_ATTRS | META_I_ATTR_DIRTY;
	return 0;
}
