/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random calls. Each is one system call that FUSE makes one change of,
 * so that the states between are known: writes are at most MODEL_WRITE.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "model_impl.h"

#define PAGE	   4096
#define DIRS	   4
#define NAMES	   6
#define FILE_MAX   (400 << 10)
#define LARGE_SIZE (17 << 20) /* three parts */

static struct node *find(struct model *m, const char *path)
{
	for (size_t i = 0; i < m->node_count; i++)
		if (!strcmp(m->nodes[i].entry.path, path))
			return &m->nodes[i];
	return NULL;
}

static struct node *add(struct model *m, const char *path, uint32_t mode)
{
	struct node *n = &m->nodes[m->node_count];

	if (m->node_count == MODEL_FILES)
		return NULL;
	memset(n, 0, sizeof(*n));
	snprintf(n->entry.path, sizeof(n->entry.path), "%s", path);
	n->entry.mode = mode;
	model_md5("", 0, n->entry.md5);
	m->node_count++;
	model_sort(m);
	return find(m, path);
}

static void drop(struct model *m, const char *path)
{
	struct node *n = find(m, path);

	if (!n)
		return;
	free(n->data);
	*n = m->nodes[--m->node_count];
	model_sort(m);
}

/* A random node of this type, or NULL. */
static struct node *pick(struct model *m, uint32_t type)
{
	size_t count = 0, want;

	for (size_t i = 0; i < m->node_count; i++)
		count += (m->nodes[i].entry.mode & S_IFMT) == type;
	if (!count)
		return NULL;
	want = model_random(m, count);
	for (size_t i = 0; i < m->node_count; i++)
		if ((m->nodes[i].entry.mode & S_IFMT) == type && !want--)
			return &m->nodes[i];
	return NULL;
}

static void full_path(const struct model *m, const char *path, char *full)
{
	snprintf(full, PATH_MAX, "%s/%s", m->config.mnt, path);
}

/* Notes how a call went whose state was added before it. */
static int ended(struct model *m, long result)
{
	if (result >= 0) {
		model_done(m);
		return 0;
	}
	m->error = errno;
	snprintf(m->error_call, sizeof(m->error_call), "%s",
		 m->states[m->state_count - 1].what);
	return -m->error;
}

/* Likewise for a call that changes nothing by itself. */
static int plain(struct model *m, long result, const char *what)
{
	if (result >= 0)
		return 0;
	m->error = errno;
	snprintf(m->error_call, sizeof(m->error_call), "%s", what);
	return -m->error;
}

static int note(struct model *m, const char *verb, const char *path)
{
	char what[96];

	snprintf(what, sizeof(what), "%s %s", verb, path);
	return model_note(m, what);
}

static void random_path(struct model *m, char *path)
{
	struct node *dir = pick(m, S_IFDIR);

	snprintf(path, MODEL_PATH_MAX, "%.40s/f%u",
		 dir && model_random(m, 4) ? dir->entry.path : m->config.top,
		 (unsigned)model_random(m, NAMES));
}

/* Lets the node's content be `size` bytes, zeros where it grows. */
static int resize(struct node *n, uint64_t size)
{
	unsigned char *p = realloc(n->data, size ? size : 1);

	if (!p)
		return -ENOMEM;
	if (size > n->entry.size_bytes)
		memset(p + n->entry.size_bytes, 0, size - n->entry.size_bytes);
	n->data = p;
	n->entry.size_bytes = size;
	return 0;
}

static void fill(struct model *m, unsigned char *p, size_t size)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size; i++) {
		if (i % 8 == 0)
			word = model_random(m, UINT64_MAX);
		p[i] = (unsigned char)(word >> (i % 8 * 8));
	}
}

/* One write of `size` bytes at offset; sum: over all before, if it appends. */
static int write_once(struct model *m, struct node *n, int fd, uint64_t offset,
		      size_t size, EVP_MD_CTX *sum)
{
	uint64_t end = offset + size;
	int rc = end > n->entry.size_bytes ? resize(n, end) : 0;

	if (rc)
		return rc;
	fill(m, n->data + offset, size);
	if (sum) {
		EVP_MD_CTX *now = EVP_MD_CTX_new();

		EVP_DigestUpdate(sum, n->data + offset, size);
		EVP_MD_CTX_copy_ex(now, sum);
		EVP_DigestFinal_ex(now, n->entry.md5, NULL);
		EVP_MD_CTX_free(now);
	} else {
		model_md5(n->data, n->entry.size_bytes, n->entry.md5);
	}
	rc = note(m, "write", n->entry.path);
	if (rc)
		return rc;
	memcpy(m->out, n->data + offset, size);
	return ended(m, pwrite(fd, m->out, size, (off_t)offset));
}

