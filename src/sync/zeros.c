/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds or makes the objects of zeros, one state a size, and copies parts from
 * them, until a server shows that it does not do.
 */
#include "zeros.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "plan.h"
#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "vers3/util/hex.h"
#include "vers3/util/log.h"

#define LEVELS	  10 /* each of twice the size: 4 GiB at the most */
#define SMALL	  (UINT64_C(1) << 20) /* sent in less time than copied */
#define MD5_TEXT  33
#define MD5_CHUNK 65536
#define SENT	  1 /* they are to be sent, and nothing is wrong */

/*
 *	ABSENT	nobody has looked, or it went
 *	BUSY	one thread looks for it or makes it; others wait
 *	THERE	an object of that size is there
 */
enum state {
	ABSENT,
	BUSY,
	THERE
};

struct zeros {
	struct syncer *s; /* borrowed */
	pthread_mutex_t mutex;
	pthread_cond_t event; /* a state has changed */
	/* All below is protected by mutex. */
	bool off; /* zeros are sent */
	enum state states[LEVELS];
	/* Of as many zeros, the last that were copied; "": none yet. */
	char md5[LEVELS][MD5_TEXT];
	uint64_t md5_bytes[LEVELS];
};

int zeros_new(struct syncer *s, struct zeros **ret_zeros)
{
	struct zeros *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->s = s;
	pthread_mutex_init(&z->mutex, NULL);
	clock_cond_init(&z->event);
	*ret_zeros = z;
	return 0;
}

void zeros_free(struct zeros *z)
{
	if (!z)
		return;
	pthread_cond_destroy(&z->event);
	pthread_mutex_destroy(&z->mutex);
	free(z);
}

static uint64_t level_bytes(unsigned level)
{
	return PLAN_PART_SIZE << level;
}

static int level_key(struct syncer *s, unsigned level,
		     char key[META_KEY_MAX + 1])
{
	char path[META_KEY_MAX + 1];

	snprintf(path, sizeof(path), "%s/zeros-%" PRIu64,
		 s->mount->config.versions_name, level_bytes(level));
	return mount_key(s->mount, path, key);
}

static void turn_off(struct zeros *z, const char *why)
{
	pthread_mutex_lock(&z->mutex);
	if (!z->off)
		log_info("holes are sent as zeros: %s", why);
	z->off = true;
	pthread_mutex_unlock(&z->mutex);
}

/* The MD5 of as many zeros. 0, -ENOMEM, -EOPNOTSUPP (FIPS). */
static int make_md5(uint64_t length, char text[MD5_TEXT])
{
	static const char zeros[MD5_CHUNK];
	unsigned char md5[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	bool ok;

	if (!sum)
		return -ENOMEM;
	ok = EVP_DigestInit_ex(sum, EVP_md5(), NULL);
	for (uint64_t left = length; ok && left;) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		ok = EVP_DigestUpdate(sum, zeros, n);
		left -= n;
	}
	ok = ok && EVP_DigestFinal_ex(sum, md5, NULL);
	EVP_MD_CTX_free(sum);
	if (ok)
		hex_write(md5, MD5_TEXT / 2, text);
	return ok ? 0 : -EOPNOTSUPP;
}

/* The same, made once while the parts are of one size. */
static int find_md5(struct zeros *z, unsigned level, uint64_t length,
		    char text[MD5_TEXT])
{
	int rc;

	text[0] = '\0';
	pthread_mutex_lock(&z->mutex);
	if (z->md5_bytes[level] == length)
		strcpy(text, z->md5[level]);
	pthread_mutex_unlock(&z->mutex);
	if (*text)
		return 0;
	rc = make_md5(length, text);
	if (rc)
		return rc;
	pthread_mutex_lock(&z->mutex);
	strcpy(z->md5[level], text);
	z->md5_bytes[level] = length;
	pthread_mutex_unlock(&z->mutex);
	return 0;
}

/* The least object that a part can be copied from; LEVELS: none. */
static unsigned find_level(uint64_t length)
{
	unsigned level = 0;

	while (level < LEVELS && level_bytes(level) < length)
		level++;
	return level;
}

/* What no other try would change: refusals, zeros that went to an archive. */
static bool is_final(int rc)
{
	return rc == -EACCES || rc == -EOPNOTSUPP || rc == -EINVAL ||
	       rc == -EXDEV || rc == -EPERM || rc == -EREMOTE ||
	       rc == -EDQUOT || rc == -EEXIST;
}

/* ---- the objects ---- */

/* 0, -ENOENT, or -EEXIST: something else is there, which stays. */
static int look(struct zeros *z, const char *key, unsigned level)
{
	struct store_request r;
	int rc;

	rc = store_head(z->s->mount->store, &r, key, NULL);
	if (!rc && r.reply.object.size_bytes != level_bytes(level))
		rc = -EEXIST;
	store_request_release(&r);
	return rc;
}

/*
 * Nobody's object is replaced: look() has found none, and where the server
 * knows the condition, none that has come since.
 */
static void set_condition(const struct zeros *z, struct store_request *r)
{
	if (z->s->mount->config.caps.if_none_match)
		r->if_none_match = "*";
}

static int send_first(struct zeros *z, const char *key)
{
	void *body = calloc(1, PLAN_PART_SIZE);
	struct store_request r;
	int rc = body ? 0 : -ENOMEM;

	store_request_init(&r, STORE_PUT);
	r.key = key;
	r.body.mem = body;
	r.body.length = PLAN_PART_SIZE;
	r.sum = caps_sum(&z->s->mount->config.caps);
	set_condition(z, &r);
	if (!rc)
		rc = store_call(z->s->mount->store, &r);
	store_request_release(&r);
	free(body);
	return rc;
}

