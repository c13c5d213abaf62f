/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of a bucket's configuration, as Amazon and Ceph 16 send them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/s3/bucket_audit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NS	      " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define XSI	      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
/* What Ceph 16 answers to a question that it does not know. */
#define OTHER "<ListBucketResult" NS "><Name>b</Name></ListBucketResult>"

static void versioning(void **state)
{
	static const struct {
		const char *doc;
		bool enabled, suspended, mfa;
	} rows[] = {
		{"<VersioningConfiguration" NS "/>", false, false, false},
		{"<VersioningConfiguration" NS "><Status>Enabled</Status>"
		 "<MfaDelete>Disabled</MfaDelete></VersioningConfiguration>",
		 true, false, false},
		{"<GetBucketVersioningResponse" NS "><Status>Enabled</Status>"
		 "</GetBucketVersioningResponse>",
		 true, false, false},
		{"<VersioningConfiguration><Status>Suspended</Status>"
		 "</VersioningConfiguration>",
		 false, true, false},
		{"<VersioningConfiguration><Status>Enabled</Status>"
		 "<MfaDelete>Enabled</MfaDelete></VersioningConfiguration>",
		 true, false, true},
	};
	struct bucket_versioning v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(bucket_audit_versioning(
					 rows[i].doc, strlen(rows[i].doc), &v),
				 0);
		assert_int_equal(v.enabled, rows[i].enabled);
		assert_int_equal(v.suspended, rows[i].suspended);
		assert_int_equal(v.mfa_delete, rows[i].mfa);
	}
	assert_int_equal(bucket_audit_versioning(OTHER, strlen(OTHER), &v),
			 -EOPNOTSUPP);
	assert_int_equal(bucket_audit_versioning("", 0, &v), -EIO);
	assert_int_equal(bucket_audit_versioning("<a", 2, &v), -EOPNOTSUPP);
}

static void encryption(void **state)
{
	static const char kms[] =
		"<ServerSideEncryptionConfiguration" NS "><Rule>"
		"<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms"
		"</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"
		"</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true"
		"</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>";
	static const char none[] = "<ServerSideEncryptionConfiguration/>";
	struct bucket_encryption e;

	(void)state;
	assert_int_equal(bucket_audit_encryption(kms, strlen(kms), &e), 0);
	assert_string_equal(e.algorithm, "aws:kms");
	assert_true(e.bucket_key);
	assert_int_equal(bucket_audit_encryption(none, strlen(none), &e), 0);
	assert_string_equal(e.algorithm, "");
	assert_int_equal(bucket_audit_encryption(OTHER, strlen(OTHER), &e),
			 -EOPNOTSUPP);
}

static void public_block(void **state)
{
	static const char ceph[] =
		"<BlockPublicAccessBlockConfiguration><BlockPublicAcls>true"
		"</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>"
		"<BlockPublicPolicy>true</BlockPublicPolicy>"
		"<RestrictPublicBuckets>false</RestrictPublicBuckets>"
		"</BlockPublicAccessBlockConfiguration>";
	static const char amazon[] =
		"<PublicAccessBlockConfiguration" NS "><IgnorePublicAcls>TRUE"
		"</IgnorePublicAcls></PublicAccessBlockConfiguration>";
	struct bucket_public_block b;

	(void)state;
	assert_int_equal(bucket_audit_public_block(ceph, strlen(ceph), &b), 0);
	assert_true(b.block_acls && !b.ignore_acls && b.block_policy &&
		    !b.restrict_buckets);
	assert_int_equal(bucket_audit_public_block(amazon, strlen(amazon), &b),
			 0);
	assert_true(!b.block_acls && b.ignore_acls && !b.block_policy);
	assert_int_equal(bucket_audit_public_block(OTHER, strlen(OTHER), &b),
			 -EOPNOTSUPP);
}

