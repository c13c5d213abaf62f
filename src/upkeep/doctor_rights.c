/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rights, and what it means when one is not there. */
#include <stdio.h>
#include <string.h>

#include "doctor_facts.h"

static const struct {
	const char *name;
	enum severity severity; /* where it is denied */
	const char *why;
} rights[RIGHTS] = {
	[RIGHT_LIST] = {"s3:ListBucket", SEVERITY_ERROR,
			"no directory can be listed"},
	[RIGHT_LIST_VERSIONS] = {"s3:ListBucketVersions", SEVERITY_ERROR,
				 ".versions is empty, and nothing can be "
				 "restored"},
	[RIGHT_LIST_UPLOADS] = {"s3:ListBucketMultipartUploads",
				SEVERITY_WARNING,
				"nobody sees unfinished uploads"},
	[RIGHT_GET] = {"s3:GetObject", SEVERITY_ERROR, "no file can be read"},
	[RIGHT_GET_VERSION] = {"s3:GetObjectVersion", SEVERITY_ERROR,
			       "no old version can be read, nor a file that "
			       "others replace meanwhile"},
	[RIGHT_GET_TAGGING] = {"s3:GetObjectTagging", SEVERITY_WARNING,
			       "times and modes of large files are not known, "
			       "nor any tags"},
	[RIGHT_GET_VERSION_TAGGING] = {"s3:GetObjectVersionTagging",
				       SEVERITY_WARNING,
				       "times and modes of large files are not "
				       "known, nor any tags"},
	[RIGHT_PUT] = {"s3:PutObject", SEVERITY_ERROR, "nothing can be saved"},
	[RIGHT_PUT_TAGGING] = {"s3:PutObjectTagging", SEVERITY_WARNING,
			       "times and modes of large files, and tags, "
			       "cannot be saved"},
	[RIGHT_LIST_PARTS] = {"s3:ListMultipartUploadParts", SEVERITY_WARNING,
			      "what unfinished uploads take is not known"},
	[RIGHT_ABORT] = {"s3:AbortMultipartUpload", SEVERITY_WARNING,
			 "uploads that came to nothing stay, and cost"},
	[RIGHT_DELETE] = {"s3:DeleteObject", SEVERITY_ERROR,
			  "nothing can be removed or renamed"},
	[RIGHT_DELETE_VERSION] = {"s3:DeleteObjectVersion", SEVERITY_ERROR,
				  "no version can be purged, which this mount "
				  "is for"},
};

static void denied(const struct doctor_facts *facts, enum doctor_right i,
		   struct findings *f)
{
	finding_add(f, rights[i].severity, rights[i].name, rights[i].why,
		    "not allowed: %s", facts->rights[i].words);
	finding_mend(f, "allow %s to these keys", rights[i].name);
}

/* The right that keys are better without. */
static void check_destroying(const struct doctor_facts *facts,
			     struct findings *f)
{
	const char *name = rights[RIGHT_DELETE_VERSION].name;

	if (facts->rights[RIGHT_DELETE_VERSION].tried == TRIED_DENIED)
		finding_add(f, SEVERITY_OK, name, NULL,
			    "not allowed: whoever has these keys cannot "
			    "destroy what was saved");
	else
		finding_add(f, SEVERITY_INFO, name,
			    "whoever has these keys can destroy what was saved",
			    "allowed, and needed for undelete alone");
}

static void check_right(const struct doctor_facts *facts, enum doctor_right i,
			struct findings *f)
{
	const struct doctor_try *try = &facts->rights[i];

	switch (try->tried) {
	case TRIED_NOT_NEEDED:
		break;
	case TRIED_IMPOSSIBLE:
		finding_add(f, SEVERITY_INFO, rights[i].name, NULL,
			    "not tried: it might leave something behind");
		break;
	case TRIED_ALLOWED:
		finding_add(f, SEVERITY_OK, rights[i].name, NULL, "allowed");
		break;
	case TRIED_DENIED:
		denied(facts, i, f);
		break;
	case TRIED_UNTOLD:
		finding_add(f, SEVERITY_INFO, rights[i].name, NULL,
			    "the server's answer does not tell: %s",
			    try->words);
		break;
	case TRIED_UNSUPPORTED:
		finding_add(f, SEVERITY_INFO, rights[i].name, NULL,
			    "not supported by this server");
		break;
	}
}

void doctor_check_rights(const struct doctor_facts *facts, struct findings *f)
{
	for (int i = 0; i < RIGHTS; i++) {
		enum doctor_tried tried = facts->rights[i].tried;

		/* The finding on public access says why. */
		if (i == RIGHT_PUT && doctor_block_hits_uploads(facts))
			continue;
		if (i == RIGHT_DELETE_VERSION && !facts->purges &&
		    (tried == TRIED_ALLOWED || tried == TRIED_DENIED))
			check_destroying(facts, f);
		else
			check_right(facts, (enum doctor_right)i, f);
	}
}
