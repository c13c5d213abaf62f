/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is not in the bucket as it is here is judged by what it will
 * have: as if it were sent now.
 */
#include "vers3/upkeep/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expiration.h"
#include "verdict.h"
#include "vers3/core/tagset.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/object/expire.h"
#include "vers3/object/object_meta.h"
#include "vers3/store/version_list.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/pool.h"

#define REASON_MAX   256
#define ANSWER_MAX   (8 << 20)
#define TAGS_AT_ONCE 8

struct explained {
	struct subject subject; /* borrows from here */
	char version_id[META_VERSION_MAX + 1];
	char storage_class[64];
	struct kvlist tags;
};

struct explain {
	struct mount *mount; /* borrowed, as path */
	const char *path;
	char key[META_KEY_MAX + 2]; /* whole */
	bool is_dir;
	bool expires; /* the next save is told of it (expire.h), */
	struct buf expire; /* and so */
	char base_key[META_KEY_MAX + 2]; /* of what the unsent is made of */
	unsigned unsent; /* 1: the first of the versions is what is here */
	struct rules rules;
	struct explained *versions; /* owned; EXPLAIN_VERSIONS + 1 */
	size_t count;
	bool more;
	int64_t above_ns; /* when what is above the next entry was made */
	uint64_t noncurrent; /* entries that are, so far */
	struct expiration server; /* what it says of the current version */
	struct buf *answer;
};

/* What is known here: whether it is a directory, and not in the bucket. */
static int look_here(struct explain *e)
{
	struct explained *v = &e->versions[0];
	struct meta_inode inode = {.flags = 0};
	struct meta_dirty dirty;
	char name[META_KEY_MAX + 2];
	uint64_t ino;
	int rc;

	snprintf(name, sizeof(name), "%s", e->path);
	rc = meta_lock(e->mount->meta);
	if (rc)
		return rc;
	rc = meta_resolve(e->mount->meta, e->path, &ino);
	if (!rc)
		rc = meta_inode_get(e->mount->meta, ino, &inode);
	if (!rc && S_ISDIR(inode.mode)) {
		e->is_dir = true;
		strcat(name, "/");
	}
	if (!rc)
		rc = meta_dirty_get(e->mount->meta, name, &dirty);
	e->unsent = !rc && (!e->is_dir || inode.flags & META_I_EXPLICIT);
	if (e->unsent && !e->is_dir)
		e->expires = !expire_known(e->mount, &inode, &e->expire);
	if (e->unsent)
		rc = object_meta_class(e->mount, &inode, v->storage_class,
				       sizeof(v->storage_class));
	meta_unlock(e->mount->meta);
	if (rc && rc != -ENOENT)
		return rc;
	if (e->is_dir)
		strcat(e->key, "/");
	if (!e->unsent)
		return 0;
	v->subject.kind = SUBJECT_CURRENT;
	v->subject.size_bytes = e->is_dir ? 0 : inode.size_bytes;
	v->subject.modified_ns = mount_server_now_ns(e->mount);
	e->count = 1;
	/* It takes the tags of the version that it is made of along. */
	if (!inode.base.key[0])
		return 0;
	snprintf(v->version_id, sizeof(v->version_id), "%s",
		 inode.base.version_id);
	return mount_key(e->mount, inode.base.key, e->base_key);
}

static void take_kind(struct explain *e, const struct store_entry *entry,
		      struct subject *s)
{
	bool marker = entry->kind == STORE_ENTRY_MARKER;

	if (entry->latest) {
		s->kind = marker ? SUBJECT_MARKER : SUBJECT_CURRENT;
		return;
	}
	s->kind = marker ? SUBJECT_OLD_MARKER : SUBJECT_NONCURRENT;
	s->newer = e->noncurrent++;
	s->noncurrent_ns = e->above_ns;
}

static int on_version(void *ctx, const struct store_entry *entry)
{
	struct explain *e = ctx;
	struct explained *v;

	/* Keys that only begin so come behind it. */
	if (entry->key_len != strlen(e->key)) {
		e->more = false;
		return -ECANCELED;
	}
	if (e->count == EXPLAIN_VERSIONS + e->unsent) {
		e->more = true;
		return -ECANCELED;
	}
	v = &e->versions[e->count++];
	take_kind(e, entry, &v->subject);
	v->subject.size_bytes = entry->size_bytes;
	v->subject.modified_ns = entry->last_modified_ns;
	snprintf(v->version_id, sizeof(v->version_id), "%s", entry->version_id);
	snprintf(v->storage_class, sizeof(v->storage_class), "%s",
		 entry->storage_class);
	e->above_ns = entry->last_modified_ns;
	return 0;
}

