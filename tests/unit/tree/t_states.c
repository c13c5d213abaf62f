/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server does with objects after they were written. A layer between
 * stands for that server: it answers HEADs with states that it is told.
 */
#include "../vfs_fixture.h"

#include "../control_rig.h"

#include <errno.h>

#include "vers3/meta/inode.h"
#include "vers3/tree/replication_census.h"

#define STATUS	  "x-amz-replication-status"
#define KEY(name) VFS_FIXTURE_PREFIX name

/* One header of all answers to HEAD, and how many HEADs there were. */
struct server {
	struct store store; /* first */
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	const char *header, *value; /* NULL: none */
	unsigned heads;
	bool no_rules; /* GetBucketReplication: 400 */
	bool busy; /* the same: 503 */
	unsigned rules_asked;
	const char *key; /* whose HEADs are counted for themselves; NULL */
	unsigned key_heads;
	int64_t key_ns, pause_ns; /* its last HEAD; from the one before */
	struct vfs *doomed; /* the next HEAD has "a" removed there, or NULL */
};

static struct server *server; /* of the running test */

static int get_rules(struct store *s, struct store_request *r)
{
	bool no_rules, busy;

	pthread_mutex_lock(&server->mutex);
	server->rules_asked++;
	no_rules = server->no_rules;
	busy = server->busy;
	pthread_mutex_unlock(&server->mutex);
	if (!no_rules && !busy)
		return store_call(s->below, r);
	store_reply_reset(&r->reply);
	r->reply.status = busy ? 503 : 400;
	return busy ? -EIO : -EINVAL;
}

static void note_head(const char *key)
{
	int64_t now_ns = clock_mono_ns();

	server->heads++;
	if (!server->key || strcmp(key, server->key) != 0)
		return;
	server->pause_ns = now_ns - server->key_ns;
	server->key_ns = now_ns;
	server->key_heads++;
}

static int server_call(struct store *s, struct store_request *r)
{
	struct vfs *doomed;
	int rc;

	if (r->op == STORE_GET_REPLICATION)
		return get_rules(s, r);
	rc = store_call(s->below, r);
	if (r->op != STORE_HEAD)
		return rc;
	pthread_mutex_lock(&server->mutex);
	note_head(r->key);
	if (!rc && server->value)
		rc = kvlist_set(&r->reply.object.headers, server->header,
				server->value);
	doomed = server->doomed;
	server->doomed = NULL;
	pthread_mutex_unlock(&server->mutex);
	if (doomed && vfs_unlink(doomed, META_ROOT_INO, "a"))
		rc = -EPROTO;
	return rc;
}

static const struct store_ops server_ops = {"server", server_call,
					    vfs_fixture_free_layer};

static void server_says(const char *header, const char *value)
{
	pthread_mutex_lock(&server->mutex);
	server->header = header;
	server->value = value;
	pthread_mutex_unlock(&server->mutex);
}

static unsigned heads(void)
{
	unsigned count;

	pthread_mutex_lock(&server->mutex);
	count = server->heads;
	pthread_mutex_unlock(&server->mutex);
	return count;
}

static void count_of(const char *key)
{
	pthread_mutex_lock(&server->mutex);
	server->key = key;
	server->key_heads = 0;
	pthread_mutex_unlock(&server->mutex);
}

static unsigned key_heads(int64_t *ret_pause_ns)
{
	unsigned count;

	pthread_mutex_lock(&server->mutex);
	count = server->key_heads;
	if (ret_pause_ns)
		*ret_pause_ns = server->pause_ns;
	pthread_mutex_unlock(&server->mutex);
	return count;
}

static int setup(void **state)
{
	server = calloc(1, sizeof(*server));
	assert_non_null(server);
	pthread_mutex_init(&server->mutex, NULL);
	return vfs_fixture_setup_over(state, &server->store, &server_ops);
}

#define STATES_TEST(fn)                                                        \
	cmocka_unit_test_setup_teardown(fn, setup, vfs_fixture_teardown)

