/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two mounts of one bucket, each with a cache of its own, and a third writer
 * that speaks S3: they write, delete, rename and chmod the same few names,
 * while the mounts are killed and frozen and the server refuses requests. At
 * the end of each round all is sent, and the bucket's whole history and the
 * conflicts that the mounts list are judged:
 *
 * - what fsync promised is a version of its name;
 * - a delete marker of a mount stands on nothing that had not been there yet
 *   when the delete was asked for, or that came between the look before it and
 *   the request (where the server takes no conditions, or a freeze was there);
 * - a version of others that a mount has put its own on top of is one that
 *   was there when the change was made, or is listed as a conflict, or came
 *   within ttl to a mount that was killed;
 * - a name that a mount said was not there was not in the bucket for longer
 *   than ttl, unless the mount itself had just taken it away;
 * - both mounts and the bucket show the same.
 *
 * The list holds the last hundred conflicts only: where a mount has counted
 * more, what is not listed is not judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "proxy.h"
#include "rig.h"
#include "vers3/store/list.h"
#include "vers3/util/clock.h"

#define MOUNTS	  2
#define OTHERS	  MOUNTS /* the third writer's number */
#define NAMES	  8
#define CALLS	  150
#define BODY_MAX  20000
#define TTL_MS	  1100
#define LISTED	  100 /* conflicts that the control file keeps */
#define AGE_NS	  (1500 * NS_PER_MS) /* ttl=1, and the way to the server */
#define OWN_NS	  (5 * NS_PER_S) /* for a delete to reach the bucket */
#define DELETE_NS (500 * NS_PER_MS) /* between a look and its delete */
#define CLOCK_NS  (20 * NS_PER_MS) /* of the server's own dates */
#define ID_MAX	  128

enum what {
	WRITE,
	DELETE,
	RENAME_FROM,
	RENAME_TO,
	CHMOD,
	MISSED, /* it was not there */
};

struct call {
	unsigned who, name;
	enum what what;
	int64_t begin_ns, end_ns; /* realtime */
};

/* A content that was written once. */
struct text {
	unsigned who, name;
	char etag[2 * MODEL_MD5 + 1];
	bool synced;
};

struct version {
	unsigned name;
	char id[ID_MAX], etag[80];
	int64_t at_ns;
	bool marker;
};

struct side {
	struct daemon d;
	char cache[256];
	bool frozen;
	bool killed; /* in this round */
	int64_t thaw_ns; /* monotonic */
	int64_t froze_ns; /* how long it was, at the most */
	uint64_t conflicts;
	char listed[LISTED][ID_MAX]; /* versions of others */
	unsigned listed_count;
};

struct world {
	struct rig *r;
	struct proxy p;
	struct side sides[MOUNTS];
	char names[NAMES][32];
	struct call calls[4 * CALLS];
	struct text texts[CALLS];
	struct version *versions; /* owned; a name's newest first */
	size_t version_count, version_size;
	char theirs[CALLS][ID_MAX]; /* the third writer's markers */
	unsigned call_count, text_count, their_count, round;
	unsigned kills, freezes, in_window, listed;
	int bad;
};

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

static const struct text *text_of(const struct world *w, const char *etag)
{
	for (unsigned i = 0; i < w->text_count; i++)
		if (!strcmp(w->texts[i].etag, etag))
			return &w->texts[i];
	return NULL;
}

/* Whether who changed the name like that, between two moments. */
static bool called(const struct world *w, unsigned who, unsigned name,
		   bool deletes, int64_t from_ns, int64_t to_ns)
{
	for (unsigned i = 0; i < w->call_count; i++) {
		const struct call *c = &w->calls[i];
		bool is_delete = c->what == DELETE || c->what == RENAME_FROM;

		if (c->who == who && c->name == name && c->what != MISSED &&
		    is_delete == deletes && c->end_ns >= from_ns &&
		    c->begin_ns <= to_ns)
			return true;
	}
	return false;
}

static bool is_theirs(const struct world *w, const struct version *v)
{
	for (unsigned i = 0; i < w->their_count; i++)
		if (!strcmp(w->theirs[i], v->id))
			return true;
	return false;
}