static int list_versions(struct explain *e)
{
	struct version_list list = {
		.prefix = e->key, .on_entry = on_version, .ctx = e};
	int rc = version_list(e->mount->store, &list);

	return rc == -ECANCELED ? 0 : rc;
}

/* Tags that cannot be read are not known; the verdicts say so. */
static int ask_tags(void *ctx, unsigned i)
{
	struct explain *e = ctx;
	struct explained *v = &e->versions[i];
	bool new = i == 0 && e->unsent;

	if (v->subject.kind == SUBJECT_MARKER ||
	    v->subject.kind == SUBJECT_OLD_MARKER || (new && !*e->base_key)) {
		v->subject.tags = &v->tags;
		return new && e->expires ? expire_put(&v->tags, e->expire.data)
					 : 0;
	}
	if (!tagset_get(e->mount->store, new ? e->base_key : e->key,
			*v->version_id ? v->version_id : NULL, &v->tags))
		v->subject.tags = &v->tags;
	return v->subject.tags && new && e->expires
		       ? expire_put(&v->tags, e->expire.data)
		       : 0;
}

static int ask_all_tags(struct explain *e)
{
	struct pool *pool;
	int rc = pool_new("explain-tags", TAGS_AT_ONCE, &pool);

	if (rc)
		return rc;
	rc = pool_each(pool, TAGS_AT_ONCE, (unsigned)e->count, ask_tags, e);
	pool_free(pool);
	return rc;
}

static int gather(struct explain *e, char *reason, size_t size)
{
	int rc = look_here(e);

	if (!rc)
		rc = rules_ask(e->mount->store, &e->rules, reason, size);
	if (!rc)
		rc = list_versions(e);
	for (size_t i = 0; i < e->count; i++) {
		e->versions[i].subject.key = e->key;
		e->versions[i].subject.storage_class =
			e->versions[i].storage_class;
		e->versions[i].subject.alone = e->count == 1;
	}
	if (!rc && verdicts_need_tags(&e->rules, e->key))
		rc = ask_all_tags(e);
	/* Where there is no current version there is nothing to ask. */
	if (!rc && e->count > e->unsent &&
	    e->versions[e->unsent].subject.kind == SUBJECT_CURRENT)
		rc = expiration_ask(e->mount->store, e->key, &e->server);
	return rc;
}

/* "2026-12-06T00:00:00Z expire RULE" */
static int write_act(const struct verdict *v, const char *name,
		     struct buf *answer)
{
	char when[32];
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	clock_format_iso8601(v->when_ns, when, sizeof(when));
	rc = buf_printf(&text, "%s ", when);
	if (!rc)
		rc = verdict_write_action(v, &text);
	if (!rc)
		rc = buf_printf(&text, " %s", v->rule->id);
	if (!rc)
		rc = gitconfig_value(answer, name, text.data);
	buf_release(&text);
	return rc;
}

static int write_idle(const struct verdict *v, const struct subject *s,
		      struct buf *answer)
{
	struct buf text;
	int rc;

	buf_init(&text, 16384);
	rc = buf_printf(&text, "%s: ", v->rule->id);
	if (!rc)
		rc = verdict_write_why(v, s, &text);
	if (!rc)
		rc = gitconfig_value(answer, "idle", text.data);
	buf_release(&text);
	return rc;
}

static int write_verdicts(const struct explain *e, const struct subject *s,
			  struct verdicts *list)
{
	const struct verdict *first;
	int rc = verdicts_judge(&e->rules, s, list);

	if (rc)
		return rc;
	first = verdicts_first(list);
	rc = first ? write_act(first, "next", e->answer)
		   : gitconfig_value(e->answer, "next", "never");
	for (size_t i = 0; !rc && i < list->count; i++) {
		const struct verdict *v = &list->items[i];

		rc = v->why == VERDICT_ACTS ? write_act(v, "acts", e->answer)
					    : write_idle(v, s, e->answer);
	}
	return rc;
}

static int write_version(const struct explain *e, size_t i,
			 struct verdicts *list)
{
	static const char *const states[] = {
		[SUBJECT_CURRENT] = "current",
		[SUBJECT_NONCURRENT] = "noncurrent",
		[SUBJECT_MARKER] = "deleted",
		[SUBJECT_OLD_MARKER] = "noncurrentMarker",
	};
	const struct explained *v = &e->versions[i];
	const struct subject *s = &v->subject;
	bool new = i == 0 && e->unsent;
	bool marker =
		s->kind == SUBJECT_MARKER || s->kind == SUBJECT_OLD_MARKER;
	int rc = gitconfig_section(e->answer, "version",
				   new ? "unsent" : v->version_id);