static void restart(struct vfs_fixture *f, int64_t ttl_ns, int64_t states_ns)
{
	vfs_fixture_stop(f);
	f->config.ttl_ns = ttl_ns;
	f->config.states_ns = states_ns;
	vfs_fixture_start(f);
}

static void save(struct vfs_fixture *f, const char *name, const char *text)
{
	vfs_fixture_write(f, name, text);
	assert_int_equal(vfs_drain(f->v), 0);
}

/* What an attribute of a file is; NULL: it has none. */
static void says(struct vfs_fixture *f, const char *path, const char *name,
		 const char *wanted)
{
	struct buf value;
	int rc;

	buf_init(&value, 256);
	rc = vfs_getxattr(f->v, vfs_fixture_find(f, path), name, &value);
	assert_int_equal(rc, wanted ? 0 : -ENODATA);
	if (wanted)
		assert_string_equal(value.data, wanted);
	buf_release(&value);
}

/* Attribute, header, value: what may change under a version that stays. */
static const struct {
	const char *name, *header, *before, *after;
} moving[] = {
	{"user.s3.replication_status", STATUS, "PENDING", "COMPLETED"},
	{"user.s3.expiration", "x-amz-expiration", "expiry-date=\"a\"",
	 "expiry-date=\"b\""},
	{"user.s3.restore", "x-amz-restore", "ongoing-request=\"true\"",
	 "ongoing-request=\"false\""},
	{"user.s3.legal_hold", "x-amz-object-lock-legal-hold", "ON", "OFF"},
	{"user.s3.retention", "x-amz-object-lock-retain-until-date", "a", "b"},
	{"user.s3.storage_class", "x-amz-storage-class", "STANDARD_IA",
	 "GLACIER_IR"},
	{"user.s3.sse", "x-amz-server-side-encryption", "AES256", "aws:kms"},
};

/* A save of ours, and an object that was asked for once. */
static void test_moves(void **state)
{
	struct vfs_fixture *f = *state;

	for (size_t i = 0; i < sizeof(moving) / sizeof(*moving); i++) {
		for (int own = 0; own < 2; own++) {
			char name[16];

			snprintf(name, sizeof(name), "f%zu-%d", i, own);
			server_says(moving[i].header, moving[i].before);
			save(f, name, "x");
			if (!own) {
				struct vfs_entry e;

				/* Nothing is known of it any more. */
				vfs_fixture_stop(f);
				remove_tree(f->dir);
				assert_int_equal(mkdir(f->dir, 0700), 0);
				vfs_fixture_start(f);
				assert_int_equal(vfs_lookup(f->v, META_ROOT_INO,
							    name, &e),
						 0);
			}
			says(f, name, moving[i].name, moving[i].before);
			server_says(moving[i].header, moving[i].after);
			says(f, name, moving[i].name, moving[i].after);
		}
	}
	/* What is said no more is not known any more. */
	server_says(NULL, NULL);
	says(f, "f0-1", "user.s3.replication_status", NULL);
	says(f, "f0-1", "user.s3.storage_class", "STANDARD");
}

static void test_once_in_ttl(void **state)
{
	struct vfs_fixture *f = *state;
	unsigned before;

	restart(f, 600 * NS_PER_S, 0);
	server_says(STATUS, "PENDING");
	save(f, "a", "x");
	before = heads();
	says(f, "a", "user.s3.replication_status", "PENDING");
	assert_int_equal(heads(), before + 1);
	server_says(STATUS, "COMPLETED");
	says(f, "a", "user.s3.replication_status", "PENDING");
	says(f, "a", "user.s3.expiration", NULL);
	says(f, "a", "user.s3.content_type", "binary/octet-stream");
	assert_int_equal(heads(), before + 1);
	/* Another version is another question. */
	save(f, "a", "y");
	says(f, "a", "user.s3.replication_status", "COMPLETED");
	/* So is one that stands on what this mount never asked for. */
	restart(f, 600 * NS_PER_S, 0);
	server_says(STATUS, "FAILED");
	says(f, "a", "user.s3.replication_status", "FAILED");
}

