/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes these records, makes the fingerprints of parts, and finds
 * the uploads that nobody wants any more.
 */
#include "upload_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "syncer_impl.h"
#include "vers3/meta/extent.h"
#include "vers3/meta/record.h"
#include "vers3/tree/file_snapshot.h"

#define UPLOAD_NOTE "upload:"
#define PAIRS_MAX   (64 << 10) /* S3 sends 8 KiB of headers at the most */
#define NAME_SIZE   META_KEY_BUF

void upload_record_init(struct upload_record *o)
{
	memset(o, 0, sizeof(*o));
	object_meta_init(&o->began);
}

void upload_record_release(struct upload_record *o)
{
	object_meta_release(&o->began);
}

/* Names of records. */

static size_t upload_name(const char *id, char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, UPLOAD_NOTE "%s", id);
}

/* what: "" or from the ':' on. */
static size_t upload_record_name(uint64_t ino, const char *what,
				 char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, "ongoing:%016" PRIx64 "%s",
				ino, what);
}

static size_t part_name(uint64_t ino, unsigned number, char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, "ongoing:%016" PRIx64 ":%05u",
				ino, number);
}

/* Records. */

static int get_pairs(struct meta *meta, uint64_t ino, const char *what,
		     struct kvlist *list)
{
	char name[NAME_SIZE];
	struct meta_val val;
	size_t len = upload_record_name(ino, what, name);
	int rc = meta_get(meta, META_SYS, name, len, &val);

	return rc ? rc : record_decode_pairs(&val, list);
}

static int put_pairs(struct meta *meta, uint64_t ino, const char *what,
		     const struct kvlist *list)
{
	char name[NAME_SIZE];
	size_t len = upload_record_name(ino, what, name);
	struct buf b;
	int rc;

	buf_init(&b, PAIRS_MAX);
	rc = record_encode_pairs(list, &b);
	if (!rc)
		rc = meta_put(meta, META_SYS, name, len, b.data, b.len);
	buf_release(&b);
	return rc;
}

static int put_record(struct meta *meta, const char *name, size_t len,
		      const struct record_writer *w)
{
	return w->bad ? -EINVAL
		      : meta_put(meta, META_SYS, name, len, w->data, w->len);
}

int upload_record_read_locked(struct meta *meta, uint64_t ino,
			      struct upload_record *o)
{
	char name[NAME_SIZE];
	struct record_reader r;
	struct meta_val val;
	size_t len = upload_record_name(ino, "", name);
	int rc = meta_get(meta, META_SYS, name, len, &val);

	if (rc)
		return rc;
	r = record_read(&val);
	record_get_str(&r, o->key, sizeof(o->key));
	record_get_str(&r, o->upload_id, sizeof(o->upload_id));
	o->sum = record_get_u32(&r);
	rc = record_end(&r);
	if (!rc)
		rc = get_pairs(meta, ino, ":meta", &o->began.meta);
	if (!rc)
		rc = get_pairs(meta, ino, ":headers", &o->began.headers);
	return rc == -ENOENT ? -EIO : rc;
}

int upload_record_read(struct syncer *s, uint64_t ino, struct upload_record *o)
{
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = upload_record_read_locked(s->meta, ino, o);
	meta_unlock(s->meta);
	return rc;
}

int upload_record_forget_locked(struct meta *meta, uint64_t ino)
{
	char name[NAME_SIZE];
	size_t len = upload_record_name(ino, "", name);

	return meta_del_prefix(meta, META_SYS, name, len);
}

static int begin_locked(struct meta *meta, uint64_t ino,
			const struct upload_record *o)
{
	struct record_writer note = {.len = 0}, record = {.len = 0};
	char name[NAME_SIZE];
	size_t len = upload_name(o->upload_id, name);
	int rc;

	record_put_u64(&note, ino);
	record_put_str(&note, o->key, sizeof(o->key));
	rc = put_record(meta, name, len, &note);
	if (!rc)
		rc = upload_record_forget_locked(meta, ino);
	record_put_str(&record, o->key, sizeof(o->key));
	record_put_str(&record, o->upload_id, sizeof(o->upload_id));
	record_put_u32(&record, o->sum);
	len = upload_record_name(ino, "", name);
	if (!rc)
		rc = put_record(meta, name, len, &record);
	if (!rc)
		rc = put_pairs(meta, ino, ":meta", &o->began.meta);
	return rc ? rc : put_pairs(meta, ino, ":headers", &o->began.headers);
}

