/* SPDX-License-Identifier: Apache-2.0 */
/* The states, and how what is found is compared with them. */
#include "model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "model_impl.h"
#include "vers3/util/clock.h"

uint64_t model_random(struct model *m, uint64_t limit)
{
	/* splitmix64 (Steele, Lea, Flood 2014). */
	uint64_t z = m->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % limit;
}

void model_md5(const void *data, size_t size, unsigned char *md5)
{
	EVP_Digest(data, size, md5, NULL, EVP_md5(), NULL);
}

int model_init(struct model *m, const struct model_config *config)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->random = config->seed;
	m->out = aligned_alloc(4096, MODEL_WRITE);
	if (!m->out)
		return -ENOMEM;
	memset(m->out, 0, MODEL_WRITE);
	mlock(m->out, MODEL_WRITE);
	return map_new(&m->known);
}

static void drop_states(struct model *m)
{
	for (size_t i = 0; i < m->state_count; i++)
		free(m->states[i].entries);
	m->state_count = 0;
}

static void drop_nodes(struct model *m)
{
	for (size_t i = 0; i < m->node_count; i++)
		free(m->nodes[i].data);
	m->node_count = 0;
}

void model_release(struct model *m)
{
	drop_states(m);
	drop_nodes(m);
	free(m->states);
	free(m->out);
	map_free(m->known);
}

/* The key of a (path, content) in `known`. */
struct known_key {
	char path[MODEL_PATH_MAX];
	uint64_t size_bytes;
	unsigned char md5[MODEL_MD5];
};

static struct known_key known_key(const char *path, uint64_t size_bytes,
				  const unsigned char *md5)
{
	struct known_key k;

	memset(&k, 0, sizeof(k));
	snprintf(k.path, sizeof(k.path), "%s", path);
	k.size_bytes = size_bytes;
	memcpy(k.md5, md5, MODEL_MD5);
	return k;
}

bool model_knows(const struct model *m, const char *path, uint64_t size_bytes,
		 const unsigned char *md5)
{
	struct known_key k = known_key(path, size_bytes, md5);

	return map_get(m->known, &k, sizeof(k)) != NULL;
}

static int state_grow(struct model *m)
{
	struct state *p;
	size_t size = m->state_size ? m->state_size * 2 : 256;

	if (m->state_count < m->state_size)
		return 0;
	p = realloc(m->states, size * sizeof(*p));
	if (!p)
		return -ENOMEM;
	m->states = p;
	m->state_size = size;
	return 0;
}

int model_note(struct model *m, const char *what)
{
	struct state *s;
	int rc = state_grow(m);

	if (rc)
		return rc;
	s = &m->states[m->state_count];
	memset(s, 0, sizeof(*s));
	snprintf(s->what, sizeof(s->what), "%s", what);
	s->entries = malloc((m->node_count + 1) * sizeof(*s->entries));
	if (!s->entries)
		return -ENOMEM;
	s->count = m->node_count;
	for (size_t i = 0; !rc && i < m->node_count; i++) {
		const struct entry *e = &m->nodes[i].entry;
		struct known_key k = known_key(e->path, e->size_bytes, e->md5);

		s->entries[i] = *e;
		if (S_ISREG(e->mode))
			rc = map_put(m->known, &k, sizeof(k), m);
	}
	m->state_count++;
	return rc;
}

void model_done(struct model *m)
{
	m->states[m->state_count - 1].done_ns = clock_mono_ns();
	m->calls++;
}

void model_certify(struct model *m, int64_t at_ns, int64_t grace_ns)
{
	for (size_t i = m->certain; i < m->state_count; i++)
		if (m->states[i].done_ns &&
		    m->states[i].done_ns + grace_ns <= at_ns)
			m->certain = i;
}

/* Reading a mount. */

static int compare_nodes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return strcmp(x->entry.path, y->entry.path);
}

void model_sort(struct model *m)
{
	qsort(m->nodes, m->node_count, sizeof(*m->nodes), compare_nodes);
}

static int read_file(const char *path, struct node *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t at = 0;
	int rc = 0;

	if (fd < 0)
		return -errno;
	n->data = malloc(n->entry.size_bytes + 1);
	if (!n->data)
		rc = -ENOMEM;
	/* One byte more than it should have, so that a longer one shows. */
	while (!rc && at <= n->entry.size_bytes) {
		ssize_t got =
			read(fd, n->data + at, n->entry.size_bytes + 1 - at);

		if (got <= 0) {
			rc = got ? -errno : 0;
			break;
		}
		at += (uint64_t)got;
	}
	close(fd);
	n->entry.size_bytes = at;
	if (!rc)
		model_md5(n->data, at, n->entry.md5);
	return rc;
}

