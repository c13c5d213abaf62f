/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials and the files they stand in. Runs in a directory of its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/s3/cred.h"
#include "vers3/s3/profile.h"

static char dir[] = "/tmp/t_cred.XXXXXX";
static char config_path[64], credentials_path[64];

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_PROFILE",
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(config_path, sizeof(config_path), "%s/config", dir);
	snprintf(credentials_path, sizeof(credentials_path), "%s/credentials",
		 dir);
	setenv("AWS_CONFIG_FILE", config_path, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_path, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(credentials_path);
	return rmdir(dir);
}

static int each_setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	unlink(config_path);
	unlink(credentials_path);
	return 0;
}

static void check_profile(const char *text, const char *section, int err,
			  const char *name, const char *value)
{
	struct kvlist settings;
	char reason[256] = "";
	int ret;

	write_file(config_path, text);
	kvlist_init(&settings);
	ret = profile_read(config_path, section, &settings, reason,
			   sizeof(reason));
	if (ret != err)
		fail_msg("%d, not %d, for:\n%s", ret, err, text);
	if (err == -EINVAL) {
		assert_non_null(strstr(reason, "line"));
		assert_null(strstr(reason, "secret"));
	}
	if (!err && value) {
		assert_non_null(kvlist_get(&settings, name));
		assert_string_equal(kvlist_get(&settings, name), value);
	} else if (!err) {
		assert_null(kvlist_get(&settings, name));
	}
	profile_release(&settings);
}