/* All that is known of a name, for whoever looks for the cause. */
static void tell(const struct world *w, unsigned name)
{
	static const char *const words[] = {"write",	   "delete",
					    "rename from", "rename to",
					    "chmod",	   "missed"};
	const struct call *c;
	int64_t from_ns = w->calls[0].begin_ns;

	for (c = w->calls; c < w->calls + w->call_count; c++)
		if (c->name == name)
			fprintf(stderr, "  %.3f to %.3f s: %u %s\n",
				(double)(c->begin_ns - from_ns) / 1e9,
				(double)(c->end_ns - from_ns) / 1e9, c->who,
				words[c->what]);
	for (size_t n = 0; n < w->version_count; n++) {
		const struct version *v = &w->versions[n];
		const struct text *t = text_of(w, v->etag);

		if (v->name == name)
			fprintf(stderr, "  %.3f s: %s %s %s of %d\n",
				(double)(v->at_ns - from_ns) / 1e9,
				v->marker ? "marker" : "version", v->id,
				v->etag, t ? (int)t->who : -1);
	}
}

static void blame(struct world *w, const struct version *v,
		  const struct version *under, const char *what)
{
	const struct text *t = text_of(w, under->etag);

	fprintf(stderr, "round %u: %s %s of %s by %s, %.3f s old: %s %s\n",
		w->round, w->names[v->name], under->id, under->etag,
		!t		       ? "nobody"
		: t->who == OTHERS     ? "the third"
		: t->who == MOUNTS - 1 ? "the second"
				       : "the first",
		(double)(v->at_ns - under->at_ns) / 1e9, what, v->id);
	tell(w, v->name);
	w->bad++;
}

/* A mount's delete: of something that was there when it was asked for. */
static void judge_marker(struct world *w, const struct version *v,
			 const struct version *under)
{
	const struct text *t = text_of(w, under->etag);

	for (unsigned i = 0; i < MOUNTS; i++) {
		if (called(w, i, v->name, true, under->at_ns - CLOCK_NS,
			   v->at_ns + CLOCK_NS))
			return;
		/* Its own, sent after the file was deleted here. */
		if (t && t->who == i &&
		    called(w, i, v->name, true, 0, v->at_ns + CLOCK_NS))
			return;
	}
	for (unsigned i = 0; i < MOUNTS; i++) {
		if (v->at_ns - under->at_ns > DELETE_NS + w->sides[i].froze_ns)
			continue;
		w->in_window++;
		return;
	}
	blame(w, v, under, "is taken away by");
}

static bool is_listed(const struct world *w, unsigned i, const char *id)
{
	const struct side *s = &w->sides[i];

	for (unsigned n = 0; n < s->listed_count; n++)
		if (!strcmp(s->listed[n], id))
			return true;
	return s->conflicts > LISTED;
}

/* Whether a version is the first one of its name that holds its content. */
static bool is_first(const struct world *w, const struct version *v)
{
	const struct version *end = w->versions + w->version_count;

	for (const struct version *o = v + 1; o < end && o->name == v->name;
	     o++)
		if (!strcmp(o->etag, v->etag))
			return false;
	return true;
}

/* Whether a mount may have made it: by a write, or a copy of any content. */
static bool may_be_of(const struct world *w, unsigned who,
		      const struct version *v, const struct text *t)
{
	if (t->name == v->name && is_first(w, v))
		return t->who == who;
	for (unsigned i = 0; i < w->call_count; i++) {
		const struct call *c = &w->calls[i];

		if (c->who == who && c->name == v->name &&
		    (c->what == RENAME_TO || c->what == CHMOD) &&
		    c->begin_ns <= v->at_ns + CLOCK_NS)
			return true;
	}
	return t->who == who;
}

/* What a mount did not see had not been there for long. */
static void judge_missed(struct world *w, const struct call *c)
{
	int64_t from_ns = c->begin_ns - AGE_NS - w->sides[c->who].froze_ns;
	const struct version *end = w->versions + w->version_count;

	if (called(w, c->who, c->name, true, c->begin_ns - OWN_NS, c->end_ns))
		return;
	for (const struct version *v = w->versions; v < end; v++) {
		if (v->name != c->name || v->at_ns > c->end_ns + CLOCK_NS)
			continue;
		if (v->marker)
			return;
		if (v->at_ns > from_ns)
			continue;
		fprintf(stderr,
			"round %u: %s %s of %.3f s was not there for %s\n",
			w->round, w->names[v->name], v->id,
			(double)(c->begin_ns - v->at_ns) / 1e9,
			c->who ? "the second" : "the first");
		tell(w, v->name);
		w->bad++;
		return;
	}
}