/* The server is silent: what was known. */
static void test_outage(void **state)
{
	struct vfs_fixture *f = *state;
	uint64_t ino;
	struct buf value;

	server_says(STATUS, "PENDING");
	save(f, "a", "x");
	says(f, "a", "user.s3.replication_status", "PENDING");
	ino = vfs_fixture_find(f, "a");
	atomic_store(&f->silent, true);
	buf_init(&value, 256);
	assert_int_equal(vfs_getxattr(f->v, ino, "user.s3.replication_status",
				      &value),
			 0);
	assert_string_equal(value.data, "PENDING");
	buf_release(&value);
	atomic_store(&f->silent, false);
}

/* What is removed while it is asked for has no state, nor has another. */
static void test_removed_meanwhile(void **state)
{
	struct vfs_fixture *f = *state;
	struct buf value;
	struct kvlist head;
	uint64_t ino;

	save(f, "a", "x");
	ino = vfs_fixture_find(f, "a");
	server_says(STATUS, "PENDING");
	pthread_mutex_lock(&server->mutex);
	server->doomed = f->v;
	pthread_mutex_unlock(&server->mutex);
	buf_init(&value, 256);
	vfs_getxattr(f->v, ino, "user.s3.replication_status", &value);
	buf_release(&value);
	assert_null(server->doomed);
	assert_false(replication_census_has_found(f->meta));
	kvlist_init(&head);
	assert_int_equal(meta_lock(f->meta), 0);
	assert_int_equal(meta_head_get(f->meta, ino, &head), -ENOENT);
	meta_unlock(f->meta);
	kvlist_release(&head);
}

static void give_rules(struct vfs_fixture *f)
{
	static const char document[] =
		"<ReplicationConfiguration><Role>r</Role><Rule><ID>far</ID>"
		"<Status>Enabled</Status><Priority>1</Priority><Filter>"
		"<Prefix></Prefix></Filter><Destination><Bucket>arn:aws:s3:::"
		"other</Bucket></Destination></Rule></ReplicationConfiguration"
		">";

	assert_int_equal(memory_store_set_replication(f->store, document), 0);
}

static void wait_counts(struct vfs_fixture *f, uint64_t pending,
			uint64_t completed, uint64_t none)
{
	struct replication_census c;
	bool same;

	do {
		assert_int_equal(replication_census_take(f->meta, &c), 0);
		same = c.counts[CENSUS_PENDING] == pending &&
		       c.counts[CENSUS_COMPLETED] == completed &&
		       c.counts[CENSUS_NONE] == none;
		replication_census_release(&c);
		usleep(2000);
	} while (!same); /* or until the alarm */
}

/* How long it has been so is known of what was just saved here, too. */
static void test_age(void **state)
{
	struct vfs_fixture *f = *state;
	int64_t before_ns = clock_real_ns();
	struct replication_census c;

	give_rules(f);
	restart(f, 600 * NS_PER_S, 5 * NS_PER_MS);
	server_says(STATUS, "PENDING");
	save(f, "a", "x");
	wait_counts(f, 1, 0, 0);
	assert_int_equal(replication_census_take(f->meta, &c), 0);
	assert_true(c.oldest_pending_ns >= before_ns - NS_PER_S);
	assert_true(c.oldest_pending_ns <= clock_real_ns());
	replication_census_release(&c);
}

/* Nobody reads anything; it comes to be known all the same. */
static void test_background(void **state)
{
	struct vfs_fixture *f = *state;

	give_rules(f);
	restart(f, 600 * NS_PER_S, 5 * NS_PER_MS);
	server_says(STATUS, "PENDING");
	for (int i = 0; i < 300; i++) { /* more than one turn asks for */
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		vfs_fixture_write(f, name, "x");
	}
	assert_int_equal(vfs_drain(f->v), 0);
	wait_counts(f, 300, 0, 0);
	server_says(STATUS, "COMPLETED");
	wait_counts(f, 0, 300, 0);
	/* The next mount has nothing to ask, and asks nothing. */
	restart(f, 600 * NS_PER_S, 600 * NS_PER_S);
	server_says(STATUS, "PENDING");
	save(f, "more", "x");
	wait_counts(f, 0, 300, 1);
	restart(f, 600 * NS_PER_S, 5 * NS_PER_MS);
	wait_counts(f, 1, 300, 0);
}

