/* SPDX-License-Identifier: Apache-2.0 */
#include "ongoing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "vers3/meta/extent.h"

#define UPLOAD_NOTE "upload:"
#define RECORD_MAX  (64 << 10) /* metadata and headers: 2 KiB, 8 KiB */
#define NAME_SIZE   512

void ongoing_init(struct ongoing *o)
{
	memset(o, 0, sizeof(*o));
	kvlist_init(&o->began.meta);
	kvlist_init(&o->began.headers);
}

void ongoing_release(struct ongoing *o)
{
	free(o->upload_id);
	o->upload_id = NULL;
	dress_release(&o->began);
}

/* Names of records. */

static size_t upload_name(const char *id, char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, UPLOAD_NOTE "%.480s", id);
}

static size_t ongoing_name(uint64_t ino, char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, "ongoing:%016" PRIx64, ino);
}

static size_t parts_name(uint64_t ino, char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, "part:%016" PRIx64 ":", ino);
}

static size_t part_name(uint64_t ino, unsigned number, char name[NAME_SIZE])
{
	return (size_t)snprintf(name, NAME_SIZE, "part:%016" PRIx64 ":%05u",
				ino, number);
}

/* The record: strings, each ended by a NUL. Key, id, pairs, "", pairs. */

static int add_text(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text) + 1);
}

static int add_pairs(struct buf *b, const struct kvlist *list)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < list->count; i++) {
		rc = add_text(b, list->items[i].name);
		if (!rc)
			rc = add_text(b, list->items[i].value);
	}
	return rc ? rc : add_text(b, "");
}

static int encode(const struct ongoing *o, struct buf *b)
{
	int rc = add_text(b, o->key);

	if (!rc)
		rc = add_text(b, o->upload_id);
	if (!rc)
		rc = add_pairs(b, &o->began.meta);
	if (!rc)
		rc = add_pairs(b, &o->began.headers);
	return rc;
}

/* NULL past the end. */
static const char *next_text(const char **at, const char *end)
{
	const char *text = *at;
	const char *nul =
		text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

	*at = nul ? nul + 1 : end;
	return nul ? text : NULL;
}

static int next_pairs(const char **at, const char *end, struct kvlist *list)
{
	const char *name, *value;
	int rc = 0;

	while (!rc && (name = next_text(at, end)) && *name) {
		value = next_text(at, end);
		rc = value ? kvlist_add(list, name, value) : -EIO;
	}
	return rc;
}

static int decode(const struct meta_val *val, struct ongoing *o)
{
	const char *at = val->data, *end = at + val->size;
	const char *key = next_text(&at, end), *id = next_text(&at, end);
	int rc;

	if (!key || !id || strlen(key) > META_KEY_MAX)
		return -EIO;
	strcpy(o->key, key);
	o->upload_id = strdup(id);
	rc = o->upload_id ? next_pairs(&at, end, &o->began.meta) : -ENOMEM;
	return rc ? rc : next_pairs(&at, end, &o->began.headers);
}

int ongoing_read_locked(struct meta *meta, uint64_t ino, struct ongoing *o)
{
	char name[NAME_SIZE];
	struct meta_val val;
	size_t len = ongoing_name(ino, name);
	int rc = meta_get(meta, META_SYS, name, len, &val);

	return rc ? rc : decode(&val, o);
}

int ongoing_read(struct vfs *v, uint64_t ino, struct ongoing *o)
{
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = ongoing_read_locked(v->meta, ino, o);
	meta_unlock(v->meta);
	return rc;
}

int ongoing_forget_locked(struct meta *meta, uint64_t ino)
{
	char name[NAME_SIZE];
	size_t len = ongoing_name(ino, name);
	int rc = meta_del(meta, META_SYS, name, len);

	if (rc)
		return rc == -ENOENT ? 0 : rc; /* then there are no parts */
	len = parts_name(ino, name);
	return meta_del_prefix(meta, META_SYS, name, len);
}