static void policy(void **state)
{
	static const struct {
		const char *doc;
		bool is_public;
	} rows[] = {
		{"<PolicyStatus" NS "><IsPublic>true</IsPublic></PolicyStatus>",
		 true},
		{"<PolicyStatus><IsPublic>TRUE</IsPublic></PolicyStatus>",
		 true},
		{"<PolicyStatus><IsPublic>false</IsPublic></PolicyStatus>",
		 false},
	};
	bool is_public;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(bucket_audit_policy_status(rows[i].doc,
							    strlen(rows[i].doc),
							    &is_public),
				 0);
		assert_int_equal(is_public, rows[i].is_public);
	}
	assert_int_equal(bucket_audit_policy_status(OTHER, strlen(OTHER),
						    &is_public),
			 -EOPNOTSUPP);
}

#define ACL(grants)                                                            \
	"<AccessControlPolicy" NS "><Owner><ID>me</ID></Owner>"                \
	"<AccessControlList>" grants                                           \
	"</AccessControlList></AccessControlPolicy>"
#define GRANT(who, permission)                                                 \
	"<Grant><Grantee" XSI " xsi:type=\"T\">" who                           \
	"</Grantee><Permission>" permission "</Permission></Grant>"
#define GROUP(name) "<URI>http://acs.amazonaws.com/groups/global/" name "</URI>"

static void acl(void **state)
{
	static const struct {
		const char *doc;
		struct bucket_acl want;
	} rows[] = {
		{ACL(GRANT("<ID>me</ID>", "FULL_CONTROL")), {.others = 0}},
		{ACL(GRANT("<ID>me</ID>", "FULL_CONTROL")
			     GRANT("<ID>you</ID>", "READ")),
		 {.others = 1}},
		{ACL(GRANT(GROUP("AllUsers"), "READ")), {.everybody = true}},
		{ACL(GRANT(GROUP("AllUsers"), "WRITE")),
		 {.everybody = true, .everybody_writes = true}},
		{ACL(GRANT(GROUP("AuthenticatedUsers"), "READ")),
		 {.any_account = true}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bucket_acl a = {.others = 99};

		assert_int_equal(bucket_audit_acl(rows[i].doc,
						  strlen(rows[i].doc), &a),
				 0);
		assert_int_equal(a.everybody, rows[i].want.everybody);
		assert_int_equal(a.everybody_writes,
				 rows[i].want.everybody_writes);
		assert_int_equal(a.any_account, rows[i].want.any_account);
		assert_int_equal(a.others, rows[i].want.others);
	}
}

static void location_and_lock(void **state)
{
	static const char at[] =
		"<LocationConstraint" NS ">eu-west-3</LocationConstraint>";
	static const char first[] = "<LocationConstraint" NS "/>";
	static const char years[] =
		"<ObjectLockConfiguration><ObjectLockEnabled>Enabled"
		"</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE"
		"</Mode><Years>2</Years></DefaultRetention></Rule>"
		"</ObjectLockConfiguration>";
	static const char no_default[] =
		"<ObjectLockConfiguration><ObjectLockEnabled>Enabled"
		"</ObjectLockEnabled></ObjectLockConfiguration>";
	char region[BUCKET_AUDIT_TEXT];
	struct bucket_lock lock;

	(void)state;
	assert_int_equal(bucket_audit_location(at, strlen(at), region), 0);
	assert_string_equal(region, "eu-west-3");
	assert_int_equal(bucket_audit_location(first, strlen(first), region),
			 0);
	assert_string_equal(region, "");
	assert_int_equal(bucket_audit_lock(years, strlen(years), &lock), 0);
	assert_string_equal(lock.mode, "COMPLIANCE");
	assert_int_equal(lock.days, 730);
	assert_int_equal(
		bucket_audit_lock(no_default, strlen(no_default), &lock), 0);
	assert_string_equal(lock.mode, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versioning),
		cmocka_unit_test(encryption),
		cmocka_unit_test(public_block),
		cmocka_unit_test(policy),
		cmocka_unit_test(acl),
		cmocka_unit_test(location_and_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