/* Whether a mount may put its own on top of this, unlisted or not. */
static bool is_fair(struct world *w, unsigned who, const struct version *v,
		    const struct version *under)
{
	const struct text *t = text_of(w, under->etag);

	if (t && t->who == who)
		return true;
	if (is_listed(w, who, under->id)) {
		w->listed++;
		return true;
	}
	if (called(w, who, v->name, false, under->at_ns - CLOCK_NS,
		   v->at_ns + CLOCK_NS))
		return true;
	/* A kill may take the knowledge of what a request had met. */
	if (!w->sides[who].killed ||
	    v->at_ns - under->at_ns > AGE_NS + w->sides[who].froze_ns)
		return false;
	w->in_window++;
	return true;
}

/* A version on top of one that somebody else has written. */
static void judge_version(struct world *w, const struct version *v,
			  const struct version *under)
{
	const struct text *t = text_of(w, v->etag);
	bool by_mount = false;

	for (unsigned i = 0; t && i < MOUNTS; i++) {
		if (!may_be_of(w, i, v, t))
			continue;
		by_mount = true;
		if (is_fair(w, i, v, under))
			return;
	}
	if (by_mount)
		blame(w, v, under, "is not listed, under");
	else if (!t)
		blame(w, v, under, "is under what nobody wrote:");
}

static void judge_history(struct world *w)
{
	for (unsigned i = 0; i < w->text_count; i++) {
		const struct text *t = &w->texts[i];
		bool found = !t->synced;

		for (size_t n = 0; !found && n < w->version_count; n++)
			found = w->versions[n].name == t->name &&
				!strcmp(w->versions[n].etag, t->etag);
		if (found)
			continue;
		fprintf(stderr, "round %u: %s of %s was promised\n", w->round,
			t->etag, w->names[t->name]);
		w->bad++;
	}
	for (unsigned i = 0; i < w->call_count; i++)
		if (w->calls[i].what == MISSED)
			judge_missed(w, &w->calls[i]);
	for (size_t n = 0; n + 1 < w->version_count; n++) {
		const struct version *v = &w->versions[n], *under = v + 1;

		if (under->name != v->name || under->marker)
			continue;
		if (v->marker && !is_theirs(w, v))
			judge_marker(w, v, under);
		else if (!v->marker)
			judge_version(w, v, under);
	}
}

/* The MD5 of what a mount shows; "" : nothing. */
static void shown(struct world *w, unsigned who, unsigned name, char *etag)
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	char body[BODY_MAX], path[512];
	ssize_t size;
	int fd;

	*etag = '\0';
	path_of(w, who, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	size = fd < 0 ? -1 : read(fd, body, sizeof(body));
	if (fd >= 0)
		close(fd);
	if (size < 0) {
		strcpy(etag, "unreadable");
		return;
	}
	EVP_Digest(body, (size_t)size, md5, NULL, EVP_md5(), NULL);
	for (unsigned i = 0; i < MODEL_MD5; i++)
		sprintf(etag + 2 * i, "%02x", md5[i]);
}

static void judge_end(struct world *w)
{
	char etag[2 * MODEL_MD5 + 16];

	for (unsigned name = 0; name < NAMES; name++) {
		const char *holds = "";

		for (size_t n = 0; n < w->version_count; n++) {
			if (w->versions[n].name != name)
				continue;
			holds = w->versions[n].etag;
			break;
		}
		for (unsigned i = 0; i < MOUNTS; i++) {
			shown(w, i, name, etag);
			if (!strcmp(etag, holds))
				continue;
			fprintf(stderr,
				"round %u: mount %u shows '%s' of %s, "
				"the bucket '%s'\n",
				w->round, i, etag, w->names[name], holds);
			w->bad++;
		}
	}
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
