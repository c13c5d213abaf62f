/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes are those of the S3 API reference, "Error responses". What is not in
 * the table may pass by itself.
 */
#include "vers3/sync/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/store/metrics.h"

#define RENEW                                                                  \
	"renew the credentials; the mount reads them again by itself, or at "  \
	"SIGHUP"
#define ALLOW                                                                  \
	"allow these credentials to change it (README.md has the policy), or " \
	"give the change up: remove the file, or move it elsewhere"
#define RENAME                                                                 \
	"give it a shorter name: its path, with the mount's prefix, may have " \
	"1,024 bytes"
#define SHRINK                                                                 \
	"it is larger than the server takes: make it smaller, or move it "     \
	"elsewhere"
#define QUOTA                                                                  \
	"the server's quota is used up: have it raised, or remove something "  \
	"there"
#define RESTORE                                                                \
	"it stands on an archived object: have that restored (`vers3ctl "      \
	"thaw`), or write the file anew"
#define CLASS                                                                  \
	"the server has no such storage class: mount with another "            \
	"storage_class="
#define ATTRS                                                                  \
	"it has more extended attributes than the server keeps: remove some"
#define BUCKET                                                                 \
	"the bucket is gone: have it made again, or copy the files elsewhere"
#define CLOCK "set this host's clock"
#define KMS                                                                    \
	"have the bucket's KMS key enabled, and open to these credentials "    \
	"(kms:GenerateDataKey, kms:Decrypt)"
#define ODD                                                                    \
	"the server will not take it as it is: move it elsewhere, and show "   \
	"these words to whoever runs the server"

static const struct {
	const char *code; /* "KMS.*" : by its beginning */
	const char *advice;
} codes[] = {
	{"AccessDenied", ALLOW},	  {"AllAccessDisabled", ALLOW},
	{"AccountProblem", ALLOW},	  {"ExpiredToken", RENEW},
	{"InvalidAccessKeyId", RENEW},	  {"InvalidToken", RENEW},
	{"SignatureDoesNotMatch", RENEW}, {"RequestTimeTooSkewed", CLOCK},
	{"KeyTooLongError", RENAME},	  {"EntityTooLarge", SHRINK},
	{"MetadataTooLarge", ATTRS},	  {"QuotaExceeded", QUOTA},
	{"InvalidStorageClass", CLASS},	  {"InvalidObjectState", RESTORE},
	{"NoSuchBucket", BUCKET},	  {"KMS.*", KMS},
};

static const struct {
	int error;
	const char *advice;
} errors[] = {
	{EACCES, ALLOW},   {EREMOTE, RESTORE}, {ENAMETOOLONG, RENAME},
	{EFBIG, SHRINK},   {EDQUOT, QUOTA},    {EINVAL, ODD},
	{EOPNOTSUPP, ODD},
};

static bool is_code(const char *pattern, const char *code)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return !strncmp(code, pattern, len - 1);
	return !strcmp(code, pattern);
}

static const char *advice_for(const char *code, int error)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (is_code(codes[i].code, code))
			return codes[i].advice;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == error)
			return errors[i].advice;
	return NULL;
}

/* Whether that is how the last request for a path's key was refused. */
static bool refused(struct syncer *s, const char *path, int error,
		    struct metrics_refusal *ret)
{
	char key[META_KEY_MAX + 1];

	return s->mount->metrics && !mount_key(s->mount, path, key) &&
	       metrics_store_refusal(s->mount->metrics, key, ret) &&
	       ret->error == error;
}

/* The same of what it is to be made of, under another name. */
static bool base_refused(struct syncer *s, const char *path, int error,
			 struct metrics_refusal *ret)
{
	struct meta_inode inode;
	uint64_t ino;
	int rc = meta_lock(s->meta);

	if (rc)
		return false;
	rc = meta_resolve(s->meta, path, &ino);
	if (!rc)
		rc = meta_inode_get(s->meta, ino, &inode);
	meta_unlock(s->meta);
	return !rc && inode.base.key[0] &&
	       refused(s, inode.base.key, error, ret);
}

void failure_explain(struct syncer *s, const char *path, int error,
		     struct failure *ret)
{
	struct metrics_refusal r = {.error = 0};
	bool known =
		refused(s, path, error, &r) || base_refused(s, path, error, &r);

	/* What the server has said of something else says nothing of this. */
	if (!known)
		r.code[0] = '\0';
	snprintf(ret->words, sizeof(ret->words), "%s",
		 known ? r.words : strerror(error));
	ret->advice = advice_for(r.code, error);
}
