/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify, as the control file answers, over a bucket in memory and another one
 * beside it as its replica.
 */
#include "answer_rig.h"

#include <stdatomic.h>

#include "vers3/util/urgency.h"

#define MIB ((size_t)1 << 20)

/* The mount's bucket, of whose object one byte is wrong when it is read. */
struct flip {
	struct store store; /* first: is the rig's in its place */
	struct store *under; /* borrowed */
	const char *key; /* borrowed; whole */
	store_sink_fn sink; /* of the one request that is under way */
	void *ctx;
};

static int flip_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct flip *f = ctx;
	unsigned char *wrong = malloc(len);
	int rc;

	if (!wrong)
		return -ENOMEM;
	memcpy(wrong, data, len);
	wrong[0] ^= 1;
	rc = f->sink(f->ctx, offset, wrong, len);
	free(wrong);
	return rc;
}

static int flip_call(struct store *s, struct store_request *r)
{
	struct flip *f = (struct flip *)s;
	int rc;

	if (r->op != STORE_GET || strcmp(r->key, f->key) != 0)
		return store_call(f->under, r);
	f->sink = r->sink;
	f->ctx = r->sink_ctx;
	r->sink = flip_sink;
	r->sink_ctx = f;
	rc = store_call(f->under, r);
	r->sink = f->sink;
	r->sink_ctx = f->ctx;
	return rc;
}

static const struct store_ops flip_ops = {.name = "flip", .call = flip_call};

static int setup(void **state)
{
	struct rig *r;
	int rc = rig_setup(state);

	r = *state;
	return rc ? rc : memory_store_new(true, &r->f.v->mount->replica);
}

static int teardown(void **state)
{
	struct rig *r = *state;
	struct store *replica = r->f.v->mount->replica;
	int rc = rig_teardown(state);

	store_free(replica);
	return rc;
}

#define VERIFY_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static void put(struct store *store, const char *key, const char *text)
{
	struct store_request q;

	store_request_init(&q, STORE_PUT);
	q.key = key;
	q.body = (struct store_body){.mem = text, .length = strlen(text)};
	assert_int_equal(store_call(store, &q), 0);
	store_request_release(&q);
}

static void remove_version(struct store *store, const char *key,
			   const char *version)
{
	struct store_request q;

	store_request_init(&q, STORE_DELETE);
	q.key = key;
	q.version_id = version;
	assert_int_equal(store_call(store, &q), 0);
	store_request_release(&q);
}

/* The ETag of what is there. */
static void etag_of(struct store *store, const char *key, char etag[80])
{
	struct store_request q;

	assert_int_equal(store_head(store, &q, key, NULL), 0);
	snprintf(etag, 80, "%s", q.reply.object.etag);
	store_request_release(&q);
}

static void forget_version(struct rig *r, const char *key)
{
	struct store_request q;

	assert_int_equal(store_head(r->bucket, &q, key, NULL), 0);
	remove_version(r->bucket, key, q.reply.object.version_id);
	store_request_release(&q);
}

/* a, d/b and d/c, known here and sent, and the same in the replica. */
static void fill(struct rig *r)
{
	struct store *replica = r->f.v->mount->replica;

	rig_mkdir(r, "d");
	rig_write(r, "a", "1");
	rig_write(r, "d/b", "22");
	rig_write(r, "d/c", "333");
	rig_sync(r);
	put(replica, VFS_FIXTURE_PREFIX "a", "1");
	put(replica, VFS_FIXTURE_PREFIX "d/", "");
	put(replica, VFS_FIXTURE_PREFIX "d/b", "22");
	put(replica, VFS_FIXTURE_PREFIX "d/c", "333");
}

