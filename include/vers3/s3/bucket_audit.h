/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an audit reads of a bucket's configuration. See "GetBucketVersioning",
 * "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketPolicyStatus",
 * "GetBucketAcl", "GetBucketLocation" and "GetObjectLockConfiguration" of the
 * Amazon S3 API reference.
 *
 * Pure: no I/O, no locks, any thread. Each reads a whole document and returns
 * 0; -EOPNOTSUPP for one of another kind (servers that do not know the question
 * answer it with a list, say), -EIO for one that says nothing, -ENOMEM. What it
 * returns is as it was on failure.
 */
#ifndef VERS3_S3_BUCKET_AUDIT_H
#define VERS3_S3_BUCKET_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKET_AUDIT_TEXT 64

struct bucket_versioning {
	bool enabled, suspended; /* neither: never switched on */
	bool mfa_delete;
};
int bucket_audit_versioning(const char *doc, size_t len,
			    struct bucket_versioning *ret);

struct bucket_encryption {
	char algorithm[BUCKET_AUDIT_TEXT]; /* AES256, aws:kms...; "": none */
	bool bucket_key;
};
int bucket_audit_encryption(const char *doc, size_t len,
			    struct bucket_encryption *ret);

/* The four switches of the public access block. */
struct bucket_public_block {
	bool block_acls, ignore_acls, block_policy, restrict_buckets;
};
int bucket_audit_public_block(const char *doc, size_t len,
			      struct bucket_public_block *ret);

int bucket_audit_policy_status(const char *doc, size_t len,
			       bool *ret_is_public);

struct bucket_acl {
	bool everybody; /* a grant to AllUsers */
	bool everybody_writes; /* WRITE, WRITE_ACP or FULL_CONTROL */
	bool any_account; /* to AuthenticatedUsers: all accounts there are */
	unsigned others; /* grants to neither, and not to the owner */
};
int bucket_audit_acl(const char *doc, size_t len, struct bucket_acl *ret);

/* "": none is named, which is us-east-1 at Amazon. */
int bucket_audit_location(const char *doc, size_t len,
			  char ret_region[BUCKET_AUDIT_TEXT]);

struct bucket_lock {
	char mode[BUCKET_AUDIT_TEXT]; /* "": it retains nothing by default */
	uint64_t days; /* of its retention; a year has 365 */
};
int bucket_audit_lock(const char *doc, size_t len, struct bucket_lock *ret);

#endif
