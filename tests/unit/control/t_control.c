/* SPDX-License-Identifier: Apache-2.0 */
#include "../vfs_fixture.h"

#include <errno.h>
#include <inttypes.h>

#include "../../../src/control/command_line.h"
#include "../../../src/history/timestamp.h"
#include "../control_rig.h"
#include "../git_config.h"
#include "vers3/control/control.h"
#include "vers3/tree/replication_census.h"
#include "vers3/tree/dir.h"

#define TEXT_MAX CONTROL_TEXT_MAX

static const struct {
	const char *line;
	int rc;
	const char *words; /* each ended by "|" */
} lines[] = {
	{"", 0, ""},
	{"  \t ", 0, ""},
	{"sync", 0, "sync|"},
	{" sync  a\tb\r", 0, "sync|a|b|"},
	{"sync \"a b\"", 0, "sync|a b|"},
	{"a\"b c\"d", 0, "ab cd|"},
	{"\"\" x", 0, "|x|"},
	{"\"q\\\"q\\\\q\\nq\\tq\"", 0, "q\"q\\q\nq\tq|"},
	{"a\\\\b", 0, "a\\b|"},
	{"\"open", -EINVAL, NULL},
	{"back\\", -EINVAL, NULL},
	{"\"\\x\"", -EINVAL, NULL},
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char reason[128] = "", joined[256] = "";
		struct command_line w;
		int rc =
			command_line_split(lines[i].line, strlen(lines[i].line),
					   &w, reason, sizeof(reason));

		assert_int_equal(rc, lines[i].rc);
		if (rc) {
			assert_true(*reason);
			continue;
		}
		for (size_t k = 0; k < w.count; k++) {
			strcat(joined, w.items[k]);
			strcat(joined, "|");
		}
		assert_string_equal(joined, lines[i].words);
		command_line_release(&w);
	}
}

static void test_words_bounds(void **state)
{
	char line[2 * (WORDS_MAX + 2)], reason[128];
	struct command_line w;

	(void)state;
	for (size_t i = 0; i < sizeof(line); i += 2)
		memcpy(line + i, "a ", 2);
	assert_int_equal(command_line_split(line, 2 * WORDS_MAX, &w, reason,
					    sizeof(reason)),
			 0);
	assert_int_equal(w.count, WORDS_MAX);
	command_line_release(&w);
	assert_int_equal(command_line_split(line, sizeof(line), &w, reason,
					    sizeof(reason)),
			 -EINVAL);
	assert_int_equal(command_line_split("a\0b", 3, &w, reason,
					    sizeof(reason)),
			 -EINVAL);
}

#define NOW INT64_C(1795305600) /* 2026-11-22T00:00:00Z */

static const struct {
	const char *text;
	int64_t seconds; /* -1: refused */
	int64_t ns;
} instants[] = {
	{"2026-11-22T00:00:00Z", NOW, 999999999},
	{"2026-11-22T00-00-00Z", NOW, 999999999},
	{"2026-11-22T00:00:00.25Z", NOW, 250000000},
	{"2026-11-22", NOW, 0},
	{"GMT-2026.11.22-00.00.00", NOW, 999999999},
	{"GMT-2026.11.22-00.00.0x", -1, 0},
	{"GMT-2026-11-22-00-00-00", -1, 0},
	{"90s", NOW - 90, 0},
	{"2h", NOW - 7200, 0},
	{"7d", NOW - 604800, 0},
	{"1w", NOW - 604800, 0},
	{"0s", NOW, 0},
	{"", -1, 0},
	{"2", -1, 0},
	{"-2h", -1, 0},
	{"2y", -1, 0},
	{"2hh", -1, 0},
	{"99999999999999999999d", -1, 0},
	{"99999999999999d", -1, 0},
	{"2026-13-01", -1, 0},
	{"yesterday", -1, 0},
	{"2026-11-22T00:00:00", -1, 0},
};

