/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the small documents of a bucket's configuration, one by one. */
#include "vers3/s3/bucket_audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xmltree.h"

#define GROUPS "http://acs.amazonaws.com/groups/global/"

/* Opens it if its root is one of these; second may be NULL. */
static int begin(const char *doc, size_t len, const char *first,
		 const char *second, xmlDocPtr *ret_doc, xmlNodePtr *ret_root)
{
	int rc;

	if (!doc || !len)
		return -EIO;
	rc = xmltree_parse(doc, len, first, ret_doc);
	if (rc == -EIO && second)
		rc = xmltree_parse(doc, len, second, ret_doc);
	if (rc)
		return rc == -EIO ? -EOPNOTSUPP : rc;
	*ret_root = xmlDocGetRootElement(*ret_doc);
	return 0;
}

/* A short text: 0, -ENOMEM. Where there is none it becomes "". */
static int text_of(xmlNodePtr parent, const char *name,
		   char ret[BUCKET_AUDIT_TEXT])
{
	char *text = NULL;
	int rc = xmltree_text(parent, name, &text);

	if (!rc)
		snprintf(ret, BUCKET_AUDIT_TEXT, "%s", text ? text : "");
	free(text);
	return rc;
}

int bucket_audit_versioning(const char *doc, size_t len,
			    struct bucket_versioning *ret)
{
	xmlNodePtr root;
	xmlDocPtr d;
	int rc = begin(doc, len, "VersioningConfiguration",
		       "GetBucketVersioningResponse", &d, &root);

	if (rc)
		return rc;
	*ret = (struct bucket_versioning){
		.enabled = xmltree_text_is(root, "Status", "Enabled"),
		.suspended = xmltree_text_is(root, "Status", "Suspended"),
		/* The second is how it is asked for. */
		.mfa_delete = xmltree_text_is(root, "MfaDelete", "Enabled") ||
			      xmltree_text_is(root, "MFADelete", "Enabled"),
	};
	xmlFreeDoc(d);
	return 0;
}

int bucket_audit_encryption(const char *doc, size_t len,
			    struct bucket_encryption *ret)
{
	struct bucket_encryption e = {.algorithm = ""};
	xmlNodePtr root, rule;
	xmlDocPtr d;
	int rc = begin(doc, len, "ServerSideEncryptionConfiguration", NULL, &d,
		       &root);

	if (rc)
		return rc;
	rule = xmltree_child(root, "Rule");
	rc = text_of(xmltree_child(rule, "ApplyServerSideEncryptionByDefault"),
		     "SSEAlgorithm", e.algorithm);
	e.bucket_key = xmltree_text_is(rule, "BucketKeyEnabled", "true");
	xmlFreeDoc(d);
	if (!rc)
		*ret = e;
	return rc;
}

int bucket_audit_public_block(const char *doc, size_t len,
			      struct bucket_public_block *ret)
{
	xmlNodePtr root;
	xmlDocPtr d;
	/* The second is how Ceph calls it. */
	int rc = begin(doc, len, "PublicAccessBlockConfiguration",
		       "BlockPublicAccessBlockConfiguration", &d, &root);

	if (rc)
		return rc;
	*ret = (struct bucket_public_block){
		.block_acls = xmltree_text_is(root, "BlockPublicAcls", "true"),
		.ignore_acls =
			xmltree_text_is(root, "IgnorePublicAcls", "true"),
		.block_policy =
			xmltree_text_is(root, "BlockPublicPolicy", "true"),
		.restrict_buckets =
			xmltree_text_is(root, "RestrictPublicBuckets", "true"),
	};
	xmlFreeDoc(d);
	return 0;
}

int bucket_audit_policy_status(const char *doc, size_t len, bool *ret_is_public)
{
	xmlNodePtr root;
	xmlDocPtr d;
	int rc = begin(doc, len, "PolicyStatus", NULL, &d, &root);

	if (rc)
		return rc;
	/* Amazon spells it TRUE. */
	*ret_is_public = xmltree_text_is(root, "IsPublic", "true") ||
			 xmltree_text_is(root, "IsPublic", "TRUE");
	xmlFreeDoc(d);
	return 0;
}

static int read_grant(xmlNodePtr grant, const char *owner,
		      struct bucket_acl *acl)
{
	xmlNodePtr grantee = xmltree_child(grant, "Grantee");
	char *uri = NULL, *id = NULL;
	int rc = xmltree_text(grantee, "URI", &uri);

	if (!rc)
		rc = xmltree_text(grantee, "ID", &id);
	if (rc) {
	} else if (uri && !strcmp(uri, GROUPS "AllUsers")) {
		acl->everybody = true;
		if (!xmltree_text_is(grant, "Permission", "READ") &&
		    !xmltree_text_is(grant, "Permission", "READ_ACP"))
			acl->everybody_writes = true;
	} else if (uri && !strcmp(uri, GROUPS "AuthenticatedUsers")) {
		acl->any_account = true;
	} else if (!id || strcmp(id, owner) != 0) {
		acl->others++;
	}
	free(uri);
	free(id);
	return rc;
}

int bucket_audit_acl(const char *doc, size_t len, struct bucket_acl *ret)
{
	struct bucket_acl acl = {.others = 0};
	xmlNodePtr root, grant;
	char *owner = NULL;
	xmlDocPtr d;
	int rc = begin(doc, len, "AccessControlPolicy", NULL, &d, &root);

	if (rc)
		return rc;
	rc = xmltree_text(xmltree_child(root, "Owner"), "ID", &owner);
	grant = xmltree_child(xmltree_child(root, "AccessControlList"),
			      "Grant");
	for (; !rc && grant; grant = xmltree_next(grant))
		rc = read_grant(grant, owner ? owner : "", &acl);
	free(owner);
	xmlFreeDoc(d);
	if (!rc)
		*ret = acl;
	return rc;
}

int bucket_audit_location(const char *doc, size_t len,
			  char ret_region[BUCKET_AUDIT_TEXT])
{
	xmlNodePtr root;
	xmlChar *text;
	xmlDocPtr d;
	int rc = begin(doc, len, "LocationConstraint", NULL, &d, &root);

	if (rc)
		return rc;
	text = xmlNodeGetContent(root);
	snprintf(ret_region, BUCKET_AUDIT_TEXT, "%s",
		 text ? (const char *)text : "");
	xmlFree(text);
	xmlFreeDoc(d);
	return 0;
}

int bucket_audit_lock(const char *doc, size_t len, struct bucket_lock *ret)
{
	struct bucket_lock lock = {.mode = ""};
	uint64_t years = 0;
	xmlNodePtr root, by_default;
	xmlDocPtr d;
	int rc = begin(doc, len, "ObjectLockConfiguration", NULL, &d, &root);

	if (rc)
		return rc;
	by_default =
		xmltree_child(xmltree_child(root, "Rule"), "DefaultRetention");
	rc = text_of(by_default, "Mode", lock.mode);
	if (!rc)
		rc = xmltree_number(by_default, "Days", &lock.days);
	if (!rc)
		rc = xmltree_number(by_default, "Years", &years);
	if (!rc && !lock.days)
		lock.days = years < UINT32_MAX ? years * 365 : UINT32_MAX;
	xmlFreeDoc(d);
	if (!rc)
		*ret = lock;
	return rc;
}
