/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line. What is vers3's own stands in optdef.c's table; this file
 * takes the line apart, and knows the options that mount(8) and fstab(5) give
 * to any file system.
 */
#include "vers3/main/options.h"

#include "vers3/main/deadmount.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "optdef.h"
#include "vers3/meta/inode.h"
#include "vers3/util/buf.h"
#include "vers3/util/mounts.h"
#include "vers3/util/path.h"

#define FUSE_OPTIONS_MAX 4096
#define MODE_NONE	 UINT32_MAX
#define REMOUNT		 "remount"

/* Where parsing stands. */
struct parser {
	struct options o;
	struct buf fuse; /* grows to o.fuse_options */
	bool helper; /* called as mount.vers3 */
	bool sloppy; /* mount -s: unknown options are no error */
	char *reason; /* borrowed */
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p,
						      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->reason, p->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int fail_memory(struct parser *p)
{
	fail(p, "out of memory");
	return -ENOMEM;
}

/* ---- options of any file system ---- */

enum generic_effect {
	GENERIC_IGNORE,
	GENERIC_PASS, /* to FUSE */
	GENERIC_RW,
	GENERIC_ASYNC,
	GENERIC_REMOUNT,
};

static const struct {
	const char *name; /* ends in '*': the beginning of a name */
	enum generic_effect effect;
} generics[] = {
	{"rw", GENERIC_RW},
	{"async", GENERIC_ASYNC},
	{"suid", GENERIC_PASS},
	{"nosuid", GENERIC_PASS},
	{"dev", GENERIC_PASS},
	{"nodev", GENERIC_PASS},
	{"exec", GENERIC_PASS},
	{"noexec", GENERIC_PASS},
	{"noatime", GENERIC_PASS},
	{"dirsync", GENERIC_PASS},
	{"auto_unmount", GENERIC_PASS},
	{REMOUNT, GENERIC_REMOUNT},
	/* Access times are not kept, so there is nothing to leave out. */
	{"atime", GENERIC_IGNORE},
	{"diratime", GENERIC_IGNORE},
	{"nodiratime", GENERIC_IGNORE},
	{"relatime", GENERIC_IGNORE},
	{"norelatime", GENERIC_IGNORE},
	{"strictatime", GENERIC_IGNORE},
	{"nostrictatime", GENERIC_IGNORE},
	{"lazytime", GENERIC_IGNORE},
	{"nolazytime", GENERIC_IGNORE},
	/* For mount(8), systemd and file managers. */
	{"defaults", GENERIC_IGNORE},
	{"auto", GENERIC_IGNORE},
	{"noauto", GENERIC_IGNORE},
	{"user", GENERIC_IGNORE},
	{"nouser", GENERIC_IGNORE},
	{"users", GENERIC_IGNORE},
	{"nousers", GENERIC_IGNORE},
	{"owner", GENERIC_IGNORE},
	{"noowner", GENERIC_IGNORE},
	{"group", GENERIC_IGNORE},
	{"nogroup", GENERIC_IGNORE},
	{"nofail", GENERIC_IGNORE},
	{"_netdev", GENERIC_IGNORE},
	{"silent", GENERIC_IGNORE},
	{"loud", GENERIC_IGNORE},
	{"user=*", GENERIC_IGNORE},
	{"comment=*", GENERIC_IGNORE},
	{"x-*", GENERIC_IGNORE},
	{"X-*", GENERIC_IGNORE},
};

static bool generic_is(const char *name, const char *option)
{
	size_t len = strlen(name);

	if (name[len - 1] == '*')
		return strncmp(option, name, len - 1) == 0;
	return strcmp(option, name) == 0;
}

static int pass_to_fuse(struct parser *p, const char *option)
{
	int rc = buf_printf(&p->fuse, "%s%s", p->fuse.len ? "," : "", option);

	if (rc == -EFBIG)
		return fail(p, "too many options");
	return rc ? fail_memory(p) : 0;
}

/* True when the option is one of these; *ret_rc then is what came of it. */
static bool take_generic(struct parser *p, const char *option, int *ret_rc)
{
	for (size_t i = 0; i < sizeof(generics) / sizeof(*generics); i++) {
		if (!generic_is(generics[i].name, option))
			continue;
		*ret_rc = 0;
		if (generics[i].effect == GENERIC_PASS)
			*ret_rc = pass_to_fuse(p, option);
		else if (generics[i].effect == GENERIC_RW)
			p->o.read_only = false;
		else if (generics[i].effect == GENERIC_ASYNC)
			p->o.sync = false;
		else if (generics[i].effect == GENERIC_REMOUNT &&
			 p->o.action == OPTIONS_MOUNT)
			p->o.action = OPTIONS_REMOUNT; /* not with -f */
		return true;
	}
	return false;
}

/* ---- -o ---- */

/* One option, without its commas; takes it apart in place. */
static int take_option(struct parser *p, char *option)
{
	const struct optdef *d;
	char *equals;
	int rc;

	if (take_generic(p, option, &rc))
		return rc;
	equals = strchr(option, '=');
	if (equals)
		*equals = '\0';
	d = optdef_find(option);
	if (d) {
		rc = optdef_set(d, equals ? equals + 1 : NULL, &p->o, p->reason,
				p->size);
		return rc == -ENOMEM ? fail_memory(p) : rc;
	}
	if (p->sloppy)
		return 0;
	/* Never the value: it may be a secret that some other program takes. */
	return fail(p, "unknown option %s; vers3 --help lists those there are",
		    option);
}

/* "a,b=x\,y": a backslash takes the special meaning from the next byte. */
static int take_options(struct parser *p, const char *list)
{
	char *option = malloc(strlen(list) + 1);
	int rc = 0;

	if (!option)
		return fail_memory(p);
	while (*list && !rc) {
		size_t len = 0;

		for (; *list && *list != ','; list++) {
			if (*list == '\\' && list[1])
				list++;
			option[len++] = *list;
		}
		if (*list)
			list++;
		option[len] = '\0';
		if (len)
			rc = take_option(p, option);
	}
	free(option);
	return rc;
}

/* ---- BUCKET[:PREFIX] MOUNTPOINT ---- */

/* "." and ".." can be no names, and "//" has an empty one in it. */
static bool prefix_ok(const char *prefix)
{
	while (*prefix) {
		size_t len = strcspn(prefix, "/");

		if (len == 0 || (len == 1 && prefix[0] == '.') ||
		    (len == 2 && prefix[0] == '.' && prefix[1] == '.'))
			return false;
		prefix += len;
		if (*prefix)
			prefix++;
	}
	return true;
}

static int take_prefix(struct parser *p, const char *prefix)
{
	size_t len;

	if (*prefix == '/')
		prefix++;
	len = strlen(prefix);
	if (!prefix_ok(prefix))
		return fail(p, "prefix %s: no part of it may be empty, . or ..",
			    prefix);
	if (len >= META_KEY_MAX)
		return fail(p,
			    "the prefix is longer than a key may be, %d "
			    "bytes",
			    META_KEY_MAX);
	if (asprintf(&p->o.prefix, "%s%s", prefix,
		     len && prefix[len - 1] != '/' ? "/" : "") < 0) {
		p->o.prefix = NULL;
		return fail_memory(p);
	}
	return 0;
}

static bool bucket_name_ok(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	return len && len <= NAME_MAX && strspn(name, letters) >= len &&
	       name[0] != '.';
}

static int take_source(struct parser *p, const char *source)
{
	size_t len = strcspn(source, ":");

	if (!*source)
		return fail(p, "the bucket's name is empty");
	if (source[0] == '/')
		return fail(p,
			    "%s is no name of a bucket; the bucket comes "
			    "first, then the mount point",
			    source);
	if (strstr(source, "://"))
		return fail(p,
			    "%s: name the bucket as BUCKET or "
			    "BUCKET:PREFIX; a server goes to -o endpoint=",
			    source);
	if (!bucket_name_ok(source, len))
		return fail(p,
			    "%.*s is no name of a bucket; it is letters, "
			    "digits, '.', '-' and '_', and a prefix stands "
			    "behind a colon: BUCKET:PREFIX",
			    (int)len, source);
	p->o.bucket = strndup(source, len);
	p->o.source = strdup(source);
	if (!p->o.bucket || !p->o.source)
		return fail_memory(p);
	return take_prefix(p, source[len] ? source + len + 1 : "");
}

static int take_mountpoint(struct parser *p, const char *path)
{
	p->o.mountpoint = realpath(path, NULL);
	if (p->o.mountpoint)
		return 0;
	if (errno == ENOMEM)
		return fail_memory(p);
	/* A dead mount: main() sees whose it was. */
	if (errno == ENOTCONN && !deadmount_path(path, &p->o.mountpoint))
		return 0;
	if (errno == ENOENT && !*path)
		return fail(p, "the mount point's name is empty");
	if (errno == ENOENT)
		return fail(p,
			    "mount point %s does not exist; make it first "
			    "(mkdir -p)",
			    path);
	return fail(p, "mount point %s: %s", path, strerror(errno));
}

static int take_arguments(struct parser *p, int argc, char **argv)
{
	int rc;

	if (argc != 2)
		return fail(p,
			    "%s; usage: vers3 [-f] [-d] [-o option"
			    "[,option]...] BUCKET[:PREFIX] MOUNTPOINT",
			    argc > 2   ? "too many arguments"
			    : argc > 0 ? "the mount point is missing"
				       : "bucket and mount point are missing");
	rc = take_source(p, argv[0]);
	if (!rc)
		rc = take_mountpoint(p, argv[1]);
	return rc;
}

/* ---- the line ---- */

enum long_option {
	LONG_HELP = 256,
	LONG_VERSION,
	LONG_DUMP_ROFF,
};

static int take_switch(struct parser *p, int c)
{
	switch (c) {
	case 'f':
		if (p->helper)
			p->o.action = OPTIONS_CHECK;
		else
			p->o.foreground = true;
		return 0;
	case 'd':
		p->o.debug = true;
		return 0;
	case 'o':
		/* With it come the kernel's words of a mount that is there. */
		if (mounts_option(optarg, REMOUNT))
			p->sloppy = true;
		return take_options(p, optarg);
	case 's':
		p->sloppy = true;
		return 0;
	case 'n': /* mount(8)'s, of no meaning here */
	case 'v':
	case 't':
	case 'N':
		return 0;
	case 'h':
	case LONG_HELP:
		p->o.action = OPTIONS_HELP;
		return 0;
	case 'V':
	case LONG_VERSION:
		p->o.action = OPTIONS_VERSION;
		return 0;
	case LONG_DUMP_ROFF:
		p->o.action = OPTIONS_DUMP_ROFF;
		return 0;
	default:
		return -EINVAL;
	}
}

static int take_switches(struct parser *p, int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, LONG_HELP},
		{"version", no_argument, NULL, LONG_VERSION},
		{"dump-options-roff", no_argument, NULL, LONG_DUMP_ROFF},
		{0},
	};
	const char *shorts = p->helper ? ":fsnvo:t:N:hV" : ":fdo:hV";
	int c, rc = 0;

	optind = 0; /* glibc: from the start, also the second time */
	opterr = 0;
	while (!rc && (c = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		if (c == ':')
			rc = fail(p, "-%c needs a value", optopt);
		else if (c == '?' && optopt && optopt < 256)
			rc = fail(p, "unknown switch -%c; see vers3 --help",
				  optopt);
		else if (c == '?')
			rc = fail(p, "%s is not understood; see vers3 --help",
				  argv[optind - 1]);
		else
			rc = take_switch(p, c);
	}
	return rc;
}