/* The same version in another store: the same key, in the same order. */
static void copy_to(struct store *s, const char *key, const char *text)
{
	struct store_request r;

	store_request_init(&r, STORE_PUT);
	r.key = key;
	r.body = (struct store_body){.mem = text, .length = strlen(text)};
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
}

/* The names that a census has of those that are pending, the oldest first. */
static void pending_are(struct vfs_fixture *f, const char *names)
{
	struct replication_census c;
	struct buf got;

	buf_init(&got, 1024);
	assert_int_equal(replication_census_take(f->meta, &c), 0);
	for (unsigned i = 0; i < c.pending_count; i++) {
		assert_true(c.pending[i].compared);
		buf_printf(&got, "%s ", c.pending[i].key);
	}
	replication_census_release(&c);
	assert_string_equal(got.len ? got.data : "", names);
	buf_release(&got);
}

static void state_has(struct vfs_fixture *f, const char *text)
{
	char *shown = control_show(f->v);

	if (!strstr(shown, text))
		fail_msg("no \"%s\" in\n%s", text, shown);
	free(shown);
}

/*
 * A server that tells nothing: what the replica has is looked up there, rule or
 * not, and what it has not is asked for again. Without the replica nothing is
 * made up.
 */
static void test_compared(void **state)
{
	struct vfs_fixture *f = *state;

	assert_int_equal(memory_store_new(true, &f->replica), 0);
	f->config.replica_bucket = "there";
	restart(f, 600 * NS_PER_S, 5 * NS_PER_MS);
	save(f, "a", "x");
	save(f, "b", "y");
	wait_counts(f, 2, 0, 0);
	pending_are(f, "a b ");
	state_has(f, "[unreplicated \"a\"]\n\tstatus = pending\n");
	state_has(f, "\twhy = \"it is not known to be in the replica\"\n"
		     "[unreplicated \"b\"]\n");
	says(f, "a", "user.s3.replication_status", "PENDING");
	copy_to(f->replica, KEY("a"), "x");
	wait_counts(f, 1, 1, 0);
	pending_are(f, "b ");
	says(f, "a", "user.s3.replication_status", "COMPLETED");
	copy_to(f->replica, KEY("b"), "y");
	wait_counts(f, 0, 2, 0);
	/* What is saved anew is another version. */
	save(f, "a", "z");
	wait_counts(f, 1, 1, 0);
	/* Where the server tells, its word counts. */
	server_says(STATUS, "FAILED");
	save(f, "b", "failed");
	wait_counts(f, 0, 0, 0);
	server_says(STATUS, NULL);
	vfs_fixture_stop(f);
	store_free(f->replica);
	f->replica = NULL;
	f->config.replica_bucket = NULL;
	f->config.states_ns = 600 * NS_PER_S;
	vfs_fixture_start(f);
}

#define TURNS 24
#define MANY  300 /* more than one turn asks for */

static void save_many(struct vfs_fixture *f)
{
	give_rules(f);
	restart(f, 600 * NS_PER_S, 5 * NS_PER_MS);
	server_says(STATUS, "PENDING");
	for (int i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		vfs_fixture_write(f, name, "x");
	}
	assert_int_equal(vfs_drain(f->v), 0);
	wait_counts(f, MANY, 0, 0);
}

/* What stays as it is is asked for ever more seldom, be it many. */
static void test_background_slows_down(void **state)
{
	struct vfs_fixture *f = *state;
	int64_t pause_ns;

	save_many(f);
	vfs_fixture_stop(f);
	count_of(KEY("f0"));
	vfs_fixture_start(f);
	while (key_heads(&pause_ns) < 7) /* or until the alarm */
		usleep(2000);
	assert_true(pause_ns >= 16 * 5 * NS_PER_MS);
}

#define STATES_NS (50 * NS_PER_MS)