int upload_record_begin(struct syncer *s, uint64_t ino,
			const struct upload_record *o)
{
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = begin_locked(s->meta, ino, o);
	meta_unlock(s->meta);
	return rc;
}

void upload_record_ended(struct syncer *s, const char *upload_id)
{
	char name[NAME_SIZE];
	size_t len = upload_name(upload_id, name);

	if (meta_lock(s->meta))
		return;
	meta_del(s->meta, META_SYS, name, len);
	meta_unlock(s->meta);
}

bool upload_record_is_ended(struct meta *meta, const char *upload_id)
{
	char name[NAME_SIZE];
	size_t len = upload_name(upload_id, name);
	struct meta_val val;

	return meta_get(meta, META_SYS, name, len, &val) == -ENOENT;
}

/* The end. */

int upload_record_end_put(struct syncer *s, uint64_t ino,
			  const struct upload_record_end *e)
{
	struct record_writer w = {.len = 0};
	char name[NAME_SIZE];
	size_t len = upload_record_name(ino, ":end", name);
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	record_put_u64(&w, e->data_change);
	record_put_str(&w, e->etag, sizeof(e->etag));
	record_put_str(&w, e->path, sizeof(e->path));
	rc = put_record(s->meta, name, len, &w);
	meta_unlock(s->meta);
	return rc ? rc : meta_sync(s->meta);
}

int upload_record_end_get(struct syncer *s, uint64_t ino,
			  struct upload_record_end *ret)
{
	char name[NAME_SIZE];
	struct record_reader r;
	struct meta_val val;
	size_t len = upload_record_name(ino, ":end", name);
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_get(s->meta, META_SYS, name, len, &val);
	if (!rc) {
		r = record_read(&val);
		ret->data_change = record_get_u64(&r);
		record_get_str(&r, ret->etag, sizeof(ret->etag));
		record_get_str(&r, ret->path, sizeof(ret->path));
		rc = record_end(&r);
	}
	meta_unlock(s->meta);
	return rc;
}

void upload_record_end_del(struct syncer *s, uint64_t ino)
{
	char name[NAME_SIZE];
	size_t len = upload_record_name(ino, ":end", name);

	if (meta_lock(s->meta))
		return;
	meta_del(s->meta, META_SYS, name, len);
	meta_unlock(s->meta);
}

/* Parts. */

int upload_record_part_put(struct syncer *s, uint64_t ino,
			   const char *upload_id,
			   const struct upload_record_part *p)
{
	struct record_writer w = {.len = 0};
	char name[NAME_SIZE];
	size_t len = part_name(ino, p->number, name);
	struct upload_record now;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	upload_record_init(&now);
	rc = upload_record_read_locked(s->meta, ino, &now);
	if (rc == -ENOENT || (!rc && strcmp(now.upload_id, upload_id) != 0))
		rc = -EAGAIN;
	record_put_u64(&w, p->length);
	record_put_bytes(&w, p->fingerprint, sizeof(p->fingerprint));
	record_put_str(&w, p->etag, sizeof(p->etag));
	if (!rc)
		rc = put_record(s->meta, name, len, &w);
	meta_unlock(s->meta);
	upload_record_release(&now);
	return rc;
}

int upload_record_part_get(struct syncer *s, uint64_t ino,
			   struct upload_record_part *p)
{
	struct upload_record_part has = {.number = p->number};
	char name[NAME_SIZE];
	size_t len = part_name(ino, p->number, name);
	struct record_reader r;
	struct meta_val val;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_get(s->meta, META_SYS, name, len, &val);
	if (!rc) {
		r = record_read(&val);
		has.length = record_get_u64(&r);
		record_get_bytes(&r, has.fingerprint, sizeof(has.fingerprint));
		record_get_str(&r, has.etag, sizeof(has.etag));
		rc = record_end(&r);
	}
	meta_unlock(s->meta);
	if (!rc &&
	    (has.length != p->length || memcmp(has.fingerprint, p->fingerprint,
					       sizeof(has.fingerprint)) != 0))
		rc = -ENOENT;
	if (!rc)
		strcpy(p->etag, has.etag);
	return rc;
}

/* Prints. */

