/* SPDX-License-Identifier: Apache-2.0 */
/* What users do with files, for vfs_rig.h. */
#include "vfs_rig.h"

#define LIST_MAX 20000 /* names that one directory of a test has at most */

int rig_lookup(struct rig *r, const char *path, struct vfs_entry *ret)
{
	char copy[META_KEY_MAX + 1], *name, *rest = NULL;
	int rc = 0;

	memset(ret, 0, sizeof(*ret));
	ret->ino = META_ROOT_INO;
	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &rest); !rc && name;
	     name = strtok_r(NULL, "/", &rest))
		rc = vfs_lookup(r->f.v, ret->ino, name, ret);
	return rc;
}

uint64_t rig_ino(struct rig *r, const char *path)
{
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	return e.ino;
}

int rig_count_name(void *ctx, const struct vfs_dirent *d)
{
	(void)d;
	++*(unsigned *)ctx;
	return 0;
}

int rig_there(struct rig *r, const char *path)
{
	struct vfs_entry e;

	return rig_lookup(r, path, &e);
}

static uint64_t parent_of(struct rig *r, const char *path, const char **name)
{
	char dir[META_KEY_MAX + 1] = "";
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return rig_ino(r, dir);
}

struct vfs_file *rig_open(struct rig *r, const char *path, int flags)
{
	struct vfs_file *file;
	struct vfs_open how;
	struct vfs_entry e;
	const char *name;

	if (flags & O_CREAT) {
		uint64_t parent = parent_of(r, path, &name);

		assert_int_equal(
			vfs_create(r->f.v, parent, name, 0640, flags & ~O_CREAT,
				   &vfs_fixture_caller, &e, &file, &how),
			0);
	} else {
		assert_int_equal(vfs_open(r->f.v, rig_ino(r, path), flags,
					  &file, &how),
				 0);
	}
	return file;
}

void rig_pwrite(struct rig *r, struct vfs_file *file, uint64_t offset,
		const void *data, size_t size)
{
	assert_int_equal(vfs_write(r->f.v, file, offset, data, size), 0);
}

void rig_pread(struct rig *r, struct vfs_file *file, uint64_t offset, void *buf,
	       size_t size)
{
	struct read_result read;
	size_t got;

	read_result_begin(&read, buf, size);
	vfs_read(r->f.v, file, offset, size, read_result_done, &read);
	assert_int_equal(read_result_end(&read, &got), 0);
	assert_int_equal(got, size);
}

void rig_write_bytes(struct rig *r, const char *path, const void *data,
		     size_t size)
{
	struct vfs_file *file = rig_open(r, path, O_CREAT | O_WRONLY | O_TRUNC);

	rig_pwrite(r, file, 0, data, size);
	vfs_release(r->f.v, file);
}

int64_t rig_seek(struct rig *r, struct vfs_file *file, uint64_t at, int whence)
{
	uint64_t offset;
	int rc = vfs_lseek(r->f.v, file, at, whence, &offset);

	if (rc)
		assert_int_equal(rc, -ENXIO);
	return rc ? -1 : (int64_t)offset;
}

void rig_write(struct rig *r, const char *path, const char *text)
{
	rig_write_bytes(r, path, text, strlen(text));
}

void rig_is(struct rig *r, const char *path, const char *text)
{
	vfs_fixture_is(&r->f, path, text);
}

void rig_mkdir(struct rig *r, const char *path)
{
	const char *name;
	uint64_t parent = parent_of(r, path, &name);
	struct vfs_entry e;

	assert_int_equal(vfs_mkdir(r->f.v, parent, name, 0750,
				   &vfs_fixture_caller, &e),
			 0);
}

void rig_unlink(struct rig *r, const char *path)
{
	const char *name;
	uint64_t parent = parent_of(r, path, &name);

	assert_int_equal(vfs_unlink(r->f.v, parent, name), 0);
}

int rig_try_rename(struct rig *r, const char *from, const char *to,
		   unsigned flags)
{
	const char *name, *new_name;
	uint64_t parent = parent_of(r, from, &name);
	uint64_t new_parent = parent_of(r, to, &new_name);

	return vfs_rename(r->f.v, parent, name, new_parent, new_name, flags);
}

void rig_rename(struct rig *r, const char *from, const char *to)
{
	assert_int_equal(rig_try_rename(r, from, to, 0), 0);
}

void rig_chmod(struct rig *r, const char *path, uint32_t mode)
{
	struct stat st = {.st_mode = mode}, now;

	assert_int_equal(vfs_setattr(r->f.v, rig_ino(r, path), &st,
				     VFS_SET_MODE, &now),
			 0);
	assert_int_equal(now.st_mode & 07777, mode);
}

void rig_utimens(struct rig *r, const char *path, int64_t mtime_ns)
{
	struct stat st = {.st_mtim = clock_timespec(mtime_ns)}, now;

	assert_int_equal(vfs_setattr(r->f.v, rig_ino(r, path), &st,
				     VFS_SET_MTIME, &now),
			 0);
}

struct names {
	char *items[LIST_MAX];
	size_t count;
};

static int take_name(void *ctx, const struct vfs_dirent *d)
{
	struct names *n = ctx;
	int rc;

	if (!strcmp(d->name, ".") || !strcmp(d->name, ".."))
		return 0;
	if (n->count == LIST_MAX)
		return 1;
	rc = asprintf(&n->items[n->count], "%s%s", d->name,
		      S_ISDIR(d->mode) ? "/" : "");
	if (rc < 0)
		abort();
	n->count++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int rig_list(struct rig *r, const char *path, bool plus, char *buf, size_t size)
{
	struct names *n = calloc(1, sizeof(*n));
	struct vfs_dir *d;
	size_t len = 0;
	int rc;

	assert_non_null(n);
	rc = vfs_opendir(r->f.v, rig_ino(r, path), &d);
	if (!rc) {
		rc = vfs_readdir(r->f.v, d, 0, plus, take_name, n);
		vfs_releasedir(r->f.v, d);
	}
	qsort(n->items, n->count, sizeof(*n->items), compare_names);
	buf[0] = '\0';
	for (size_t i = 0; i < n->count; i++) {
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					len ? " " : "", n->items[i]);
		assert_true(len < size);
		free(n->items[i]);
	}
	free(n);
	return rc;
}

void rig_lists(struct rig *r, const char *path, const char *names)
{
	char buf[16384];

	assert_int_equal(rig_list(r, path, false, buf, sizeof(buf)), 0);
	assert_string_equal(buf, names);
}