static void test_instants(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(instants) / sizeof(*instants); i++) {
		int64_t ns = 0;
		int rc = timestamp_parse(instants[i].text, NOW * NS_PER_S, &ns);

		assert_int_equal(rc, instants[i].seconds < 0 ? -EINVAL : 0);
		if (!rc)
			assert_int_equal(ns, instants[i].seconds * NS_PER_S +
						     instants[i].ns);
	}
}

/* answer has TEXT_MAX bytes. */
static int command(struct vfs_fixture *f, const char *line, char *answer)
{
	return control_run(f->v, line, answer, TEXT_MAX);
}

static void check_state(struct vfs_fixture *f, const char *name,
			const char *value)
{
	char *text = control_show(f->v), got[256];
	int rc = git_config_get(text, name, got, sizeof(got));

	if (rc != (value ? 0 : 1) || (value && strcmp(got, value) != 0))
		fail_msg("%s is \"%s\" (%d), not \"%s\" in\n%s", name, got, rc,
			 value ? value : "absent", text);
	free(text);
}

static void test_state(void **state)
{
	struct vfs_fixture *f = *state;

	if (!have_git())
		skip();
	check_state(f, "mount.bucket", "bucket");
	check_state(f, "mount.prefix", VFS_FIXTURE_PREFIX);
	check_state(f, "mount.versioned", "true");
	check_state(f, "mount.readonly", "false");
	check_state(f, "cache.limit", "8388608");
	check_state(f, "sync.state", "clean");
	check_state(f, "sync.dirty", "0");
	/* Also where nothing is shown by that name. */
	for (int off = 0; off < 2; off++) {
		check_state(f, "mount.versionsdir", ".versions");
		check_state(f, "mount.controlfile", ".control");
		f->v->mount->config.versions = MOUNT_VERSIONS_OFF;
	}
	check_state(f, "lifecycle.rules", "0");
	check_state(f, "lifecycle.error", NULL);
	check_state(f, "hidden.count", "0");
	check_state(f, "s3.putObject", NULL);
	vfs_fixture_write(f, "file", "text");
	check_state(f, "sync.state", "dirty");
	check_state(f, "sync.dirty", "1");
	assert_int_equal(vfs_drain(f->v), 0);
	check_state(f, "sync.state", "clean");
	check_state(f, "sync.puts", "1");
	check_state(f, "s3.putObject", "1");
}

static const struct {
	const char *line;
	int rc;
	const char *answer; /* a piece of it */
} commands[] = {
	{"", 0, ""},
	{"\n\n", 0, ""},
	{"help", 0, "restore PATH"},
	{"help\n", 0, "lifecycle set"},
	{"sync", 0, "everything"},
	{"sync\nsync /\n", 0, "everything is in the bucket\neverything"},
	{"sync \"no such\"", -ENOENT, "no such path"},
	{"sync no/such", -ENOENT, "no/such: there is no such path"},
	{"sync a b", -EINVAL, "usage: sync [PATH]"},
	{"frobnicate", -EINVAL, "no such command"},
	{"frobnicate\nsync", -EINVAL,
	 "frobnicate: no such command; help "
	 "lists them, and vers3-control(5)\n"},
	{"lifecycle", -EINVAL, "usage: lifecycle list | lifecycle set ID"},
	{"lifecycle frob", -EINVAL, "usage: lifecycle list"},
	{"lifecycle set x", -EINVAL, "usage: lifecycle set"},
	{"lifecycle set x expire=soon", -EINVAL, "expire=soon"},
	{"lifecycle remove x", -ENOENT, "no rule"},
	{"lifecycle list", 0, ""},
	{"restore", -EINVAL, "usage"},
	{"restore nothing @previous", -ENOENT, "no version of such"},
	{"restore nothing @2h", -ENOENT, "no version of such"},
	{"restore nothing @soon", -EINVAL, "is no time"},
	{"restore nothing 12345", -ENOENT, "no such version"},
	{"restore / @previous", -EINVAL, "no name of a file"},
	{"restore .versions/x @previous", -EINVAL, "no name of a file"},
	{"sync \"", -EINVAL, "quote"},
};