static bool add_piece(EVP_MD_CTX *sum, char kind, uint64_t from,
		      uint64_t length)
{
	unsigned char piece[17];

	piece[0] = (unsigned char)kind;
	meta_be64(piece + 1, from);
	meta_be64(piece + 9, length);
	return EVP_DigestUpdate(sum, piece, sizeof(piece));
}

/* What nothing staged covers: the base's, then zeros. */
static bool add_unstaged(EVP_MD_CTX *sum, const struct meta_inode *inode,
			 uint64_t at, uint64_t end)
{
	uint64_t base = inode->base_bytes < end ? inode->base_bytes : end;
	bool ok = true;

	if (at < base) {
		ok = add_piece(sum, 'b', at, base - at) &&
		     EVP_DigestUpdate(sum, inode->base.id, META_ID_SIZE) &&
		     EVP_DigestUpdate(sum, inode->base.version_id,
				      strlen(inode->base.version_id) + 1) &&
		     EVP_DigestUpdate(sum, inode->base.etag,
				      strlen(inode->base.etag) + 1);
		at = base;
	}
	return ok && (at == end || add_piece(sum, '0', 0, end - at));
}

static int add_pieces(const struct meta_inode *inode,
		      const struct meta_extent *list, size_t count,
		      const struct plan_part *p, EVP_MD_CTX *sum,
		      uint64_t *ret_place)
{
	uint64_t at = p->offset, end = p->offset + p->length;
	size_t i = file_snapshot_find(list, count, at);

	*ret_place = UINT64_MAX;
	for (; at < end; i++) {
		uint64_t from, to, place;

		if (i == count || list[i].offset >= end)
			return add_unstaged(sum, inode, at, end) ? 0 : -ENOMEM;
		from = list[i].offset > at ? list[i].offset : at;
		if (from > at && !add_unstaged(sum, inode, at, from))
			return -ENOMEM;
		to = list[i].offset + list[i].length;
		to = to < end ? to : end;
		place = list[i].place + (from - list[i].offset);
		if (!add_piece(sum, 's', place, to - from))
			return -ENOMEM;
		if (from == p->offset && to == end &&
		    !meta_extent_is_hole(place))
			*ret_place = place;
		at = to;
	}
	return 0;
}

int upload_record_fingerprint(
	const struct meta_inode *inode, const struct meta_extent *list,
	size_t count, const struct plan_part *p,
	unsigned char fingerprint[UPLOAD_FINGERPRINT_SIZE], uint64_t *ret_place)
{
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	char kind = p->kind == PLAN_COPY ? 'C' : 'D';
	int rc = -ENOMEM;

	if (sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) &&
	    add_piece(sum, kind, p->offset, p->length))
		rc = add_pieces(inode, list, count, p, sum, ret_place);
	if (!rc && !EVP_DigestFinal_ex(sum, fingerprint, NULL))
		rc = -ENOMEM;
	EVP_MD_CTX_free(sum);
	return rc;
}

/* Leftovers. */

/* Whether the upload is of use: its inode's bytes are still to be sent. */
static bool is_wanted(struct meta *meta, uint64_t ino, const char *id)
{
	struct meta_inode inode;
	struct upload_record o;
	bool same;

	upload_record_init(&o);
	same = !upload_record_read_locked(meta, ino, &o) &&
	       !strcmp(o.upload_id, id);
	upload_record_release(&o);
	if (!same)
		return false;
	if (!meta_inode_get(meta, ino, &inode) && (inode.flags & META_I_STAGED))
		return true;
	upload_record_forget_locked(meta, ino);
	return false;
}

int upload_record_next_leftover(struct syncer *s, char *id, char *ret_key)
{
	char name[META_KEY_BUF];
	struct meta_val val;
	size_t len = upload_name(id, name), skip = strlen(UPLOAD_NOTE);
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	while (!(rc = meta_seek(s->meta, META_SYS, name, len, skip, true, name,
				&len, &val))) {
		struct record_reader r = record_read(&val);
		uint64_t ino = record_get_u64(&r);

		record_get_str(&r, ret_key, META_KEY_MAX + 1);
		if (record_end(&r))
			continue;
		snprintf(id, META_KEY_BUF, "%.*s", (int)(len - skip),
			 name + skip);
		if (!is_wanted(s->meta, ino, id))
			break;
	}
	meta_unlock(s->meta);
	return rc;
}