/*
 * The kernel sends what a write has of a page that it does not hold whole as
 * a request of its own. So one that begins within a page is made as two.
 */
static int write_pieces(struct model *m, struct node *n, int fd,
			uint64_t offset, size_t size, EVP_MD_CTX *sum)
{
	size_t first = PAGE - (size_t)(offset % PAGE);
	int rc;

	if (first == PAGE || first >= size)
		return write_once(m, n, fd, offset, size, sum);
	rc = write_once(m, n, fd, offset, first, sum);
	if (!rc)
		rc = write_once(m, n, fd, offset + first, size - first, sum);
	return rc;
}

static int append(struct model *m, struct node *n, int fd, uint64_t size)
{
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	int rc = sum ? 0 : -ENOMEM;

	if (!rc) {
		EVP_DigestInit_ex(sum, EVP_md5(), NULL);
		EVP_DigestUpdate(sum, n->data, n->entry.size_bytes);
	}
	while (!rc && size && !atomic_load(&m->stop)) {
		size_t part = size < MODEL_WRITE ? (size_t)size : MODEL_WRITE;

		rc = write_pieces(m, n, fd, n->entry.size_bytes, part, sum);
		size -= part;
	}
	EVP_MD_CTX_free(sum);
	return rc;
}

/* fsync and close, or close alone. All up to here is certain after fsync. */
static int finish(struct model *m, int fd, int rc)
{
	size_t newest = m->state_count - 1;

	if (!rc && model_random(m, 5) == 0) {
		rc = plain(m, fsync(fd), "fsync");
		if (!rc)
			m->certain = m->synced = newest;
	}
	if (!rc)
		rc = plain(m, close(fd), "close");
	else
		close(fd);
	return rc;
}

static uint64_t random_size(struct model *m)
{
	switch (model_random(m, 10)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return model_random(m, FILE_MAX) + 1;
	default:
		return model_random(m, 8000) + 1;
	}
}

/* open(O_CREAT | O_TRUNC) of a new or an old name, and some writes. */
static int do_write(struct model *m)
{
	char path[MODEL_PATH_MAX], full[PATH_MAX];
	struct node *n;
	uint64_t size;
	int fd, rc;

	random_path(m, path);
	n = find(m, path);
	if (n && S_ISDIR(n->entry.mode))
		return 0;
	if (!n)
		n = add(m, path, S_IFREG | 0644);
	if (!n)
		return 0;
	resize(n, 0);
	model_md5("", 0, n->entry.md5);
	rc = note(m, "open", path);
	if (rc)
		return rc;
	full_path(m, path, full);
	fd = open(full, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	rc = ended(m, fd);
	if (rc)
		return rc;
	size = random_size(m);
	if (m->config.large && model_random(m, 150) == 0)
		size = LARGE_SIZE + model_random(m, 1 << 20);
	rc = append(m, n, fd, size);
	return finish(m, fd, rc);
}

/* A write into, or at the end of, a file that is there. */
static int do_edit(struct model *m)
{
	struct node *n = pick(m, S_IFREG);
	bool inside = model_random(m, 2);
	char full[PATH_MAX];
	uint64_t size;
	int fd, rc;

	if (!n || (!inside && n->entry.size_bytes > FILE_MAX))
		return 0;
	size = n->entry.size_bytes;
	full_path(m, n->entry.path, full);
	fd = open(full, O_RDWR | O_CLOEXEC);
	rc = plain(m, fd, "open to edit");
	if (rc)
		return rc;
	if (inside && size)
		rc = write_pieces(m, n, fd, model_random(m, size),
				  model_random(m, 9000) + 1, NULL);
	else
		rc = append(m, n, fd, random_size(m));
	return finish(m, fd, rc);
}

static int do_truncate(struct model *m)
{
	struct node *n = pick(m, S_IFREG);
	char full[PATH_MAX];
	uint64_t size;
	int rc;

	if (!n)
		return 0;
	size = model_random(m, n->entry.size_bytes * 5 / 4 + 100);
	if (size == n->entry.size_bytes)
		return 0;
	rc = resize(n, size);
	if (rc)
		return rc;
	model_md5(n->data, size, n->entry.md5);
	rc = note(m, "truncate", n->entry.path);
	full_path(m, n->entry.path, full);
	return rc ? rc : ended(m, truncate(full, (off_t)size));
}

static int do_chmod(struct model *m)
{
	struct node *n = pick(m, S_IFREG);
	char full[PATH_MAX], verb[32];
	int rc;

	if (!n)
		return 0;
	n->entry.mode = S_IFREG | 0600 | (++m->modes % 64);
	snprintf(verb, sizeof(verb), "chmod %o", n->entry.mode & 07777);
	rc = note(m, verb, n->entry.path);
	full_path(m, n->entry.path, full);
	return rc ? rc : ended(m, chmod(full, n->entry.mode & 07777));
}

static int do_unlink(struct model *m)
{
	struct node *n = pick(m, S_IFREG);
	char path[MODEL_PATH_MAX], full[PATH_MAX];
	int rc;

	if (!n)
		return 0;
	strcpy(path, n->entry.path);
	drop(m, path);
	rc = note(m, "unlink", path);
	full_path(m, path, full);
	return rc ? rc : ended(m, unlink(full));
}

static int call_rename(struct model *m, const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX], what[96];
	int rc;

	model_sort(m);
	snprintf(what, sizeof(what), "rename %.40s %.40s", from, to);
	rc = model_note(m, what);
	full_path(m, from, a);
	full_path(m, to, b);
	return rc ? rc : ended(m, rename(a, b));
}

