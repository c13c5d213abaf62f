/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long commands: those of the test's own, and one of the control file's over a
 * bucket that is held. No thread asserts but the test's.
 */
#include "../vfs_rig.h"

#include "../../../src/control/long_command.h"
#include "../control_rig.h"

#define TEXT_MAX (64 << 10)

/* Writes lines without end until it is not wanted any more. */
struct endless {
	atomic_bool begun, released;
	atomic_int rc; /* of its last line */
};

static int endless_run(void *arg, struct answer_stream *answer)
{
	struct endless *e = arg;
	int rc = 0;

	atomic_store(&e->begun, true);
	while (!rc)
		rc = answer_stream_printf(answer, "a line\n");
	atomic_store(&e->rc, rc);
	return rc;
}

static void endless_release(void *arg)
{
	struct endless *e = arg;

	atomic_store(&e->released, true);
}

static struct long_command endless_command(struct endless *e)
{
	return (struct long_command){"endless", endless_run, endless_release,
				     e};
}

static int failing_run(void *arg, struct answer_stream *answer)
{
	int rc = answer_stream_printf(answer, "some\n");

	(void)arg;
	return rc ? rc : answer_stream_fail(answer, -EACCES, "not you");
}

static int wordless_run(void *arg, struct answer_stream *answer)
{
	(void)arg;
	(void)answer;
	return -EACCES;
}

/* Says nothing until it is not wanted any more. */
struct silent {
	atomic_bool begun;
};

static int silent_run(void *arg, struct answer_stream *answer)
{
	struct silent *s = arg;

	atomic_store(&s->begun, true);
	while (!cancel_is_set(answer_stream_cancel_of(answer)))
		usleep(1000);
	return -EINTR;
}

static void nothing_to_release(void *arg)
{
	(void)arg;
}

static void wait_for(atomic_bool *what)
{
	int64_t until = clock_mono_ns() + READ_RESULT_S * NS_PER_S;

	while (!atomic_load(what) && clock_mono_ns() < until)
		usleep(1000);
	assert_true(atomic_load(what));
}

static void on_ended(void *ctx, int rc, const char *why)
{
	(void)why;
	atomic_store((atomic_int *)ctx, rc);
}

static void test_end_of_the_mount(void **state)
{
	struct endless e[LONG_COMMANDS_MAX] = {0};
	struct answer_stream *stream[LONG_COMMANDS_MAX];
	struct long_commands *l;
	atomic_int ended = 0;

	(void)state;
	assert_int_equal(long_commands_new(on_ended, &ended, &l), 0);
	/* Nobody reads any of them: all work all the same. */
	for (int i = 0; i < LONG_COMMANDS_MAX; i++) {
		struct long_command c = endless_command(&e[i]);

		assert_int_equal(long_commands_begin(l, &c, &stream[i]), 0);
		assert_null(c.run);
	}
	for (int i = 0; i < LONG_COMMANDS_MAX; i++)
		wait_for(&e[i].begun);
	long_commands_free(l);
	assert_int_equal(atomic_load(&ended), -EINTR);
	for (int i = 0; i < LONG_COMMANDS_MAX; i++) {
		assert_true(atomic_load(&e[i].released));
		answer_stream_unref(stream[i]);
	}
}

/* A read that waits is told, too. */
static void test_read_at_the_end_of_the_mount(void **state)
{
	struct silent s = {0};
	struct long_command c = {"silent", silent_run, nothing_to_release, &s};
	struct answer_stream *stream;
	struct long_commands *l;
	struct read_result r;
	atomic_int ended = 0;
	char buf[10];
	size_t got;

	(void)state;
	assert_int_equal(long_commands_new(on_ended, &ended, &l), 0);
	assert_int_equal(long_commands_begin(l, &c, &stream), 0);
	wait_for(&s.begun);
	read_result_begin(&r, buf, sizeof(buf));
	answer_stream_read(stream, 10, read_result_done, &r);
	assert_false(read_result_ended(&r));
	long_commands_free(l);
	assert_int_equal(read_result_end(&r, &got), -EINTR);
	answer_stream_unref(stream);
}

static struct control_session *open_session(struct rig *r)
{
	struct control_session *s;

	assert_int_equal(control_open(r->f.v->control, &s), 0);
	return s;
}

