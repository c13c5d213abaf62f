/* SPDX-License-Identifier: Apache-2.0 */
/* Facts in, findings out: what the doctor thinks of them, by tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/upkeep/doctor_facts.h"
#include "vers3/util/clock.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DAY_NS	      (INT64_C(86400) * NS_PER_S)
#define NOW_NS	      (20000 * DAY_NS)

static char prefix[] = "pre/", every[] = "", tmp[] = "pre/tmp/", id[] = "r";
static char away[] = "away";

/* A good mount of a good bucket of Amazon. */
static void good(struct doctor_facts *f)
{
	static struct lifecycle_rule rule;
	static struct replication_rule copy;

	memset(f, 0, sizeof(*f));
	rule = (struct lifecycle_rule){.id = id,
				       .enabled = true,
				       .prefix = every,
				       .noncurrent_days = 90,
				       .abort_days = 7};
	copy = (struct replication_rule){.id = id,
					 .enabled = true,
					 .prefix = every,
					 .bucket = away,
					 .delete_markers = true};
	f->now_ns = NOW_NS;
	f->bucket = "b";
	f->prefix = prefix;
	f->url = "https://b.s3.amazonaws.com";
	f->cache_dir = "/cache";
	f->amazon = f->versioned = f->tls = true;
	f->versioning.enabled = true;
	strcpy(f->encryption.algorithm, "AES256");
	f->block = (struct bucket_public_block){true, true, true, true};
	f->policy_answer.rc = f->lock_answer.rc = -ENODATA;
	strcpy(f->location, "eu-west-3");
	f->region = "eu-west-3";
	f->lifecycle = (struct lifecycle){&rule, 1};
	f->replication = (struct replication){.rules = &copy, .count = 1};
	for (int i = 0; i < RIGHTS; i++)
		f->rights[i].tried = TRIED_ALLOWED;
	f->rights[RIGHT_DELETE_VERSION].tried = TRIED_DENIED;
	f->cred_source = "profile";
	strcpy(f->cred_file, "/keys");
	f->cred_changed_ns = NOW_NS - DAY_NS;
	strcpy(f->kernel, "6.1");
	strcpy(f->fuse, "7.38");
	f->marks[WATERMARK_MIN_FREE] = watermark_of(10, 100);
	f->marks[WATERMARK_QUOTA] = watermark_of(10, 100);
	f->open_files = 65536;
	f->threads = 4096;
}

static void check(const struct doctor_facts *facts, struct findings *f)
{
	findings_init(f);
	doctor_check_bucket(facts, f);
	doctor_check_rules(facts, f);
	doctor_check_rights(facts, f);
	doctor_check_host(facts, f);
	assert_int_equal(f->error, 0);
}

/* Of the good facts, as they are changed; NULL: not at all. */
static void check_changed(void (*change)(struct doctor_facts *f),
			  struct findings *f)
{
	struct doctor_facts facts;

	good(&facts);
	if (change)
		change(&facts);
	check(&facts, f);
}

static const struct finding *of(const struct findings *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->items[i].check, name))
			return &f->items[i];
	return NULL;
}

/* Each check has one finding. */
static void all_once(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		assert_ptr_equal(of(f, f->items[i].check), &f->items[i]);
}

static void nothing_wrong(void **state)
{
	struct findings f;

	(void)state;
	check_changed(NULL, &f);
	for (size_t i = 0; i < f.count; i++)
		if (f.items[i].severity != SEVERITY_OK)
			fail_msg("%s: %s", f.items[i].check, f.items[i].what);
	assert_true(f.count > 25);
	all_once(&f);
	findings_release(&f);
}

/* What is changed of the good facts, and what then is found, and nothing else
 * above info. */
struct row {
	const char *name;
	void (*change)(struct doctor_facts *f);
	const char *check;
	enum severity severity;
	const char *has; /* in "what", "why" or "mend" */
};

#define CHANGE(name, ...)                                                      \
	static void name(struct doctor_facts *f)                               \
	{                                                                      \
		__VA_ARGS__;                                                   \
	}