static void test_commands(void **state)
{
	struct vfs_fixture *f = *state;
	char *answer = malloc(TEXT_MAX);

	assert_non_null(answer);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		int rc = command(f, commands[i].line, answer);

		if (rc != commands[i].rc || !strstr(answer, commands[i].answer))
			fail_msg("%s: %d %s", commands[i].line, rc, answer);
		/* A failure is one line. */
		if (rc)
			assert_ptr_equal(strchr(answer, '\n') + 1,
					 answer + strlen(answer));
	}
	/* Of several the one that has failed. */
	assert_int_equal(command(f, "sync\nsync a b", answer), -EINVAL);
	if (have_git())
		check_state(f, "control.lasterror", "usage: sync [PATH]");
	free(answer);
}

static void test_session(void **state)
{
	struct vfs_fixture *f = *state;
	char *text = malloc(TEXT_MAX), *big = malloc(TEXT_MAX + 1);
	struct control_session *s;
	size_t got;

	assert_non_null(text);
	assert_non_null(big);
	assert_int_equal(control_open(f->v->control, &s), 0);
	control_read_all(s, text, TEXT_MAX);
	assert_non_null(strstr(text, "[mount]"));
	assert_int_equal(control_write(s, "sync\n", 5), 0);
	control_read_all(s, text, TEXT_MAX);
	assert_string_equal(text, "everything is in the bucket\n");
	/* It can be read again, and from the middle. */
	control_read_all(s, text, TEXT_MAX);
	assert_string_equal(text, "everything is in the bucket\n");
	assert_int_equal(control_read_now(s, 14, text, 100, &got), 0);
	assert_int_equal(got, strlen("in the bucket\n"));
	assert_memory_equal(text, "in the bucket\n", got);
	memset(big, 'x', TEXT_MAX + 1);
	assert_int_equal(control_write(s, big, TEXT_MAX + 1), -E2BIG);
	control_read_all(s, text, TEXT_MAX);
	assert_non_null(strstr(text, "bytes"));
	control_close(s);
	free(big);
	free(text);
}

