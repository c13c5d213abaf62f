/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two mounts of one bucket, each with a cache of its own, and a third writer
 * that speaks S3: they write, delete, rename and chmod the same few names,
 * while the mounts are killed and frozen and the server refuses requests. At
 * the end of each round all is sent, and the bucket's whole history and the
 * conflicts that the mounts list are judged (mounts_judge.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "mounts.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"

#define TTL_MS 1100

static uint64_t below(struct world *w, uint64_t limit)
{
	return model_random(&w->r->models[0], limit);
}

static void note_call(struct world *w, unsigned who, unsigned name,
		      enum what what, int64_t begin_ns)
{
	w->calls[w->call_count++] =
		(struct call){who, name, what, begin_ns, clock_real_ns()};
}

static void path_of(struct world *w, unsigned who, unsigned name, char *path)
{
	snprintf(path, 512, "%s/%s", w->sides[who].d.mnt, w->names[name]);
}

static struct text *new_text(struct world *w, unsigned who, unsigned name,
			     char *body, size_t *ret_size)
{
	struct text *t = &w->texts[w->text_count++];
	size_t size = 40 + below(w, BODY_MAX - 40);
	unsigned char md5[EVP_MAX_MD_SIZE];

	memset(body, '.', size);
	snprintf(body, 40, "%u %u %u %llu", w->round, w->text_count, who,
		 (unsigned long long)w->r->options.seed);
	EVP_Digest(body, size, md5, NULL, EVP_md5(), NULL);
	*t = (struct text){.who = who, .name = name};
	for (unsigned i = 0; i < MODEL_MD5; i++)
		sprintf(t->etag + 2 * i, "%02x", md5[i]);
	*ret_size = size;
	return t;
}

static void write_here(struct world *w, unsigned who, unsigned name)
{
	char body[BODY_MAX], path[512];
	size_t size;
	struct text *t = new_text(w, who, name, body, &size);
	bool whole, sync = below(w, 3) == 0;
	int64_t begin_ns = clock_real_ns();
	int fd;

	path_of(w, who, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	whole = write(fd, body, size) == (ssize_t)size;
	t->synced = sync && whole && !fsync(fd);
	close(fd);
	note_call(w, who, name, WRITE, begin_ns);
}

static void change_here(struct world *w, unsigned who, unsigned name)
{
	char path[512], to[512];
	unsigned other = (unsigned)below(w, NAMES);
	int64_t begin_ns = clock_real_ns();

	path_of(w, who, name, path);
	path_of(w, who, other, to);
	errno = 0;
	switch (below(w, 4)) {
	case 0:
	case 1:
		if (!unlink(path))
			note_call(w, who, name, DELETE, begin_ns);
		break;
	case 2:
		if (other == name || rename(path, to))
			break;
		note_call(w, who, name, RENAME_FROM, begin_ns);
		note_call(w, who, other, RENAME_TO, begin_ns);
		break;
	default:
		if (!chmod(path, who ? 0600 : 0640))
			note_call(w, who, name, CHMOD, begin_ns);
	}
	if (errno == ENOENT)
		note_call(w, who, name, MISSED, begin_ns);
}

static void change_there(struct world *w, unsigned name)
{
	char body[BODY_MAX];
	struct store_request q;
	bool remove = below(w, 4) == 0;
	size_t size;

	store_request_init(&q, remove ? STORE_DELETE : STORE_PUT);
	q.key = w->names[name];
	if (!remove) {
		new_text(w, OTHERS, name, body, &size);
		q.body.mem = body;
		q.body.length = size;
	}
	if (store_call(w->r->store, &q))
		fprintf(stderr, "the third writer is refused\n");
	else if (remove && q.reply.object.version_id)
		snprintf(w->theirs[w->their_count++], ID_MAX, "%s",
			 q.reply.object.version_id);
	store_request_release(&q);
}

static int mount_side(struct world *w, unsigned i)
{
	static const char *const options[] = {"ttl=1,commit=0",
					      "ttl=1,commit=1"};
	struct side *s = &w->sides[i];
	int rc = -EIO;

	for (int tries = 0; rc && tries < 5; tries++)
		rc = rig_mount(w->r, &s->d, w->p.url, s->cache,
			       options[below(w, 2)]);
	return rc;
}

static void thaw(struct side *s)
{
	if (s->frozen)
		kill(s->d.pid, SIGCONT);
	s->frozen = false;
}

/* Trouble for one of the mounts, or from the server. */
static int trouble(struct world *w, unsigned i)
{
	struct side *s = &w->sides[i];
	int64_t ns;

	switch (below(w, 5)) {
	case 0:
		thaw(s);
		rig_kill(&s->d);
		s->killed = true;
		w->kills++;
		/* The others go on without it. */
		for (unsigned n = (unsigned)below(w, 4); n; n--)
			change_there(w, (unsigned)below(w, NAMES));
		return mount_side(w, i);
	case 1:
	case 2:
		ns = (int64_t)(300 + below(w, 1500)) * NS_PER_MS;
		if (s->frozen)
			return 0;
		kill(s->d.pid, SIGSTOP);
		s->frozen = true;
		s->thaw_ns = clock_mono_ns() + ns;
		s->froze_ns = ns > s->froze_ns ? ns : s->froze_ns;
		w->freezes++;
		return 0;
	case 3:
		return proxy_fault(&w->p, "slowdown pct=20");
	default:
		return proxy_fault(&w->p, "none");
	}
}

static int work(struct world *w)
{
	int rc = 0;

	for (unsigned n = 0; !rc && n < CALLS; n++) {
		unsigned who = (unsigned)below(w, MOUNTS + 1);
		unsigned name = (unsigned)below(w, NAMES);

		for (unsigned i = 0; i < MOUNTS; i++)
			if (clock_mono_ns() >= w->sides[i].thaw_ns)
				thaw(&w->sides[i]);
		if (below(w, 12) == 0)
			rc = trouble(w, (unsigned)below(w, MOUNTS));
		else if (who == OTHERS)
			change_there(w, name);
		else if (w->sides[who].frozen)
			rig_sleep_ms(20);
		else if (below(w, 2))
			write_here(w, who, name);
		else
			change_here(w, who, name);
		rig_sleep_ms(below(w, 120));
	}
	for (unsigned i = 0; i < MOUNTS; i++)
		thaw(&w->sides[i]);
	return rc ? rc : proxy_fault(&w->p, "none");
}

static int add_version(void *ctx, const struct store_entry *e)
{
	struct world *w = ctx;
	struct version *v;

	if (e->kind != STORE_ENTRY_VERSION && e->kind != STORE_ENTRY_MARKER)
		return 0;
	for (unsigned i = 0; i < NAMES; i++) {
		if (strcmp(e->key, w->names[i]))
			continue;
		if (w->version_count == w->version_size) {
			size_t size =
				w->version_size ? w->version_size * 2 : 1024;

			v = realloc(w->versions, size * sizeof(*v));
			if (!v)
				return -ENOMEM;
			w->versions = v;
			w->version_size = size;
		}
		v = &w->versions[w->version_count++];
		*v = (struct version){.name = i,
				      .at_ns = e->last_modified_ns,
				      .marker = e->kind == STORE_ENTRY_MARKER};
		snprintf(v->id, sizeof(v->id), "%s", e->version_id);
		snprintf(v->etag, sizeof(v->etag), "%s", e->etag);
	}
	return 0;
}

static int read_history(struct world *w)
{
	char prefix[32];
	struct store_list l;
	int rc;

	snprintf(prefix, sizeof(prefix), "r%u-", w->round);
	w->version_count = 0;
	store_list_init(&l, STORE_LIST_VERSIONS, prefix, NULL);
	l.on_entry = add_version;
	l.ctx = w;
	do
		rc = store_list_page(w->r->store, &l);
	while (!rc && l.more);
	store_list_release(&l);
	return rc;
}

/* What a mount's control file lists. */
static int read_conflicts(struct side *s)
{
	char path[512], line[2048], id[ID_MAX];
	unsigned long long count;
	FILE *f;

	snprintf(path, sizeof(path), "%s/.control", s->d.mnt);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	s->listed_count = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " theirs = \"%127[^\"\n]", id) == 1 ||
		    sscanf(line, " theirs = %127s", id) == 1)
			if (s->listed_count < LISTED)
				strcpy(s->listed[s->listed_count++], id);
		if (!strncmp(line, "[conflicts]", 11) &&
		    fgets(line, sizeof(line), f) &&
		    sscanf(line, " count = %llu", &count) == 1)
			s->conflicts = count;
	}
	fclose(f);
	return 0;
}