static void test_cache(void **state)
{
	struct rig *r = *state;

	fill(r);
	SAYS(r, "verify", "[checkpoint]\n\tresume = ", "cache ",
	     "[verify]\n\tresult = PASS\n\tpath = /\n\tagainst = cache\n"
	     "\tdeep = false\n\trepair = false\n\tsample = 100%\n",
	     "\tresumed = false\n\tobjects = 3\n\tsampled = 3\n\tbytes = 0\n"
	     "\tmismatched = 0\n\tunclear = 0\n\tchanged = 0\n");
	SAYS(r, "verify d deep", "\tpath = d\n", "\tdeep = true\n",
	     "\tsampled = 2\n\tbytes = 5\n\tmismatched = 0\n");
	SAYS(r, "verify /d/b", "\tsampled = 1\n");
	/* What waits to be sent is not compared. */
	rig_write(r, "a", "other");
	SAYS(r, "verify", "\tsampled = 2\n");
	rig_mkdir(r, "empty");
	SAYS(r, "verify empty", "\tresult = PASS\n");
	SAYS(r, "verify sample=0.0001% seed=1", "\tresult = UNKNOWN\n",
	     "\tsample = 0.0001%\n\tseed = 1\n",
	     "\tobjects = 2\n\tsampled = 0\n");
}

/* What others do is no damage; a version that is gone without it is. */
static void test_missing(void **state)
{
	struct rig *r = *state;

	fill(r);
	rig_put_text(r, "a", "by others");
	rig_remove(r, "d/b");
	SAYS(r, "verify", "result = PASS", "\tsampled = 3\n",
	     "\tchanged = 0\n");
	forget_version(r, VFS_FIXTURE_PREFIX "d/c");
	SAYS(r, "verify", "[mismatch \"1\"]\n\tpath = d/c\n\tversion = ",
	     "\tagainst = cache\n\treason = missing\n\terror = ",
	     "result = FAIL", "\tmismatched = 1\n", "mismatchRate = 0.333333");
	SAYS(r, "verify threshold=50%", "[mismatch", "result = PASS");
	SAYS(r, "verify threshold=33%", "[mismatch", "result = FAIL");
	/* The name comes back, by the replica that has what is known of it. */
	SAYS(r, "verify against=both repair", "reason = missing",
	     "right = replica\n\trepaired = true\n", "repaired = 2\n");
	rig_holds(r, "d/c", "333");
}

/* Without versions nobody can tell what others have done from damage. */
static void test_without_versions(void **state)
{
	struct rig *r = *state;

	rig_write(r, "a", "1");
	rig_write(r, "b", "22");
	rig_sync(r);
	SAYS(r, "verify deep", "result = PASS", "\tsampled = 2\n\tbytes = 3\n",
	     "\tchanged = 0\n");
	rig_remove(r, "b");
	SAYS(r, "verify", "result = PASS", "\tsampled = 2\n",
	     "\tchanged = 1\n");
}

static void done(void *arg)
{
	(void)arg;
}

static void cache_block(struct rig *r, const char *path, const char *text)
{
	struct blocks_key key = {.number = 0};
	uint64_t ino = rig_ino(r, path);
	struct meta_inode inode;

	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(meta_inode_get(r->f.meta, ino, &inode), 0);
	meta_unlock(r->f.meta);
	memcpy(key.id, inode.base.id, sizeof(key.id));
	assert_int_equal(blocks_drop(r->f.blocks, key.id), 0);
	assert_int_equal(blocks_put(r->f.blocks, &key, text, strlen(text), done,
				    NULL),
			 0);
	blocks_flush(r->f.blocks);
}

static void test_blocks(void **state)
{
	struct rig *r = *state;
	struct flip flip = {.store = {.ops = &flip_ops},
			    .under = r->f.store,
			    .key = VFS_FIXTURE_PREFIX "d/c"};

	fill(r);
	cache_block(r, "d/c", "333");
	cache_block(r, "d/b", "2x");
	/* A sweep that reads no bytes has nothing to say of it. */
	SAYS(r, "verify", "result = PASS");
	SAYS(r, "verify deep", "[mismatch \"1\"]\n\tpath = d/b\n",
	     "reason = \"cached block\"\n\tright = bucket\n\tdropped = true\n",
	     "result = FAIL", "\tmismatched = 1\n", "\tdroppedBlocks = 1\n");
	SAYS(r, "verify deep", "result = PASS");
	rig_is(r, "d/b", "22");
	/* Where the bucket's bytes are wrong, what is cached stays. */
	r->f.v->mount->store = &flip.store;
	SAYS(r, "verify deep", "[mismatch \"1\"]\n\tpath = d/c\n",
	     "reason = content\n\tright = none\n", "\tdroppedBlocks = 0\n");
	r->f.v->mount->store = flip.under;
	rig_is(r, "d/c", "333");
}