static void set_defaults(struct options *o)
{
	char reason[1];

	o->uid = o->gid = OPTIONS_ID_NONE;
	o->file_mode = o->dir_mode = MODE_NONE;
	for (size_t i = 0; i < optdefs_count; i++) {
		if (optdefs[i].fallback)
			optdef_set(&optdefs[i], optdefs[i].fallback, o, reason,
				   sizeof(reason));
	}
}

/* Which bucket is the replica, and that the rest is about one. */
static int check_replica(struct parser *p)
{
	const struct options *o = &p->o;
	const char *alone = o->replica_endpoint	 ? "replica_endpoint"
			    : o->replica_region	 ? "replica_region"
			    : o->replica_profile ? "replica_profile"
						 : NULL;

	if (o->replica && !bucket_name_ok(o->replica, strlen(o->replica)))
		return fail(p,
			    "option replica=%s is no name of a bucket; it is "
			    "letters, digits, '.', '-' and '_', and the keys "
			    "are those of the mount",
			    o->replica);
	if (!o->replica && o->fsync == OPTIONS_FSYNC_REPLICA)
		alone = "fsync=replica";
	if (!o->replica && alone)
		return fail(p, "option %s needs replica=BUCKET", alone);
	return 0;
}

/* What follows from several options together. */
static int finish(struct parser *p)
{
	struct options *o = &p->o;
	int rc = check_replica(p);

	if (rc)
		return rc;
	if (o->debug) {
		o->foreground = true;
		o->log_level = LOG_LEVEL_DEBUG;
	}
	if (o->file_mode == MODE_NONE)
		o->file_mode = 0666 & ~o->umask;
	if (o->dir_mode == MODE_NONE)
		o->dir_mode = 0777 & ~o->umask;
	if (o->allow_other && o->allow_root)
		return fail(p, "options allow_other and allow_root exclude "
			       "each other");
	if (*o->versions_dir && !strcmp(o->versions_dir, o->control_file))
		return fail(p, "options versions_dir and control_file cannot "
			       "have one name");
	/* The past does not change. */
	if (o->at)
		o->read_only = true;
	if (o->read_only)
		rc = pass_to_fuse(p, "ro");
	if (!rc && o->allow_other)
		rc = pass_to_fuse(p, "allow_other");
	if (!rc && o->allow_root)
		rc = pass_to_fuse(p, "allow_root");
	/* mount(8) passes on neither word: they are its own defaults. */
	if (!rc && o->allow_dev)
		rc = pass_to_fuse(p, "dev");
	if (!rc && o->allow_suid)
		rc = pass_to_fuse(p, "suid");
	if (!rc && p->fuse.len) {
		o->fuse_options = buf_detach(&p->fuse);
		if (!o->fuse_options)
			rc = fail_memory(p);
	}
	return rc;
}

