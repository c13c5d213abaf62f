/* SPDX-License-Identifier: Apache-2.0 */
#include "expired.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_config.h"
#include "control_state.h"
#include "dir_impl.h"
#include "outage.h"
#include "taken.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/util/log.h"
#include "vers3/vfs/journal.h"
#include "vers3/vfs/mount.h"
#include "vers3/vfs/syncer.h"

#define DOCUMENT_MAX (4 << 20)

void expired_note(struct vfs *v, const struct meta_inode *in, const char *path)
{
	struct expired_list *l = &v->dirs->expired;
	struct expired e = {.ino = in->ino};

	if (v->config.read_only)
		return;
	/* What was saved here was written when, or after, it was changed. */
	e.written_ns = in->base.last_modified_ns ? in->base.last_modified_ns
						 : in->ctime_ns;
	pthread_mutex_lock(&v->dirs->mutex);
	if (l->count < EXPIRED_MAX)
		e.path = strdup(path);
	if (e.path)
		l->items[l->count++] = e;
	pthread_mutex_unlock(&v->dirs->mutex);
}

/* As they are known, at most ttl old. -ENODATA: there are none. */
static int ask_rules(struct vfs *v, struct lifecycle *ret)
{
	char reason[CONTROL_REASON_MAX];
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	rc = bucket_config_get(v->bucket, BUCKET_LIFECYCLE, &doc, reason,
			       sizeof(reason));
	if (!rc)
		rc = doc.len ? lifecycle_parse(doc.data, doc.len, ret)
			     : -ENODATA;
	buf_release(&doc);
	return rc;
}

/* Whether a rule for what is in the directory was to take it by now. */
static bool is_by_rule(struct vfs *v, const struct lifecycle *rules,
		       const struct expired *e)
{
	char key[META_KEY_MAX + 2];
	struct lifecycle_fate fate;

	if (mount_key(v, e->path, key))
		return false;
	strcat(key, "/");
	lifecycle_fate(rules, key, NULL, 0, e->written_ns, &fate);
	return fate.expire_rule && !strcmp(fate.expire_rule->prefix, key) &&
	       fate.expire_ns <= mount_server_now_ns(v);
}

/* Others have files in the directory: it is there, without its object. */
static int object_back(struct vfs *v, struct meta_inode *in, const char *path)
{
	char key[META_KEY_MAX + 2];
	int rc = meta_path(v->meta, in->ino, NULL, key);

	if (rc || strcmp(key, path) != 0 || (in->flags & META_I_EXPLICIT))
		return -ESTALE;
	strcat(key, "/");
	rc = journal_mark(v->journal, key, NULL, v->config.commit_ns);
	if (rc)
		return rc;
	in->flags |= META_I_EXPLICIT;
	memset(&in->base, 0, sizeof(in->base));
	return meta_inode_put(v->meta, in);
}

static void give_back(struct vfs *v, const struct expired *e)
{
	struct meta_inode in;
	int rc = meta_lock(v->meta);

	if (rc)
		return;
	rc = meta_inode_get(v->meta, e->ino, &in);
	if (!rc)
		rc = in.nlink ? object_back(v, &in, e->path)
			      : taken_back(v, &in, 0);
	meta_unlock(v->meta);
	if (!rc)
		log_info("a rule has removed the object of directory %s: it is "
			 "made again",
			 e->path);
}

/* For the next list: nobody could tell the rules just now. */
static void keep(struct vfs *v, struct expired *e)
{
	struct expired_list *l = &v->dirs->expired;

	pthread_mutex_lock(&v->dirs->mutex);
	if (l->count < EXPIRED_MAX) {
		l->items[l->count++] = *e;
		e->path = NULL;
	}
	pthread_mutex_unlock(&v->dirs->mutex);
}

void expired_back(struct vfs *v)
{
	struct expired_list l;
	struct lifecycle rules;
	bool any;
	int rc;

	pthread_mutex_lock(&v->dirs->mutex);
	any = v->dirs->expired.count;
	pthread_mutex_unlock(&v->dirs->mutex);
	/* As it is now: it may be mounted for reading since (remount). */
	if (!any || !mount_takes_changes(v))
		return;
	pthread_mutex_lock(&v->dirs->mutex);
	l = v->dirs->expired;
	v->dirs->expired.count = 0;
	pthread_mutex_unlock(&v->dirs->mutex);
	rc = l.count ? ask_rules(v, &rules) : -ENODATA;
	for (size_t i = 0; i < l.count; i++) {
		if (!rc && is_by_rule(v, &rules, &l.items[i]))
			give_back(v, &l.items[i]);
		else if (outage_is_sign(rc))
			keep(v, &l.items[i]);
		free(l.items[i].path);
	}
	if (!rc)
		lifecycle_release(&rules);
}