static void holds(struct store *store, const char *key, const char *text)
{
	char was[80], is[80];

	put(store, "compared", text);
	etag_of(store, "compared", was);
	etag_of(store, key, is);
	assert_string_equal(was, is);
	remove_version(store, "compared", NULL);
}

static void test_replica(void **state)
{
	struct rig *r = *state;
	struct store *replica = r->f.v->mount->replica;

	fill(r);
	SAYS(r, "verify against=replica", "resume = ", "replica ",
	     "result = PASS", "\tagainst = replica\n", "\tobjects = 4\n",
	     "\tsampled = 4\n");
	put(replica, VFS_FIXTURE_PREFIX "a", "x");
	put(replica, VFS_FIXTURE_PREFIX "d/b", "longer");
	remove_version(replica, VFS_FIXTURE_PREFIX "d/c", NULL);
	SAYS(r, "verify against=replica", "path = a\n", "reason = etag\n",
	     "path = d/b\n", "reason = size\n", "path = d/c\n",
	     "reason = missing\n", "result = FAIL", "mismatched = 3\n",
	     "repaired = 0\n");
	SAYS(r, "verify /d against=replica", "mismatched = 2\n");
	SAYS(r, "verify against=replica repair", "path = a\n",
	     "right = bucket\n\trepaired = true\n", "result = FAIL",
	     "repaired = 3\n");
	SAYS(r, "verify against=both deep", "against = both",
	     "bytes = ", "mismatched = 0\n\tunclear = 0\n");
	holds(replica, VFS_FIXTURE_PREFIX "a", "1");
	holds(replica, VFS_FIXTURE_PREFIX "d/b", "22");
	holds(replica, VFS_FIXTURE_PREFIX "d/c", "333");
}

/* The bucket's bytes are wrong, and the replica's are what it says of them. */
static void test_bucket_is_wrong(void **state)
{
	struct rig *r = *state;
	struct flip flip = {.store = {.ops = &flip_ops},
			    .under = r->f.store,
			    .key = VFS_FIXTURE_PREFIX "a"};

	fill(r);
	r->f.v->mount->store = &flip.store;
	/* Facts alone show nothing of it. */
	SAYS(r, "verify against=replica repair", "result = PASS");
	SAYS(r, "verify a against=replica deep", "reason = content\n",
	     "right = replica\n");
	SAYS(r, "verify a against=replica deep repair", "reason = content\n",
	     "right = replica\n\trepaired = true\n");
	r->f.v->mount->store = flip.under;
	assert_int_equal(rig_versions(r, "a"), 2);
	rig_holds(r, "a", "1");
	/* Neither is right: nothing is written. */
	put(r->f.v->mount->replica, VFS_FIXTURE_PREFIX "a", "y");
	r->f.v->mount->store = &flip.store;
	SAYS(r, "verify a against=replica deep repair", "reason = etag\n",
	     "right = none\n\trepaired = false\n");
	r->f.v->mount->store = flip.under;
	assert_int_equal(rig_versions(r, "a"), 2);
	holds(r->f.v->mount->replica, VFS_FIXTURE_PREFIX "a", "y");
}

/* What has no version id would be lost: it is left as it is. */
static void test_unversioned(void **state)
{
	struct rig *r = *state;
	struct store *versioned = r->f.v->mount->replica, *plain;

	assert_int_equal(memory_store_new(false, &plain), 0);
	fill(r);
	r->f.v->mount->replica = plain;
	put(plain, VFS_FIXTURE_PREFIX "a", "x");
	SAYS(r, "verify a against=replica repair", "reason = etag\n",
	     "repaired = false\n\terror = ", "it has no version id");
	holds(plain, VFS_FIXTURE_PREFIX "a", "x");
	/* Where nothing is nothing can be lost. */
	SAYS(r, "verify d/b against=replica repair", "reason = missing\n",
	     "repaired = true\n");
	r->f.v->mount->replica = versioned;
	store_free(plain);
}

static void set_versioning(struct store *store, const char *status)
{
	char document[128];
	struct store_request q;

	snprintf(document, sizeof(document),
		 "<VersioningConfiguration><Status>%s</Status>"
		 "</VersioningConfiguration>",
		 status);
	store_request_init(&q, STORE_PUT_VERSIONING);
	q.body = (struct store_body){.mem = document,
				     .length = strlen(document)};
	assert_int_equal(store_call(store, &q), 0);
	store_request_release(&q);
}