int ongoing_begin(struct vfs *v, uint64_t ino, const struct ongoing *o)
{
	char name[NAME_SIZE], note[8 + META_KEY_MAX + 1];
	struct buf record;
	size_t len;
	int rc;

	buf_init(&record, RECORD_MAX);
	rc = encode(o, &record);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		goto out;
	meta_be64(note, ino);
	strcpy(note + 8, o->key);
	len = upload_name(o->upload_id, name);
	rc = meta_put(v->meta, META_SYS, name, len, note, 8 + strlen(o->key));
	if (!rc)
		rc = ongoing_forget_locked(v->meta, ino);
	len = ongoing_name(ino, name);
	if (!rc)
		rc = meta_put(v->meta, META_SYS, name, len, record.data,
			      record.len);
	meta_unlock(v->meta);
out:
	buf_release(&record);
	return rc;
}

void ongoing_ended(struct vfs *v, const char *upload_id)
{
	char name[NAME_SIZE];
	size_t len = upload_name(upload_id, name);

	if (meta_lock(v->meta))
		return;
	meta_del(v->meta, META_SYS, name, len);
	meta_unlock(v->meta);
}

bool ongoing_is_ended(struct meta *meta, const char *upload_id)
{
	char name[NAME_SIZE];
	size_t len = upload_name(upload_id, name);
	struct meta_val val;

	return meta_get(meta, META_SYS, name, len, &val) == -ENOENT;
}

/* Parts: length, print, ETag. */

int ongoing_part_put(struct vfs *v, uint64_t ino, const char *upload_id,
		     const struct ongoing_part *p)
{
	char name[NAME_SIZE], value[8 + ONGOING_PRINT_SIZE + META_ETAG_MAX + 1];
	size_t len = part_name(ino, p->number, name), size;
	struct ongoing now;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	ongoing_init(&now);
	rc = ongoing_read_locked(v->meta, ino, &now);
	if (rc == -ENOENT || (!rc && strcmp(now.upload_id, upload_id) != 0))
		rc = -EAGAIN;
	meta_be64(value, p->length);
	memcpy(value + 8, p->print, ONGOING_PRINT_SIZE);
	size = 8 + ONGOING_PRINT_SIZE + strlen(p->etag);
	strcpy(value + 8 + ONGOING_PRINT_SIZE, p->etag);
	if (!rc)
		rc = meta_put(v->meta, META_SYS, name, len, value, size);
	meta_unlock(v->meta);
	ongoing_release(&now);
	return rc;
}

