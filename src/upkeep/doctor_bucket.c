/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of what is configured at the bucket: who may see it, and how. */
#include "doctor_facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NOT_SUPPORTED "not supported by this server"

void doctor_mend_aws(const struct doctor_facts *facts, struct findings *f,
		     const char *verb, const char *more)
{
	finding_mend(f, "aws s3api %s --bucket %s%s%s%s%s", verb, facts->bucket,
		     *facts->endpoint ? " --endpoint-url " : "",
		     facts->endpoint, *more ? " " : "", more);
}

bool doctor_unanswered(struct findings *f, const char *check,
		       const struct doctor_answer *answer, const char *right)
{
	switch (answer->rc) {
	case 0:
	case -ENODATA:
		return false;
	case -EOPNOTSUPP:
		finding_add(f, SEVERITY_INFO, check, NULL, NOT_SUPPORTED);
		return true;
	case -EACCES:
		finding_add(f, SEVERITY_INFO, check, NULL,
			    "these keys may not ask for it: %s", answer->words);
		finding_mend(f, "allow %s on the bucket", right);
		return true;
	default:
		finding_add(f, SEVERITY_WARNING, check,
			    "what was not answered is not known to be right",
			    "no answer: %s", answer->words);
		return true;
	}
}

static void check_versioning(const struct doctor_facts *facts,
			     struct findings *f)
{
	static const char why[] = "what is overwritten or deleted is gone for "
				  "good, and .versions has none of it";
	const struct doctor_answer *a = &facts->versioning_answer;

	if (a->rc != -EOPNOTSUPP &&
	    doctor_unanswered(f, "versioning", a, "s3:GetBucketVersioning"))
		return;
	if (a->rc == -EOPNOTSUPP) {
		finding_add(f, SEVERITY_ERROR, "versioning", why,
			    NOT_SUPPORTED);
		return;
	}
	if (!facts->versioning.enabled) {
		finding_add(f, SEVERITY_ERROR, "versioning", why,
			    facts->versioning.suspended
				    ? "the bucket's versioning is suspended"
				    : "the bucket keeps no versions");
		doctor_mend_aws(facts, f, "put-bucket-versioning",
				"--versioning-configuration Status=Enabled");
	} else if (!facts->versioned) {
		finding_add(f, SEVERITY_WARNING, "versioning",
			    "until it is mounted anew, it takes the bucket as "
			    "one without versions",
			    "versions are kept by now, and were not when this "
			    "was mounted");
		finding_mend(f, "unmount it, and mount it again");
	} else {
		finding_add(f, SEVERITY_OK, "versioning", NULL, "enabled");
	}
	if (facts->versioning.mfa_delete) {
		finding_add(f, facts->purges ? SEVERITY_WARNING : SEVERITY_INFO,
			    "mfa-delete",
			    "neither undelete nor versions=purge can remove a "
			    "version or a delete marker",
			    "versions are removed only with a code of the "
			    "owner's device");
		if (facts->purges)
			finding_mend(f, "mount without versions=purge, or have "
					"the owner switch MFA delete off");
	} else if (facts->versioning.enabled) {
		finding_add(f, SEVERITY_OK, "mfa-delete", NULL, "off");
	}
}

static void check_encryption(const struct doctor_facts *facts,
			     struct findings *f)
{
	const struct doctor_answer *a = &facts->encryption_answer;

	if (doctor_unanswered(f, "encryption", a,
			      "s3:GetEncryptionConfiguration"))
		return;
	if (!a->rc && *facts->encryption.algorithm) {
		finding_add(f, SEVERITY_OK, "encryption", NULL,
			    "what is written is encrypted with %s%s",
			    facts->encryption.algorithm,
			    facts->encryption.bucket_key ? ", bucket key" : "");
		return;
	}
	finding_add(f, SEVERITY_WARNING, "encryption",
		    "who gets at the server's disks can read what is on them",
		    "the bucket has no default encryption");
	doctor_mend_aws(facts, f, "put-bucket-encryption",
			"--server-side-encryption-configuration "
			"'Rules=[{ApplyServerSideEncryptionByDefault={"
			"SSEAlgorithm=AES256}}]'");
}

bool doctor_block_hits_uploads(const struct doctor_facts *facts)
{
	return !facts->amazon && !facts->block_answer.rc &&
	       facts->block.block_acls &&
	       facts->rights[RIGHT_PUT].tried == TRIED_DENIED;
}

/*
 * Of another server than Amazon's BlockPublicAcls is not asked for, since Ceph
 * takes it as "no uploads"; the other three harm nothing there.
 */
#define BLOCK(acls)                                                            \
	"--public-access-block-configuration BlockPublicAcls=" acls            \
	",IgnorePublicAcls=true,BlockPublicPolicy=true,"                       \
	"RestrictPublicBuckets=true"