/* From before versions were kept one is below, and a save would take it. */
static void test_suspended(void **state)
{
	struct rig *r = *state;
	struct store *versioned = r->f.v->mount->replica, *other;

	assert_int_equal(memory_store_new(false, &other), 0);
	fill(r);
	r->f.v->mount->replica = other;
	put(other, VFS_FIXTURE_PREFIX "a", "from before");
	set_versioning(other, "Enabled");
	put(other, VFS_FIXTURE_PREFIX "a", "x");
	put(other, VFS_FIXTURE_PREFIX "d/b", "x");
	set_versioning(other, "Suspended");
	SAYS(r, "verify a against=replica repair", "reason = etag\n",
	     "repaired = false\n\terror = ", "has no version id, and");
	holds(other, VFS_FIXTURE_PREFIX "a", "x");
	SAYS(r, "verify d/b against=replica repair",
	     "reason = ", "repaired = true\n");
	set_versioning(other, "Enabled");
	SAYS(r, "verify a against=replica repair", "repaired = true\n");
	r->f.v->mount->replica = versioned;
	store_free(other);
}

static void send_parts(struct rig *r, const char *key, const void *data,
		       size_t size, size_t part)
{
	struct store_part parts[8];
	struct store_request q, p[8];
	unsigned count = 0;

	store_request_init(&q, STORE_CREATE_UPLOAD);
	q.key = key;
	assert_int_equal(store_call(r->bucket, &q), 0);
	for (size_t at = 0; at < size; at += part, count++) {
		store_request_init(&p[count], STORE_UPLOAD_PART);
		p[count].key = key;
		p[count].upload_id = q.reply.upload_id;
		p[count].part_number = count + 1;
		p[count].body.mem = (const char *)data + at;
		p[count].body.length = size - at < part ? size - at : part;
		assert_int_equal(store_call(r->bucket, &p[count]), 0);
		parts[count] = (struct store_part){count + 1,
						   p[count].reply.object.etag};
	}
	q.op = STORE_COMPLETE_UPLOAD;
	q.upload_id = strdup(q.reply.upload_id);
	q.parts = parts;
	q.part_count = count;
	assert_int_equal(store_call(r->bucket, &q), 0);
	free((char *)q.upload_id);
	store_request_release(&q);
	while (count)
		store_request_release(&p[--count]);
}

/* What was sent in parts is sent again in the same ones: the ETag is equal. */
static void test_parts(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(5, 11 * MIB);
	char was[80], is[80];

	send_parts(r, VFS_FIXTURE_PREFIX "big", data, 11 * MIB, 5 * MIB);
	SAYS(r, "verify against=replica rate=none", "reason = missing\n");
	SAYS(r, "verify against=replica repair rate=none",
	     "right = bucket\n\trepaired = true\n");
	etag_of(r->bucket, VFS_FIXTURE_PREFIX "big", was);
	etag_of(r->f.v->mount->replica, VFS_FIXTURE_PREFIX "big", is);
	assert_string_equal(was, is);
	/* With other parts only the bytes tell. */
	send_parts(r, VFS_FIXTURE_PREFIX "big", data, 11 * MIB, 6 * MIB);
	SAYS(r, "verify against=replica", "[unclear \"1\"]\n\tpath = big\n",
	     "deep reads the bytes", "result = UNKNOWN", "unclear = 1\n");
	SAYS(r, "verify against=replica deep rate=none", "result = PASS");
	free(data);
}

/* A sweep goes on from what a checkpoint says, with what was counted. */
static void test_resume(void **state)
{
	struct rig *r = *state;
	char *answer, *from, line[4096];

	fill(r);
	answer = ask(r, "verify against=replica seed=7");
	from = strstr(answer, "\tresume = ");
	assert_non_null(from);
	from += strlen("\tresume = ");
	from[strcspn(from, "\n")] = '\0';
	if (*from == '"')
		from++;
	from[strcspn(from, "\"")] = '\0';
	snprintf(line, sizeof(line), "verify against=replica \"resume=%s\"",
		 from);
	rig_forget_requests(r);
	SAYS(r, line, "\tseed = 7\n", "resumed = true\n\tobjects = 4\n",
	     "sampled = 4\n");
	assert_int_equal(rig_count(r, "HeadObject"), 0);
	free(answer);
	/* From the beginning of the second pass on. */
	SAYS(r,
	     "verify against=both \"resume=cache 7 5 999999 "
	     "9 8 7 6 5 4 3 2 1 0 \"",
	     "resumed = true\n\tobjects = 13\n\tsampled = 12\n\tbytes = 7\n"
	     "\tmismatched = 6\n\tunclear = 5\n\tchanged = 4\n\tpending = 3\n"
	     "\trepaired = 2\n\tdroppedBlocks = 1\n\tlisted = 0\n");
}