int ongoing_part_get(struct vfs *v, uint64_t ino, struct ongoing_part *p)
{
	const size_t head = 8 + ONGOING_PRINT_SIZE;
	char name[NAME_SIZE];
	size_t len = part_name(ino, p->number, name);
	struct meta_val val;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_get(v->meta, META_SYS, name, len, &val);
	if (!rc && (val.size <= head || val.size - head > META_ETAG_MAX ||
		    meta_from_be64(val.data) != p->length ||
		    memcmp((const char *)val.data + 8, p->print,
			   ONGOING_PRINT_SIZE) != 0))
		rc = -ENOENT;
	if (!rc)
		snprintf(p->etag, sizeof(p->etag), "%.*s",
			 (int)(val.size - head), (const char *)val.data + head);
	meta_unlock(v->meta);
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
static bool add_unstaged(EVP_MD_CTX *sum, const struct meta_inode *in,
			 uint64_t at, uint64_t end)
{
	uint64_t base = in->base_bytes < end ? in->base_bytes : end;
	bool ok = true;

	if (at < base) {
		ok = add_piece(sum, 'b', at, base - at) &&
		     EVP_DigestUpdate(sum, in->base.id, META_ID_SIZE) &&
		     EVP_DigestUpdate(sum, in->base.version_id,
				      strlen(in->base.version_id) + 1) &&
		     EVP_DigestUpdate(sum, in->base.etag,
				      strlen(in->base.etag) + 1);
		at = base;
	}
	return ok && (at == end || add_piece(sum, '0', 0, end - at));
}

/* With meta_lock() held. */
static int add_pieces(struct meta *meta, const struct meta_inode *in,
		      const struct plan_part *p, EVP_MD_CTX *sum,
		      uint64_t *ret_place)
{
	uint64_t at = p->offset, end = p->offset + p->length;

	*ret_place = UINT64_MAX;
	while (at < end) {
		uint64_t offset = end, length = 0, place = 0, to;
		int rc = meta_extent_next(meta, in->ino, at, &offset, &length,
					  &place);

		if (rc && rc != -ENOENT)
			return rc;
		if (rc || offset >= end)
			return add_unstaged(sum, in, at, end) ? 0 : -ENOMEM;
		if (offset > at && !add_unstaged(sum, in, at, offset))
			return -ENOMEM;
		if (offset < at) {
			place += at - offset;
			length -= at - offset;
			offset = at;
		}
		to = length < end - offset ? offset + length : end;
		if (!add_piece(sum, 's', place, to - offset))
			return -ENOMEM;
		if (offset == p->offset && to == end)
			*ret_place = place;
		at = to;
	}
	return 0;
}

int ongoing_print(struct vfs *v, uint64_t ino, const struct plan_part *p,
		  unsigned char print[ONGOING_PRINT_SIZE], uint64_t *ret_place)
{
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	uint64_t place = UINT64_MAX;
	struct meta_inode in;
	int rc = -ENOMEM;

	if (!sum || !EVP_DigestInit_ex(sum, EVP_sha256(), NULL))
		goto out;
	rc = meta_lock(v->meta);
	if (rc)
		goto out;
	rc = meta_inode_get(v->meta, ino, &in);
	if (!rc && !add_piece(sum, p->kind == PLAN_COPY ? 'C' : 'D', p->offset,
			      p->length))
		rc = -ENOMEM;
	if (!rc)
		rc = add_pieces(v->meta, &in, p, sum, &place);
	meta_unlock(v->meta);
	if (!rc && !EVP_DigestFinal_ex(sum, print, NULL))
		rc = -ENOMEM;
	if (!rc && ret_place)
		*ret_place = place;
out:
	EVP_MD_CTX_free(sum);
	return rc;
}

/* Leftovers. */

/* Whether the upload is of use: its inode's bytes are still to be sent. */
static bool is_wanted(struct meta *meta, uint64_t ino, const char *id)
{
	struct meta_inode in;
	struct ongoing o;
	bool same;

	ongoing_init(&o);
	same = !ongoing_read_locked(meta, ino, &o) && !strcmp(o.upload_id, id);
	ongoing_release(&o);
	if (!same)
		return false;
	if (!meta_inode_get(meta, ino, &in) && (in.flags & META_I_STAGED))
		return true;
	ongoing_forget_locked(meta, ino);
	return false;
}

int ongoing_next_leftover(struct vfs *v, char *id, char *ret_key)
{
	char name[META_KEY_BUF];
	struct meta_val val;
	size_t len = upload_name(id, name), skip = strlen(UPLOAD_NOTE);
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	while (!(rc = meta_seek(v->meta, META_SYS, name, len, skip, true, name,
				&len, &val))) {
		uint64_t ino;

		if (val.size < 8 || val.size > 8 + META_KEY_MAX)
			continue;
		ino = meta_from_be64(val.data);
		snprintf(ret_key, META_KEY_MAX + 1, "%.*s", (int)(val.size - 8),
			 (const char *)val.data + 8);
		snprintf(id, META_KEY_BUF, "%.*s", (int)(len - skip),
			 name + skip);
		if (!is_wanted(v->meta, ino, id))
			break;
	}
	meta_unlock(v->meta);
	return rc;
}
