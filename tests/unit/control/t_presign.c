/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of files and versions, which cost no request; and s3.url. */
#include "../history/view_rig.h"

#include "../control_rig.h"

#include <errno.h>
#include <stdlib.h>

#include "vers3/s3/s3.h"
#include "vers3/tree/tree.h"

#define TEXT_MAX 8192

/* The client that signs; nothing listens where it points to. */
static struct store *make_signer(const char *until)
{
	const struct s3_config config = {
		.bucket = "bucket",
		.endpoint = "http://127.0.0.1:9",
		.region = "us-east-1",
		.path_style = true,
	};
	char reason[256], text[512];
	struct store *s;
	FILE *out;

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	unsetenv("AWS_SESSION_TOKEN");
	unsetenv("AWS_PROFILE");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
	snprintf(text, sizeof(text), "%s/t_presign.%d",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid());
	setenv("AWS_CONFIG_FILE", text, 1);
	out = fopen(text, "w");
	assert_non_null(out);
	fprintf(out,
		"[default]\ncredential_process = echo '{\"Version\":1,"
		"\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"secret\""
		"%s%s%s}'\n",
		until ? ",\"Expiration\":\"" : "", until ? until : "",
		until ? "\"" : "");
	assert_int_equal(fclose(out), 0);
	if (s3_store_new(&config, reason, sizeof(reason), &s))
		fail_msg("%s", reason);
	unlink(text);
	return s;
}

static int sign_setup(void **state)
{
	struct rig *r;
	int rc = rig_setup(state);

	r = *state;
	if (!rc)
		r->f.v->mount->s3 = make_signer(NULL);
	return rc;
}

static int sign_teardown(void **state)
{
	struct rig *r = *state;

	store_free(r->f.v->mount->s3);
	r->f.v->mount->s3 = NULL;
	return rig_teardown(state);
}

static void ask(struct rig *r, const char *line, int rc, const char *has,
		char answer[TEXT_MAX])
{
	int got = control_run(r->f.v, line, answer, TEXT_MAX);

	if (got != rc || !strstr(answer, has))
		fail_msg("%s: %d: %s", line, got, answer);
}

/* The i-th name in a file's history. */
static void name_at(struct rig *r, const char *path, unsigned i, char *name)
{
	static char names[NAMES_MAX];
	char *rest = NULL, *at;

	names_of(r, path, names);
	at = strtok_r(names, " ", &rest);
	while (at && i--)
		at = strtok_r(NULL, " ", &rest);
	assert_non_null(at);
	strcpy(name, at);
}

static void test_file(void **state)
{
	char answer[TEXT_MAX];
	struct rig *r = *state;

	vfs_fixture_write(&r->f, "a b", "text");
	rig_sync(r);
	rig_forget_requests(r);
	ask(r, "presign \"a b\"\n", 0,
	    "\turl = \"http://127.0.0.1:9/bucket/pre/a%20b?", answer);
	assert_non_null(strstr(answer, "X-Amz-Expires=3600&"));
	assert_non_null(strstr(answer, "\tmethod = GET\n"));
	assert_null(strstr(answer, "warning"));
	assert_null(strstr(answer, "versionId"));
	ask(r, "presign \"/a b\" expires=7d\n", 0, "X-Amz-Expires=604800&",
	    answer);
	ask(r, "presign \"a b\" put expires=90s\n", 0, "\tmethod = PUT\n",
	    answer);
	assert_non_null(strstr(answer, "X-Amz-Expires=90&"));
	ask(r, "presign \"a b\" version=x/y\n", 0, "versionId=x%2Fy", answer);
	rig_asked(r, "");
	/* What is to be written need not be there. */
	ask(r, "presign dir/new put\n", 0, "/bucket/pre/dir/new?", answer);
}

static void test_unsent(void **state)
{
	char answer[TEXT_MAX];
	struct rig *r = *state;

	vfs_fixture_write(&r->f, "new", "text");
	ask(r, "presign new\n", 0, "the file is not in the bucket yet", answer);
	rig_sync(r);
	ask(r, "presign new\n", 0, "[presign]", answer);
	assert_null(strstr(answer, "warning"));
	vfs_fixture_write(&r->f, "new", "other");
	ask(r, "presign new\n", 0, "URL is of what the bucket has", answer);
	ask(r, "presign new put\n", 0, "[presign]", answer);
	assert_null(strstr(answer, "warning"));
}