static int do_rename(struct model *m)
{
	struct node *n = pick(m, S_IFREG), *old;
	char from[MODEL_PATH_MAX], to[MODEL_PATH_MAX];

	random_path(m, to);
	if (!n || !strcmp(n->entry.path, to))
		return 0;
	strcpy(from, n->entry.path);
	old = find(m, to);
	if (old && S_ISDIR(old->entry.mode))
		return 0;
	drop(m, to);
	strcpy(find(m, from)->entry.path, to);
	return call_rename(m, from, to);
}

static void random_dir(struct model *m, char *path)
{
	snprintf(path, MODEL_PATH_MAX, "%s/d%u", m->config.top,
		 (unsigned)model_random(m, DIRS));
}

static int do_mkdir(struct model *m)
{
	char path[MODEL_PATH_MAX], full[PATH_MAX];
	int rc;

	random_dir(m, path);
	if (find(m, path) || !add(m, path, S_IFDIR | 0755))
		return 0;
	rc = note(m, "mkdir", path);
	full_path(m, path, full);
	return rc ? rc : ended(m, mkdir(full, 0755));
}

static bool has_child(struct model *m, const char *dir)
{
	size_t len = strlen(dir);

	for (size_t i = 0; i < m->node_count; i++)
		if (!strncmp(m->nodes[i].entry.path, dir, len) &&
		    m->nodes[i].entry.path[len] == '/')
			return true;
	return false;
}

static int do_rmdir(struct model *m)
{
	struct node *n = pick(m, S_IFDIR);
	char path[MODEL_PATH_MAX], full[PATH_MAX];
	int rc;

	if (!n || has_child(m, n->entry.path))
		return 0;
	strcpy(path, n->entry.path);
	drop(m, path);
	rc = note(m, "rmdir", path);
	full_path(m, path, full);
	return rc ? rc : ended(m, rmdir(full));
}

static int do_rename_dir(struct model *m)
{
	struct node *n = pick(m, S_IFDIR);
	char from[MODEL_PATH_MAX], to[MODEL_PATH_MAX], rest[MODEL_PATH_MAX];
	size_t len;

	random_dir(m, to);
	if (!n || find(m, to))
		return 0;
	strcpy(from, n->entry.path);
	len = strlen(from);
	for (size_t i = 0; i < m->node_count; i++) {
		char *path = m->nodes[i].entry.path;

		if (strncmp(path, from, len) || (path[len] && path[len] != '/'))
			continue;
		strcpy(rest, path + len);
		snprintf(path, MODEL_PATH_MAX, "%.30s%.30s", to, rest);
	}
	return call_rename(m, from, to);
}

static int one_call(struct model *m)
{
	static const struct {
		unsigned weight;
		int (*fn)(struct model *m);
	} calls[] = {
		{30, do_write}, {20, do_edit},	 {5, do_truncate},
		{10, do_chmod}, {12, do_unlink}, {12, do_rename},
		{5, do_mkdir},	{2, do_rmdir},	 {4, do_rename_dir},
	};
	unsigned at = (unsigned)model_random(m, 100);

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (at < calls[i].weight)
			return calls[i].fn(m);
		at -= calls[i].weight;
	}
	return 0;
}

int model_begin(struct model *m)
{
	char full[PATH_MAX];
	int rc;

	full_path(m, m->config.top, full);
	if (mkdir(full, 0755))
		return -errno;
	rc = model_note(m, "begin");
	if (!rc)
		model_done(m);
	return rc;
}

int model_run(struct model *m, uint64_t calls)
{
	uint64_t until = m->calls + calls;

	while (!atomic_load(&m->stop) && (!calls || m->calls < until)) {
		int rc = one_call(m);

		if (rc)
			return rc;
	}
	return 0;
}