static int one_round(struct world *w)
{
	int rc = 0, bad = w->bad;

	w->call_count = w->text_count = w->their_count = 0;
	for (unsigned i = 0; i < NAMES; i++)
		snprintf(w->names[i], sizeof(w->names[i]), "r%u-%u", w->round,
			 i);
	for (unsigned i = 0; !rc && i < MOUNTS; i++) {
		struct side *s = &w->sides[i];

		s->froze_ns = s->thaw_ns = 0;
		s->killed = false;
		rig_remove(s->cache); /* a list of conflicts of its own */
		rc = mount_side(w, i);
	}
	if (!rc)
		rc = work(w);
	for (unsigned i = 0; !rc && i < MOUNTS; i++)
		rc = rig_unmount(&w->sides[i].d);
	for (unsigned i = 0; !rc && i < MOUNTS; i++) {
		rc = mount_side(w, i);
		if (!rc)
			rc = read_conflicts(&w->sides[i]);
	}
	if (!rc)
		rc = read_history(w);
	if (!rc) {
		rig_sleep_ms(TTL_MS); /* what they knew before is old */
		judge_history(w);
		judge_end(w);
	}
	for (unsigned i = 0; !rc && i < MOUNTS; i++)
		rc = rig_unmount(&w->sides[i].d);
	if (rc)
		fprintf(stderr, "round %u: %s\n", w->round, strerror(-rc));
	printf("round %u: %u calls, %zu versions, conflicts %llu and %llu%s\n",
	       w->round, w->call_count, w->version_count,
	       (unsigned long long)w->sides[0].conflicts,
	       (unsigned long long)w->sides[1].conflicts,
	       w->bad > bad ? ": WRONG" : "");
	fflush(stdout);
	return rc;
}