/* By its whole name, by a part of it, by an instant; a marker is none. */
static void test_version(void **state)
{
	char answer[TEXT_MAX], line[2048], name[600], *at;
	struct rig *r = *state;
	struct vfs_entry e;
	struct buf id;

	rig_run_keys(r, "d/f d/f -d/f");
	name_at(r, ".versions/d/f", 0, name);
	snprintf(line, sizeof(line), "presign .versions/d/f/%s\n", name);
	assert_int_equal(
		vfs_lookup(r->f.v, rig_ino(r, ".versions/d/f"), name, &e), 0);
	rig_forget_requests(r);
	ask(r, line, 0, "/bucket/pre/d/f?", answer);
	at = strstr(answer, "versionId=");
	assert_non_null(at);
	assert_memory_equal(at + 10, strchr(name, '~') + 1,
			    strlen(strchr(name, '~') + 1));
	snprintf(line, sizeof(line), "presign d/.versions/f/%s\n", name);
	ask(r, line, 0, "versionId=", answer);
	rig_asked(r, "");

	buf_init(&id, 4096);
	assert_int_equal(vfs_getxattr(r->f.v, e.ino, "user.s3.url", &id), 0);
	snprintf(line, sizeof(line),
		 "http://127.0.0.1:9/bucket/pre/d/f?versionId=%s",
		 strchr(name, '~') + 1);
	assert_string_equal(id.data, line);
	buf_release(&id);

	ask(r, "presign .versions/d/f\n", -EISDIR, "directory of the history",
	    answer);
	ask(r, "presign .versions/d/none\n", -ENOENT, "no such file", answer);
	/* The id of one with the time of another is the name of none. */
	memcpy(name, "2001", 4);
	snprintf(line, sizeof(line), "presign .versions/d/f/%s\n", name);
	ask(r, line, -ENOENT, "no such file", answer);
	name_at(r, ".versions/d/f", 0, name);
	snprintf(line, sizeof(line), "presign .versions/d/f/%s put\n", name);
	ask(r, line, -EINVAL, "is a version already", answer);
	name_at(r, ".versions/d/f", 2, name);
	snprintf(line, sizeof(line), "presign .versions/d/f/%s\n", name);
	ask(r, line, -EINVAL, "is a delete marker", answer);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line;
		int rc;
		const char *has;
	} cases[] = {
		{"presign\n", -EINVAL, "usage: presign PATH"},
		{"presign none\n", -ENOENT, "none: there is no such file"},
		{"presign /\n", -EISDIR, "/: is a directory"},
		{"presign dir\n", -EISDIR, "dir: is a directory"},
		{"presign f expires=8d\n", -EINVAL, "expires=8d: no URL"},
		{"presign f expires=0s\n", -EINVAL, "expires=0s: want"},
		{"presign f expires=soon\n", -EINVAL, "expires=soon: want"},
		{"presign f frob\n", -EINVAL, "frob: want expires=TIME"},
		{"presign f version=\n", -EINVAL, "version=: no version"},
		{"presign f put version=x\n", -EINVAL, "put: makes a new"},
	};
	char answer[TEXT_MAX];
	struct rig *r = *state;

	rig_run_keys(r, "f dir/f");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ask(r, cases[i].line, cases[i].rc, cases[i].has, answer);
		/* One line. */
		assert_ptr_equal(strchr(answer, '\n') + 1,
				 answer + strlen(answer));
	}
	r->f.v->mount->config.read_only = true;
	ask(r, "presign f\n", 0, "[presign]", answer);
	ask(r, "presign f put\n", -EROFS, "read-only", answer);
}

/* Credentials that end before the URL does. */
static void test_credentials(void **state)
{
	char answer[TEXT_MAX], until[24];
	struct rig *r = *state;

	vfs_fixture_write(&r->f, "f", "text");
	rig_sync(r);
	store_free(r->f.v->mount->s3);
	clock_format_iso8601(clock_real_ns() + 7200 * NS_PER_S, until,
			     sizeof(until));
	r->f.v->mount->s3 = make_signer(until);
	ask(r, "presign f\n", 0, "[presign]", answer);
	assert_null(strstr(answer, "warning"));
	ask(r, "presign f expires=3h\n", 0, "end earlier", answer);
	assert_non_null(strstr(answer, until));
}

static void test_url(void **state)
{
	struct rig *r = *state;
	struct buf url;

	vfs_fixture_write(&r->f, "a b", "text");
	buf_init(&url, 4096);
	/* It is nowhere yet. */
	assert_int_equal(vfs_getxattr(r->f.v, rig_ino(r, "a b"), "s3.url",
				      &url),
			 -ENODATA);
	rig_sync(r);
	assert_int_equal(
		vfs_getxattr(r->f.v, rig_ino(r, "a b"), "s3.url", &url), 0);
	assert_string_equal(url.data, "http://127.0.0.1:9/bucket/pre/a%20b");
	buf_release(&url);
}

#define SIGN_TEST(fn)                                                          \
	cmocka_unit_test_setup_teardown(fn, sign_setup, sign_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIGN_TEST(test_file),	     SIGN_TEST(test_unsent),
		SIGN_TEST(test_version),     SIGN_TEST(test_refused),
		SIGN_TEST(test_credentials), SIGN_TEST(test_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