CHANGE(unversioned, f->versioning.enabled = false; f->versioned = false;
       f->replication.count = 0)
CHANGE(suspended, f->versioning.enabled = false; f->versioning.suspended = true;
       f->replication.count = 0)
CHANGE(versioned_since, f->versioned = false)
CHANGE(mfa, f->versioning.mfa_delete = true)
CHANGE(mfa_purge, f->versioning.mfa_delete = f->purges = true;
       f->rights[RIGHT_DELETE_VERSION].tried = TRIED_ALLOWED)
CHANGE(no_versioning_right, f->versioning_answer.rc = -EACCES)
CHANGE(plain, f->encryption_answer.rc = -ENODATA)
CHANGE(no_encryption, f->encryption_answer.rc = -EOPNOTSUPP)
CHANGE(no_block, f->block_answer.rc = -ENODATA)
CHANGE(part_block, f->block.restrict_buckets = false)
CHANGE(ceph_no_block, f->block_answer.rc = -ENODATA; f->amazon = false;
       strcpy(f->endpoint, "http://h"))
CHANGE(ceph_block, f->amazon = false; f->rights[RIGHT_PUT].tried = TRIED_DENIED;
       strcpy(f->endpoint, "u"))
CHANGE(ceph_three, f->amazon = false; f->block.block_acls = false)
CHANGE(put_denied, f->rights[RIGHT_PUT].tried = TRIED_DENIED;
       strcpy(f->rights[RIGHT_PUT].words, "403 AccessDenied"))
CHANGE(public_policy, f->policy_answer.rc = 0; f->policy_is_public = true)
CHANGE(public_acl, f->acl.everybody = true; f->policy_answer.rc = 0;
       f->policy_is_public = true)
CHANGE(account_acl, f->acl.any_account = true)
CHANGE(other_acl, f->acl.others = 2)
CHANGE(locked, f->lock_answer.rc = 0; strcpy(f->lock.mode, "GOVERNANCE");
       f->lock.days = 30)
CHANGE(locked_purge, locked(f); f->purges = true;
       f->rights[RIGHT_DELETE_VERSION].tried = TRIED_ALLOWED)
CHANGE(no_noncurrent, f->lifecycle.rules[0].noncurrent_days = 0)
CHANGE(some_noncurrent, f->lifecycle.rules[0].has_over = true;
       f->lifecycle.rules[0].abort_days = 0)
CHANGE(elsewhere, f->lifecycle.rules[0].prefix = tmp)
CHANGE(no_abort, f->lifecycle.rules[0].abort_days = 0)
CHANGE(disabled, f->lifecycle.rules[0].enabled = false)
CHANGE(expires, f->lifecycle.rules[0].expire_days = 30)
CHANGE(expires_tmp, expires(f); f->lifecycle.rules[0].prefix = tmp)
CHANGE(odd_rule, static char odd[] = "x; rm"; expires(f);
       f->lifecycle.rules[0].id = odd)
CHANGE(no_lifecycle, f->lifecycle_answer.rc = -EOPNOTSUPP)
CHANGE(lifecycle_out, f->lifecycle_answer.rc = -EIO;
       strcpy(f->lifecycle_answer.words, "500 InternalError"))
CHANGE(copy_off, f->replication.rules[0].enabled = false)
CHANGE(copy_unversioned, f->versioning.enabled = false)
CHANGE(copy_markers, f->replication.rules[0].delete_markers = false)
CHANGE(replica, f->replica = "r"; f->replica_versioning.enabled = true)
CHANGE(replica_away, f->replica = "r"; f->replica_answer.rc = -ETIMEDOUT;
       strcpy(f->replica_answer.words, "timed out"))