static void test_closed_while_it_waits_for_room(void **state)
{
	struct rig *r = *state;
	struct control_session *s = open_session(r);
	struct endless e = {0};
	struct long_command c = endless_command(&e);
	char buf[100];
	size_t got;

	assert_int_equal(control_session_begin(s, &c), 0);
	assert_int_equal(control_read_now(s, 0, buf, sizeof(buf), &got), 0);
	assert_int_not_equal(got, 0);
	assert_memory_equal(buf, "a line\n", 7);
	assert_false(atomic_load(&e.released));
	control_close(s);
	wait_for(&e.released);
	assert_int_equal(atomic_load(&e.rc), -EINTR);
}

/* So does the next command of the same session. */
static void test_another_command(void **state)
{
	struct rig *r = *state;
	struct control_session *s = open_session(r);
	struct endless e = {0};
	struct long_command c = endless_command(&e);
	char *text = malloc(TEXT_MAX);

	assert_non_null(text);
	assert_int_equal(control_session_begin(s, &c), 0);
	assert_int_equal(control_write(s, "sync\n", 5), 0);
	control_read_all(s, text, TEXT_MAX);
	assert_string_equal(text, "everything is in the bucket\n");
	wait_for(&e.released);
	control_close(s);
	free(text);
}

/* One more than there may be is refused; one that ends makes room for it. */
static void test_too_many(void **state)
{
	struct rig *r = *state;
	struct control_session *s[LONG_COMMANDS_MAX];
	struct endless e[LONG_COMMANDS_MAX] = {0};
	char *text = malloc(TEXT_MAX);
	int64_t until;
	int rc;

	assert_non_null(text);
	for (int i = 0; i < LONG_COMMANDS_MAX; i++) {
		struct long_command c = endless_command(&e[i]);

		s[i] = open_session(r);
		assert_int_equal(control_session_begin(s[i], &c), 0);
	}
	assert_int_equal(control_run(r->f.v, "usage", text, TEXT_MAX), -EBUSY);
	assert_string_equal(text, "usage: 64 such commands work already: read "
				  "their answers, or close them\n");
	control_close(s[0]);
	until = clock_mono_ns() + READ_RESULT_S * NS_PER_S;
	do
		rc = control_run(r->f.v, "usage", text, TEXT_MAX);
	while (rc == -EBUSY && clock_mono_ns() < until);
	assert_int_equal(rc, 0);
	for (int i = 1; i < LONG_COMMANDS_MAX; i++)
		control_close(s[i]);
	for (int i = 0; i < LONG_COMMANDS_MAX; i++)
		wait_for(&e[i].released);
	free(text);
}

/* The last line of two failures: with words of its own, and without. */
static void test_failures(void **state)
{
	static const struct {
		int (*run)(void *arg, struct answer_stream *answer);
		const char *answer, *why;
	} failures[] = {
		{failing_run, "some\nnot you\n", "not you"},
		{wordless_run, "name: Permission denied\n",
		 "name: Permission denied"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < 2; i++) {
		struct control_session *s = open_session(r);
		struct long_command c = {"name", failures[i].run,
					 nothing_to_release, NULL};
		char text[100] = "", *shown;
		size_t len = 0, got = 0;
		int rc;

		assert_int_equal(control_session_begin(s, &c), 0);
		/* A byte at a time: nothing of the text is lost. */
		while (!(rc = control_read_now(s, len, text + len, 1, &got)) &&
		       got)
			len += got;
		assert_int_equal(rc, -EACCES);
		text[len] = '\0';
		assert_string_equal(text, failures[i].answer);
		control_close(s);
		shown = control_show(r->f.v);
		assert_non_null(strstr(shown, failures[i].why));
		free(shown);
	}
}

static const struct {
	const char *line;
	int rc;
	const char *answer;
} words[] = {
	{"usage", 0, "[usage]\n\tpath = /\n"},
	{"usage /a/", 0, "[usage]\n\tpath = a\n"},
	{"usage\n\n \n", 0, "[usage]\n"},
	{"usage a b", -EINVAL, "b: want"},
	{"sync\nusage\n", -EINVAL, "usage answers while it works: no other"},
	{"usage\nsync\n", -EINVAL, "usage answers while it works: no other"},
	{"usage\nsy", -EINVAL, "usage answers while it works: no other"},
};

static void test_words(void **state)
{
	struct rig *r = *state;
	char *answer = malloc(TEXT_MAX);

	assert_non_null(answer);
	rig_put_text(r, "a/b", "text");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		unsigned before = rig_count(r, "ListObjectVersions");
		int rc = control_run(r->f.v, words[i].line, answer, TEXT_MAX);

		if (rc != words[i].rc || !strstr(answer, words[i].answer))
			fail_msg("%s: %d %s", words[i].line, rc, answer);
		/* What is refused has not begun. */
		if (rc)
			assert_int_equal(rig_count(r, "ListObjectVersions"),
					 before);
	}
	free(answer);
}