static void refused(struct rig *r, const char *line, int rc, const char *has)
{
	char *answer = malloc(TEXT_MAX);
	int got;

	assert_non_null(answer);
	got = strchr(line, '\n') ? control_ask(r->f.v, line, answer, TEXT_MAX)
				 : control_run(r->f.v, line, answer, TEXT_MAX);
	if (got != rc || !strstr(answer, has))
		fail_msg("%s: %d: %s", line, got, answer);
	free(answer);
}

static void test_words(void **state)
{
	struct rig *r = *state;
	struct store *replica = r->f.v->mount->replica;

	refused(r, "verify sample=1", -EINVAL, "sample=1: want a share");
	refused(r, "verify sample=0%", -EINVAL, "sample=0%: want a share");
	refused(r, "verify a against=all", -EINVAL, "want cache, replica");
	refused(r, "verify a threshold=x", -EINVAL, "threshold=x: want");
	refused(r, "verify rate=0", -EINVAL, "rate=0: want bytes");
	refused(r, "verify seed=-1", -EINVAL, "seed=-1: want a number");
	refused(r, "verify resume=x", -EINVAL, "resume=x: want what");
	refused(r, "verify a shallow", -EINVAL, "shallow: want sample=");
	refused(r, "verify nothing\n", -ENOENT,
		"verify: nothing: there is no such path");
	refused(r, "verify repair", -EINVAL, "repair: want against=replica");
	r->f.v->mount->replica = NULL;
	refused(r, "verify against=both", -EINVAL, "the mount has no replica=");
	r->f.v->mount->replica = replica;
	r->f.v->mount->config.read_only = true;
	refused(r, "verify against=replica repair", -EROFS, "read-only");
	SAYS(r, "verify against=replica", "result = PASS");
	r->f.v->mount->config.read_only = false;
}

/* What one object is refused with is told of it; an outage ends the sweep. */
static void test_failure(void **state)
{
	struct rig *r = *state;

	fill(r);
	rig_fail(r, "HeadObject d/b", RIG_BEFORE, -EACCES, 1);
	SAYS(r, "verify", "[unclear \"1\"]\n\tpath = d/b\n",
	     "error = ", "HeadObject: ", "result = UNKNOWN", "unclear = 1\n");
	SAYS(r, "verify", "result = PASS");
}

/* What was asked for with nobody waiting for it, and otherwise. */
static atomic_uint asked[URGENCY_COUNT];

static void note_urgency(struct rig *r)
{
	(void)r;
	atomic_fetch_add(&asked[urgency_current()], 1);
}

/* A sweep lets others go first; what the same thread does next does not. */
static void test_urgency(void **state)
{
	struct rig *r = *state;

	fill(r);
	rig_hook(r, "GetObject", note_urgency, 3);
	SAYS(r, "verify deep", "result = PASS", "sampled = 3\n");
	assert_int_equal(atomic_load(&asked[URGENCY_BACKGROUND]), 3);
	rig_hook(r, "ListObjectVersions", note_urgency, 1);
	SAYS(r, "usage", "[usage");
	assert_int_equal(atomic_load(&asked[URGENCY_WANTED]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VERIFY_TEST(test_cache),
		VERIFY_TEST(test_missing),
		RIG_TEST_UNVERSIONED(test_without_versions),
		VERIFY_TEST(test_blocks),
		VERIFY_TEST(test_replica),
		VERIFY_TEST(test_bucket_is_wrong),
		VERIFY_TEST(test_unversioned),
		VERIFY_TEST(test_suspended),
		VERIFY_TEST(test_parts),
		VERIFY_TEST(test_resume),
		VERIFY_TEST(test_words),
		VERIFY_TEST(test_failure),
		VERIFY_TEST(test_urgency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