/* Neither does a mount that saves all the time ask for all that waits. */
static void test_saves_wake_no_others(void **state)
{
	struct vfs_fixture *f = *state;
	unsigned others;
	int64_t since_ns;

	save_many(f);
	restart(f, 600 * NS_PER_S, STATES_NS);
	since_ns = clock_mono_ns();
	others = heads();
	for (int i = 0; i < TURNS; i++) {
		count_of(KEY("busy"));
		save(f, "busy", i % 2 ? "x" : "y");
		while (!key_heads(NULL)) /* or until the alarm */
			usleep(2000);
	}
	others = heads() - others - TURNS;
	/* Each after 1, 2, 4, 8 and then ever 16 pauses, however slow it is. */
	since_ns = clock_mono_ns() - since_ns;
	assert_in_range(others, 0, MANY * (6 + since_ns / (16 * STATES_NS)));
}

/* Rules, and a server that tells of no object how it stands (Ceph 16). */
static void test_silent_server(void **state)
{
	struct vfs_fixture *f = *state;
	unsigned before;

	give_rules(f);
	restart(f, 600 * NS_PER_S, 2 * NS_PER_MS);
	before = heads();
	for (int i = 0; i < 5; i++) {
		count_of(KEY("a"));
		save(f, "a", i % 2 ? "x" : "y");
		while (!key_heads(NULL)) /* or until the alarm */
			usleep(2000);
	}
	usleep(20000);
	assert_int_equal(heads(), before + 5);
	says(f, "a", "user.s3.replication_status", NULL);
	wait_counts(f, 0, 0, 1);
}

/* Until the rules were asked for so often. */
static unsigned wait_asked(unsigned times)
{
	unsigned asked;

	do {
		usleep(2000);
		pthread_mutex_lock(&server->mutex);
		asked = server->rules_asked;
		pthread_mutex_unlock(&server->mutex);
	} while (asked < times); /* or until the alarm */
	return asked;
}

/* A server that does not know what rules are is not asked again and again. */
static void test_rules_not_known(void **state)
{
	struct vfs_fixture *f = *state;

	server->no_rules = true;
	restart(f, 600 * NS_PER_S, 2 * NS_PER_MS);
	for (int i = 0; i < 20; i++) {
		save(f, "a", i % 2 ? "x" : "y");
		usleep(3000);
	}
	assert_int_equal(wait_asked(1), 1);
}

/* What an earlier mount has saved is asked for once the rules are told. */
static void test_rules_told_late(void **state)
{
	struct vfs_fixture *f = *state;

	give_rules(f);
	restart(f, 600 * NS_PER_S, 0);
	server_says(STATUS, "PENDING");
	save(f, "a", "x");
	vfs_fixture_stop(f);
	server->busy = true;
	server->rules_asked = 0;
	f->config.states_ns = 2 * NS_PER_MS;
	vfs_fixture_start(f);
	wait_asked(2);
	pthread_mutex_lock(&server->mutex);
	server->busy = false;
	pthread_mutex_unlock(&server->mutex);
	wait_counts(f, 1, 0, 0);
}

/* Where nothing is replicated nothing is asked for. */
static void test_background_rests(void **state)
{
	struct vfs_fixture *f = *state;
	unsigned before;

	restart(f, 600 * NS_PER_S, 2 * NS_PER_MS);
	for (int i = 0; i < 20; i++) {
		save(f, "a", i % 2 ? "x" : "y");
		usleep(3000);
	}
	before = heads();
	usleep(20000);
	assert_int_equal(heads(), before);
	wait_counts(f, 0, 0, 1);
	/* Once it is, what was saved before is, too. */
	give_rules(f);
	server_says(STATUS, "PENDING");
	restart(f, 600 * NS_PER_S, 2 * NS_PER_MS);
	wait_counts(f, 1, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATES_TEST(test_moves),
		STATES_TEST(test_once_in_ttl),
		STATES_TEST(test_outage),
		STATES_TEST(test_removed_meanwhile),
		STATES_TEST(test_age),
		STATES_TEST(test_background),
		STATES_TEST(test_compared),
		STATES_TEST(test_background_slows_down),
		STATES_TEST(test_saves_wake_no_others),
		STATES_TEST(test_silent_server),
		STATES_TEST(test_rules_not_known),
		STATES_TEST(test_rules_told_late),
		STATES_TEST(test_background_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