static void world_release(struct world *w)
{
	proxy_stop(&w->p);
	for (unsigned i = 0; i < MOUNTS; i++) {
		thaw(&w->sides[i]);
		if (w->sides[i].d.pid)
			rig_kill(&w->sides[i].d);
	}
	free(w->versions);
}

int main(int argc, char **argv)
{
	static struct world w;
	struct rig r;
	uint64_t calls = 0, versions = 0;
	int rc = 0;

	rig_init(&r, argc, argv, 2);
	w.r = &r;
	rc = proxy_start(&w.p, &r);
	if (rc)
		return rc;
	for (unsigned i = 0; i < MOUNTS; i++) {
		struct side *s = &w.sides[i];

		snprintf(s->d.mnt, sizeof(s->d.mnt), "%s/mnt%u", r.work, i);
		snprintf(s->d.log, sizeof(s->d.log), "%s/vers3-%u.log", r.work,
			 i);
		snprintf(s->cache, sizeof(s->cache), "%s/cache%u", r.work, i);
		mkdir(s->d.mnt, 0755);
	}
	for (; !rc && w.round < r.options.rounds; w.round++) {
		rc = one_round(&w);
		calls += w.call_count;
		versions += w.version_count;
	}
	printf("%s: %u rounds, %llu calls, %llu versions, %u kills, %u "
	       "freezes, %u conflicts judged, %u in the open time, %d wrong\n",
	       rc || w.bad ? "FAIL" : "PASS", w.round,
	       (unsigned long long)calls, (unsigned long long)versions, w.kills,
	       w.freezes, w.listed, w.in_window, w.bad);
	world_release(&w);
	rig_release(&r);
	return rc || w.bad ? 1 : 0;
}