/* One of two halves, from the object of the level below. */
static int copy_half(struct zeros *z, const char *key, const char *upload_id,
		     unsigned level, struct store_part *part)
{
	char source[META_KEY_MAX + 1];
	struct store_request r;
	int rc = level_key(z->s, level - 1, source);

	if (rc)
		return rc;
	store_request_init(&r, STORE_COPY_PART);
	r.key = key;
	r.upload_id = upload_id;
	r.part_number = part->number;
	r.source_key = source;
	r.range_length = level_bytes(level - 1);
	rc = store_call(z->s->mount->store, &r);
	if (!rc && !r.reply.object.etag)
		rc = -EIO;
	if (!rc) {
		part->etag = strdup(r.reply.object.etag);
		rc = part->etag ? 0 : -ENOMEM;
	}
	store_request_release(&r);
	return rc;
}

static int end_double(struct zeros *z, enum store_op op, const char *key,
		      const char *upload_id, const struct store_part *parts)
{
	struct store_request r;
	int rc;

	store_request_init(&r, op);
	r.key = key;
	r.upload_id = upload_id;
	if (op == STORE_COMPLETE_UPLOAD) {
		r.parts = parts;
		r.part_count = 2;
		set_condition(z, &r);
	}
	rc = store_call(z->s->mount->store, &r);
	store_request_release(&r);
	return rc;
}

static int make_double(struct zeros *z, const char *key, unsigned level)
{
	struct store_part parts[2] = {{.number = 1}, {.number = 2}};
	struct store_request r;
	const char *id;
	int rc;

	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = key;
	rc = store_call(z->s->mount->store, &r);
	id = r.reply.upload_id;
	if (!rc && !id)
		rc = -EIO;
	for (unsigned i = 0; !rc && i < 2; i++)
		rc = copy_half(z, key, id, level, &parts[i]);
	if (!rc)
		rc = end_double(z, STORE_COMPLETE_UPLOAD, key, id, parts);
	if (rc && id)
		end_double(z, STORE_ABORT_UPLOAD, key, id, NULL);
	for (unsigned i = 0; i < 2; i++)
		free((char *)parts[i].etag);
	store_request_release(&r);
	return rc;
}

/* Looks for the object of a level, and makes it. */
static int find_or_make(struct zeros *z, unsigned level)
{
	char key[META_KEY_MAX + 1];
	int rc = level_key(z->s, level, key);

	if (!rc)
		rc = look(z, key, level);
	if (rc != -ENOENT)
		return rc;
	return level ? make_double(z, key, level) : send_first(z, key);
}

/* 0 when the object of one level is there, as the lower ones are; SENT. */
static int have_level(struct zeros *z, unsigned level, bool worth)
{
	int rc = 0;

	pthread_mutex_lock(&z->mutex);
	while (z->states[level] == BUSY)
		clock_cond_wait(&z->event, &z->mutex);
	if (z->off || (z->states[level] == ABSENT && !worth)) {
		rc = SENT;
	} else if (z->states[level] == ABSENT) {
		z->states[level] = BUSY;
		pthread_mutex_unlock(&z->mutex);
		rc = find_or_make(z, level);
		pthread_mutex_lock(&z->mutex);
		z->states[level] = rc ? ABSENT : THERE;
		pthread_cond_broadcast(&z->event);
	}
	pthread_mutex_unlock(&z->mutex);
	return rc;
}

static void forget(struct zeros *z, unsigned level)
{
	pthread_mutex_lock(&z->mutex);
	for (unsigned i = 0; i <= level; i++)
		if (z->states[i] == THERE)
			z->states[i] = ABSENT;
	pthread_mutex_unlock(&z->mutex);
}

/* ---- parts ---- */

/* *ret_gone: the upload itself is not there. */
static int copy_checked(struct zeros *z, struct store_request *r,
			unsigned level, uint64_t length, bool *ret_gone)
{
	char key[META_KEY_MAX + 1], md5[MD5_TEXT];
	int rc = find_md5(z, level, length, md5);

	if (!rc)
		rc = level_key(z->s, level, key);
	if (rc)
		return rc;
	r->source_key = key;
	r->range_offset = 0;
	r->range_length = length;
	rc = store_call(z->s->mount->store, r);
	r->source_key = NULL;
	*ret_gone = rc && !strcmp(r->reply.code, "NoSuchUpload");
	if (rc || (r->reply.object.etag && !strcmp(r->reply.object.etag, md5)))
		return rc;
	turn_off(z, "what the server has copied cannot be checked");
	return SENT;
}

/* Whatever keeps the zeros from being copied keeps no file from being saved. */
int zeros_copy(struct zeros *z, struct store_request *r, uint64_t length,
	       uint64_t total)
{
	unsigned level = find_level(length);
	bool worth = total >= 3 * PLAN_PART_SIZE;
	bool gone = false;
	int rc = 0;

	if (level == LEVELS || length < SMALL ||
	    z->s->mount->config.caps.retains ||
	    !*z->s->mount->config.versions_name)
		return -EOPNOTSUPP;
	for (unsigned i = 0; !rc && i <= level; i++)
		rc = have_level(z, i, worth);
	if (!rc)
		rc = copy_checked(z, r, level, length, &gone);
	if (!rc || gone)
		return rc;
	if (rc != SENT && is_final(rc))
		turn_off(z, strerror(-rc));
	else if (rc != SENT)
		forget(z, level); /* what was there may have gone */
	return -EOPNOTSUPP;
}
