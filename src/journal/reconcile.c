/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted × what is known → the request.
 *
 *	wanted				known		request
 *	nothing				nothing		drop
 *	nothing				a version	delete
 *	content and attributes of base	base		drop
 *	a directory, link, device	anything else	put
 *	one whose object has bytes	anything else	copy
 *	content of base, any name	anything else	copy
 *	the same, over copy_max		anything else	upload
 *	other content, small		anything else	put
 *	other content			anything else	upload
 */
#include "vers3/journal/reconcile.h"

#include <string.h>
#include <sys/stat.h>

#include "vers3/core/version.h"

const char *reconcile_action_name(enum reconcile_action action)
{
	switch (action) {
	case RECONCILE_DROP:
		return "drop";
	case RECONCILE_DELETE:
		return "delete";
	case RECONCILE_PUT:
		return "put";
	case RECONCILE_COPY:
		return "copy";
	case RECONCILE_UPLOAD:
		return "upload";
	}
	return "unknown";
}

/*
 * Who has a file open for writing is perhaps not done when there is a pause,
 * and each would make a version. But some never close theirs, and never pause:
 * logs, recordings, images of machines, databases.
 */
int64_t reconcile_due(const struct reconcile_due_in *in)
{
	int64_t at = in->changed_ns + in->commit_ns;
	int64_t most = in->commit_ns + RECONCILE_QUIET_NS;

	if (in->written) {
		at += RECONCILE_QUIET_NS;
		if (!in->save_after_ns)
			return at;
		most = in->save_after_ns > in->commit_ns ? in->save_after_ns
							 : in->commit_ns;
	}
	return at < in->since_ns + most ? at : in->since_ns + most;
}

bool reconcile_can_copy(const struct reconcile_in *in)
{
	const struct meta_version *base = &in->inode->base;

	/* A source that cannot be named exactly might be another one. */
	if (!base->key[0] || (!base->version_id[0] && !base->etag[0]))
		return false;
	if (in->versioned || strcmp(base->key, in->key) != 0)
		return true;
	return version_is_same(base, in->known);
}

bool reconcile_needs_object(const struct meta_inode *inode)
{
	const uint32_t asked = META_I_ATTRS | META_I_ATTR_DIRTY;

	if (S_ISREG(inode->mode) || S_ISLNK(inode->mode) || !inode->base.key[0])
		return false;
	return inode->base.size_bytes || !(inode->flags & asked);
}

static bool in_place(const struct reconcile_in *in, bool content_same)
{
	const struct meta_inode *inode = in->inode;

	return content_same && !(inode->flags & META_I_ATTR_DIRTY) &&
	       strcmp(inode->base.key, in->key) == 0 &&
	       version_is_same(&inode->base, in->known);
}

enum reconcile_action reconcile(const struct reconcile_in *in)
{
	uint64_t copy_max = in->copy_max ? in->copy_max : RECONCILE_COPY_MAX;
	const struct meta_inode *inode = in->inode;
	bool same;

	if (!inode)
		return in->known->key[0] ? RECONCILE_DELETE : RECONCILE_DROP;
	if (!S_ISREG(inode->mode)) {
		same = !(inode->flags & META_I_STAGED);
		if (in_place(in, same))
			return RECONCILE_DROP;
		return reconcile_needs_object(inode) && reconcile_can_copy(in)
			       ? RECONCILE_COPY
			       : RECONCILE_PUT;
	}
	same = meta_inode_is_base(inode);
	if (in_place(in, same))
		return RECONCILE_DROP;
	if (same && inode->size_bytes <= copy_max && reconcile_can_copy(in))
		return RECONCILE_COPY;
	return inode->size_bytes <= RECONCILE_SINGLE_MAX ? RECONCILE_PUT
							 : RECONCILE_UPLOAD;
}
