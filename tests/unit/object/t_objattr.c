/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata below was recorded from s3fs 1.90, rclone 1.60 and s3cmd 2.3. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "vers3/object/objattr.h"
#include "vers3/util/buf.h"

#define COUNT(a)      (sizeof(a) / sizeof(*(a)))
#define LAST_MODIFIED INT64_C(1700000000000000000)
#define AWS_MAX	      2048

static const struct meta_defaults defaults = {
	.uid = 501, .gid = 502, .file_mode = 0644, .dir_mode = 0755};

/* "name=value\nname=value\n" */
static void read_list(const char *text, struct kvlist *l)
{
	char *copy = strdup(text), *save = NULL;

	assert_non_null(copy);
	kvlist_init(l);
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *equals = strchr(line, '=');

		*equals = '\0';
		assert_int_equal(kvlist_add(l, line, equals + 1), 0);
	}
	free(copy);
}

static char *list_text(const struct kvlist *l)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < l->count; i++)
		assert_int_equal(buf_printf(&b, "%s=%s\n", l->items[i].name,
					    l->items[i].value),
				 0);
	return buf_detach(&b);
}

static void parse(const char *key, const char *meta_text,
		  const char *content_type, struct objattr *ret_attr,
		  struct objattr_xattrs *ret_xattrs)
{
	struct kvlist meta, headers;

	read_list(meta_text, &meta);
	kvlist_init(&headers);
	if (content_type)
		assert_int_equal(
			kvlist_add(&headers, "content-type", content_type), 0);
	assert_int_equal(objattr_parse(key, &meta, &headers, LAST_MODIFIED,
				       &defaults, ret_attr, ret_xattrs),
			 0);
	kvlist_release(&meta);
	kvlist_release(&headers);
}

static const struct {
	const char *name, *key, *meta, *type;
	uint32_t mode, uid, gid;
	int64_t mtime_ns;
} writers[] = {
	{"nothing", "a", "", NULL, S_IFREG | 0644, 501, 502, LAST_MODIFIED},
	{"nothing, directory", "a/", "", NULL, S_IFDIR | 0755, 501, 502,
	 LAST_MODIFIED},
	{"vers3", "a",
	 "file-permissions=0100640\nfile-owner=7\nfile-group=8\n"
	 "file-mtime=1732235408123456789ns\n"
	 "mtime=1732235408.123456789\n",
	 NULL, S_IFREG | 0640, 7, 8, INT64_C(1732235408123456789)},
	{"AWS, milliseconds", "a",
	 "file-permissions=100640\nfile-owner=7\nfile-group=8\n"
	 "file-mtime=1732235408123\n",
	 NULL, S_IFREG | 0640, 7, 8, INT64_C(1732235408123000000)},
	{"AWS, mode without type", "a/", "file-permissions=0700\n", NULL,
	 S_IFDIR | 0700, 501, 502, LAST_MODIFIED},
	{"s3fs", "a",
	 "atime=1795315662.415073418\nctime=1795315663\ngid=0\n"
	 "mode=33184\nmtime=1732235408.500000000\nuid=0\n",
	 "text/plain", S_IFREG | 0640, 0, 0, INT64_C(1732235408500000000)},
	{"s3fs, symlink", "a", "gid=0\nmode=41471\nmtime=1795315663\nuid=0\n",
	 "application/octet-stream", S_IFLNK | 0777, 0, 0,
	 INT64_C(1795315663000000000)},
	{"s3fs, mkdir", "d/", "gid=0\nmode=493\nmtime=1795315664\nuid=0\n",
	 "application/x-directory", S_IFDIR | 0755, 0, 0,
	 INT64_C(1795315664000000000)},
	{"rclone", "a", "mtime=1732235408.5\n", "text/plain; charset=utf-8",
	 S_IFREG | 0644, 501, 502, INT64_C(1732235408500000000)},
	{"rclone --metadata", "a",
	 "Atime=2026-11-22T02:47:42.415073418Z\n"
	 "Btime=2026-11-22T02:47:42.175073418Z\n"
	 "Gid=0\nMode=100640\nMtime=1732235408.5\nUid=0\n",
	 "text/plain; charset=utf-8", S_IFREG | 0640, 0, 0,
	 INT64_C(1732235408500000000)},
	{"s3cmd", "a",
	 "s3cmd-attrs=atime:1732235408/ctime:1795315662/gid:0/"
	 "gname:root/md5:764efa883dda1e11db47671c4a3bbd9e/mode:33184/"
	 "mtime:1732235408/uid:0/uname:root\n",
	 "text/plain", S_IFREG | 0640, 0, 0, INT64_C(1732235408000000000)},
	{"s3cmd, octal mode", "a", "s3cmd-attrs=mode:0100600/uid:4\n", NULL,
	 S_IFREG | 0600, 4, 502, LAST_MODIFIED},
	{"own set wins", "a",
	 "s3cmd-attrs=mode:33152/mtime:1/uid:1/gid:1\n"
	 "mode=33261\nuid=2\ngid=2\nmtime=2\n"
	 "file-permissions=0100640\nfile-owner=3\nfile-group=3\n"
	 "file-mtime=3ns\n",
	 NULL, S_IFREG | 0640, 3, 3, 3},
	{"s3fs before s3cmd", "a",
	 "s3cmd-attrs=mode:33152/mtime:1/uid:1/gid:1\n"
	 "mode=33261\nuid=2\ngid=2\nmtime=2\n",
	 NULL, S_IFREG | 0755, 2, 2, INT64_C(2000000000)},
	{"next where one is unreadable", "a",
	 "s3cmd-attrs=mode:33152/mtime:1/uid:1/gid:1\n"
	 "mode=rw-r--r--\nuid=root\nuid=2\ngid=-1\nmtime=yesterday\n"
	 "file-permissions=0100648\nfile-owner=\nfile-group=0x8\n"
	 "file-mtime=12us\n",
	 NULL, S_IFREG | 0600, 1, 1, INT64_C(1000000000)},
};

