/* SPDX-License-Identifier: Apache-2.0 */
/* Each question of the bucket is asked once, in a row. */
#include "doctor_gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_try.h"
#include "vers3/core/mount.h"
#include "vers3/store/metrics.h"
#include "vers3/store/store.h"

struct question {
	enum store_op op;
	/* Reads the document: 0 or -errno. */
	int (*read)(struct doctor_facts *facts, const char *doc, size_t len);
	size_t answer; /* where in the facts it goes */
};

static int read_versioning(struct doctor_facts *facts, const char *doc,
			   size_t len)
{
	return bucket_audit_versioning(doc, len, &facts->versioning);
}

static int read_encryption(struct doctor_facts *facts, const char *doc,
			   size_t len)
{
	return bucket_audit_encryption(doc, len, &facts->encryption);
}

static int read_block(struct doctor_facts *facts, const char *doc, size_t len)
{
	return bucket_audit_public_block(doc, len, &facts->block);
}

static int read_policy(struct doctor_facts *facts, const char *doc, size_t len)
{
	return bucket_audit_policy_status(doc, len, &facts->policy_is_public);
}

static int read_acl(struct doctor_facts *facts, const char *doc, size_t len)
{
	return bucket_audit_acl(doc, len, &facts->acl);
}

static int read_location(struct doctor_facts *facts, const char *doc,
			 size_t len)
{
	return bucket_audit_location(doc, len, facts->location);
}

static int read_lock(struct doctor_facts *facts, const char *doc, size_t len)
{
	return bucket_audit_lock(doc, len, &facts->lock);
}

static int read_lifecycle(struct doctor_facts *facts, const char *doc,
			  size_t len)
{
	return lifecycle_parse(doc, len, &facts->lifecycle);
}

static int read_replication(struct doctor_facts *facts, const char *doc,
			    size_t len)
{
	return replication_parse(doc, len, &facts->replication);
}

static int read_replica(struct doctor_facts *facts, const char *doc, size_t len)
{
	return bucket_audit_versioning(doc, len, &facts->replica_versioning);
}

#define ANSWER(name) offsetof(struct doctor_facts, name##_answer)

static const struct question questions[] = {
	{STORE_GET_VERSIONING, read_versioning, ANSWER(versioning)},
	{STORE_GET_LOCATION, read_location, ANSWER(location)},
	{STORE_GET_ENCRYPTION, read_encryption, ANSWER(encryption)},
	{STORE_GET_PUBLIC_BLOCK, read_block, ANSWER(block)},
	{STORE_GET_POLICY_STATUS, read_policy, ANSWER(policy)},
	{STORE_GET_ACL, read_acl, ANSWER(acl)},
	{STORE_GET_OBJECT_LOCK, read_lock, ANSWER(lock)},
	{STORE_GET_LIFECYCLE, read_lifecycle, ANSWER(lifecycle)},
	{STORE_GET_REPLICATION, read_replication, ANSWER(replication)},
};

static const struct question replica_question = {STORE_GET_VERSIONING,
						 read_replica, ANSWER(replica)};

static int ask(struct store *store, const struct question *q,
	       struct doctor_facts *facts)
{
	struct doctor_answer *a =
		(struct doctor_answer *)((char *)facts + q->answer);
	struct store_request r;

	store_request_init(&r, q->op);
	r.trial = true;
	a->rc = store_call(store, &r);
	if (!a->rc)
		a->rc = q->read(facts, r.reply.body.data, r.reply.body.len);
	/* Those who do not know a question have many words for it. */
	if (a->rc == -EINVAL)
		a->rc = -EOPNOTSUPP;
	if (a->rc)
		doctor_words(&r.reply, a->rc, a->words);
	store_request_release(&r);
	return a->rc == -EINTR || a->rc == -ENOMEM ? a->rc : 0;
}

/* Whether the bucket answers at all; the answer tells the server's time. */
static int ask_head(struct mount *mount, struct doctor_facts *facts,
		    struct doctor_answer *head)
{
	struct metrics_snapshot m;
	struct store_request r;

	store_request_init(&r, STORE_HEAD_BUCKET);
	r.asks_cert = facts->tls;
	head->rc = store_call(mount->store, &r);
	facts->cert_until_ns = r.reply.cert_until_ns;
	if (head->rc)
		doctor_words(&r.reply, head->rc, head->words);
	facts->silent = store_is_outage(head->rc) || head->rc == -ENOENT;
	store_request_release(&r);
	if (mount->metrics) {
		metrics_store_read(mount->metrics, &m);
		facts->skew_ns = m.clock_skew_ns;
	}
	return head->rc == -EINTR ? head->rc : 0;
}

int doctor_gather_bucket(struct mount *mount, struct doctor_facts *facts,
			 struct doctor_answer *head)
{
	int rc = ask_head(mount, facts, head);

	if (facts->silent)
		return rc;
	for (size_t i = 0; !rc && i < sizeof(questions) / sizeof(*questions);
	     i++)
		rc = ask(mount->store, &questions[i], facts);
	if (!rc && mount->replica)
		rc = ask(mount->replica, &replica_question, facts);
	return rc ? rc : doctor_try(mount, facts);
}

void doctor_facts_release(struct doctor_facts *facts)
{
	lifecycle_release(&facts->lifecycle);
	replication_release(&facts->replication);
}
