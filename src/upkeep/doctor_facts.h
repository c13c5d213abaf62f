/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the doctor knows of a mount, its bucket, its server and this machine
 * when it has asked all of them; and the checks, which make findings of it.
 *
 * The checks are pure: facts in, findings out; no I/O, no locks. Times are
 * since the epoch.
 */
#ifndef VERS3_SRC_UPKEEP_DOCTOR_FACTS_H
#define VERS3_SRC_UPKEEP_DOCTOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "finding.h"
#include "vers3/core/watermark.h"
#include "vers3/s3/bucket_audit.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/s3/replication.h"

#define DOCTOR_WORDS 256

/* How a question ended: 0 or -errno, then with the server's words. */
struct doctor_answer {
	int rc;
	char words[DOCTOR_WORDS];
};

/* A right that requests need, in the order of the table in doctor_rights.c. */
enum doctor_right {
	RIGHT_LIST,
	RIGHT_LIST_VERSIONS,
	RIGHT_LIST_UPLOADS,
	RIGHT_GET,
	RIGHT_GET_VERSION,
	RIGHT_GET_TAGGING,
	RIGHT_GET_VERSION_TAGGING,
	RIGHT_PUT,
	RIGHT_PUT_TAGGING,
	RIGHT_LIST_PARTS,
	RIGHT_ABORT,
	RIGHT_DELETE,
	RIGHT_DELETE_VERSION,
	RIGHTS,
};

enum doctor_tried {
	TRIED_NOT_NEEDED, /* this mount never asks for it */
	TRIED_IMPOSSIBLE, /* no try would have changed nothing for sure */
	TRIED_ALLOWED,
	TRIED_DENIED,
	TRIED_UNTOLD, /* the answer does not tell */
	TRIED_UNSUPPORTED, /* the server has no such request */
};

struct doctor_try {
	enum doctor_tried tried;
	char words[DOCTOR_WORDS]; /* the server's, where it is not allowed */
};

enum doctor_disk {
	DISK_USUAL,
	DISK_MEMORY, /* tmpfs: gone with the power */
	DISK_REMOTE, /* NFS, SMB */
};

struct doctor_facts {
	int64_t now_ns;
	/* The mount. Borrowed strings. */
	const char *bucket, *prefix, *url, *cache_dir;
	char endpoint[DOCTOR_WORDS]; /* for awscli; "": Amazon's own */
	bool amazon, read_only, purges, versioned;
	/* The bucket's documents, each with how the question ended. */
	struct doctor_answer versioning_answer, encryption_answer;
	struct doctor_answer block_answer, policy_answer, acl_answer;
	struct doctor_answer location_answer, lock_answer;
	struct doctor_answer lifecycle_answer, replication_answer;
	struct bucket_versioning versioning;
	struct bucket_encryption encryption;
	struct bucket_public_block block;
	bool policy_is_public;
	struct bucket_acl acl;
	char location[BUCKET_AUDIT_TEXT];
	struct bucket_lock lock;
	struct lifecycle lifecycle; /* owned; empty where there is none */
	struct replication replication; /* likewise */
	struct doctor_try rights[RIGHTS];
	/* The bucket of replica=; borrowed, NULL: there is none. */
	const char *replica;
	struct doctor_answer replica_answer;
	struct bucket_versioning replica_versioning;
	/* The way to the server. */
	bool tls, server_is_here, silent;
	int64_t cert_until_ns; /* the server's certificate; 0: not known */
	const char *region; /* in use; borrowed */
	int64_t skew_ns; /* the server's clock minus ours */
	/* The keys. */
	bool anonymous, temporary;
	const char *cred_source; /* borrowed; NULL where anonymous */
	int64_t cred_until_ns; /* 0: not told */
	char cred_file[DOCTOR_WORDS]; /* "": they are in none */
	int64_t cred_changed_ns; /* the file was; 0: not known */
	bool cred_exposed; /* others may read the file */
	/* This machine. */
	char kernel[DOCTOR_WORDS]; /* its release */
	char fuse[DOCTOR_WORDS]; /* protocol and library */
	char fuse_lacks[DOCTOR_WORDS]; /* features, ", " between; "": none */
	enum doctor_disk disk;
	struct watermark marks[WATERMARKS];
	uint64_t open_files; /* that this process may have; 0: no limit */
	uint64_t threads; /* likewise */
};

void doctor_facts_release(struct doctor_facts *facts);

/* The checks of the bucket: what is configured there. */
void doctor_check_bucket(const struct doctor_facts *facts, struct findings *f);
/* What the rules for its versions, uploads and copies leave undone. */
void doctor_check_rules(const struct doctor_facts *facts, struct findings *f);
/* The rights of these keys. */
void doctor_check_rights(const struct doctor_facts *facts, struct findings *f);
/* The keys, the way to the server, and this machine. */
void doctor_check_host(const struct doctor_facts *facts, struct findings *f);

/*
 * Whether Ceph's fault is met: with BlockPublicAcls it refuses every
 * PutObject and UploadPart (https://tracker.ceph.com/issues/49135).
 */
bool doctor_block_hits_uploads(const struct doctor_facts *facts);
/*
 * A question that was not answered, as a finding: "not supported by this
 * server", or that these keys may not ask (right: the action), or the server's
 * words. False where it was: rc is 0 or -ENODATA.
 */
bool doctor_unanswered(struct findings *f, const char *check,
		       const struct doctor_answer *answer, const char *right);
/* Has awscli mend the last finding: "aws s3api VERB --bucket B ... MORE". */
void doctor_mend_aws(const struct doctor_facts *facts, struct findings *f,
		     const char *verb, const char *more);

#endif