static int read_tree(struct model *m, const char *mnt, const char *dir)
{
	char full[PATH_MAX];
	struct dirent *d;
	struct stat st;
	int rc = 0;
	DIR *dp;

	snprintf(full, sizeof(full), "%s/%s", mnt, dir);
	dp = opendir(full);
	if (!dp)
		return -errno;
	while (!rc && (d = readdir(dp))) {
		struct node *n = &m->nodes[m->node_count];

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (m->node_count == MODEL_FILES) {
			rc = -E2BIG;
			break;
		}
		memset(n, 0, sizeof(*n));
		if ((size_t)snprintf(n->entry.path, sizeof(n->entry.path),
				     "%s/%s", dir,
				     d->d_name) >= sizeof(n->entry.path)) {
			rc = -ENAMETOOLONG;
			break;
		}
		m->node_count++;
		snprintf(full, sizeof(full), "%s/%s", mnt, n->entry.path);
		if (lstat(full, &st)) {
			rc = -errno;
			break;
		}
		n->entry.mode = st.st_mode;
		n->entry.size_bytes =
			S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
		if (S_ISDIR(st.st_mode))
			rc = read_tree(m, mnt, n->entry.path);
		else
			rc = read_file(full, n);
	}
	closedir(dp);
	return rc;
}

static bool entry_equal(const struct entry *a, const struct entry *b)
{
	return !strcmp(a->path, b->path) && a->mode == b->mode &&
	       a->size_bytes == b->size_bytes &&
	       (!S_ISREG(a->mode) || !memcmp(a->md5, b->md5, MODEL_MD5));
}

static bool state_equal(const struct model *m, const struct state *s)
{
	if (s->count != m->node_count)
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (!entry_equal(&s->entries[i], &m->nodes[i].entry))
			return false;
	return true;
}

/* The calls that had to do with a path. */
static void show_calls(const struct model *m, const char *path)
{
	for (size_t i = 0; i < m->state_count; i++)
		if (strstr(m->states[i].what, path))
			fprintf(stderr, "       state %zu: %s%s\n", i,
				m->states[i].what,
				m->states[i].done_ns ? ""
						     : " (did not return)");
}

static void show(char sign, const struct entry *e)
{
	fprintf(stderr, "   %c %s %06o %llu ", sign, e->path, e->mode,
		(unsigned long long)e->size_bytes);
	for (int i = 0; i < 4; i++)
		fprintf(stderr, "%02x", e->md5[i]);
	fputc('\n', stderr);
}

/* What a state has (-) and what is found (+). Both are sorted. */
static void show_difference(const struct model *m, const struct state *s)
{
	size_t i = 0, j = 0;

	while (i < s->count || j < m->node_count) {
		const struct entry *a = i < s->count ? &s->entries[i] : NULL;
		const struct entry *b =
			j < m->node_count ? &m->nodes[j].entry : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

		if (order == 0 && entry_equal(a, b)) {
			i++, j++;
			continue;
		}
		if (order <= 0)
			show('-', a), i++;
		if (order >= 0)
			show('+', b), j++;
		show_calls(m, order <= 0 ? a->path : b->path);
	}
}

static size_t difference(const struct model *m, const struct state *s)
{
	size_t i = 0, j = 0, count = 0;

	while (i < s->count && j < m->node_count) {
		int order = strcmp(s->entries[i].path, m->nodes[j].entry.path);

		if (order || !entry_equal(&s->entries[i], &m->nodes[j].entry))
			count++;
		i += order <= 0;
		j += order >= 0;
	}
	return count + (s->count - i) + (m->node_count - j);
}

static void complain(const struct model *m)
{
	size_t last = m->state_count - 1, best = last;

	for (size_t i = m->state_count; i-- > 0;)
		if (difference(m, &m->states[i]) <
		    difference(m, &m->states[best]))
			best = i;
	if (!difference(m, &m->states[best])) {
		fprintf(stderr,
			"%s: %zu states are lost: what is there is state %zu, "
			"%.0f ms before the certain state %zu (fsync: %zu)\n",
			m->config.top, m->certain - best, best,
			(double)(m->states[m->certain].done_ns -
				 m->states[best].done_ns) /
				1e6,
			m->certain, m->synced);
		for (size_t i = best; i <= m->certain; i++)
			fprintf(stderr, "       state %zu: %s\n", i,
				m->states[i].what);
		return;
	}
	fprintf(stderr,
		"%s: what is there was never so; states 0 to %zu, certain "
		"%zu; nearest is %zu (%s):\n",
		m->config.top, last, m->certain, best, m->states[best].what);
	show_difference(m, &m->states[best]);
}

int model_verify(struct model *m, const char *mnt, size_t *ret_behind)
{
	size_t newest = m->state_count - 1, i;
	int rc;

	drop_nodes(m);
	rc = read_tree(m, mnt, m->config.top);
	if (rc) {
		fprintf(stderr, "%s: cannot be read: %s\n", m->config.top,
			strerror(-rc));
		return rc;
	}
	model_sort(m);
	for (i = newest + 1; i-- > m->certain;)
		if (state_equal(m, &m->states[i]))
			break;
	if (i + 1 <= m->certain || i > newest) {
		complain(m);
		return -EUCLEAN;
	}
	*ret_behind = newest - i;
	drop_states(m);
	m->certain = m->synced = 0;
	m->error = 0;
	rc = model_note(m, "verified");
	if (!rc)
		model_done(m);
	return rc;
}