CHANGE(replica_plain, f->replica = "r")
CHANGE(no_list, f->rights[RIGHT_LIST].tried = TRIED_DENIED)
CHANGE(no_tags, f->rights[RIGHT_GET_TAGGING].tried = TRIED_DENIED)
CHANGE(untold, f->rights[RIGHT_PUT_TAGGING].tried = TRIED_UNTOLD)
CHANGE(not_tried, f->rights[RIGHT_DELETE].tried = TRIED_IMPOSSIBLE)
CHANGE(destroys, f->rights[RIGHT_DELETE_VERSION].tried = TRIED_ALLOWED)
CHANGE(cannot_purge, f->purges = true)
CHANGE(exposed, f->cred_exposed = true)
CHANGE(ended, f->cred_until_ns = NOW_NS - NS_PER_S)
CHANGE(ends, f->cred_until_ns = NOW_NS + 300 * NS_PER_S)
CHANGE(renewed, ends(f); f->cred_source = "credential_process")
CHANGE(endless, f->temporary = true)
CHANGE(old_keys, f->cred_changed_ns = NOW_NS - 91 * DAY_NS)
CHANGE(anonymous, f->anonymous = true; f->cred_source = NULL)
CHANGE(off, f->skew_ns = -90 * NS_PER_S)
CHANGE(far_off, f->skew_ns = 3600 * NS_PER_S)
CHANGE(other_region, f->region = "us-east-1")
CHANGE(first_region, f->region = "us-east-1"; f->location[0] = '\0')
CHANGE(cert, f->cert_until_ns = NOW_NS + 30 * DAY_NS)
CHANGE(cert_ends, f->cert_until_ns = NOW_NS + 13 * DAY_NS)
CHANGE(cert_ended, f->cert_until_ns = NOW_NS - DAY_NS / 2)
CHANGE(http, f->tls = false)
CHANGE(http_here, f->tls = false; f->server_is_here = true)
CHANGE(old_kernel, strcpy(f->fuse_lacks, "parallel look-ups"))
CHANGE(in_memory, f->disk = DISK_MEMORY)
CHANGE(remote, f->disk = DISK_REMOTE)
CHANGE(disk_short, f->marks[WATERMARK_MIN_FREE] = watermark_of(80, 100))
CHANGE(disk_full, f->marks[WATERMARK_MIN_FREE] = watermark_of(100, 100))
CHANGE(quota_short, f->marks[WATERMARK_QUOTA] = watermark_of(85, 100))
CHANGE(no_quota, f->marks[WATERMARK_QUOTA] = watermark_of(85, 0))
CHANGE(few_files, f->open_files = 1024)
CHANGE(few_threads, f->threads = 100)

