/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/main/options.h"
#include "vers3/util/clock.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ARGS_MAX 16
#define GIB	 (UINT64_C(1) << 30)

static char reason[256];

/* Parses a line, its words parted by single blanks. */
static int parse_line(const char *line, struct options *ret)
{
	char *copy = strdup(line), *save = NULL;
	char *argv[ARGS_MAX + 1] = {NULL};
	int argc = 0, rc;

	assert_non_null(copy);
	for (char *word = strtok_r(copy, " ", &save); word && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	strcpy(reason, "");
	rc = options_parse(argc, argv, ret, reason, sizeof(reason));
	free(copy);
	return rc;
}

static void parse(const char *options, struct options *ret)
{
	char line[1024];
	int rc;

	snprintf(line, sizeof(line), "vers3 %s%s bucket /tmp",
		 *options ? "-o " : "", options);
	rc = parse_line(line, ret);
	if (rc)
		fail_msg("%s: %d, %s", options, rc, reason);
}

static void test_defaults(void **state)
{
	struct options o;

	(void)state;
	parse("", &o);
	assert_int_equal(o.action, OPTIONS_MOUNT);
	assert_false(o.foreground || o.debug);
	assert_string_equal(o.bucket, "bucket");
	assert_string_equal(o.prefix, "");
	assert_string_equal(o.source, "bucket");
	assert_string_equal(o.mountpoint, "/tmp");
	assert_null(o.endpoint);
	assert_null(o.region);
	assert_null(o.profile);
	assert_null(o.ca_file);
	assert_false(o.path_style || o.no_sign_request || o.requester_pays);
	assert_null(o.cache_dir);
	assert_true(o.cache_size_bytes == 10 * GIB);
	assert_true(o.min_free == 10 && o.min_free_percent);
	assert_true(o.ttl_ns == 5 * NS_PER_S);
	assert_true(o.commit_ns == 2 * NS_PER_S);
	assert_true(o.save_after_ns == 300 * NS_PER_S);
	assert_false(o.sync || o.read_only);
	assert_int_equal(o.fsync, OPTIONS_FSYNC_REMOTE);
	assert_true(o.quota_bytes == 0);
	assert_true(o.max_file_bytes == 5 * 1024 * GIB);
	assert_null(o.storage_class);
	assert_int_equal(o.retries, 3);
	assert_int_equal(o.connect_timeout_s, 5);
	assert_int_equal(o.read_timeout_s, 30);
	assert_true(o.uid == OPTIONS_ID_NONE && o.gid == OPTIONS_ID_NONE);
	assert_int_equal(o.file_mode, 0644);
	assert_int_equal(o.dir_mode, 0755);
	assert_false(o.allow_other || o.allow_root);
	assert_int_equal(o.versions, MOUNT_VERSIONS_HIDDEN);
	assert_false(o.enable_versioning);
	assert_null(o.log);
	assert_int_equal(o.log_format, OPTIONS_LOG_TEXT);
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	assert_null(o.fuse_options);
	options_release(&o);
	options_release(&o);
}

static void test_names(void **state)
{
	struct options o;

	(void)state;
	parse("uid=root,gid=root,log_level=warn", &o);
	assert_true(o.uid == 0 && o.gid == 0);
	assert_int_equal(o.log_level, LOG_LEVEL_WARNING);
	options_release(&o);
	parse("uid=nobody,log_level=warning", &o);
	assert_true(o.uid != 0 && o.uid < OPTIONS_ID_NONE);
	assert_int_equal(o.log_level, LOG_LEVEL_WARNING);
	options_release(&o);
}

static void test_all(void **state)
{
	struct options o;

	(void)state;
	parse("endpoint=http://[::1]:7480,region=eu-west-1,path_style,"
	      "profile=p,no_sign_request,ca_file=/ca.pem,requester_pays,"
	      "cache_dir=/c,cache_size=512m,min_free=1.5G,ttl=0,commit=0.5,"
	      "save_after=10s,sync,fsync=local,quota=1T,storage_class=STANDARD_IA,ro,"
	      "retries=0,connect_timeout=1m,read_timeout=1.2,uid=1000,gid=0,"
	      "umask=027,dir_mode=0711,allow_other,versions=visible,"
	      "enable_versioning,log=journal,log_format=json,log_level=error,"
	      "replica=other,replica_endpoint=http://there,"
	      "replica_region=eu-west-2,replica_profile=q",
	      &o);
	assert_string_equal(o.replica, "other");
	assert_string_equal(o.replica_endpoint, "http://there");
	assert_string_equal(o.replica_region, "eu-west-2");
	assert_string_equal(o.replica_profile, "q");
	assert_true(o.replica_timeout_ns == 60 * NS_PER_S);
	assert_string_equal(o.endpoint, "http://[::1]:7480");
	assert_string_equal(o.region, "eu-west-1");
	assert_string_equal(o.profile, "p");
	assert_string_equal(o.ca_file, "/ca.pem");
	assert_true(o.path_style && o.no_sign_request && o.requester_pays);
	assert_string_equal(o.cache_dir, "/c");
	assert_true(o.cache_size_bytes == GIB / 2);
	assert_true(o.min_free == GIB + GIB / 2 && !o.min_free_percent);
	assert_true(o.ttl_ns == 0);
	assert_true(o.commit_ns == NS_PER_S / 2);
	assert_true(o.save_after_ns == 10 * NS_PER_S);
	assert_true(o.sync && o.read_only);
	assert_int_equal(o.fsync, OPTIONS_FSYNC_LOCAL);
	assert_true(o.quota_bytes == 1024 * GIB);
	assert_string_equal(o.storage_class, "STANDARD_IA");
	assert_int_equal(o.retries, 0);
	assert_int_equal(o.connect_timeout_s, 60);
	assert_int_equal(o.read_timeout_s, 2);
	assert_true(o.uid == 1000 && o.gid == 0);
	assert_int_equal(o.file_mode, 0640);
	assert_int_equal(o.dir_mode, 0711);
	assert_true(o.allow_other && !o.allow_root);
	assert_int_equal(o.versions, MOUNT_VERSIONS_VISIBLE);
	assert_true(o.enable_versioning);
	assert_string_equal(o.log, "journal");
	assert_int_equal(o.log_format, OPTIONS_LOG_JSON);
	assert_int_equal(o.log_level, LOG_LEVEL_ERROR);
	assert_string_equal(o.fuse_options, "ro,allow_other");
	options_release(&o);
	parse("allow_dev,nosuid", &o);
	assert_string_equal(o.fuse_options, "nosuid,dev");
	options_release(&o);
	parse("allow_suid", &o);
	assert_string_equal(o.fuse_options, "suid");
	options_release(&o);
}

static void test_values(void **state)
{
	static const struct {
		const char *options;
		uint64_t cache_size, commit_ns;
	} cases[] = {
		{"cache_size=1048576", 1 << 20, 2000000000},
		{"cache_size=1M,commit=90", 1 << 20, 90000000000},
		{"cache_size=2048k,commit=1s", 2 << 20, 1000000000},
		{"cache_size=1T,commit=2m", 1024 * GIB, 120000000000},
		{"cache_size=1024T,commit=1d", 1048576 * GIB, 86400000000000},
		{"cache_size=1G,cache_size=2G,commit=24h", 2 * GIB,
		 86400000000000},
		{"commit=0.05", 10 * GIB, 50000000},
		{",,commit=0,,", 10 * GIB, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;

		parse(cases[i].options, &o);
		if (o.cache_size_bytes != cases[i].cache_size ||
		    o.commit_ns != (int64_t)cases[i].commit_ns)
			fail_msg("%s", cases[i].options);
		options_release(&o);
	}
}

static void test_escapes(void **state)
{
	static const struct {
		const char *options, *log;
	} cases[] = {
		{"log=/a\\,b,sync", "/a,b"}, {"log=/a\\\\,sync", "/a\\"},
		{"log=/a\\bc,sync", "/abc"}, {"log=/a=b,sync", "/a=b"},
		{"sync,log=/a\\", "/a\\"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;

		parse(cases[i].options, &o);
		assert_string_equal(o.log, cases[i].log);
		assert_true(o.sync);
		options_release(&o);
	}
}

static void test_own_names(void **state)
{
	static const struct {
		const char *options, *versions, *control;
	} cases[] = {
		{"", ".versions", ".control"},
		{"versions_dir=.h\\,ä,control_file=c", ".h,ä", "c"},
		{"versions_dir=.control,control_file=.versions", ".control",
		 ".versions"},
		{"versions_dir=,control_file=", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;

		parse(cases[i].options, &o);
		assert_string_equal(o.versions_dir, cases[i].versions);
		assert_string_equal(o.control_file, cases[i].control);
		options_release(&o);
	}
}

static void test_paths(void **state)
{
	char cwd[PATH_MAX], expected[PATH_MAX + 16];
	struct options o;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	parse("cache_dir=c,log=l", &o);
	snprintf(expected, sizeof(expected), "%s/c", cwd);
	assert_string_equal(o.cache_dir, expected);
	snprintf(expected, sizeof(expected), "%s/l", cwd);
	assert_string_equal(o.log, expected);
	options_release(&o);
	assert_int_equal(parse_line("vers3 b .", &o), 0);
	assert_string_equal(o.mountpoint, cwd);
	options_release(&o);
}

static void test_generic(void **state)
{
	static const struct {
		const char *options, *fuse;
		bool read_only, sync;
	} cases[] = {
		{"rw,nosuid,nodev,noexec,noatime",
		 "nosuid,nodev,noexec,noatime", false, false},
		{"ro", "ro", true, false},
		{"ro,rw", NULL, false, false},
		{"rw,ro,dev", "dev,ro", true, false},
		{"sync,async", NULL, false, false},
		{"async,sync", NULL, false, true},
		{"defaults,_netdev,nofail,user,auto,noauto,users", NULL, false,
		 false},
		{"user=joe,comment=a b,x-systemd.automount", NULL, false,
		 false},
		{"x-gvfs-show,X-mount.mkdir=0755,relatime,nodiratime", NULL,
		 false, false},
		{"allow_root,auto_unmount", "auto_unmount,allow_root", false,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;
		char *argv[] = {(char *)"vers3",	  (char *)"bucket",
				(char *)"/tmp",		  (char *)"-o",
				(char *)cases[i].options, NULL};

		assert_int_equal(
			options_parse(5, argv, &o, reason, sizeof(reason)), 0);
		if (cases[i].fuse)
			assert_string_equal(o.fuse_options, cases[i].fuse);
		else
			assert_null(o.fuse_options);
		assert_int_equal(o.read_only, cases[i].read_only);
		assert_int_equal(o.sync, cases[i].sync);
		options_release(&o);
	}
}

static void test_source(void **state)
{
	static const struct {
		const char *source, *bucket, *prefix;
	} cases[] = {
		{"b", "b", ""},
		{"my.bucket-1", "my.bucket-1", ""},
		{"b:", "b", ""},
		{"b:/", "b", ""},
		{"b:p", "b", "p/"},
		{"b:p/", "b", "p/"},
		{"b:/p/q", "b", "p/q/"},
		{"b:a:b/...", "b", "a:b/.../"},
		{"b:.hidden", "b", ".hidden/"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[128];
		struct options o;

		snprintf(line, sizeof(line), "vers3 %s /tmp", cases[i].source);
		assert_int_equal(parse_line(line, &o), 0);
		assert_string_equal(o.bucket, cases[i].bucket);
		assert_string_equal(o.prefix, cases[i].prefix);
		assert_string_equal(o.source, cases[i].source);
		options_release(&o);
	}
}

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		enum options_action action;
		bool foreground, debug, sync;
	} cases[] = {
		{"vers3 --help", OPTIONS_HELP, false, false, false},
		{"vers3 -h b", OPTIONS_HELP, false, false, false},
		{"vers3 --version", OPTIONS_VERSION, false, false, false},
		{"vers3 --dump-options-roff", OPTIONS_DUMP_ROFF, false, false,
		 false},
		{"vers3 -f b /tmp", OPTIONS_MOUNT, true, false, false},
		{"vers3 b /tmp -d -o sync", OPTIONS_MOUNT, true, true, true},
		{"vers3 -osync -o ttl=1 b /tmp", OPTIONS_MOUNT, false, false,
		 true},
		{"/sbin/mount.vers3 b /tmp -n -v -o rw,sync", OPTIONS_MOUNT,
		 false, false, true},
		{"mount.vers3 b /tmp -f -t fuse.vers3", OPTIONS_CHECK, false,
		 false, false},
		{"mount.vers3 b /tmp -s -o sync,colour=red", OPTIONS_MOUNT,
		 false, false, true},
		/* As mount(8) hands over what the kernel has said. */
		{"mount.fuse.vers3 b /tmp -o rw,user_id=0,sync,remount,ro",
		 OPTIONS_REMOUNT, false, false, true},
		{"vers3 b /tmp -o remount,user_id=0", OPTIONS_REMOUNT, false,
		 false, false},
		{"mount.vers3 b /tmp -f -o remount,ro", OPTIONS_CHECK, false,
		 false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options o;

		if (parse_line(cases[i].line, &o))
			fail_msg("%s: %s", cases[i].line, reason);
		assert_int_equal(o.action, cases[i].action);
		assert_int_equal(o.foreground, cases[i].foreground);
		assert_int_equal(o.debug, cases[i].debug);
		assert_int_equal(o.sync, cases[i].sync);
		if (o.debug)
			assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
		options_release(&o);
	}
}

/* A wrong line, and what the reason must name. */
static const struct {
	const char *line, *says;
} wrong_lines[] = {
	{"vers3", "bucket and mount point are missing"},
	{"vers3 b", "mount point is missing"},
	{"vers3 b /tmp more", "too many"},
	{"vers3 b /nonexistent/dir", "/nonexistent/dir does not exist; make"},
	{"vers3 /tmp b", "the bucket comes first"},
	{"vers3 s3://b/p /tmp", "BUCKET:PREFIX"},
	{"vers3 b/p /tmp", "BUCKET:PREFIX"},
	{"vers3 :p /tmp", "bucket"},
	{"vers3 .. /tmp", "bucket"},
	{"vers3 b:p//q /tmp", "p//q"},
	{"vers3 b://p /tmp", "BUCKET:PREFIX"},
	{"vers3 b:p// /tmp", "p//"},
	{"vers3 b:p/../q /tmp", "p/../q"},
	{"vers3 b:. /tmp", "prefix"},
	{"vers3 -z b /tmp", "-z"},
	{"vers3 --colour b /tmp", "--colour"},
	{"vers3 -s b /tmp", "-s"},
	{"vers3 b /tmp -o", "-o"},
	{"vers3 b /tmp -o colour=red", "colour"},
	{"vers3 b /tmp -o remounted", "remounted"},
	{"vers3 b /tmp -o profile=a\\,remount,user_id=0", "user_id"},
	{"vers3 b /tmp -o sync=1", "sync takes no value"},
	{"vers3 b /tmp -o nofail=1", "nofail"},
	{"vers3 b /tmp -o commit", "commit needs a value"},
	{"vers3 b /tmp -o commit=", "commit needs a value"},
	{"vers3 b /tmp -o commit=soon", "s, m, h or d"},
	{"vers3 b /tmp -o commit=-1", "s, m, h or d"},
	{"vers3 b /tmp -o commit=1e3", "s, m, h or d"},
	{"vers3 b /tmp -o commit=0x10", "s, m, h or d"},
	{"vers3 b /tmp -o commit=1.2.3", "s, m, h or d"},
	{"vers3 b /tmp -o commit=5w", "s, m, h or d"},
	{"vers3 b /tmp -o commit=2d", "at most 1d"},
	{"vers3 b /tmp -o commit=5ms", "s, m, h or d"},
	{"vers3 b /tmp -o cache_size=big", "K, M, G or T"},
	{"vers3 b /tmp -o cache_size=1K", "from 1M"},
	{"vers3 b /tmp -o cache_size=99999999T", "cache_size"},
	{"vers3 b /tmp -o min_free=101%", "percentage"},
	{"vers3 b /tmp -o min_free=%", "percentage"},
	{"vers3 b /tmp -o min_free=1000%", "percentage"},
	{"vers3 b /tmp -o retries=many", "from 0 to 100"},
	{"vers3 b /tmp -o retries=101", "from 0 to 100"},
	{"vers3 b /tmp -o read_timeout=0", "from 1 to 1h"},
	{"vers3 b /tmp -o uid=no-such-user", "uid"},
	{"vers3 b /tmp -o gid=no-such-group", "gid"},
	{"vers3 b /tmp -o uid=4294967295", "uid"},
	{"vers3 b /tmp -o umask=8", "octal"},
	{"vers3 b /tmp -o umask=1777", "at most 0777"},
	{"vers3 b /tmp -o file_mode=010000", "octal"},
	{"vers3 b /tmp -o versions=all", "hidden|visible|off|purge"},
	{"vers3 b /tmp -o log_level=2", "error|warning|info|debug"},
	{"vers3 b /tmp -o endpoint=host", "https://"},
	{"vers3 b /tmp -o allow_other,allow_root", "exclude"},
	{"vers3 b /tmp -o versions_dir=a/b", "a file's name"},
	{"vers3 b /tmp -o versions_dir=..", "a file's name"},
	{"vers3 b /tmp -o control_file=.", "a file's name"},
	{"vers3 b /tmp -o control_file=\xff", "a file's name"},
	{"vers3 b /tmp -o versions_dir", "versions_dir needs a value"},
	{"vers3 b /tmp -o versions_dir=.control", "cannot have one name"},
	{"vers3 b /tmp -o control_file=a,versions_dir=a", "cannot have one"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong_lines); i++) {
		struct options o;

		if (parse_line(wrong_lines[i].line, &o) != -EINVAL)
			fail_msg("%s was taken", wrong_lines[i].line);
		if (!strstr(reason, wrong_lines[i].says) ||
		    strchr(reason, '\n'))
			fail_msg("%s: %s", wrong_lines[i].line, reason);
	}
}

/* Reasons go to logs and terminals: what may be a secret stays out. */
static void test_secrets(void **state)
{
	static const char *const lines[] = {
		"vers3 b /tmp -o secret_key=hunter2",
		"vers3 b /tmp -o endpoint=http://joe:hunter2@host",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct options o;

		assert_int_equal(parse_line(lines[i], &o), -EINVAL);
		assert_null(strstr(reason, "hunter2"));
	}
}

static void test_help(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	options_print_help(f);
	fclose(f);
	assert_non_null(strstr(text, "\n  cache_size=SIZE "));
	assert_non_null(strstr(text, "(default: 10G)"));
	assert_non_null(
		strstr(text, "\n  versions=hidden|visible|off|purge\n"));
	for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
		assert_true(strcspn(p, "\n") < 80);
	free(text);
}

/* The list in man/vers3.8 is what the table makes. */
static void test_manual(void **state)
{
	static const char begin[] = "vers3 --dump-options-roff\n";
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX], *text = NULL, *list;
	static char page[1 << 16];
	size_t size = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/man/vers3.8", srcdir ? srcdir : ".");
	f = fopen(path, "r");
	if (!f)
		skip();
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	f = open_memstream(&text, &size);
	assert_non_null(f);
	options_print_roff(f);
	fclose(f);
	list = strstr(page, begin);
	assert_non_null(list);
	list += strlen(begin);
	*strstr(list, ".\\\" End of the list") = '\0';
	assert_string_equal(list, text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_own_names),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_generic),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
