/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open files: of the live tree, of the versions view (an immutable version)
 * and of the control file. The functions are vfs.h's vfs_open() to
 * vfs_copy_range().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/control/control.h"
#include "vers3/core/node.h"
#include "vers3/core/pins.h"
#include "vers3/core/replica_look.h"
#include "vers3/history/view.h"
#include "vers3/object/sparse.h"
#include "vers3/read/read_wait.h"
#include "vers3/read/reader.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/content.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/read_row.h"
#include "vers3/tree/reread.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/log.h"
#include "vfs_impl.h"

#define COPY_CHUNK (UINT64_C(1) << 20) /* bytes of a copy at once */

enum file_kind {
	FILE_LIVE,
	FILE_VERSION,
	FILE_CONTROL
};

struct vfs_file {
	enum file_kind kind;
	uint64_t ino;
	struct node *node; /* FILE_LIVE: counted */
	bool writing;
	struct meta_version version; /* FILE_VERSION: what it shows */
	bool viewed; /* FILE_VERSION: view_close() is due */
	bool held; /* that one is kept from being purged */
	atomic_bool noted; /* FILE_LIVE: that it is read (read_row.h) */
	struct reader_stream stream;
	struct control_session *session; /* FILE_CONTROL: owned */
};

static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

/* The kernel may keep its pages unless others have replaced the content. */
static int take_replaced(struct vfs *v, uint64_t ino, bool *ret_keep)
{
	struct meta_inode inode;
	bool keep;
	int rc = meta_lock(v->mount->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->mount->meta, ino, &inode);
	keep = !rc && !(inode.flags & META_I_REPLACED);
	if (!rc && !keep) {
		inode.flags &= ~(uint32_t)META_I_REPLACED;
		rc = meta_inode_put(v->mount->meta, &inode);
	}
	meta_unlock(v->mount->meta);
	if (!rc)
		*ret_keep = keep;
	return rc;
}

static int open_live(struct vfs *v, struct vfs_file *f, int flags,
		     struct vfs_open *how)
{
	struct meta_inode inode;
	bool refused;
	int rc = node_get(v->mount->nodes, f->ino, &f->node);

	if (rc)
		return rc;
	f->writing = wants_write(flags);
	/* Counted before it is looked at, so that it cannot go between. */
	node_count_open(v->mount->nodes, f->node, 1, f->writing);
	rc = dir_inode(v->tree, f->ino, &inode);
	if (!rc && S_ISDIR(inode.mode))
		rc = -EISDIR;
	if (!rc && !S_ISREG(inode.mode))
		rc = -ENXIO;
	refused = !rc && (inode.flags & META_I_REFUSED);
	if (refused && !(flags & O_TRUNC))
		rc = -EACCES;
	if (!rc && pins_present_goes(v->mount->pins, inode.base.key))
		rc = -EBUSY;
	if (!rc)
		rc = take_replaced(v, f->ino, &how->keep_cache);
	if (!rc && (flags & O_TRUNC) && (inode.size_bytes || refused)) {
		rc = reservation_for_change(v->tree);
		if (!rc)
			rc = content_truncate(v->tree, f->node, 0);
		if (!rc)
			rc = meta_keep(v->mount->meta);
	}
	return rc;
}

/* Who reads a version, or copies it by name, keeps it. */
static int open_version(struct vfs *v, struct vfs_file *f)
{
	int rc = view_open(v->view, f->ino, &f->version);

	f->viewed = !rc;
	if (!rc && f->version.key[0])
		rc = pins_hold(v->mount->pins, &f->version);
	f->held = !rc && f->version.key[0];
	return rc;
}

int vfs_open(struct vfs *v, uint64_t ino, int flags, struct vfs_file **ret_file,
	     struct vfs_open *ret_how)
{
	struct vfs_open how = {0};
	struct vfs_file *f;
	int rc;

	if (wants_write(flags) && ino != MOUNT_CONTROL_INO &&
	    (v->mount->config.read_only || mount_is_view(ino)))
		return -EROFS;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->ino = ino;
	if (ino == MOUNT_CONTROL_INO) {
		f->kind = FILE_CONTROL;
		how.direct = true;
		rc = control_open(v->control, &f->session);
	} else if (mount_is_view(ino)) {
		f->kind = FILE_VERSION;
		how.keep_cache = how.no_flush = true; /* it never changes */
		rc = open_version(v, f);
	} else {
		f->kind = FILE_LIVE;
		rc = open_live(v, f, flags, &how);
		how.no_flush = !(f->writing && v->mount->config.sync);
	}
	if (rc) {
		vfs_release(v, f);
		return rc;
	}
	*ret_file = f;
	*ret_how = how;
	return 0;
}