static void check_public_block(const struct doctor_facts *facts,
			       struct findings *f)
{
	const struct doctor_answer *a = &facts->block_answer;
	const struct bucket_public_block *b = &facts->block;
	bool whole = !a->rc && b->ignore_acls && b->block_policy &&
		     b->restrict_buckets && (b->block_acls || !facts->amazon);

	if (doctor_unanswered(f, "public-access", a,
			      "s3:GetBucketPublicAccessBlock"))
		return;
	if (doctor_block_hits_uploads(facts)) {
		finding_add(f, SEVERITY_ERROR, "public-access",
			    "nothing can be saved: this server takes it as a "
			    "ban of all uploads, whatever their ACL (Ceph up "
			    "to 19.2.4 and 20.2.2)",
			    "uploads are refused, and BlockPublicAcls is set");
		doctor_mend_aws(facts, f, "put-public-access-block",
				BLOCK("false"));
		return;
	}
	if (whole) {
		finding_add(f, SEVERITY_OK, "public-access", NULL,
			    "the bucket's public access block is on");
		return;
	}
	/* Amazon has it in each new bucket: somebody took it off. */
	finding_add(f, facts->amazon ? SEVERITY_WARNING : SEVERITY_INFO,
		    "public-access",
		    "one wrong policy or ACL shows the bucket to everybody",
		    "the bucket's public access block is %s",
		    !a->rc && (b->block_acls || b->ignore_acls ||
			       b->block_policy || b->restrict_buckets)
			    ? "on in part"
			    : "off");
	doctor_mend_aws(facts, f, "put-public-access-block",
			facts->amazon ? BLOCK("true") : BLOCK("false"));
}

static void check_policy(const struct doctor_facts *facts, struct findings *f)
{
	const struct doctor_answer *a = &facts->policy_answer;

	if (doctor_unanswered(f, "policy", a, "s3:GetBucketPolicyStatus"))
		return;
	if (a->rc || !facts->policy_is_public) {
		finding_add(f, SEVERITY_OK, "policy", NULL,
			    a->rc ? "there is none" : "it is not public");
		return;
	}
	/* Servers count the ACL, too. */
	if (!facts->acl_answer.rc &&
	    (facts->acl.everybody || facts->acl.any_account)) {
		finding_add(f, SEVERITY_INFO, "policy", NULL,
			    "the bucket is public: by its ACL at least");
		return;
	}
	finding_add(f, SEVERITY_ERROR, "policy",
		    "people without any keys can do what it allows",
		    "the bucket's policy is public");
	doctor_mend_aws(facts, f, "get-bucket-policy",
			"--output text shows it; put-bucket-policy replaces "
			"it, delete-bucket-policy removes it");
}

static void check_acl(const struct doctor_facts *facts, struct findings *f)
{
	const struct bucket_acl *acl = &facts->acl;

	if (doctor_unanswered(f, "acl", &facts->acl_answer, "s3:GetBucketAcl"))
		return;
	if (acl->everybody || acl->any_account) {
		finding_add(f, SEVERITY_ERROR, "acl",
			    acl->everybody_writes
				    ? "strangers can write to it, and you pay"
				    : "strangers can list all its names",
			    "the bucket's ACL lets %s in",
			    acl->everybody ? "everybody"
					   : "every account of the server");
		doctor_mend_aws(facts, f, "put-bucket-acl", "--acl private");
	} else if (acl->others) {
		finding_add(f, SEVERITY_INFO, "acl", NULL,
			    "the bucket's ACL has %u grants to other accounts",
			    acl->others);
	} else {
		finding_add(f, SEVERITY_OK, "acl", NULL, "the owner's alone");
	}
}

static void check_lock(const struct doctor_facts *facts, struct findings *f)
{
	const struct doctor_answer *a = &facts->lock_answer;
	const struct bucket_lock *lock = &facts->lock;

	if (doctor_unanswered(f, "object-lock", a,
			      "s3:GetBucketObjectLockConfiguration"))
		return;
	if (a->rc || !*lock->mode) {
		finding_add(f, SEVERITY_OK, "object-lock", NULL,
			    "nothing is locked by default");
		return;
	}
	finding_add(f, facts->purges ? SEVERITY_WARNING : SEVERITY_INFO,
		    "object-lock",
		    "no version can be removed before, by vers3 or by rules, "
		    "and each costs until then",
		    "what is written is locked for %llu days (%s)",
		    (unsigned long long)lock->days, lock->mode);
	if (facts->purges)
		finding_mend(f, "mount without versions=purge");
}

void doctor_check_bucket(const struct doctor_facts *facts, struct findings *f)
{
	check_versioning(facts, f);
	check_encryption(facts, f);
	check_public_block(facts, f);
	check_policy(facts, f);
	check_acl(facts, f);
	check_lock(facts, f);
}