static void test_writers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(writers); i++) {
		struct objattr a;

		parse(writers[i].key, writers[i].meta, writers[i].type, &a,
		      NULL);
		if (a.mode != writers[i].mode || a.uid != writers[i].uid ||
		    a.gid != writers[i].gid ||
		    a.mtime_ns != writers[i].mtime_ns)
			fail_msg("%s: mode %o uid %u gid %u mtime %lld",
				 writers[i].name, a.mode, a.uid, a.gid,
				 (long long)a.mtime_ns);
		assert_int_equal(a.rdev, 0);
		assert_string_equal(a.link_id, "");
	}
}

static void test_kinds(void **state)
{
	static const struct {
		const char *key, *type, *permissions;
		uint32_t mode;
	} cases[] = {
		{"a", NULL, "0100600", S_IFREG | 0600},
		{"a", NULL, "0040700", S_IFREG | 0700},
		{"a/", NULL, "0100600", S_IFDIR | 0600},
		{"a/", NULL, "0120777", S_IFDIR | 0777},
		{"a", "application/x-directory", NULL, S_IFDIR | 0755},
		{"a", "Application/X-Directory; charset=UTF-8", NULL,
		 S_IFDIR | 0755},
		{"a", "application/x-directory", "0040700", S_IFDIR | 0700},
		{"a", "application/x-directory", "0100600", S_IFREG | 0600},
		{"a", "application/x-directory", "0600", S_IFDIR | 0600},
		{"a", "application/x-directory2", NULL, S_IFREG | 0644},
		{"a", NULL, "0010600", S_IFIFO | 0600},
		{"a", NULL, "0140600", S_IFSOCK | 0600},
		{"a", NULL, "0104755", S_IFREG | 04755},
		{"a", NULL, "0110600", S_IFREG | 0644}, /* no such type */
		{"a", NULL, "1000000", S_IFREG | 0644},
		{"a", NULL, "0", S_IFREG},
		{"", NULL, NULL, S_IFREG | 0644},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct objattr a;
		char meta[64] = "";

		if (cases[i].permissions)
			snprintf(meta, sizeof(meta), "file-permissions=%s\n",
				 cases[i].permissions);
		parse(cases[i].key, meta, cases[i].type, &a, NULL);
		if (a.mode != cases[i].mode)
			fail_msg("case %zu: mode %o", i, a.mode);
	}
}