/* mount(8) runs mount.TYPE, whose switches are its own. */
static bool is_mount_helper(const char *path)
{
	return !strncmp(path_base(path), "mount.", strlen("mount."));
}

int options_parse(int argc, char **argv, struct options *ret, char *reason,
		  size_t size)
{
	struct parser p = {.reason = reason, .size = size};
	int rc;

	buf_init(&p.fuse, FUSE_OPTIONS_MAX);
	p.helper = argc && is_mount_helper(argv[0]);
	set_defaults(&p.o);
	rc = take_switches(&p, argc, argv);
	if (!rc && p.o.action <= OPTIONS_REMOUNT)
		rc = take_arguments(&p, argc - optind, argv + optind);
	if (!rc)
		rc = finish(&p);
	buf_release(&p.fuse);
	if (rc) {
		options_release(&p.o);
		return rc;
	}
	*ret = p.o;
	return 0;
}

void options_release(struct options *o)
{
	for (size_t i = 0; i < optdefs_count; i++) {
		char **field = (char **)((char *)o + optdefs[i].offset);

		switch (optdefs[i].kind) {
		case OPT_STRING:
		case OPT_NAME:
		case OPT_PATH:
		case OPT_URL:
			free(*field);
			*field = NULL;
			break;
		default:
			break;
		}
	}
	free(o->bucket);
	free(o->prefix);
	free(o->source);
	free(o->mountpoint);
	free(o->fuse_options);
	o->bucket = o->prefix = o->source = NULL;
	o->mountpoint = o->fuse_options = NULL;
}