	if (!rc)
		rc = gitconfig_value(e->answer, "state",
				     new ? "unsent" : states[s->kind]);
	if (!rc && !new)
		rc = gitconfig_time(e->answer, "time", s->modified_ns);
	if (!rc && s->noncurrent_ns)
		rc = gitconfig_time(e->answer, "since", s->noncurrent_ns);
	if (!rc && !marker)
		rc = gitconfig_number(e->answer, "size",
				      (int64_t)s->size_bytes);
	if (!rc && !marker)
		rc = gitconfig_value(e->answer, "storageClass",
				     *s->storage_class ? s->storage_class
						       : "STANDARD");
	return rc ? rc : write_verdicts(e, s, list);
}

/* By what a version expires, in list; NULL: by nothing. 0 or -errno. */
static int find_expiry(const struct explain *e, size_t i, struct verdicts *list,
		       const struct verdict **ret)
{
	int rc = verdicts_judge(&e->rules, &e->versions[i].subject, list);

	*ret = NULL;
	for (size_t k = 0; !rc && k < list->count; k++)
		if (list->items[k].why == VERDICT_ACTS &&
		    list->items[k].action == VERDICT_EXPIRE)
			*ret = &list->items[k];
	return rc;
}

/* Those below the current version have one more above them when it expires. */
static int push_older(const struct explain *e, struct verdicts *list)
{
	const struct verdict *expires = NULL;
	int rc = 0;

	if (e->count && !e->unsent && e->mount->config.versioned)
		rc = find_expiry(e, 0, list, &expires);
	for (size_t i = 1; expires && i < e->count; i++)
		e->versions[i].subject.pushed_ns = expires->when_ns;
	return rc;
}

/* What the server says of the current version, beside what is judged here. */
static int write_server(const struct explain *e, struct verdicts *list)
{
	const struct verdict *own = NULL;
	int rc = 0;

	if (!e->server.when_ns)
		return 0;
	rc = find_expiry(e, e->unsent, list, &own);
	if (!rc)
		rc = gitconfig_time(e->answer, "serverExpires",
				    e->server.when_ns);
	if (!rc)
		rc = gitconfig_value(e->answer, "serverRule", e->server.rule);
	if (!rc)
		rc = gitconfig_bool(e->answer, "serverAgrees",
				    own && own->when_ns == e->server.when_ns &&
					    !strcmp(own->rule->id,
						    e->server.rule));
	return rc;
}

static int write_answer(const struct explain *e)
{
	struct verdicts list = {.items = NULL};
	int rc = gitconfig_section(e->answer, "file", NULL);

	if (!rc)
		rc = gitconfig_value(e->answer, "path",
				     *e->path ? e->path : "/");
	if (!rc)
		rc = gitconfig_value(e->answer, "key", e->key);
	if (!rc)
		rc = gitconfig_bool(e->answer, "directory", e->is_dir);
	if (!rc)
		rc = gitconfig_number(e->answer, "ruleCount",
				      (int64_t)e->rules.lifecycle.count);
	if (!rc)
		rc = gitconfig_bool(e->answer, "more", e->more);
	if (!rc)
		rc = write_server(e, &list);
	if (!rc)
		rc = push_older(e, &list);
	for (size_t i = 0; !rc && i < e->count; i++)
		rc = write_version(e, i, &list);
	verdicts_release(&list);
	return rc;
}

static int explain(struct explain *e, char *reason, size_t size)
{
	int rc = gather(e, reason, size);

	if (rc)
		return rc;
	if (e->count)
		return write_answer(e);
	snprintf(reason, size,
		 e->is_dir ? "a directory without an object of its own, so no "
			     "rule takes it; what is in it is taken file by "
			     "file"
			   : "there is no such file, and no version of one");
	return -ENOENT;
}

int lifecycle_explain(struct mount *mount, const char *path, struct buf *answer)
{
	struct explain e = {.mount = mount, .path = path};
	char reason[REASON_MAX] = "";
	struct buf text;
	int rc = mount_key(mount, path, e.key);

	buf_init(&text, ANSWER_MAX);
	buf_init(&e.expire, EXPIRE_TEXT_MAX);
	e.answer = &text;

	e.versions = calloc(EXPLAIN_VERSIONS + 1, sizeof(*e.versions));
	if (!rc && !e.versions)
		rc = -ENOMEM;
	for (size_t i = 0; e.versions && i <= EXPLAIN_VERSIONS; i++)
		kvlist_init(&e.versions[i].tags);
	if (!rc)
		rc = explain(&e, reason, sizeof(reason));
	if (!rc)
		rc = buf_add(answer, text.data, text.len);
	else
		rc = gitconfig_say(answer, rc, *path ? path : "/",
				   *reason ? reason : errtext(rc));
	buf_release(&e.expire);
	buf_release(&text);
	for (size_t i = 0; e.versions && i <= EXPLAIN_VERSIONS; i++)
		kvlist_release(&e.versions[i].tags);
	free(e.versions);
	rules_release(&e.rules);
	return rc;
}
