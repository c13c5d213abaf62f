/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request for each right, on a key that nobody has. Nothing is overwritten
 * or deleted: what writes names an upload, an object or a version that there
 * is not, and the key is random.
 */
#include "doctor_try.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/store/list.h"
#include "vers3/store/store.h"
#include "vers3/util/errtext.h"

#define NO_UPLOAD  "vers3-doctor-no-upload"
#define NO_VERSION "vers3-doctor-no-version"

static const char no_tags[] =
	"<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	"<TagSet></TagSet></Tagging>";

struct trier {
	struct mount *mount; /* borrowed, as the next */
	struct doctor_facts *facts;
	char nothing[META_KEY_MAX + 64]; /* a key that there is not */
	char key[META_KEY_MAX + 64]; /* one that there is; "": none */
	char version[META_VERSION_MAX + 1]; /* of it; "": not known */
	enum doctor_right listing; /* what the list is for */
};

void doctor_words(const struct store_reply *reply, int rc,
		  char words[DOCTOR_WORDS])
{
	const char *text = *reply->message ? reply->message : errtext(rc);

	if (!reply->status)
		snprintf(words, DOCTOR_WORDS, "%.200s", text);
	else
		snprintf(words, DOCTOR_WORDS, "%d %.40s: %.100s (request %s)",
			 reply->status, reply->code, text, reply->request_id);
}

enum doctor_tried doctor_read_try(enum doctor_right right, bool amazon, int rc,
				  const char *code)
{
	bool object_first =
		right == RIGHT_PUT_TAGGING || right == RIGHT_LIST_PARTS;

	switch (rc) {
	case 0:
	case -ENODATA:
		return TRIED_ALLOWED;
	case -ENOENT:
		return object_first && !amazon && !strcmp(code, "NoSuchKey")
			       ? TRIED_UNTOLD
			       : TRIED_ALLOWED;
	case -EACCES:
		return TRIED_DENIED;
	case -EOPNOTSUPP:
		return TRIED_UNSUPPORTED;
	default:
		return TRIED_UNTOLD;
	}
}

/* What came of a try. */
static void take_down(struct trier *t, enum doctor_right right,
		      const struct store_reply *reply, int rc)
{
	struct doctor_try *try = &t->facts->rights[right];

	try->tried = doctor_read_try(right, t->facts->amazon, rc, reply->code);
	if (try->tried != TRIED_ALLOWED)
		doctor_words(reply, rc, try->words);
}

/* Sends it and takes down what came of it. 0 or -EINTR. */
static int send_it(struct trier *t, enum doctor_right right,
		   struct store_request *r)
{
	int rc;

	r->trial = true;
	rc = store_call(t->mount->store, r);
	if (rc == -EINTR)
		return rc;
	take_down(t, right, &r->reply, rc);
	return 0;
}

static int note_key(void *ctx, const struct store_entry *e)
{
	struct trier *t = ctx;

	if (e->kind == STORE_ENTRY_OBJECT && e->key_len < sizeof(t->key))
		snprintf(t->key, sizeof(t->key), "%s", e->key);
	return 0;
}

static void note_failure(void *ctx, const struct store_reply *reply, int rc)
{
	struct trier *t = ctx;

	take_down(t, t->listing, reply, rc);
}

static int try_list(struct trier *t, enum doctor_right right, enum store_op op)
{
	struct doctor_try *try = &t->facts->rights[right];
	struct store_list list;
	int rc;

	store_list_init(&list, op, t->facts->prefix, NULL);
	list.max_keys = 1;
	list.on_entry = note_key;
	list.on_failure = note_failure;
	list.ctx = t;
	list.trial = true;
	t->listing = right;
	try->tried = TRIED_ALLOWED;
	rc = store_list_page(t->mount->store, &list);
	store_list_release(&list);
	return rc == -EINTR ? rc : 0;
}

