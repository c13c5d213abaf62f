/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent along with bytes so that the server can compare them. */
#include "../store_count.h"
#include "../vfs_fixture.h"

#include <errno.h>

#include "vers3/s3/s3.h"
#include "../wire.h"

#define HELLO_MD5 "5d41402abc4b2a76b9719d911017c592"
#define OK	  "%D200 OK\r\nContent-Length: 0%E"
#define REFUSED	  "%D400 Bad Request\r\nContent-Length: 0%E"
#define CREATED                                                                \
	"%D200 OK\r\nContent-Length: 85%E<InitiateMultipartUploadResult>"      \
	"<UploadId>u</UploadId></InitiateMultipartUploadResult>"

static struct store *store_at(const char *endpoint, bool anonymous)
{
	const struct s3_config config = {
		.bucket = "bucket",
		.endpoint = endpoint,
		.no_sign_request = anonymous,
		.read_timeout_s = 5,
	};
	struct store *s = NULL;
	char reason[256];

	setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
	setenv("AWS_ACCESS_KEY_ID", "KEY", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	setenv("no_proxy", "*", 1);
	if (s3_store_new(&config, reason, sizeof(reason), &s))
		fail_msg("%s", reason);
	return s;
}

static void asked(struct wire *w, size_t step, const char *text, bool wanted)
{
	if (!strcasestr(wire_asked(w, step), text) == wanted)
		fail_msg("%s %s in:\n%s", wanted ? "no" : "a", text,
			 wire_asked(w, step));
}

/* "hello", out of memory or of a file. */
static void put_hello(struct store *s, enum store_op op, enum store_sum sum,
		      const char *md5, int fd)
{
	struct store_request r;

	store_request_init(&r, op);
	r.key = "k";
	r.upload_id = op == STORE_UPLOAD_PART ? "u" : NULL;
	r.part_number = op == STORE_UPLOAD_PART;
	r.body = (struct store_body){.mem = fd < 0 ? "hello" : NULL,
				     .fd = fd,
				     .offset = fd < 0 ? 0 : 2,
				     .length = 5};
	r.sum = sum;
	r.md5 = md5;
	assert_int_equal(store_call(s, &r), 0);
	store_request_release(&r);
}

#define CRC_LINE "\r\nx-amz-checksum-crc64nvme: M3eFcAZSQlc=\r\n"
#define MD5_LINE "\r\ncontent-md5: XUFAKrxLKna5cZ2REBfFkg==\r\n"

static void test_headers(void **state)
{
	static const struct wire_step steps[] = {
		{OK, WIRE_KEEP}, {OK, WIRE_KEEP},      {OK, WIRE_KEEP},
		{OK, WIRE_KEEP}, {CREATED, WIRE_KEEP},
	};
	struct wire *w = wire_new(steps, sizeof(steps) / sizeof(*steps));
	struct store *s = store_at(wire_url(w), false);
	struct store_request r;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	fputs("xxhello", f);
	fflush(f);
	put_hello(s, STORE_PUT, STORE_SUM_NONE, NULL, -1);
	asked(w, 0, "checksum", false);
	asked(w, 0, "content-md5", false);
	put_hello(s, STORE_PUT, STORE_SUM_CRC64NVME, NULL, -1);
	asked(w, 1, CRC_LINE, true);
	asked(w, 1, "\r\nx-amz-sdk-checksum-algorithm: CRC64NVME\r\n", true);
	asked(w, 1, "x-amz-checksum-crc64nvme;", true); /* it is signed */
	put_hello(s, STORE_UPLOAD_PART, STORE_SUM_MD5, NULL, fileno(f));
	asked(w, 2, MD5_LINE, true);
	asked(w, 2, "checksum", false);
	/* What the caller knows is not computed. */
	put_hello(s, STORE_PUT, STORE_SUM_MD5, HELLO_MD5, -1);
	asked(w, 3, MD5_LINE, true);
	store_request_init(&r, STORE_CREATE_UPLOAD);
	r.key = "k";
	r.sum = STORE_SUM_CRC64NVME;
	assert_int_equal(store_call(s, &r), 0);
	asked(w, 4, "\r\nx-amz-checksum-algorithm: CRC64NVME\r\n", true);
	asked(w, 4, "\r\nx-amz-checksum-type: FULL_OBJECT\r\n", true);
	asked(w, 4, "x-amz-checksum-crc64nvme", false);
	store_request_release(&r);
	fclose(f);
	store_free(s);
	wire_free(w);
}

static int take_status(void *ctx, int status, const struct store_object *o)
{
	(void)o;
	*(int *)ctx = status;
	return 0;
}

/* Of whole objects a check is asked for; without a signature as with one. */
static void test_anonymous(void **state)
{
	static const struct wire_step steps[] = {
		{OK, WIRE_KEEP},
		{OK, WIRE_KEEP},
		{"%D206 Partial Content\r\nContent-Length: 1\r\nContent-Range:"
		 " bytes 1-1/5%Ex",
		 WIRE_KEEP},
	};
	struct wire *w = wire_new(steps, sizeof(steps) / sizeof(*steps));
	struct store *s = store_at(wire_url(w), true);
	struct store_request r;
	int status = 0;

	(void)state;
	put_hello(s, STORE_PUT, STORE_SUM_CRC64NVME, NULL, -1);
	asked(w, 0, CRC_LINE, true);
	asked(w, 0, "authorization", false);
	store_request_init(&r, STORE_GET);
	r.key = "k";
	assert_int_equal(store_call(s, &r), 0);
	asked(w, 1, "\r\nx-amz-checksum-mode: ENABLED\r\n", true);
	r.range_offset = r.range_length = 1;
	r.head = take_status;
	r.head_ctx = &status;
	assert_int_equal(store_call(s, &r), 0);
	assert_int_equal(status, 206);
	asked(w, 2, "x-amz-checksum-mode", false);
	store_request_release(&r);
	store_free(s);
	wire_free(w);
}

static int read_object(struct store *s, enum store_op op)
{
	struct store_request r;
	int rc;

	store_request_init(&r, op);
	r.key = "k";
	rc = store_call(s, &r);
	store_request_release(&r);
	return rc;
}

#define MODE_LINE "\r\nx-amz-checksum-mode: ENABLED\r\n"
#define UNSUPPORTED                                                            \
	"%D400 Bad Request\r\nContent-Length: 44%E"                            \
	"<Error><Code>InvalidArgument</Code></Error> "

/* A server that refuses to be asked for checks is asked for none. */
static void test_refuses_to_tell(void **state)
{
	static const struct wire_step steps[] = {
		{REFUSED, WIRE_KEEP}, {REFUSED, WIRE_KEEP}, /* for all else */
		{REFUSED, WIRE_KEEP}, {OK, WIRE_KEEP},
		{OK, WIRE_KEEP},      {REFUSED, WIRE_KEEP},
	};
	struct wire *w = wire_new(steps, sizeof(steps) / sizeof(*steps));
	struct store *s = store_at(wire_url(w), true);

	(void)state;
	assert_int_equal(read_object(s, STORE_HEAD), -EINVAL);
	asked(w, 0, MODE_LINE, true);
	asked(w, 1, MODE_LINE, false);
	assert_int_equal(read_object(s, STORE_HEAD), 0);
	asked(w, 2, MODE_LINE, true);
	asked(w, 3, MODE_LINE, false);
	assert_int_equal(read_object(s, STORE_GET), 0);
	asked(w, 4, MODE_LINE, false);
	assert_int_equal(read_object(s, STORE_GET), -EINVAL);
	asked(w, 5, MODE_LINE, false);
	store_free(s);
	wire_free(w);
}

/* By the error's code; one that has told them once is not doubted again. */
static void test_goes_on_telling(void **state)
{
	static const struct wire_step steps[] = {
		{UNSUPPORTED, WIRE_KEEP},
		{UNSUPPORTED, WIRE_KEEP},
		{OK, WIRE_KEEP},
		{UNSUPPORTED, WIRE_KEEP},
	};
	struct wire *w = wire_new(steps, sizeof(steps) / sizeof(*steps));
	struct store *s = store_at(wire_url(w), true);

	(void)state;
	assert_int_equal(read_object(s, STORE_GET), -EINVAL);
	asked(w, 1, MODE_LINE, false);
	assert_int_equal(read_object(s, STORE_GET), 0);
	asked(w, 2, MODE_LINE, true);
	assert_int_equal(read_object(s, STORE_GET), -EINVAL);
	asked(w, 3, MODE_LINE, true);
	store_free(s);
	wire_free(w);
}

/*
 * A bucket that retains what is written to it, as Amazon has it: it refuses
 * what comes without a digest, and nothing in it can be deleted.
 */
struct keeper {
	struct store store; /* first */
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	bool tells; /* GetObjectLockConfiguration may be asked for */
	unsigned written, refused;
	unsigned sums[STORE_SUM_CRC64NVME + 1]; /* of bodies */
};

static struct keeper *keeper; /* of the running test */

static bool sends_bytes(const struct store_request *r)
{
	return r->op == STORE_PUT || r->op == STORE_UPLOAD_PART;
}

static int refuse(struct store_request *r, int rc, int status, const char *code)
{
	store_reply_reset(&r->reply);
	r->reply.status = status;
	strcpy(r->reply.code, code);
	return rc;
}

static int keeper_call(struct store *s, struct store_request *r)
{
	bool bare = sends_bytes(r) && r->sum == STORE_SUM_NONE;
	bool tells;

	pthread_mutex_lock(&keeper->mutex);
	if (sends_bytes(r)) {
		keeper->sums[r->sum]++;
		keeper->written += !bare;
		keeper->refused += bare;
	}
	tells = keeper->tells;
	pthread_mutex_unlock(&keeper->mutex);
	if (bare)
		return refuse(r, -EINVAL, 400, "InvalidRequest");
	if (r->op == STORE_DELETE && r->version_id)
		return refuse(r, -EACCES, 403, "AccessDenied");
	if (r->op == STORE_GET_OBJECT_LOCK && tells)
		return 0;
	return store_call(s->below, r);
}

static const struct store_ops keeper_ops = {"keeper", keeper_call,
					    vfs_fixture_free_layer};

static int setup(void **state)
{
	keeper = calloc(1, sizeof(*keeper));
	assert_non_null(keeper);
	keeper->tells = true;
	pthread_mutex_init(&keeper->mutex, NULL);
	return vfs_fixture_setup_over(state, &keeper->store, &keeper_ops);
}

#define SUMS_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn, setup, vfs_fixture_teardown)

static void write_large(struct vfs_fixture *f, const char *name)
{
	char *text = malloc((20 << 20) + 1);

	assert_non_null(text);
	memset(text, 'x', 20 << 20);
	text[20 << 20] = '\0';
	vfs_fixture_write(f, name, text);
	free(text);
}

/* One file of one piece, one of parts, the name of an instant. */
static void save_all(struct vfs_fixture *f, enum store_sum small,
		     enum store_sum large)
{
	struct vfs_entry e;