/* The octal spelling of a common mode is never taken for a decimal one. */
static void test_octal_and_decimal(void **state)
{
	static const struct {
		uint32_t type, perm_max;
	} types[] = {
		{S_IFREG, 07777}, {S_IFLNK, 07777}, {S_IFSOCK, 07777},
		{S_IFBLK, 07777}, {S_IFDIR, 0777},
	};

	(void)state;
	for (size_t t = 0; t < COUNT(types); t++) {
		const char *key = types[t].type == S_IFDIR ? "a/" : "a";

		for (uint32_t perm = 0; perm <= types[t].perm_max; perm++) {
			uint32_t mode = types[t].type | perm;
			struct objattr a;
			char meta[64];

			snprintf(meta, sizeof(meta), "mode=%o\n", mode);
			parse(key, meta, NULL, &a, NULL);
			assert_int_equal(a.mode, mode);
			snprintf(meta, sizeof(meta), "mode=%u\n", mode);
			parse(key, meta, NULL, &a, NULL);
			assert_int_equal(a.mode, mode);
		}
	}
}

static void test_mtimes(void **state)
{
	static const struct {
		const char *meta;
		int64_t ns;
	} cases[] = {
		{"mtime=1732235408", INT64_C(1732235408000000000)},
		{"mtime=1732235408.", INT64_C(1732235408000000000)},
		{"mtime=1732235408.05", INT64_C(1732235408050000000)},
		{"mtime=1732235408.1234567899", INT64_C(1732235408123456789)},
		{"mtime=-1.5", -1500000000},
		{"mtime=-0.5", -500000000},
		{"mtime=0", 0},
		{"mtime=9999999999", INT64_C(9223372036000000000)},
		{"mtime=99999999999999999999", INT64_C(9223372036000000000)},
		{"mtime=1.5e9", LAST_MODIFIED},
		{"mtime=1.-5", LAST_MODIFIED},
		{"mtime= 1", LAST_MODIFIED},
		{"mtime=", LAST_MODIFIED},
		{"mtime=-", LAST_MODIFIED},
		{"file-mtime=-1500000000ns", -1500000000},
		{"file-mtime=-1500", -1500000000},
		{"file-mtime=9223372036854775807",
		 INT64_C(9223372036000000000)},
		{"file-mtime=9223372036854775808ns", INT64_MAX},
		{"mtime=-99999999999", -INT64_C(9223372036000000000)},
		{"file-mtime=-99999999999999", -INT64_C(9223372036000000000)},
		{"file-mtime=-1500000000000000000ns",
		 INT64_C(-1500000000000000000)},
		{"file-mtime=ns", LAST_MODIFIED},
		{"file-mtime=1732235408.5", LAST_MODIFIED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct objattr a;

		parse("a", cases[i].meta, NULL, &a, NULL);
		if (a.mtime_ns != cases[i].ns)
			fail_msg("%s: %lld", cases[i].meta,
				 (long long)a.mtime_ns);
	}
}

static void test_rdev_and_link(void **state)
{
	const struct {
		const char *meta;
		uint64_t rdev;
		const char *link;
	} cases[] = {
		{"file-permissions=0020600\nvers3-rdev=4:65", makedev(4, 65),
		 ""},
		{"file-permissions=0060600\nvers3-rdev=259:1048575",
		 makedev(259, 1048575), ""},
		{"file-permissions=0100600\nvers3-rdev=4:65", 0, ""},
		{"file-permissions=0020600\nvers3-rdev=4", 0, ""},
		{"file-permissions=0020600\nvers3-rdev=4:65x", 0, ""},
		{"file-permissions=0020600\nvers3-rdev=-4:65", 0, ""},
		{"vers3-link=0123456789abcdef", 0, "0123456789abcdef"},
		{"vers3-link=a b", 0, ""},
		{"vers3-link=0123456789012345678901234567890123456789", 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct objattr a;

		parse("a", cases[i].meta, NULL, &a, NULL);
		assert_int_equal(a.rdev, cases[i].rdev);
		assert_string_equal(a.link_id, cases[i].link);
	}
}

#define OWN                                                                    \
	"file-permissions=0100600\nfile-owner=10\nfile-group=20\n"             \
	"file-mtime=1732235408000000005ns\nmtime=1732235408.000000005\n"

static void test_format(void **state)
{
	static const struct {
		const char *name, *before, *after;
	} cases[] = {
		{"new object", "", OWN},
		{"idempotent", OWN, OWN},
		{"others' metadata stays", "colour=blue\n",
		 "colour=blue\n" OWN},
		{"doubles go", "MTIME=1\nmtime=2\n",
		 "MTIME=1732235408.000000005\n"
		 "file-permissions=0100600\nfile-owner=10\nfile-group=20\n"
		 "file-mtime=1732235408000000005ns\n"},
		{"s3fs",
		 "atime=7\nctime=1795315663\ngid=0\nmode=33184\nmtime=1\n"
		 "uid=0\n",
		 "atime=7\nctime=1795315663\ngid=20\nmode=33152\n"
		 "mtime=1732235408.000000005\nuid=10\n"
		 "file-permissions=0100600\nfile-owner=10\nfile-group=20\n"
		 "file-mtime=1732235408000000005ns\n"},
		{"s3fs, an old ctime", "ctime=5\n",
		 "ctime=1732235408.000000005\n" OWN},
		{"rclone --metadata",
		 "atime=2026-11-22T02:47:42.4Z\nmode=100640\nuid=0\n",
		 "atime=2026-11-22T02:47:42.4Z\nmode=100600\nuid=10\n" OWN},
		{"s3cmd",
		 "s3cmd-attrs=atime:1/ctime:2/gid:20/gname:staff/md5:76/"
		 "mode:33184/mtime:1732235408/uid:0/uname:root\n",
		 "s3cmd-attrs=atime:1/ctime:2/gid:20/gname:staff/md5:76/"
		 "mode:33152/mtime:1732235408/uid:10\n" OWN},
		{"no device, no link, no xattr any more",
		 "vers3-rdev=1:2\nvers3-link=x\nvers3-xattr-0=user.a=\n"
		 "Vers3-Xattr-7=junk\n",
		 OWN},
	};
	const struct objattr attr = {.mode = S_IFREG | 0600,
				     .uid = 10,
				     .gid = 20,
				     .mtime_ns = INT64_C(1732235408000000005)};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct kvlist meta;
		char *text;

		read_list(cases[i].before, &meta);
		assert_int_equal(objattr_format(&attr, NULL, AWS_MAX, &meta),
				 0);
		text = list_text(&meta);
		if (strcmp(text, cases[i].after) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		free(text);
		kvlist_release(&meta);
	}
}

/* What is written is read again, whatever was there. */
static void test_round_trip(void **state)
{
	static const char *const before[] = {
		"",
		"gid=0\nmode=33184\nmtime=1\nuid=0\n",
		"Mode=100640\nUid=0\n",
		"s3cmd-attrs=mode:33184/mtime:1/uid:0/gid:0\n",
	};
	const struct objattr attrs[] = {
		{S_IFREG | 04755, 0, 0, 0, 0, "", 0},
		{S_IFREG | 0644, 4294967294U, 1, 0, INT64_MAX, "0123-abc", 0},
		{S_IFLNK | 0777, 1, 2, 0, -1, "", 0},
		{S_IFIFO | 0600, 1, 2, 0, INT64_MIN + 1, "", 0},
		{S_IFSOCK | 0600, 1, 2, 0, 1, "", 0},
		{S_IFCHR | 0600, 1, 2, makedev(5, 70000), 1, "", 0},
		{S_IFBLK | 0600, 1, 2, makedev(4000, 1), 1, "", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(before) * COUNT(attrs); i++) {
		const struct objattr *want = &attrs[i / COUNT(before)];
		struct kvlist meta;
		struct objattr got;
		char *text;

		read_list(before[i % COUNT(before)], &meta);
		assert_int_equal(objattr_format(want, NULL, AWS_MAX, &meta), 0);
		text = list_text(&meta);
		parse("a", text, NULL, &got, NULL);
		assert_int_equal(got.mode, want->mode);
		assert_int_equal(got.uid, want->uid);
		assert_int_equal(got.gid, want->gid);
		assert_int_equal(got.rdev, want->rdev);
		assert_int_equal(got.mtime_ns, want->mtime_ns);
		assert_string_equal(got.link_id, want->link_id);
		/* The foreign sets say the same, on their own. */
		kvlist_del(&meta, "file-permissions");
		kvlist_del(&meta, "file-owner");
		kvlist_del(&meta, "file-mtime");
		free(text);
		text = list_text(&meta);
		parse("a", text, NULL, &got, NULL);
		if (i % COUNT(before) && want->mode != (S_IFIFO | 0600))
			assert_int_equal(got.mode, want->mode);
		if (i % COUNT(before))
			assert_int_equal(got.uid, want->uid);
		assert_int_equal(got.mtime_ns, want->mtime_ns);
		free(text);
		kvlist_release(&meta);
	}
}

static void test_xattr_text(void **state)
{
	static const struct {
		const char *value;
		size_t count;
	} cases[] = {
		{"user.a=", 1},
		{"user.a=QQ==", 1},
		{"user.%3D%20%C3%A9=QUI=", 1},
		{"", 0},
		{"user.a", 0},
		{"=QQ==", 0},
		{"user.=QQ==", 0},
		{"security.capability=QQ==", 1},
		{"trusted.x=QQ==", 1},
		{"security.selinux=QQ==", 0},
		{"system.x=QQ==", 0},
		{"vers3.target=QQ==", 0},
		/* Lists of who may do what: an empty one, and none. */
		{"system.posix_acl_access=AgAAAA==", 1},
		{"system.posix_acl_access=QQ==", 0},
		{"system.posix_acl_default=AgAAAP==", 1},
		{"USER.a=QQ==", 0},
		{"user.a%00b=QQ==", 0},
		{"user.a%zz=QQ==", 0},
		{"user.a=QQ", 0},
		{"user.a=Q===", 0},
		{"user.a====", 0},
		{"user.a====b", 0},
		{"user.a=QQ=*", 0},
		{"user.a=  QQ", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct objattr_xattrs x;
		struct objattr a;
		char meta[128];

		snprintf(meta, sizeof(meta), "vers3-xattr-0=%s\n",
			 cases[i].value);
		parse("a", meta, NULL, &a, &x);
		if (x.count != cases[i].count)
			fail_msg("%s: %zu", cases[i].value, x.count);
		objattr_xattrs_release(&x);
	}
}

static void test_xattrs(void **state)
{
	char all[256];
	struct objattr_xattr items[] = {
		{(char *)"user.colour", (char *)"blue", 4},
		{(char *)"user.empty", NULL, 0},
		{(char *)"user.na=me\n\xff%", all, sizeof(all)},
	};
	const struct objattr_xattrs want = {items, COUNT(items)};
	const struct objattr attr = {.mode = S_IFREG | 0600};
	struct objattr_xattrs got;
	struct objattr a;
	struct kvlist meta;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	read_list("vers3-xattr-0=user.old=QQ==\n"
		  "vers3-xattr-12=user.older=QQ==\n",
		  &meta);
	assert_int_equal(objattr_format(&attr, &want, AWS_MAX, &meta), 0);
	assert_string_equal(kvlist_get(&meta, "vers3-xattr-0"),
			    "user.colour=Ymx1ZQ==");
	assert_string_equal(kvlist_get(&meta, "vers3-xattr-1"), "user.empty=");
	assert_null(kvlist_get(&meta, "vers3-xattr-12"));
	for (size_t i = 0; i < meta.count; i++) {
		for (const char *p = meta.items[i].value; *p; p++)
			assert_true(*p >= 0x20 && *p < 0x7f);
	}
	/* A double does not count. */
	assert_int_equal(kvlist_add(&meta, "vers3-xattr-x", "user.colour=QQ=="),
			 0);
	text = list_text(&meta);
	parse("a", text, NULL, &a, &got);
	assert_int_equal(got.count, want.count);
	for (size_t i = 0; i < want.count; i++) {
		assert_string_equal(got.items[i].name, items[i].name);
		assert_int_equal(got.items[i].size, items[i].size);
		if (items[i].size)
			assert_memory_equal(got.items[i].value, items[i].value,
					    items[i].size);
	}
	objattr_xattrs_release(&got);
	assert_null(got.items);
	free(text);
	kvlist_release(&meta);
}

/* The last byte that fits, and the first that does not. */
static void test_limit(void **state)
{
	static char value[AWS_MAX];
	struct objattr_xattr item = {(char *)"user.v", value, 900};
	const struct objattr_xattrs x = {&item, 1};
	const struct objattr attr = {.mode = S_IFREG | 0600};
	struct kvlist meta;
	size_t bytes = 0;
	char *before, *after;

	(void)state;
	read_list("colour=blue\nmode=33184\n", &meta);
	assert_int_equal(objattr_format(&attr, &x, AWS_MAX, &meta), 0);
	for (size_t i = 0; i < meta.count; i++)
		bytes += strlen(meta.items[i].name) +
			 strlen(meta.items[i].value);
	before = list_text(&meta);
	assert_int_equal(objattr_format(&attr, &x, bytes, &meta), 0);
	assert_int_equal(objattr_format(&attr, NULL, bytes - 1, &meta), 0);
	assert_int_equal(objattr_format(&attr, &x, bytes, &meta), 0);
	assert_int_equal(objattr_format(&attr, &x, bytes - 1, &meta), -ENOSPC);
	item.size = AWS_MAX;
	assert_int_equal(objattr_format(&attr, &x, AWS_MAX, &meta), -ENOSPC);
	item.size = 1 << 20;
	assert_int_equal(objattr_format(&attr, &x, AWS_MAX, &meta), -ENOSPC);
	after = list_text(&meta);
	assert_string_equal(after, before);
	free(before);
	free(after);
	kvlist_release(&meta);
}

static void test_new_content(void **state)
{
	struct kvlist meta;
	char *text;

	(void)state;
	read_list("md5chksum=x\na=b\ns3cmd-attrs=gid:1/md5:76/uid:2\n", &meta);
	assert_int_equal(objattr_new_content(&meta), 0);
	text = list_text(&meta);
	assert_string_equal(text, "a=b\ns3cmd-attrs=gid:1/uid:2\n");
	free(text);
	kvlist_release(&meta);
}

static void test_content_type(void **state)
{
	(void)state;
	assert_string_equal(objattr_content_type("a/"),
			    "application/x-directory");
	assert_string_equal(objattr_content_type("a.html/"),
			    "application/x-directory");
	assert_string_equal(objattr_content_type("a"), "binary/octet-stream");
	assert_string_equal(objattr_content_type(""), "binary/octet-stream");
	if (access("/etc/mime.types", R_OK) == 0)
		assert_string_equal(objattr_content_type("d.x/a.HTML"),
				    "text/html");
}

/* One that lacks a part is not added, and what there is of it is freed. */
static void test_add(void **state)
{
	struct objattr_xattrs x = {NULL, 0};

	(void)state;
	assert_int_equal(
		objattr_xattrs_add(&x, strdup("user.a"), strdup("1"), 1), 0);
	assert_int_equal(objattr_xattrs_add(&x, NULL, strdup("2"), 1), -ENOMEM);
	assert_int_equal(objattr_xattrs_add(&x, strdup("user.b"), NULL, 0),
			 -ENOMEM);
	assert_int_equal(
		objattr_xattrs_add(&x, strdup("user.c"), strdup(""), 0), 0);
	assert_int_equal(x.count, 2);
	assert_int_equal(objattr_xattrs_find(&x, "user.a")->size, 1);
	assert_int_equal(objattr_xattrs_find(&x, "user.c")->size, 0);
	assert_null(objattr_xattrs_find(&x, "user.b"));
	objattr_xattrs_release(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_octal_and_decimal),
		cmocka_unit_test(test_mtimes),
		cmocka_unit_test(test_rdev_and_link),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_xattr_text),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_new_content),
		cmocka_unit_test(test_content_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