static struct vfs_file *open_control(struct rig *r)
{
	struct vfs_open how;
	struct vfs_file *f;

	assert_int_equal(vfs_open(r->f.v, MOUNT_CONTROL_INO, O_RDWR, &f, &how),
			 0);
	return f;
}

/* A reader waits without a thread, is killed, and another one has it all. */
static void test_reader_is_killed(void **state)
{
	struct rig *r = *state;
	struct vfs_file *f = open_control(r);
	char buf[2][4096], *answer = malloc(TEXT_MAX);
	struct read_result killed, other;
	struct cancel cancel;
	size_t got;

	assert_non_null(answer);
	rig_gate(r, "ListObjectVersions", RIG_BEFORE);
	assert_int_equal(vfs_write(r->f.v, f, 0, "usage\n", 6), 0);
	cancel_init(&cancel, NULL);
	read_result_begin(&killed, buf[0], sizeof(buf[0]));
	read_result_begin(&other, buf[1], sizeof(buf[1]));
	cancel_enter(&cancel);
	vfs_read(r->f.v, f, 6, sizeof(buf[0]), read_result_done, &killed);
	cancel_enter(NULL);
	vfs_read(r->f.v, f, 6, sizeof(buf[1]), read_result_done, &other);
	rig_wait_held(r);
	/* Nobody else waits for it. */
	assert_int_equal(control_run(r->f.v, "sync", answer, TEXT_MAX), 0);
	vfs_give_up_reads(r->f.v);
	assert_false(read_result_ended(&killed));
	cancel_set(&cancel);
	vfs_give_up_reads(r->f.v);
	assert_int_equal(read_result_end(&killed, &got), -EINTR);
	assert_false(read_result_ended(&other));
	rig_gate(r, NULL, RIG_BEFORE);
	assert_int_equal(read_result_end(&other, &got), 0);
	assert_memory_equal(buf[1], "[usage]\n", 8);
	vfs_release(r->f.v, f);
	free(answer);
}

/* A close does not wait for the bucket, and the end of the mount does. */
static void test_closed_while_it_asks(void **state)
{
	struct rig *r = *state;
	struct vfs_file *f = open_control(r);

	rig_gate(r, "ListObjectVersions", RIG_BEFORE);
	/* As the ioctl(2) of a mount that is read-only does. */
	assert_int_equal(vfs_command(r->f.v, f, "usage"), 0);
	rig_wait_held(r);
	vfs_release(r->f.v, f);
	rig_gate(r, NULL, RIG_BEFORE);
}

static void test_two_at_once(void **state)
{
	struct rig *r = *state;
	struct control_session *s[2];
	char *text = malloc(TEXT_MAX);

	assert_non_null(text);
	rig_put_text(r, "a", "four");
	for (int i = 0; i < 2; i++) {
		s[i] = open_session(r);
		assert_int_equal(control_write(s[i], "usage\n", 6), 0);
	}
	for (int i = 1; i >= 0; i--) {
		control_read_all(s[i], text, TEXT_MAX);
		assert_non_null(strstr(text, "\tobjects = 1\n\tbytes = 4\n"));
		control_close(s[i]);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end_of_the_mount),
		cmocka_unit_test(test_read_at_the_end_of_the_mount),
		RIG_TEST(test_closed_while_it_waits_for_room),
		RIG_TEST(test_too_many),
		RIG_TEST(test_another_command),
		RIG_TEST(test_failures),
		RIG_TEST(test_words),
		RIG_TEST(test_reader_is_killed),
		RIG_TEST(test_closed_while_it_asks),
		RIG_TEST(test_two_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