/* Of the first object, and of a version of it, where there is one. */
static int try_read(struct trier *t, enum doctor_right right, enum store_op op,
		    bool of_version)
{
	struct store_request r;
	int rc;

	store_request_init(&r, op);
	r.key = *t->key ? t->key : t->nothing;
	if (of_version)
		r.version_id = *t->version ? t->version : NO_VERSION;
	rc = send_it(t, right, &r);
	if (!rc && right == RIGHT_GET && r.reply.object.version_id)
		snprintf(t->version, sizeof(t->version), "%s",
			 r.reply.object.version_id);
	store_request_release(&r);
	return rc;
}

static int try_upload(struct trier *t, enum doctor_right right,
		      enum store_op op)
{
	struct store_request r;
	int rc;

	store_request_init(&r, op);
	r.key = t->nothing;
	r.upload_id = NO_UPLOAD;
	if (op == STORE_UPLOAD_PART) {
		r.part_number = 1;
		r.body.mem = "";
	}
	rc = send_it(t, right, &r);
	store_request_release(&r);
	return rc;
}

static int try_tagging(struct trier *t)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_PUT_TAGGING);
	r.key = t->nothing;
	r.body.mem = no_tags;
	r.body.length = sizeof(no_tags) - 1;
	rc = send_it(t, RIGHT_PUT_TAGGING, &r);
	store_request_release(&r);
	return rc;
}

/* Only where it has been seen that the server knows ids of versions. */
static int try_delete_version(struct trier *t)
{
	struct store_request r;
	int rc;

	if (!*t->version) {
		t->facts->rights[RIGHT_DELETE_VERSION].tried = TRIED_IMPOSSIBLE;
		return 0;
	}
	store_request_init(&r, STORE_DELETE);
	r.key = t->nothing;
	r.version_id = NO_VERSION;
	rc = send_it(t, RIGHT_DELETE_VERSION, &r);
	store_request_release(&r);
	return rc;
}

static int try_reads(struct trier *t)
{
	bool versions =
		t->facts->versioning.enabled || t->facts->versioning.suspended;
	int rc = try_list(t, RIGHT_LIST, STORE_LIST);

	if (!rc)
		rc = try_read(t, RIGHT_GET, STORE_HEAD, false);
	if (!rc)
		rc = try_read(t, RIGHT_GET_TAGGING, STORE_GET_TAGGING, false);
	if (!rc && versions)
		rc = try_list(t, RIGHT_LIST_VERSIONS, STORE_LIST_VERSIONS);
	if (!rc && versions)
		rc = try_read(t, RIGHT_GET_VERSION, STORE_HEAD, true);
	if (!rc && versions)
		rc = try_read(t, RIGHT_GET_VERSION_TAGGING, STORE_GET_TAGGING,
			      true);
	return rc;
}

static int try_writes(struct trier *t)
{
	int rc = try_list(t, RIGHT_LIST_UPLOADS, STORE_LIST_UPLOADS);

	if (!rc)
		rc = try_upload(t, RIGHT_PUT, STORE_UPLOAD_PART);
	if (!rc)
		rc = try_tagging(t);
	if (!rc)
		rc = try_upload(t, RIGHT_LIST_PARTS, STORE_LIST_PARTS);
	if (!rc)
		rc = try_upload(t, RIGHT_ABORT, STORE_ABORT_UPLOAD);
	t->facts->rights[RIGHT_DELETE].tried = TRIED_IMPOSSIBLE;
	if (!rc && t->facts->versioning.enabled)
		rc = try_delete_version(t);
	return rc;
}

int doctor_try(struct mount *mount, struct doctor_facts *facts)
{
	struct trier *t = calloc(1, sizeof(*t));
	uint64_t number = 0;
	int rc;

	if (!t)
		return -ENOMEM;
	t->mount = mount;
	t->facts = facts;
	rc = RAND_bytes((unsigned char *)&number, sizeof(number)) == 1 ? 0
								       : -EIO;
	snprintf(t->nothing, sizeof(t->nothing),
		 "%s" MOUNT_OWN_NAME "/doctor-%016" PRIx64, facts->prefix,
		 number);
	if (!rc)
		rc = try_reads(t);
	if (!rc && !facts->read_only)
		rc = try_writes(t);
	free(t);
	return rc;
}