/* Lines that come in pieces are carried out as their ends come. */
static void test_pieces(void **state)
{
	static const char all[] = "mark one\nhelp\nmark two";
	struct vfs_fixture *f = *state;
	struct control_session *s;
	char *text = malloc(TEXT_MAX);

	assert_non_null(text);
	/* As dd bs=1 does: no piece is taken for a command. */
	assert_int_equal(control_open(f->v->control, &s), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(control_write(s, &"sync\n"[i], 1), 0);
	control_read_all(s, text, TEXT_MAX);
	assert_string_equal(text, "everything is in the bucket\n");
	/* The end of one, and the beginning of the next. */
	assert_int_equal(control_write(s, "he", 2), 0);
	assert_int_equal(control_write(s, "lp\nnon", 6), 0);
	control_read_all(s, text, TEXT_MAX);
	assert_non_null(strstr(text, "non: no such command"));
	assert_int_equal(control_write(s, "no", 2), 0);
	assert_int_equal(control_write(s, "ne\nsync\nsy", 10), -EINVAL);
	control_read_all(s, text, TEXT_MAX);
	assert_string_equal(text, "none: no such command; help lists them, "
				  "and vers3-control(5)\n");
	/* What came after one that failed is forgotten. */
	assert_int_equal(control_flush(s), 0);
	assert_int_equal(control_write(s, "frob", 4), 0);
	assert_int_equal(control_flush(s), -EINVAL);
	assert_int_equal(control_flush(s), 0);
	control_close(s);
	/* A file of commands in pieces of any size. */
	for (size_t step = 1; step < sizeof(all); step++) {
		assert_int_equal(control_open(f->v->control, &s), 0);
		for (size_t at = 0; at < sizeof(all) - 1; at += step) {
			size_t n = sizeof(all) - 1 - at;
			int rc =
				control_write(s, all + at, n < step ? n : step);

			if (memchr(all + at, '\n', n < step ? n : step)) {
				assert_int_equal(rc, -EINVAL);
				break;
			}
			assert_int_equal(rc, 0);
		}
		control_read_all(s, text, TEXT_MAX);
		assert_string_equal(text,
				    "mark: no such command; help lists them, "
				    "and vers3-control(5)\n");
		control_close(s);
	}
	free(text);
}

static void test_lifecycle(void **state)
{
	static const char first[] =
		"<LifecycleConfiguration><Rule><ID>keep</ID><Filter><Prefix>"
		"logs/</Prefix></Filter><Status>Enabled</Status><Expiration>"
		"<Days>90</Days></Expiration><Strange>1</Strange></Rule>"
		"</LifecycleConfiguration>";
	struct vfs_fixture *f = *state;
	char *answer = malloc(TEXT_MAX);
	struct store_request r;

	if (!have_git())
		skip();
	assert_non_null(answer);
	store_request_init(&r, STORE_PUT_LIFECYCLE);
	r.body.mem = first;
	r.body.length = sizeof(first) - 1;
	assert_int_equal(store_call(f->store, &r), 0);
	store_request_release(&r);
	check_state(f, "lifecycle.keep.expiredays", "90");

	assert_int_equal(command(f,
				 "lifecycle set \"my tmp\" prefix=tmp/ "
				 "expire=7d noncurrent=30d",
				 answer),
			 0);
	assert_string_equal(answer,
			    "lifecycle \"my tmp\": set, for the "
			    "bucket's keys that begin with " VFS_FIXTURE_PREFIX
			    "tmp/\nchecked by reading it back, twice: nobody "
			    "has overwritten it\n");
	check_state(f, "lifecycle.rules", "2");
	assert_int_equal(
		command(f, "lifecycle set keep expire=91d dry-run", answer), 0);
	assert_non_null(strstr(answer, "\n+      <Days>91</Days>\n"));
	assert_int_equal(
		command(f, "lifecycle set keep expire=90d dry-run", answer), 0);
	assert_string_equal(answer, "keep: the rules say that already\n");
	assert_int_equal(command(f, "lifecycle remove keep dry-run", answer),
			 0);
	assert_non_null(strstr(answer, "\n-    <ID>keep</ID>\n"));
	assert_int_equal(command(f, "lifecycle remove keep now", answer),
			 -EINVAL);
	assert_string_equal(answer, "now: want nothing or dry-run\n");
	check_state(f, "lifecycle.keep.expiredays", "90");
	check_state(f, "lifecycle.my tmp.expiredays", "7");
	check_state(f, "lifecycle.my tmp.prefix", "tmp/");
	assert_int_equal(command(f, "lifecycle list", answer), 0);
	assert_non_null(strstr(answer, "[lifecycle \"my tmp\"]"));
	store_request_init(&r, STORE_GET_LIFECYCLE);
	assert_int_equal(store_call(f->store, &r), 0);
	assert_non_null(strstr(r.reply.body.data, "<Strange>1</Strange>"));
	store_request_release(&r);

	assert_int_equal(command(f, "lifecycle remove \"my tmp\"", answer), 0);
	assert_int_equal(command(f, "lifecycle remove keep", answer), 0);
	check_state(f, "lifecycle.rules", "0");
	store_request_init(&r, STORE_GET_LIFECYCLE);
	assert_int_equal(store_call(f->store, &r), -ENODATA);
	store_request_release(&r);
	free(answer);
}

static void test_replication(void **state)
{
	static const char document[] =
		"<ReplicationConfiguration><Role>arn:role</Role><Rule><ID>far"
		"</ID><Status>Enabled</Status><Priority>1</Priority><Filter>"
		"<Prefix></Prefix></Filter><Destination><Bucket>arn:aws:s3:::"
		"other</Bucket></Destination></Rule></ReplicationConfiguration"
		">";
	static const char *const status[] = {"PENDING", "FAILED", "REPLICA",
					     "COMPLETED", "PENDING"};
	struct vfs_fixture *f = *state;

	if (!have_git())
		skip();
	assert_int_equal(memory_store_set_replication(f->store, document), 0);
	for (size_t i = 0; i < sizeof(status) / sizeof(*status); i++) {
		char name[] = "file0";
		struct kvlist head;
		uint64_t ino;

		name[4] = (char)('0' + i);
		vfs_fixture_write(f, name, "x");
		assert_int_equal(vfs_drain(f->v), 0);
		ino = vfs_fixture_find(f, name);
		kvlist_init(&head);
		assert_int_equal(kvlist_add(&head, "x-amz-replication-status",
					    status[i]),
				 0);
		assert_int_equal(meta_lock(f->meta), 0);
		assert_int_equal(meta_head_put(f->meta, ino, &head), 0);
		meta_unlock(f->meta);
		kvlist_release(&head);
	}
	check_state(f, "replication.rules", "1");
	check_state(f, "replication.far.bucket", "other");
	check_state(f, "replication.pending", "2");
	usleep(20000); /* a census is used for a while */
	check_state(f, "replication.failed", "1");
	check_state(f, "replication.failedkey", "file1");
	check_state(f, "replication.completed", "1");
	check_state(f, "replication.replica", "1");
	check_state(f, "replication.none", "0");
}

/* Without rules nothing is counted until an object tells of replication. */
static void test_census_unasked(void **state)
{
	struct vfs_fixture *f = *state;
	struct store_object o = {.etag = "etag", .size_bytes = 1};
	struct meta_inode inode;

	if (!have_git())
		skip();
	vfs_fixture_write(f, "own", "x");
	vfs_fixture_write(f, "copied", "x");
	assert_int_equal(vfs_drain(f->v), 0);
	check_state(f, "replication.rules", "0");
	check_state(f, "replication.none", NULL);
	assert_false(replication_census_may_find(f->meta));
	/* As the answer to a HEAD has it. */
	kvlist_init(&o.headers);
	kvlist_init(&o.meta);
	assert_int_equal(kvlist_add(&o.headers, "x-amz-replication-status",
				    "FAILED"),
			 0);
	assert_int_equal(dir_inode(f->v->tree, vfs_fixture_find(f, "copied"),
				   &inode),
			 0);
	assert_int_equal(meta_lock(f->meta), 0);
	assert_int_equal(dir_take_object(f->v->tree, &inode, "copied", &o), 0);
	assert_int_equal(meta_inode_put(f->meta, &inode), 0);
	meta_unlock(f->meta);
	kvlist_release(&o.headers);
	assert_true(replication_census_may_find(f->meta));
	check_state(f, "replication.failed", "1");
	check_state(f, "replication.failedkey", "copied");
	check_state(f, "replication.none", "1");
}

/* The bucket is silent: everything is still there, and nothing hangs. */
static void test_outage(void **state)
{
	struct vfs_fixture *f = *state;
	char *answer = malloc(TEXT_MAX);

	if (!have_git())
		skip();
	assert_non_null(answer);
	assert_int_equal(command(f, "lifecycle set tmp expire=7d", answer), 0);
	vfs_fixture_write(f, "file", "text");
	atomic_store(&f->silent, true);
	check_state(f, "lifecycle.tmp.expiredays", "7");
	check_state(f, "mount.bucket", "bucket");
	assert_int_not_equal(command(f, "lifecycle list", answer), 0);
	assert_true(*answer);
	assert_int_not_equal(command(f, "lifecycle set x expire=1d", answer),
			     0);
	assert_non_null(strstr(answer, "lifecycle x: "));
	assert_int_not_equal(command(f, "sync", answer), 0);
	assert_non_null(strstr(answer, "1 left to be sent: file: "));
	check_state(f, "sync.state", "failing");
	check_state(f, "sync.lasterrorkey", "file");
	atomic_store(&f->silent, false);
	assert_int_equal(command(f, "sync", answer), 0);
	check_state(f, "sync.state", "clean");
	check_state(f, "sync.lasterror", NULL);
	free(answer);
}

/* The ids of a key's versions, newest first; markers are "-". */
struct ids {
	char items[8][META_VERSION_MAX + 1];
	size_t count;
};

static int add_id(void *ctx, const struct store_entry *e)
{
	struct ids *ids = ctx;

	assert_true(ids->count < 8);
	strcpy(ids->items[ids->count++],
	       e->kind == STORE_ENTRY_MARKER ? "-" : e->version_id);
	return 0;
}

static void list_ids(struct vfs_fixture *f, const char *key, struct ids *ids)
{
	struct store_request r;

	store_request_init(&r, STORE_LIST_VERSIONS);
	r.prefix = key;
	r.on_entry = add_id;
	r.entry_ctx = ids;
	ids->count = 0;
	assert_int_equal(store_call(f->store, &r), 0);
	store_request_release(&r);
}

static int restore(struct vfs_fixture *f, const char *path, const char *which,
		   const char *to)
{
	char *answer = malloc(TEXT_MAX), line[512];
	int rc;

	assert_non_null(answer);
	snprintf(line, sizeof(line), "restore \"%s\" %s %s", path, which, to);
	rc = command(f, line, answer);
	assert_true(*answer);
	free(answer);
	return rc;
}

static void test_restore(void **state)
{
	struct vfs_fixture *f = *state;
	struct vfs_entry e;
	struct stat st;
	struct ids ids;

	assert_int_equal(vfs_mkdir(f->v, META_ROOT_INO, "a dir", 0755,
				   &vfs_fixture_caller, &e),
			 0);
	vfs_fixture_write(f, "a dir/file", "one");
	st.st_mode = 0600;
	assert_int_equal(vfs_setattr(f->v, vfs_fixture_find(f, "a dir/file"),
				     &st, VFS_SET_MODE, &st),
			 0);
	assert_int_equal(vfs_drain(f->v), 0);
	vfs_fixture_write(f, "a dir/file", "two, longer");
	st.st_mode = 0644;
	assert_int_equal(vfs_setattr(f->v, vfs_fixture_find(f, "a dir/file"),
				     &st, VFS_SET_MODE, &st),
			 0);
	assert_int_equal(vfs_drain(f->v), 0);
	list_ids(f, VFS_FIXTURE_PREFIX "a dir/file", &ids);
	assert_int_equal(ids.count, 2);

	/* An unsent save is sent before it is replaced. */
	vfs_fixture_write(f, "a dir/file", "three");
	assert_int_equal(restore(f, "a dir/file", ids.items[1], ""), 0);
	vfs_fixture_is(f, "a dir/file", "one");
	assert_int_equal(
		vfs_getattr(f->v, vfs_fixture_find(f, "a dir/file"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(vfs_drain(f->v), 0);
	list_ids(f, VFS_FIXTURE_PREFIX "a dir/file", &ids);
	assert_int_equal(ids.count, 4);
	vfs_fixture_is(f, "a dir/file", "one");

	/* The version before that one. */
	assert_int_equal(restore(f, "a dir/file", "@previous", ""), 0);
	vfs_fixture_is(f, "a dir/file", "three");
	assert_int_equal(vfs_drain(f->v), 0);

	/* What is there already costs no version. */
	list_ids(f, VFS_FIXTURE_PREFIX "a dir/file", &ids);
	assert_int_equal(restore(f, "a dir/file", ids.items[0], ""), 0);
	assert_int_equal(vfs_drain(f->v), 0);
	list_ids(f, VFS_FIXTURE_PREFIX "a dir/file", &ids);
	assert_int_equal(ids.count, 5);
}

static void test_restore_elsewhere(void **state)
{
	struct vfs_fixture *f = *state;
	struct ids ids;
	struct vfs_entry e;

	vfs_fixture_write(f, "file", "kept");
	assert_int_equal(vfs_drain(f->v), 0);
	list_ids(f, VFS_FIXTURE_PREFIX "file", &ids);

	/* Deleted, not yet in the bucket: the last version is previous. */
	assert_int_equal(vfs_unlink(f->v, META_ROOT_INO, "file"), 0);
	assert_int_equal(restore(f, "file", "@previous", ""), 0);
	vfs_fixture_is(f, "file", "kept");
	/* To a name whose directories are not there. */
	assert_int_equal(restore(f, "file", ids.items[0], "x/y/copy"), 0);
	vfs_fixture_is(f, "x/y/copy", "kept");
	assert_int_equal(vfs_drain(f->v), 0);
	vfs_fixture_is(f, "x/y/copy", "kept");
	/* Not over a directory, not below a file. */
	assert_int_equal(restore(f, "file", ids.items[0], "x"), -EISDIR);
	assert_int_equal(restore(f, "file", ids.items[0], "file/x"), -ENOTDIR);
	/* A symlink's version over a file makes it a symlink again. */
	assert_int_equal(vfs_symlink(f->v, META_ROOT_INO, "link", "target",
				     &vfs_fixture_caller, &e),
			 0);
	assert_int_equal(vfs_drain(f->v), 0);
	list_ids(f, VFS_FIXTURE_PREFIX "link", &ids);
	assert_int_equal(restore(f, "link", ids.items[0], "file"), 0);
	assert_int_equal(vfs_lookup(f->v, META_ROOT_INO, "file", &e), 0);
	assert_true(S_ISLNK(e.st.st_mode));
	assert_int_equal(vfs_drain(f->v), 0);
}

static void test_restore_time(void **state)
{
	struct vfs_fixture *f = *state;
	char which[32] = "@";

	vfs_fixture_write(f, "file", "old");
	assert_int_equal(vfs_drain(f->v), 0);
	clock_format_iso8601(clock_real_ns(), which + 1, sizeof(which) - 1);
	usleep(1100000); /* times have whole seconds */
	vfs_fixture_write(f, "file", "new");
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(restore(f, "file", which, ""), 0);
	vfs_fixture_is(f, "file", "old");
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(restore(f, "file", "@0s", ""), 0);
	vfs_fixture_is(f, "file", "old");
	assert_int_equal(restore(f, "file", "@1d", ""), -ENOENT);
	usleep(1100000);
	assert_int_equal(vfs_unlink(f->v, META_ROOT_INO, "file"), 0);
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(restore(f, "file", "@0s", ""), -ENOENT);
	assert_int_equal(restore(f, "file", which, ""), 0);
	vfs_fixture_is(f, "file", "old");
}

/* What the server can do is told, each in a line of its own. */
static void test_caps(void **state)
{
	struct vfs_fixture *f = *state;
	struct {
		const char *name;
		bool *value;
	} rows[] = {
		{"s3.ifNoneMatch", &f->config.caps.if_none_match},
		{"s3.ifMatch", &f->config.caps.if_match},
		{"s3.ifMatchCopy", &f->config.caps.copy},
		{"s3.ifMatchDelete", &f->config.caps.remove},
		{"s3.checksum", &f->config.caps.checksum},
		{"s3.retains", &f->config.caps.retains},
		{"s3.keepsTags", &f->config.caps.keeps_tags},
	};
	size_t count = sizeof(rows) / sizeof(*rows);

	if (!have_git())
		skip();
	for (size_t on = 0; on < count; on++) {
		vfs_fixture_stop(f);
		for (size_t i = 0; i < count; i++)
			*rows[i].value = i == on;
		vfs_fixture_start(f);
		for (size_t i = 0; i < count; i++)
			check_state(f, rows[i].name,
				    i == on ? "true" : "false");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_words_bounds),
		cmocka_unit_test(test_instants),
		VFS_FIXTURE_TEST(test_state),
		VFS_FIXTURE_TEST(test_caps),
		VFS_FIXTURE_TEST(test_commands),
		VFS_FIXTURE_TEST(test_session),
		VFS_FIXTURE_TEST(test_pieces),
		VFS_FIXTURE_TEST(test_lifecycle),
		VFS_FIXTURE_TEST(test_replication),
		VFS_FIXTURE_TEST(test_census_unasked),
		VFS_FIXTURE_TEST(test_outage),
		VFS_FIXTURE_TEST(test_restore),
		VFS_FIXTURE_TEST(test_restore_elsewhere),
		VFS_FIXTURE_TEST(test_restore_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
