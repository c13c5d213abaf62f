/* SPDX-License-Identifier: Apache-2.0 */
/* replication check, as the control file answers, over two buckets. */
#include "replica_rig.h"

#include <stdlib.h>
#include <unistd.h>

#include "vers3/store/key_journal.h"
#include "vers3/store/standby.h"

static void test_same(void **state)
{
	struct replica_rig *g = *state;

	both(g, "a", "1");
	both(g, "a", "22");
	both(g, "a/b", "333");
	both(g, "a-b", "4444");
	both(g, "gone", "55555");
	both(g, "gone", NULL);
	SAYS(g, "replication check", 0,
	     "[check]\n\tresult = PASS\n\tversions = 6\n\tmarkers = 1\n"
	     "\tbytes = 15\n\tsame = 6\n\tmissing = 0\n\tdifferent = 0\n"
	     "\tunknown = 0\n\textra = 0\n");
	/* A key and what is below it, not what begins with the same letters. */
	SAYS(g, "replication check a", 0, "\tversions = 3\n");
	SAYS(g, "replication check a/", 0, "\tversions = 3\n");
	SAYS(g, "replication check /gone quick", 0, "\tversions = 2\n");
	SAYS(g, "replication check nothing", -ENOENT,
	     "replication check: nothing: there is no such path\n");
	rig_mkdir(g->r, "empty");
	SAYS(g, "replication check empty", 0, "result = PASS",
	     "\tversions = 0\n");
	/* Lists alone will do: no object is asked for. */
	rig_forget_requests(g->r);
	SAYS(g, "replication check quick", 0, "\tsame = 6\n");
	assert_int_equal(rig_count(g->r, "HeadObject"), 0);
	SAYS(g, "replication check", 0, "\tsame = 6\n");
	assert_int_equal(rig_count(g->r, "HeadObject"), 5);
}

static void test_missing(void **state)
{
	struct replica_rig *g = *state;

	both(g, "k", "1");
	both(g, "z", "1");
	own(g, "k", "2");
	own(g, "m", "3");
	own(g, "z", NULL);
	SAYS(g, "replication check", 0, "result = FAIL\n\tversions = 5\n",
	     "\tmissing = 3\n", "\toldestMissingSeconds = 0\n",
	     "\tpath = k\n\tstate = missing\n\tmarker = false\n"
	     "\tcurrent = true\n\ttime = 20",
	     "\tpath = m\n\tstate = missing\n",
	     "\tpath = z\n\tstate = missing\n\tmarker = true\n",
	     "it is not in the replica");
	SAYS(g, "replication check k quick", 0, "\tmissing = 1\n",
	     "\tsame = 1\n");
}

/* What is another: by the same id, with the same number of requests before. */
static void test_different(void **state)
{
	struct replica_rig *g = *state;
	struct kvlist meta = {.count = 0};

	own(g, "size", "12");
	there(g, "size", "1");
	own(g, "content", "12");
	there(g, "content", "21");
	own(g, "kind", "1");
	there(g, "kind", NULL);
	both(g, "current", "1");
	assert_int_equal(kvlist_add(&meta, "mtime", "7"), 0);
	own(g, "meta", "1");
	assert_int_equal(replica_rig_do(g->replica, "meta", "1", &meta), 0);
	kvlist_release(&meta);
	there(g, "current", "newer");
	there(g, "extra", "1");
	SAYS(g, "replication check", 0,
	     "result = FAIL\n\tversions = 5\n\tmarkers = 0\n",
	     "\tsame = 0\n\tmissing = 0\n\tdifferent = 5\n\tunknown = 0\n"
	     "\textra = 2\n",
	     "\tpath = size\n\tstate = size\n",
	     "\tpath = content\n\tstate = content\n", "etag is another",
	     "\tpath = kind\n\tstate = kind\n",
	     "\tpath = current\n\tstate = not-current\n",
	     "\tpath = meta\n\tstate = metadata\n", "mtime is another",
	     "\tpath = extra\n\tstate = extra\n");
	/* Metadata stands in no list; what only the replica has is no fault. */
	SAYS(g, "replication check meta quick", 0, "result = PASS",
	     "\tsame = 1\n");
	SAYS(g, "replication check extra", 0, "result = PASS", "\textra = 1\n");
}