static void test_dialect(void **state)
{
	static const struct {
		const char *text, *section;
		int err;
		const char *name, *value;
	} cases[] = {
		{"[default]\nregion=x\n", "default", 0, "region", "x"},
		{"[default]\r\nregion = x \r\n", "default", 0, "region", "x"},
		{"[profile default]\nregion=x", "default", 0, "region", "x"},
		{"[ profile\t 'a b' ]\nRegion=x\n", "profile a b", 0, "region",
		 "x"},
		{"# c\n; c\n\n[p] ; c\na=b # c\n", "p", 0, "a", "b"},
		{"[p]\na=b#c;d\n", "p", 0, "a", "b#c;d"},
		{"[p]\na=b=c==\n", "p", 0, "a", "b=c=="},
		{"[p]\na=1\n[q]\na=2\n[p]\nb=3\n", "p", 0, "b", "3"},
		{"[p]\na=1\n[q]\na=2\n", "q", 0, "a", "2"},
		{"[p]\na=1\na=2\n", "p", 0, "a", "2"},
		{"[p]\ns3 =\n  addressing_style = path\n", "p", 0,
		 "s3.addressing_style", "path"},
		{"[p]\ns3 =\n  a = b\nc = d\n", "p", 0, "c", "d"},
		{"[p]\na = b\n  going on = c\n", "p", 0, "going on", NULL},
		{"[q]\ns3 =\n  a = b\n[p]\nx=y\n", "p", 0, "s3.a", NULL},
		{"[p]\nempty =\n", "p", 0, "empty", ""},
		{"[p]\na=1\n", "other", -ENOENT, NULL, NULL},
		{"", "p", -ENOENT, NULL, NULL},
		{"[p\nsecret=1\n", "p", -EINVAL, NULL, NULL},
		{"[]\nsecret=1\n", "p", -EINVAL, NULL, NULL},
		{"secret = 1\n[p]\n", "p", -EINVAL, NULL, NULL},
		{"[p]\nsecret\n", "p", -EINVAL, NULL, NULL},
		{"[p]\n= secret\n", "p", -EINVAL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_profile(cases[i].text, cases[i].section, cases[i].err,
			      cases[i].name, cases[i].value);
}

/* Loads, and compares; want_key NULL: -ENOKEY with a reason that helps. */
static void check_load(const char *profile, const char *want_key,
		       const char *want_token, const char *want_source)
{
	struct kvlist settings;
	struct cred *cred = NULL;
	char reason[512] = "";
	int ret;

	kvlist_init(&settings);
	ret = cred_load(profile, &settings, &cred, reason, sizeof(reason));
	if (!want_key) {
		assert_int_equal(ret, -ENOKEY);
		assert_true(strlen(reason) > 20);
	} else {
		assert_int_equal(ret, 0);
		assert_string_equal(cred->access_key, want_key);
		assert_string_equal(cred->source, want_source);
		if (want_token)
			assert_string_equal(cred->session_token, want_token);
		else
			assert_null(cred->session_token);
	}
	cred_unref(cred);
	profile_release(&settings);
}

static void test_order(void **state)
{
	(void)state;
	check_load(NULL, NULL, NULL, NULL);
	check_load("work", NULL, NULL, NULL);
	write_file(credentials_path,
		   "[default]\naws_access_key_id=D\n"
		   "aws_secret_access_key=s\n"
		   "[work]\naws_access_key_id=W\naws_secret_access_key=s\n"
		   "aws_session_token=t\n");
	check_load(NULL, "D", NULL, "profile");
	check_load("work", "W", "t", "profile");
	setenv("AWS_PROFILE", "work", 1);
	check_load(NULL, "W", "t", "profile");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	check_load(NULL, NULL, NULL, NULL); /* half of the pair */
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	check_load(NULL, "E", NULL, "environment");
	setenv("AWS_SESSION_TOKEN", "et", 1);
	check_load(NULL, "E", "et", "environment");
	/* A profile that was asked for goes before the environment. */
	check_load("default", "D", NULL, "profile");
	check_load("absent", NULL, NULL, NULL);
	/* Keys at hand need no profile. */
	setenv("AWS_PROFILE", "absent", 1);
	check_load(NULL, "E", "et", "environment");
}

static void test_files(void **state)
{
	struct kvlist settings;
	char reason[512];

	(void)state;
	write_file(config_path,
		   "[default]\nregion = eu-west-1\noutput = json\n"
		   "[profile work]\nregion = us-west-2\nservices = lab\n"
		   "[services lab]\ns3 =\n  endpoint_url = http://h:1\n");
	write_file(credentials_path, "[default]\naws_access_key_id=D\n"
				     "aws_secret_access_key=s\nregion=x\n");
	kvlist_init(&settings);
	assert_int_equal(cred_settings(NULL, &settings, reason, sizeof(reason)),
			 0);
	assert_string_equal(kvlist_get(&settings, "region"), "x");
	assert_string_equal(kvlist_get(&settings, "output"), "json");
	profile_release(&settings);
	assert_int_equal(
		cred_settings("work", &settings, reason, sizeof(reason)), 0);
	assert_string_equal(kvlist_get(&settings, "region"), "us-west-2");
	assert_string_equal(kvlist_get(&settings, "s3.endpoint_url"),
			    "http://h:1");
	profile_release(&settings);
	/* A profile without keys in any form. */
	check_load("work", NULL, NULL, NULL);
	write_file(config_path, "[profile r]\nrole_arn = arn:x\n");
	check_load("r", NULL, NULL, NULL);
}

/* Whoever wants no file's settings names /dev/null. */
static void test_odd_files(void **state)
{
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{"/dev/null", -ENOENT},
		{"/dev/zero", -EFBIG},
		{"/dev", -EISDIR},
	};
	struct kvlist settings;
	char reason[512];

	(void)state;
	kvlist_init(&settings);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(profile_read(rows[i].path, "default",
					      &settings, reason,
					      sizeof(reason)),
				 rows[i].want);
	profile_release(&settings);
}

static void test_process(void **state)
{
	static const struct {
		const char *json;
		int err;
	} cases[] = {
		{"{\"Version\":1,\"AccessKeyId\":\"A\","
		 "\"SecretAccessKey\":\"s\"}",
		 0},
		{"{\"Version\":1,\"AccessKeyId\":\"A\","
		 "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
		 "\"Expiration\":\"2030-01-01T00:00:00Z\",\"More\":[1]}",
		 0},
		{"{\"Version\":2,\"AccessKeyId\":\"A\","
		 "\"SecretAccessKey\":\"s\"}",
		 -EINVAL},
		{"{\"Version\":1,\"AccessKeyId\":\"A\"}", -EINVAL},
		{"{\"Version\":1,\"AccessKeyId\":7,"
		 "\"SecretAccessKey\":\"s\"}",
		 -EINVAL},
		{"{\"Version\":1,\"AccessKeyId\":\"A\","
		 "\"SecretAccessKey\":\"s\",\"Expiration\":\"soon\"}",
		 -EINVAL},
		{"[]", -EINVAL},
		{"", -EINVAL},
		{"{", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cred *cred = NULL;

		assert_int_equal(cred_parse_process(cases[i].json,
						    strlen(cases[i].json),
						    &cred),
				 cases[i].err);
		if (!cases[i].err)
			assert_int_equal(cred->expires_ns > 0, i == 1);
		cred_unref(cred);
	}
	write_file(config_path,
		   "[profile p]\ncredential_process = printf "
		   "'{\"Version\":1,\"AccessKeyId\":\"P\","
		   "\"SecretAccessKey\":\"s\"}'\n"
		   "[profile fails]\ncredential_process = exit 3\n"
		   "[profile odd]\ncredential_process = echo hello\n");
	check_load("p", "P", NULL, "credential_process");
	check_load("fails", NULL, NULL, NULL);
	check_load("odd", NULL, NULL, NULL);
}

/* As root a command counts only from a file that root alone has written. */
static void test_process_file(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		bool runs;
	} rows[] = {
		{0600, 0, true},      {0644, 0, true},	{0664, 0, false},
		{0646, 0, false},     {0622, 0, false}, {0600, 65534, false},
		{0644, 65534, false},
	};
	static const char text[] = "[profile p]\ncredential_process = printf "
				   "'{\"Version\":1,\"AccessKeyId\":\"P\","
				   "\"SecretAccessKey\":\"s\"}'\n";

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		write_file(config_path, text);
		assert_int_equal(chown(config_path, rows[i].uid, 0), 0);
		assert_int_equal(chmod(config_path, rows[i].mode), 0);
		check_load("p", rows[i].runs ? "P" : NULL, NULL,
			   rows[i].runs ? "credential_process" : NULL);
	}
	/* Keys are no command, and what a file of ours says last counts. */
	write_file(config_path, text);
	assert_int_equal(chmod(config_path, 0666), 0);
	write_file(credentials_path, "[p]\ncredential_process = printf "
				     "'{\"Version\":1,\"AccessKeyId\":\"Q\","
				     "\"SecretAccessKey\":\"s\"}'\n");
	check_load("p", "Q", NULL, "credential_process");
	write_file(credentials_path, "[p]\naws_access_key_id = K\n"
				     "aws_secret_access_key = s\n");
	check_load("p", "K", NULL, "profile");
	assert_int_equal(chmod(config_path, 0600), 0);
}