	vfs_fixture_write(f, "small", "x");
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(keeper->sums[small], 1);
	write_large(f, "large");
	assert_int_equal(vfs_drain(f->v), 0);
	assert_true(keeper->sums[large] >= 3u + (small == large));
	assert_int_equal(vfs_mkdir(f->v, MOUNT_VERSIONS_INO, "@name", 0755,
				   &vfs_fixture_caller, &e),
			 0);
	assert_int_equal(keeper->refused, 0);
}

static void test_checksums(void **state)
{
	struct vfs_fixture *f = *state;

	save_all(f, STORE_SUM_CRC64NVME, STORE_SUM_CRC64NVME);
	assert_int_equal(keeper->sums[STORE_SUM_MD5], 0);
}

static void test_md5(void **state)
{
	struct vfs_fixture *f = *state;

	vfs_fixture_stop(f);
	f->config.caps = (struct caps){.retains = true};
	vfs_fixture_start(f);
	save_all(f, STORE_SUM_MD5, STORE_SUM_MD5);
}

/* The MD5 of what goes in one piece is known: it goes along in any case. */
static void test_neither(void **state)
{
	struct vfs_fixture *f = *state;

	vfs_fixture_stop(f);
	f->config.caps = (struct caps){.if_match = false};
	vfs_fixture_start(f);
	vfs_fixture_write(f, "small", "x");
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(keeper->sums[STORE_SUM_MD5], 1);
}

/*
 * A server that compares what is sent as one, but refuses this for what is
 * sent in parts with a check of the whole.
 */
struct halfway {
	struct store store; /* first */
	enum store_op refuses;
	bool any; /* also without a check */
	const char *code;
	int rc, status;
	atomic_uint begun, refused;
	pthread_mutex_t mutex;
	char id[64]; /* of the last upload that began so; protected by mutex */
};

static struct halfway *halfway; /* of the running test */

static bool is_checked(const struct store_request *r)
{
	bool ret;

	if (r->op == STORE_CREATE_UPLOAD)
		return r->sum == STORE_SUM_CRC64NVME;
	pthread_mutex_lock(&halfway->mutex);
	ret = r->upload_id && !strcmp(r->upload_id, halfway->id);
	pthread_mutex_unlock(&halfway->mutex);
	return ret;
}

static int halfway_call(struct store *s, struct store_request *r)
{
	bool checked = is_checked(r);
	int rc;

	if ((checked || halfway->any) && r->op == halfway->refuses) {
		halfway->refused++;
		return refuse(r, halfway->rc, halfway->status, halfway->code);
	}
	rc = store_call(s->below, r);
	if (rc || r->op != STORE_CREATE_UPLOAD)
		return rc;
	halfway->begun++;
	pthread_mutex_lock(&halfway->mutex);
	if (checked)
		snprintf(halfway->id, sizeof(halfway->id), "%s",
			 r->reply.upload_id);
	pthread_mutex_unlock(&halfway->mutex);
	return 0;
}

static const struct store_ops halfway_ops = {"halfway", halfway_call,
					     vfs_fixture_free_layer};

static int setup_halfway(void **state)
{
	halfway = calloc(1, sizeof(*halfway));
	assert_non_null(halfway);
	halfway->refuses = STORE_OP_COUNT;
	pthread_mutex_init(&halfway->mutex, NULL);
	return vfs_fixture_setup_over(state, &halfway->store, &halfway_ops);
}

#define HALFWAY_TEST(fn)                                                       \
	cmocka_unit_test_setup_teardown(fn, setup_halfway, vfs_fixture_teardown)

static void refuse_it(enum store_op op, int rc, int status, const char *code)
{
	halfway->refuses = op;
	halfway->rc = rc;
	halfway->status = status;
	halfway->code = code;
}

/* What is saved has all bytes, and has a check or not. */
static void check_large(struct vfs_fixture *f, const char *key, uint64_t size,
			bool checked)
{
	struct store_request r;
	const struct kvlist *headers = &r.reply.object.headers;

	assert_int_equal(vfs_drain(f->v), 0);
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	assert_int_equal(store_call(f->store, &r), 0);
	assert_int_equal(r.reply.object.size_bytes, size);
	assert_true(!kvlist_get(headers, "x-amz-checksum-crc64nvme") !=
		    checked);
	store_request_release(&r);
}

/* Goes on as before it was refused once, and is not refused again. */
static void save_halfway(struct vfs_fixture *f, unsigned begun)
{
	write_large(f, "a");
	check_large(f, VFS_FIXTURE_PREFIX "a", 20 << 20, false);
	assert_in_range(halfway->refused, 1, 6); /* parts go side by side */
	assert_int_equal(halfway->begun, begun);
	halfway->refused = 0;
	write_large(f, "b");
	check_large(f, VFS_FIXTURE_PREFIX "b", 20 << 20, false);
	assert_int_equal(halfway->refused, 0);
	assert_int_equal(halfway->begun, begun + 1);
	/* The next mount knows it. */
	vfs_fixture_stop(f);
	vfs_fixture_start(f);
	write_large(f, "c");
	check_large(f, VFS_FIXTURE_PREFIX "c", 20 << 20, false);
	assert_int_equal(halfway->refused, 0);
	assert_int_equal(halfway->begun, begun + 2);
}

static void test_refused_at_end(void **state)
{
	struct vfs_fixture *f = *state;

	refuse_it(STORE_COMPLETE_UPLOAD, -EINVAL, 400, "InvalidPart");
	save_halfway(f, 2);
}

/* Bytes that came to harm once are no reason to go without for a month. */
static void test_harmed_once(void **state)
{
	struct vfs_fixture *f = *state;

	refuse_it(STORE_COMPLETE_UPLOAD, -EIO, 400, "BadDigest");
	write_large(f, "a");
	check_large(f, VFS_FIXTURE_PREFIX "a", 20 << 20, false);
	assert_int_equal(halfway->refused, 1);
	halfway->refuses = STORE_OP_COUNT;
	vfs_fixture_stop(f);
	vfs_fixture_start(f);
	write_large(f, "b");
	check_large(f, VFS_FIXTURE_PREFIX "b", 20 << 20, true);
}

static void test_refused_at_begin(void **state)
{
	struct vfs_fixture *f = *state;

	refuse_it(STORE_CREATE_UPLOAD, -EINVAL, 400, "InvalidRequest");
	save_halfway(f, 1);
}

static void test_refused_part(void **state)
{
	struct vfs_fixture *f = *state;

	refuse_it(STORE_UPLOAD_PART, -EINVAL, 400, "InvalidRequest");
	save_halfway(f, 2);
}

/* What is refused without a check, too, is not refused because of it. */
static void test_refused_any_part(void **state)
{
	struct vfs_fixture *f = *state;

	refuse_it(STORE_UPLOAD_PART, -EINVAL, 400, "InvalidRequest");
	halfway->any = true;
	write_large(f, "a");
	assert_int_equal(vfs_drain(f->v), 1);
	vfs_fixture_stop(f);
	halfway->refuses = STORE_OP_COUNT;
	vfs_fixture_start(f);
	assert_int_equal(vfs_drain(f->v), 0);
	write_large(f, "b");
	check_large(f, VFS_FIXTURE_PREFIX "b", 20 << 20, true);
}

/* To the large file that is there. */
static void append_more(struct vfs_fixture *f)
{
	struct vfs_entry e;
	struct vfs_file *file;
	struct vfs_open how;

	assert_int_equal(vfs_lookup(f->v, META_ROOT_INO, "a", &e), 0);
	assert_int_equal(vfs_open(f->v, e.ino, O_RDWR, &file, &how), 0);
	assert_int_equal(vfs_write(f->v, file, 20 << 20, "more", 4), 0);
	vfs_release(f->v, file);
}

/* Parts that the server copies, in an upload that has a check. */
static void test_refused_copy(void **state)
{
	struct vfs_fixture *f = *state;

	write_large(f, "a");
	check_large(f, VFS_FIXTURE_PREFIX "a", 20 << 20, true);
	refuse_it(STORE_COPY_PART, -EOPNOTSUPP, 501, "NotImplemented");
	append_more(f);
	check_large(f, VFS_FIXTURE_PREFIX "a", (20 << 20) + 4, false);
	assert_in_range(halfway->refused, 1, 6);
	assert_int_equal(halfway->begun, 3);
}

/* What the server cannot copy from key to key is sent, with its check. */
static void test_other_key(void **state)
{
	struct vfs_fixture *f = *state;

	write_large(f, "a");
	check_large(f, VFS_FIXTURE_PREFIX "a", 20 << 20, true);
	refuse_it(STORE_COPY_PART, -EXDEV, 400, "InvalidArgument");
	append_more(f);
	check_large(f, VFS_FIXTURE_PREFIX "a", (20 << 20) + 4, true);
	assert_in_range(halfway->refused, 1, 6);
	assert_int_equal(halfway->begun, 2);
	halfway->any = true;
	refuse_it(STORE_COPY, -EXDEV, 400, "InvalidArgument");
	assert_int_equal(
		vfs_rename(f->v, META_ROOT_INO, "a", META_ROOT_INO, "b", 0), 0);
	check_large(f, VFS_FIXTURE_PREFIX "b", (20 << 20) + 4, true);
	assert_int_equal(halfway->begun, 3);
}

/* Nothing is written where it would stay; nothing counts as an error. */
static void test_probe_leaves_nothing(void **state)
{
	struct vfs_fixture *f = *state;
	struct metrics_snapshot m;
	struct caps caps;

	assert_int_equal(caps_probe(f->store, "p/", ".versions", &caps), 0);
	assert_true(caps.retains);
	assert_false(caps.checksum);
	assert_int_equal(caps_sum(&caps), STORE_SUM_MD5);
	assert_int_equal(keeper->written + keeper->refused, 0);
	assert_int_equal(store_count(f->store, STORE_LIST_VERSIONS), 0);
	metrics_store_read(f->store, &m);
	for (int op = 0; op < STORE_OP_COUNT; op++)
		assert_int_equal(m.ops[op].errors, 0);
}

/* A server that compares; it is left empty. */
static void test_probe_checksum(void **state)
{
	struct store *s = NULL, *top;
	struct metrics_snapshot m;
	struct caps caps;

	(void)state;
	assert_int_equal(memory_store_new(true, &s), 0);
	assert_int_equal(metrics_store_new(&s, &top), 0);
	assert_int_equal(caps_probe(top, "p/", ".versions", &caps), 0);
	assert_true(caps.checksum);
	assert_false(caps.retains);
	assert_int_equal(caps_sum(&caps), STORE_SUM_CRC64NVME);
	assert_int_equal(store_count(top, STORE_LIST_VERSIONS), 0);
	metrics_store_read(top, &m);
	assert_int_equal(m.ops[STORE_PUT].errors, 0);
	assert_int_equal(m.ops[STORE_GET_OBJECT_LOCK].errors, 0);
	store_free(top);
}

/* A server that refuses the header, or knows nothing of it. */
struct picky {
	struct store store; /* first */
	bool ignores;
};

static int picky_call(struct store *s, struct store_request *r)
{
	struct picky *p = (struct picky *)s;
	struct kvlist *headers = (struct kvlist *)r->headers;
	bool checked =
		headers && kvlist_get(headers, "x-amz-checksum-crc64nvme");

	if (!p->ignores && (checked || r->sum == STORE_SUM_CRC64NVME))
		return refuse(r, -EINVAL, 400, "InvalidArgument");
	if (checked)
		kvlist_del(headers, "x-amz-checksum-crc64nvme");
	return store_call(s->below, r);
}

static void picky_free(struct store *s)
{
	store_free(s->below);
}

static const struct store_ops picky_ops = {"picky", picky_call, picky_free};

/* Both are sent no such check, and are left empty. */
static void test_probe_without(void **state)
{
	struct picky p = {.store.ops = &picky_ops};
	struct store *s = NULL;
	struct caps caps;

	(void)state;
	for (int i = 0; i < 2; i++) {
		p.ignores = i;
		assert_int_equal(memory_store_new(true, &s), 0);
		p.store.below = s;
		assert_int_equal(caps_probe(&p.store, "p/", ".versions", &caps),
				 0);
		assert_false(caps.checksum);
		assert_true(caps.if_match);
		assert_int_equal(caps_sum(&caps), STORE_SUM_NONE);
		assert_int_equal(store_count(s, STORE_LIST_VERSIONS), 0);
		store_free(&p.store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_refuses_to_tell),
		cmocka_unit_test(test_goes_on_telling),
		SUMS_TEST(test_checksums),
		SUMS_TEST(test_md5),
		SUMS_TEST(test_neither),
		SUMS_TEST(test_probe_leaves_nothing),
		HALFWAY_TEST(test_refused_at_end),
		HALFWAY_TEST(test_harmed_once),
		HALFWAY_TEST(test_refused_at_begin),
		HALFWAY_TEST(test_refused_part),
		HALFWAY_TEST(test_refused_any_part),
		HALFWAY_TEST(test_refused_copy),
		HALFWAY_TEST(test_other_key),
		cmocka_unit_test(test_probe_checksum),
		cmocka_unit_test(test_probe_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