static const struct row rows[] = {
	{"unversioned", unversioned, "versioning", SEVERITY_ERROR,
	 "Status=Enabled"},
	{"suspended", suspended, "versioning", SEVERITY_ERROR, "suspended"},
	{"versioned since", versioned_since, "versioning", SEVERITY_WARNING,
	 "mount it again"},
	{"mfa", mfa, "mfa-delete", SEVERITY_INFO, "device"},
	{"mfa and purge", mfa_purge, "mfa-delete", SEVERITY_WARNING, "purge"},
	{"may not ask", no_versioning_right, "versioning", SEVERITY_INFO,
	 "s3:GetBucketVersioning"},
	{"plain", plain, "encryption", SEVERITY_WARNING, "AES256"},
	{"no encryption there", no_encryption, "encryption", SEVERITY_INFO,
	 "not supported by this server"},
	{"no block", no_block, "public-access", SEVERITY_WARNING,
	 "BlockPublicAcls=true"},
	{"half a block", part_block, "public-access", SEVERITY_WARNING,
	 "on in part"},
	{"no block at Ceph", ceph_no_block, "public-access", SEVERITY_INFO,
	 "--endpoint-url http://h --public-access-block-configuration "
	 "BlockPublicAcls=false"},
	{"a block at Ceph", ceph_block, "public-access", SEVERITY_ERROR,
	 "BlockPublicAcls=false"},
	{"three at Ceph", ceph_three, "public-access", SEVERITY_OK, "is on"},
	{"no saving", put_denied, "s3:PutObject", SEVERITY_ERROR,
	 "403 AccessDenied"},
	{"public policy", public_policy, "policy", SEVERITY_ERROR, "public"},
	{"public acl", public_acl, "acl", SEVERITY_ERROR, "--acl private"},
	{"acl for accounts", account_acl, "acl", SEVERITY_ERROR, "account"},
	{"acl for others", other_acl, "acl", SEVERITY_INFO, "2 grants"},
	{"locked", locked, "object-lock", SEVERITY_INFO, "30 days"},
	{"locked and purge", locked_purge, "object-lock", SEVERITY_WARNING,
	 "GOVERNANCE"},
	{"no noncurrent", no_noncurrent, "noncurrent", SEVERITY_WARNING,
	 "lifecycle set"},
	{"no abort", no_abort, "uploads", SEVERITY_WARNING, "abort=7d"},
	{"expires", expires, "expiry", SEVERITY_WARNING, "set r prefix"},
	{"an odd rule", odd_rule, "expiry", SEVERITY_WARNING, "set ID prefix"},
	{"no lifecycle there", no_lifecycle, "lifecycle", SEVERITY_INFO,
	 "not supported by this server"},
	{"no answer", lifecycle_out, "lifecycle", SEVERITY_WARNING,
	 "500 InternalError"},
	{"copies off", copy_off, "replication", SEVERITY_WARNING, "1 of 1"},
	{"copies without versions", copy_unversioned, "replication",
	 SEVERITY_ERROR, "versions"},
	{"copies without markers", copy_markers, "replication", SEVERITY_INFO,
	 "markers"},
	{"replica", replica, "replica", SEVERITY_OK, "answers"},
	{"replica away", replica_away, "replica", SEVERITY_ERROR, "timed out"},
	{"replica plain", replica_plain, "replica", SEVERITY_ERROR,
	 "--bucket r"},
	{"no list", no_list, "s3:ListBucket", SEVERITY_ERROR,
	 "allow s3:ListBucket"},
	{"no tags", no_tags, "s3:GetObjectTagging", SEVERITY_WARNING,
	 "allow s3:GetObjectTagging"},
	{"untold", untold, "s3:PutObjectTagging", SEVERITY_INFO, "not tell"},
	{"not tried", not_tried, "s3:DeleteObject", SEVERITY_INFO, "not tried"},
	{"destroys", destroys, "s3:DeleteObjectVersion", SEVERITY_INFO,
	 "destroy"},
	{"cannot purge", cannot_purge, "s3:DeleteObjectVersion", SEVERITY_ERROR,
	 "allow s3:DeleteObjectVersion"},
	{"exposed", exposed, "credentials", SEVERITY_WARNING,
	 "chmod 600 /keys"},
	{"ended", ended, "credentials-end", SEVERITY_ERROR, "ended"},
	{"ends", ends, "credentials-end", SEVERITY_WARNING, "5 minutes"},
	{"renewed", renewed, "credentials-end", SEVERITY_OK, "renewed"},
	{"no end told", endless, "credentials-end", SEVERITY_INFO, "temporary"},
	{"old keys", old_keys, "credentials-age", SEVERITY_INFO, "91 days"},
	{"anonymous", anonymous, "credentials", SEVERITY_OK, "not signed"},
	{"ahead", off, "clock", SEVERITY_WARNING, "ahead of"},
	{"behind", far_off, "clock", SEVERITY_ERROR, "behind"},
	{"elsewhere", other_region, "region", SEVERITY_WARNING,
	 "region=eu-west-3"},
	{"the first", first_region, "region", SEVERITY_OK, "us-east-1"},
	{"certificate", cert, "tls", SEVERITY_OK, "30 days"},
	{"certificate ended", cert_ended, "tls", SEVERITY_ERROR, "0 days ago"},
	{"certificate ends", cert_ends, "tls", SEVERITY_WARNING, "13 days"},
	{"http", http, "tls", SEVERITY_WARNING, "https://"},
	{"http here", http_here, "tls", SEVERITY_OK, "this machine"},
	{"old kernel", old_kernel, "kernel", SEVERITY_INFO, "look-ups"},
	{"memory", in_memory, "cache-disk", SEVERITY_WARNING, "cache_dir="},
	{"remote", remote, "cache-disk", SEVERITY_WARNING, "another machine"},
	{"short", disk_short, "min_free", SEVERITY_WARNING, "80 %"},
	{"full", disk_full, "min_free", SEVERITY_ERROR, "100 %"},
	{"quota", quota_short, "quota", SEVERITY_WARNING, "85 of 100"},
	{"few files", few_files, "open-files", SEVERITY_WARNING, "LimitNOFILE"},
	{"few threads", few_threads, "threads", SEVERITY_WARNING, "TasksMax"},
};