/* Without keys, the reason says where they would have been read. */
static void test_none(void **state)
{
	static const struct {
		const char *credentials, *profile;
		const char *says[2];
	} cases[] = {
		{"", NULL, {"no credentials for profile default", "aws conf"}},
		{"[p]\n", "p", {"no credentials for profile p", "profile="}},
		{"[p]\n", "q", {"profile q is in neither", "list-profiles"}},
		{"[p]\naws_access_key_id = K\n",
		 "p",
		 {"profile p has aws_access_key_id without "
		  "aws_secret_access_key",
		  "add that"}},
		{"[p]\naws_secret_access_key = K\n",
		 "p",
		 {"without aws_access_key_id", "add that"}},
		{"aws_access_key_id = K\n", NULL, {"line 1", "[default]"}},
	};

	(void)state;
	write_file(config_path, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kvlist settings;
		struct cred *c = NULL;
		char reason[1024] = "";

		kvlist_init(&settings);
		write_file(credentials_path, cases[i].credentials);
		assert_int_not_equal(cred_load(cases[i].profile, &settings, &c,
					       reason, sizeof(reason)),
				     0);
		if (!strstr(reason, cases[i].says[0]) ||
		    !strstr(reason, cases[i].says[1]) ||
		    !strstr(reason, credentials_path))
			fail_msg("%zu: %s", i, reason);
		profile_release(&settings);
	}
}

static void test_equal(void **state)
{
	struct kvlist settings;
	struct cred *a = NULL, *b = NULL, *c = NULL;
	char reason[256];

	(void)state;
	kvlist_init(&settings);
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	assert_int_equal(cred_load(NULL, &settings, &a, reason, sizeof(reason)),
			 0);
	assert_int_equal(cred_load(NULL, &settings, &b, reason, sizeof(reason)),
			 0);
	setenv("AWS_SESSION_TOKEN", "t", 1);
	assert_int_equal(cred_load(NULL, &settings, &c, reason, sizeof(reason)),
			 0);
	assert_true(cred_equal(a, b));
	assert_false(cred_equal(a, c));
	assert_ptr_equal(cred_ref(a), a);
	cred_unref(a);
	cred_unref(a);
	cred_unref(b);
	cred_unref(c);
	cred_unref(NULL);
	profile_release(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_dialect, each_setup),
		cmocka_unit_test_setup(test_order, each_setup),
		cmocka_unit_test_setup(test_files, each_setup),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test_setup(test_process, each_setup),
		cmocka_unit_test_setup(test_process_file, each_setup),
		cmocka_unit_test_setup(test_none, each_setup),
		cmocka_unit_test_setup(test_equal, each_setup),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