int vfs_create(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	       int flags, const struct vfs_caller *who,
	       struct vfs_entry *ret_entry, struct vfs_file **ret_file,
	       struct vfs_open *ret_how)
{
	struct vfs_entry e;
	int rc = vfs_mknod(v, parent, name, S_IFREG | (mode & 07777), 0, who,
			   &e);

	if (rc == -EEXIST && !(flags & O_EXCL))
		rc = vfs_lookup(v, parent, name, &e);
	if (!rc)
		rc = vfs_open(v, e.ino, flags, ret_file, ret_how);
	if (!rc)
		*ret_entry = e;
	return rc;
}

/*
 * The last close: of a file without a name nobody can reach the bytes, unless
 * the kernel knows it still.
 */
static void last_close(struct vfs *v, const struct node *node)
{
	if (v->mount->notify.forgets &&
	    !node_is_forgotten(v->mount->nodes, node))
		return;
	if (meta_lock(v->mount->meta))
		return;
	if (!nodes_is_open(v->mount->nodes, node->ino))
		dir_forget_inode(v->tree, node->ino);
	meta_unlock(v->mount->meta);
}

void vfs_forget(struct vfs *v, const uint64_t *inos, size_t count)
{
	for (size_t i = 0; i < count; i++)
		view_forgotten(v->view, inos[i]);
	if (meta_lock(v->mount->meta))
		return;
	for (size_t i = 0; i < count; i++)
		if (!nodes_forget(v->mount->nodes, inos[i]))
			dir_forget_inode(v->tree, inos[i]);
	meta_unlock(v->mount->meta);
}

void vfs_release(struct vfs *v, struct vfs_file *f)
{
	if (!f)
		return;
	if (f->node) {
		if (!node_count_open(v->mount->nodes, f->node, -1, f->writing))
			last_close(v, f->node);
		node_put(v->mount->nodes, f->node);
		if (f->writing)
			syncer_written(v->syncer, f->ino);
	}
	if (f->held)
		pins_drop(v->mount->pins, &f->version);
	if (f->viewed)
		view_close(v->view, f->ino);
	control_close(f->session);
	free(f);
}

static void read_mixed(struct vfs *v, struct vfs_file *f, uint64_t offset,
		       size_t size, vfs_read_fn done, void *arg)
{
	struct iovec iov = {malloc(size ? size : 1), 0};
	int rc = iov.iov_base ? content_read(v->tree, f->node, offset,
					     iov.iov_base, size, &iov.iov_len)
			      : -ENOMEM;

	done(arg, rc, &iov, 1);
	free(iov.iov_base);
}

/*
 * Reads a file that is a version as it stands. It may be closed as soon as that
 * is answered: what comes after it for who reads in turn is seen to then.
 */
static void read_base(struct vfs *v, struct vfs_file *f,
		      const struct meta_inode *inode, uint64_t offset,
		      size_t size, vfs_read_fn done, void *arg)
{
	bool first = !atomic_exchange(&f->noted, true);

	reread_begin(v->tree, f->node, &inode->base, &f->stream, offset, size,
		     done, arg);
	if (first)
		read_row_note(v->tree, inode);
}

void vfs_read(struct vfs *v, struct vfs_file *f, uint64_t offset, size_t size,
	      vfs_read_fn done, void *arg)
{
	struct meta_inode inode;
	int rc;

	if (f->kind == FILE_CONTROL) {
		control_read(f->session, offset, size, done, arg);
		return;
	}
	/* A delete marker has no bytes, and no version to ask for them. */
	if (f->kind == FILE_VERSION && !f->version.key[0]) {
		done(arg, 0, NULL, 0);
		return;
	}
	if (f->kind == FILE_VERSION) {
		reread_begin(v->tree, NULL, &f->version, &f->stream, offset,
			     size, done, arg);
		return;
	}
	rc = meta_lock(v->mount->meta);
	if (!rc) {
		rc = meta_inode_get(v->mount->meta, f->ino, &inode);
		meta_unlock(v->mount->meta);
	}
	if (rc)
		done(arg, rc, NULL, 0);
	else if (meta_inode_is_base(&inode))
		read_base(v, f, &inode, offset, size, done, arg);
	else
		read_mixed(v, f, offset, size, done, arg);
}

int vfs_write(struct vfs *v, struct vfs_file *f, uint64_t offset,
	      const void *data, size_t size)
{
	int rc = 0;

	if (f->kind == FILE_CONTROL)
		rc = control_write(f->session, data, size);
	else if (f->kind != FILE_LIVE)
		rc = -EROFS;
	else if (size)
		rc = syncer_make_room(v->syncer, size);
	if (!rc && size && f->kind == FILE_LIVE)
		rc = content_write(v->tree, f->node, offset, data, size);
	/* What returns 0 is not undone by a kill of the daemon. */
	return rc ? rc : meta_keep(v->mount->meta);
}