static bool says(const struct finding *f, const char *text)
{
	return strstr(f->what, text) || (f->why && strstr(f->why, text)) ||
	       (f->mend && strstr(f->mend, text));
}

static void one_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		const struct finding *found;
		struct findings f;

		check_changed(r->change, &f);
		all_once(&f);
		found = of(&f, r->check);
		if (!found || found->severity != r->severity ||
		    !says(found, r->has))
			fail_msg("%s: %s, mend: %s", r->name,
				 found ? found->what : "no finding",
				 found && found->mend ? found->mend : "-");
		for (size_t j = 0; j < f.count; j++)
			if (&f.items[j] != found &&
			    f.items[j].severity > SEVERITY_INFO &&
			    strcmp(r->check, "replication") != 0)
				fail_msg("%s: also %s: %s", r->name,
					 f.items[j].check, f.items[j].what);
		/* What is wrong has a reason and a remedy. */
		if (r->severity > SEVERITY_INFO)
			assert_true(found->why || found->mend);
		findings_release(&f);
	}
}

/* Rules that are not for all that is mounted do not count. */
static void partly(void **state)
{
	static void (*const changes[])(struct doctor_facts * f) = {
		some_noncurrent, elsewhere, disabled};
	struct findings f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		check_changed(changes[i], &f);
		assert_int_equal(of(&f, "noncurrent")->severity,
				 SEVERITY_WARNING);
		assert_int_equal(of(&f, "uploads")->severity, SEVERITY_WARNING);
		findings_release(&f);
	}
}

CHANGE(nothing_told, no_quota(f); f->rights[RIGHT_PUT].tried = TRIED_NOT_NEEDED;
       f->open_files = f->threads = 0)

static void not_there(void **state)
{
	struct findings f;

	(void)state;
	check_changed(nothing_told, &f);
	assert_null(of(&f, "quota"));
	assert_null(of(&f, "s3:PutObject"));
	assert_null(of(&f, "open-files"));
	assert_null(of(&f, "threads"));
	findings_release(&f);
	check_changed(expires_tmp, &f);
	assert_int_equal(of(&f, "expiry")->severity, SEVERITY_OK);
	findings_release(&f);
}

static void written(void **state)
{
	struct findings f;
	struct buf out;

	(void)state;
	findings_init(&f);
	buf_init(&out, 4096);
	finding_add(&f, SEVERITY_WARNING, "a \"b\"", "so; it", "n = %d", 3);
	finding_mend(&f, "do %s", "this");
	finding_mend(&f, "do %s", "that");
	assert_int_equal(findings_count(&f, SEVERITY_WARNING), 1);
	assert_int_equal(findings_count(&f, SEVERITY_OK), 0);
	assert_int_equal(finding_write(&f.items[0], &out), 0);
	assert_string_equal(out.data,
			    "[finding \"a \\\"b\\\"\"]\n"
			    "\tseverity = warning\n\twhat = \"n = 3\"\n"
			    "\twhy = \"so; it\"\n\tmend = \"do that\"\n");
	buf_release(&out);
	findings_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_wrong), cmocka_unit_test(one_wrong),
		cmocka_unit_test(partly),	 cmocka_unit_test(not_there),
		cmocka_unit_test(written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