/* More than a page of each, in an order that is no file system's. */
static void test_many(void **state)
{
	struct replica_rig *g = *state;
	char key[32];

	for (int i = 0; i < 1500; i++) {
		snprintf(key, sizeof(key), "d/%d", i % 700);
		both(g, key, "1");
	}
	for (int i = 0; i < 1100; i++)
		both(g, "d/one", i % 7 ? "x" : NULL);
	own(g, "d/77", "2");
	SAYS(g, "replication check d quick", 0, "\tversions = 2601\n",
	     "\tsame = 2600\n\tmissing = 1\n", "\tpath = d/77\n");
	SAYS(g, "replication check d/one quick", 0, "\tversions = 1100\n",
	     "\tmarkers = 158\n\tbytes = 942\n\tsame = 1100\n");
}

static void test_bad_words(void **state)
{
	struct replica_rig *g = *state;

	SAYS(g, "replication check a b", -EINVAL, "b: want quick");
	SAYS(g, "replication check a quick b", -EINVAL,
	     "usage: replication check [PATH] [quick]");
	SAYS(g, "replication check .versions/x", -EINVAL,
	     ".versions/x: is no path of a file");
	SAYS(g, "replication", -EINVAL, "replication check [PATH] [quick] | ");
	/* Without a replica there is nothing to compare with. */
	g->r->f.v->mount->replica = NULL;
	SAYS(g, "replication check", -EOPNOTSUPP, "-o replica=BUCKET");
}

/* It would be compared with itself, and found to be the same. */
static void test_stands_in(void **state)
{
	struct replica_rig *g = *state;
	struct mount *mount = g->r->f.v->mount;
	struct key_journal *journal;
	struct store *standby = NULL;
	char dir[] = "/tmp/t_replication.XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/failover", dir);
	assert_int_equal(key_journal_open(path, "there", &journal), 0);
	assert_int_equal(memory_store_new(true, &standby), 0);
	assert_int_equal(
		standby_store_new(g->replica, journal, &standby, &standby), 0);
	mount->standby = standby;
	both(g, "a", "1");
	SAYS(g, "replication check", 0, "result = PASS");
	assert_int_equal(standby_store_begin(standby), 0);
	SAYS(g, "replication check", -EINVAL, "the replica stands in for");
	SAYS(g, "replication wait timeout=5s", -EINVAL,
	     "the replica stands in for");
	SAYS(g, "verify against=both", -EINVAL, "the replica stands in for");
	SAYS(g, "verify", 0, "result = PASS");
	mount->standby = NULL;
	store_free(standby);
	key_journal_free(journal);
	unlink(path);
	rmdir(dir);
}

static int refuse(struct store *s, struct store_request *r)
{
	(void)s;
	r->reply.status = 403;
	snprintf(r->reply.code, sizeof(r->reply.code), "AccessDenied");
	snprintf(r->reply.request_id, sizeof(r->reply.request_id), "abc-1");
	return -EACCES;
}

/* Whoever runs the server is told what to look for. */
static void test_refused(void **state)
{
	static const struct store_ops ops = {.name = "refuse", .call = refuse};
	struct replica_rig *g = *state;
	struct mount *mount = g->r->f.v->mount;
	struct store refusing = {.ops = &ops}, *own_store = mount->store;

	own(g, "a", "1");
	mount->replica = &refusing;
	SAYS(g, "replication check", -EACCES,
	     "the replica there could not be listed: 403 AccessDenied (request "
	     "abc-1)");
	SAYS(g, "replication wait", -EACCES,
	     "the replica there could not be listed: 403 AccessDenied (request "
	     "abc-1)");
	mount->replica = g->replica;
	mount->store = &refusing;
	SAYS(g, "replication check", -EACCES, "/: 403 AccessDenied (request");
	SAYS(g, "replication wait", -EACCES, "/: 403 AccessDenied (request");
	mount->store = own_store;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLICA_TEST(test_same),      REPLICA_TEST(test_missing),
		REPLICA_TEST(test_different), REPLICA_TEST(test_many),
		REPLICA_TEST(test_bad_words), REPLICA_TEST(test_stands_in),
		REPLICA_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