int vfs_command(struct vfs *v, struct vfs_file *f, const char *line)
{
	int rc;

	(void)v;
	if (f->kind != FILE_CONTROL)
		return -ENOTTY;
	rc = control_write(f->session, line, strlen(line));
	return rc ? rc : control_flush(f->session);
}

int vfs_flush(struct vfs *v, struct vfs_file *f)
{
	if (f->kind == FILE_CONTROL)
		return control_flush(f->session);
	if (f->kind == FILE_LIVE && f->writing && v->mount->config.sync)
		return syncer_sync_inode(v->syncer, f->ino);
	return 0;
}

/*
 * Waits until the replica has what the bucket has of the file, under whichever
 * of its names was sent last. Data first: fsync has returned by then for the
 * bucket, whose version is what the server copies; nothing is let go here.
 */
static int wait_for_replica(struct vfs *v, const struct vfs_file *f)
{
	const struct mount *mount = v->mount;
	struct replica_version wanted;
	char key[META_KEY_MAX + 1];
	struct meta_inode inode;
	int rc = meta_lock(mount->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(mount->meta, f->ino, &inode);
	meta_unlock(mount->meta);
	/* What is saved while it stands in is saved there. */
	if (!rc && mount_replica_stands_in(mount))
		return 0;
	/* Without a name, or never sent, it is nobody's to copy. */
	if (rc || !inode.base.key[0])
		return rc == -ENOENT ? 0 : rc;
	rc = mount_key(mount, inode.base.key, key);
	if (rc)
		return rc;
	wanted = (struct replica_version){key, inode.base.version_id,
					  inode.base.etag,
					  inode.base.size_bytes};
	rc = replica_wait(v->mount, &wanted,
			  clock_mono_ns() + mount->config.fsync_replica_ns);
	if (rc && rc != -EINTR)
		log_warning("fsync of %s: it is in the bucket, and not in the "
			    "replica %s: %s",
			    inode.base.key, mount->config.replica_bucket,
			    rc == -ETIMEDOUT ? "replica_timeout= is over"
					     : errtext(rc));
	return rc;
}

int vfs_fsync(struct vfs *v, struct vfs_file *f)
{
	int rc;

	if (f->kind != FILE_LIVE)
		return 0;
	if (v->mount->config.fsync_local) {
		rc = staging_sync(v->mount->staging, f->ino);
		rc = rc == -ENOENT ? 0 : rc;
	} else {
		rc = syncer_sync_inode(v->syncer, f->ino);
		if (!rc && v->mount->config.fsync_replica_ns)
			rc = wait_for_replica(v, f);
	}
	/* The file may be clean, or have no name: what was done before it. */
	return rc ? rc : meta_sync(v->mount->meta);
}

static int file_size(struct vfs *v, struct vfs_file *f, uint64_t *ret_size)
{
	struct meta_inode inode;
	int rc;

	if (f->kind == FILE_VERSION) {
		*ret_size = f->version.size_bytes;
		return 0;
	}
	rc = meta_lock(v->mount->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(v->mount->meta, f->ino, &inode);
	meta_unlock(v->mount->meta);
	if (!rc)
		*ret_size = inode.size_bytes;
	return rc;
}

int vfs_fallocate(struct vfs *v, struct vfs_file *f, int mode, uint64_t offset,
		  uint64_t length)
{
	int rc;

	if (f->kind != FILE_LIVE)
		return -EOPNOTSUPP;
	if (offset + length < offset)
		return -EFBIG;
	switch (mode) {
	case FALLOC_FL_KEEP_SIZE:
		return syncer_expect_room(v->syncer, length);
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
	case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
		rc = content_zero(v->tree, f->node, offset, length);
		return rc ? rc : meta_keep(v->mount->meta);
	case 0:
	case FALLOC_FL_ZERO_RANGE:
		break;
	default:
		return -EOPNOTSUPP;
	}
	rc = syncer_expect_room(v->syncer, length);
	if (!rc)
		rc = content_extend(v->tree, f->node, offset + length);
	if (!rc && mode == FALLOC_FL_ZERO_RANGE)
		rc = content_zero(v->tree, f->node, offset, length);
	return rc ? rc : meta_keep(v->mount->meta);
}

/* Whether an answer of content_seek() makes a hole of anything. */
static bool tells_hole(int rc, uint64_t offset, int whence, uint64_t found,
		       uint64_t size)
{
	if (offset >= size || (rc && rc != -ENXIO))
		return false;
	return whence == SEEK_DATA ? rc || found > offset : found < size;
}

/*
 * What was written through a memory map may be with the kernel yet, which does
 * not hand it over for lseek(): so it is asked to before a hole is told of a
 * file that is open for writing, as one that is mapped for it stays. Where
 * that takes too long, nothing is a hole: who copies by holes loses no bytes.
 */
static int seek_live(struct vfs *v, struct vfs_file *f, uint64_t offset,
		     int whence, uint64_t *ret_offset)
{
	uint64_t size, found = 0;
	int rc = file_size(v, f, &size);

	if (rc)
		return rc;
	rc = content_seek(v->tree, f->node, offset, whence, &found);
	if (tells_hole(rc, offset, whence, found, size) &&
	    v->mount->notify.write_back &&
	    nodes_is_written(v->mount->nodes, f->ino)) {
		if (v->mount->notify.write_back(v->mount->notify.ctx, f->ino)) {
			rc = content_seek(v->tree, f->node, offset, whence,
					  &found);
		} else {
			rc = 0;
			found = whence == SEEK_DATA ? offset : size;
		}
	}
	if (!rc)
		*ret_offset = found;
	return rc;
}

int vfs_lseek(struct vfs *v, struct vfs_file *f, uint64_t offset, int whence,
	      uint64_t *ret_offset)
{
	if (f->kind == FILE_LIVE)
		return seek_live(v, f, offset, whence, ret_offset);
	if (f->kind != FILE_VERSION)
		return -EINVAL;
	if (offset >= f->version.size_bytes)
		return -ENXIO;
	*ret_offset = whence == SEEK_DATA ? offset : f->version.size_bytes;
	return 0;
}

/* The version a file shows, if it is whole and unchanged, and its holes. */
static int shown_version(struct vfs *v, struct vfs_file *f,
			 struct meta_version *ret, struct holes *ret_holes)
{
	struct holes holes = {.count = 0};
	struct meta_inode inode;
	int rc;

	if (f->kind == FILE_VERSION) {
		*ret = f->version;
		*ret_holes = holes;
		return 0;
	}
	rc = meta_lock(v->mount->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(v->mount->meta, f->ino, &inode);
	if (!rc)
		rc = sparse_of_base(v->mount->meta, &inode, &holes);
	meta_unlock(v->mount->meta);
	if (!rc && !meta_inode_is_base(&inode))
		rc = -EXDEV;
	if (!rc) {
		*ret = inode.base;
		*ret_holes = holes;
	}
	return rc;
}

static int copy_bytes(struct vfs *v, struct vfs_file *in, uint64_t in_offset,
		      struct vfs_file *out, uint64_t out_offset, size_t size,
		      size_t *ret_copied)
{
	char *buf = malloc(COPY_CHUNK);
	size_t total = 0, got = 0;
	struct read_wait w;
	int rc = buf ? 0 : -ENOMEM;

	while (!rc && total < size) {
		size_t want =
			size - total < COPY_CHUNK ? size - total : COPY_CHUNK;

		read_wait_begin(&w, buf);
		vfs_read(v, in, in_offset + total, want, read_wait_done, &w);
		rc = read_wait_end(&w, v->reader, &got);
		if (rc || !got)
			break;
		rc = vfs_write(v, out, out_offset + total, buf, got);
		if (!rc)
			total += got;
	}
	free(buf);
	if (rc && !total)
		return rc;
	*ret_copied = total;
	return 0;
}

int vfs_copy_range(struct vfs *v, struct vfs_file *in, uint64_t in_offset,
		   struct vfs_file *out, uint64_t out_offset, size_t size,
		   size_t *ret_copied)
{
	struct meta_version version;
	struct holes holes;
	uint64_t in_size;
	int rc;

	if (in->kind == FILE_CONTROL || out->kind != FILE_LIVE)
		return -EXDEV;
	rc = file_size(v, in, &in_size);
	if (rc)
		return rc;
	if (in_offset >= in_size) {
		*ret_copied = 0;
		return 0;
	}
	if (size > in_size - in_offset)
		size = in_size - in_offset;
	if (in_offset == out_offset &&
	    !shown_version(v, in, &version, &holes)) {
		rc = content_adopt(v->tree, out->node, &version, &holes,
				   in_offset, size);
		if (!rc)
			rc = meta_keep(v->mount->meta);
		if (rc != -EXDEV) {
			if (!rc)
				*ret_copied = size;
			return rc;
		}
	}
	return copy_bytes(v, in, in_offset, out, out_offset, size, ret_copied);
}
