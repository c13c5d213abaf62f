/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes as object metadata.
 *
 * Four writers have been here before us, and two of them use one name for
 * different things. What each writes for a file of mode 0640, changed half
 * past a second:
 *
 *   AWS, vers3  file-permissions 0100640, file-owner, file-group,
 *               file-mtime 1732235408500000000ns (others: milliseconds)
 *   s3fs        mode 33184 (decimal; a directory's may lack the type),
 *               uid, gid, ctime, atime, mtime 1732235408.500000000
 *   rclone      mtime 1732235408.5; with --metadata also mode 100640
 *               (octal!), uid, gid, atime and btime as ISO 8601
 *   s3cmd       s3cmd-attrs gid:0/gname:root/md5:...mode:33184/mtime:...
 *
 * Decimal and octal modes tell themselves apart by the file type in them: no
 * octal spelling of a file's, a link's or a directory's mode is the decimal
 * one of a known type (but for setuid, setgid and sticky directories, fifos
 * and some character devices, which decimal has).
 */
#include "vers3/object/objattr.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "vers3/util/buf.h"
#include "vers3/util/clock.h"
#include "vers3/util/mime.h"

#include "objxattr.h"

#define ATTRS_MAX 65536 /* bytes of an s3cmd-attrs value */
#define MODE_MAX  0177777

/* ---- values ---- */

/* All digits of the base, at most max. */
static bool read_number(const char *s, int base, uint64_t max,
			uint64_t *ret_number)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	n = strtoull(s, &end, base);
	if (errno || *end || n > max)
		return false;
	*ret_number = n;
	return true;
}

static bool known_type(uint64_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

/* file-permissions: octal, with or without the type. */
static bool read_octal_mode(const char *s, uint32_t *ret_mode)
{
	uint64_t mode;

	if (!read_number(s, 8, MODE_MAX, &mode))
		return false;
	if (mode & S_IFMT && !known_type(mode))
		return false;
	*ret_mode = (uint32_t)mode;
	return true;
}

/* Does a foreign mode stand in octal? See the head of this file. */
static bool mode_is_octal(const char *s)
{
	uint64_t mode;

	if (s[0] == '0' && s[1])
		return true;
	if (read_number(s, 10, MODE_MAX, &mode) && known_type(mode))
		return false;
	return read_number(s, 8, MODE_MAX, &mode) && known_type(mode);
}

static bool read_foreign_mode(const char *s, uint32_t *ret_mode)
{
	uint64_t mode;

	if (mode_is_octal(s))
		return read_octal_mode(s, ret_mode);
	if (!read_number(s, 10, MODE_MAX, &mode))
		return false;
	if (mode & S_IFMT && !known_type(mode))
		return false;
	*ret_mode = (uint32_t)mode;
	return true;
}

/* The highest id means "none" to chown(2), and is nobody's. */
static bool read_id(const char *s, uint32_t *ret_id)
{
	uint64_t id;

	if (!read_number(s, 10, UINT32_MAX - 1, &id))
		return false;
	*ret_id = (uint32_t)id;
	return true;
}

/*
 * "-sec", "sec.fraction": any number of digits; past the ninth, cut. Times
 * that cannot be kept become the nearest that can.
 */
static bool read_seconds(const char *s, int64_t *ret_ns)
{
	bool negative = *s == '-';
	char *end;
	long long sec;
	int64_t ns, frac = 0, unit = NS_PER_S;

	if (!isdigit((unsigned char)s[negative]))
		return false;
	sec = strtoll(s + negative, &end, 10); /* LLONG_MAX for more */
	if (*end == '.') {
		for (end++; isdigit((unsigned char)*end); end++) {
			unit /= 10;
			frac += (*end - '0') * unit;
		}
	}
	if (*end)
		return false;
	ns = clock_from_seconds(sec, frac);
	*ret_ns = negative ? -ns : ns;
	return true;
}

/* file-mtime: nanoseconds with the suffix "ns", else milliseconds. */
static bool read_file_mtime(const char *s, int64_t *ret_ns)
{
	long long n;
	int64_t unit;
	char *end;

	if (!isdigit((unsigned char)s[*s == '-']))
		return false;
	n = strtoll(s, &end, 10); /* the nearest for what it cannot hold */
	if (strcmp(end, "ns") != 0 && *end)
		return false;
	unit = *end ? NS_PER_S : NS_PER_S / NS_PER_MS;
	*ret_ns = clock_from_seconds(n / unit, n % unit * (NS_PER_S / unit));
	return true;
}

/* "major:minor" */
static bool read_rdev(const char *s, uint64_t *ret_rdev)
{
	unsigned major, minor;
	int end = 0;

	if (!isdigit((unsigned char)*s) ||
	    sscanf(s, "%9u:%9u%n", &major, &minor, &end) != 2 || s[end])
		return false;
	*ret_rdev = makedev(major, minor);
	return true;
}

static bool is_device(uint32_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

__attribute__((format(printf, 3, 4))) static int
set_value(struct kvlist *l, const char *name, const char *fmt, ...)
{
	char value[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return kvlist_set(l, name, value);
}

static int set_seconds(struct kvlist *l, const char *name, int64_t ns)
{
	uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	return set_value(l, name, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "",
			 abs / NS_PER_S, abs % NS_PER_S);
}

/* ---- s3cmd-attrs: name:value/name:value ---- */

static int s3cmd_read(const struct kvlist *meta, struct kvlist *attrs)
{
	const char *value = kvlist_get(meta, "s3cmd-attrs");
	char *copy, *save = NULL, *field;
	int rc = 0;

	if (!value)
		return 0;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	for (field = strtok_r(copy, "/", &save); field && !rc;
	     field = strtok_r(NULL, "/", &save)) {
		char *colon = strchr(field, ':');

		if (!colon)
			continue;
		*colon = '\0';
		rc = kvlist_add(attrs, field, colon + 1);
	}
	free(copy);
	return rc == -E2BIG ? 0 : rc; /* what came first will do */
}

static int s3cmd_write(const struct kvlist *attrs, struct kvlist *meta)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, ATTRS_MAX);
	for (size_t i = 0; i < attrs->count && !rc; i++)
		rc = buf_printf(&b, "%s%s:%s", i ? "/" : "",
				attrs->items[i].name, attrs->items[i].value);
	if (!rc)
		rc = kvlist_set(meta, "s3cmd-attrs", b.data);
	buf_release(&b);
	return rc == -EFBIG ? -ENOSPC : rc;
}

/* ---- reading ---- */

static bool is_directory_type(const char *content_type)
{
	static const char *const types[] = {"application/x-directory",
					    "httpd/unix-directory"};
	size_t len;

	if (!content_type)
		return false;
	len = strcspn(content_type, "; \t");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (len == strlen(types[i]) &&
		    strncasecmp(content_type, types[i], len) == 0)
			return true;
	}
	return false;
}

/*
 * Gives a mode the type that its key allows. The key decides between a
 * directory and all else: a name that lists as one kind and opens as the
 * other would be of no use.
 */
static uint32_t settle_type(uint32_t mode, bool dir_key, bool dir_type)
{
	uint32_t type = mode & S_IFMT;

	if (!type)
		type = dir_type ? S_IFDIR : S_IFREG;
	if (type == S_IFDIR && !dir_type)
		type = S_IFREG;
	if (dir_key)
		type = S_IFDIR;
	return type | (mode & ~(uint32_t)S_IFMT);
}

static bool read_mode(const struct kvlist *meta, const struct kvlist *s3cmd,
		      uint32_t *ret_mode)
{
	const char *s;

	s = kvlist_get(meta, "file-permissions");
	if (s && read_octal_mode(s, ret_mode))
		return true;
	s = kvlist_get(meta, "mode");
	if (s && read_foreign_mode(s, ret_mode))
		return true;
	s = kvlist_get(s3cmd, "mode");
	return s && read_foreign_mode(s, ret_mode);
}

static bool read_owner(const struct kvlist *meta, const struct kvlist *s3cmd,
		       const char *own_name, const char *name, uint32_t *ret_id)
{
	const char *s;

	s = kvlist_get(meta, own_name);
	if (s && read_id(s, ret_id))
		return true;
	s = kvlist_get(meta, name);
	if (s && read_id(s, ret_id))
		return true;
	s = kvlist_get(s3cmd, name);
	return s && read_id(s, ret_id);
}

/* Mode, owner and group, where they are named; the flags of the others. */
static uint32_t read_named(const struct kvlist *meta,
			   const struct kvlist *s3cmd, struct objattr *attr)
{
	uint32_t lacks = 0;

	if (!read_mode(meta, s3cmd, &attr->mode))
		lacks |= META_I_LACKS_MODE;
	if (!read_owner(meta, s3cmd, "file-owner", "uid", &attr->uid))
		lacks |= META_I_LACKS_UID;
	if (!read_owner(meta, s3cmd, "file-group", "gid", &attr->gid))
		lacks |= META_I_LACKS_GID;
	return lacks;
}

uint32_t objattr_lacks(const struct kvlist *meta)
{
	struct objattr attr;
	struct kvlist s3cmd;
	uint32_t lacks = 0;

	kvlist_init(&s3cmd);
	if (!s3cmd_read(meta, &s3cmd))
		lacks = read_named(meta, &s3cmd, &attr);
	kvlist_release(&s3cmd);
	return lacks;
}

static bool read_mtime(const struct kvlist *meta, const struct kvlist *s3cmd,
		       int64_t *ret_ns)
{
	const char *s;

	s = kvlist_get(meta, "file-mtime");
	if (s && read_file_mtime(s, ret_ns))
		return true;
	s = kvlist_get(meta, "mtime");
	if (s && read_seconds(s, ret_ns))
		return true;
	s = kvlist_get(s3cmd, "mtime");
	return s && read_seconds(s, ret_ns);
}

/* An opaque id: taken whole if it fits and is plain text. */
static void read_link_id(const struct kvlist *meta, struct objattr *attr)
{
	const char *s = kvlist_get(meta, LINK_META);

	if (!s || strlen(s) >= sizeof(attr->link_id))
		return;
	for (const char *p = s; *p; p++) {
		if (!isgraph((unsigned char)*p))
			return;
	}
	strcpy(attr->link_id, s);
}

int objattr_parse(const char *key, const struct kvlist *meta,
		  const struct kvlist *headers, int64_t last_modified_ns,
		  const struct meta_defaults *defaults,
		  struct objattr *ret_attr, struct objattr_xattrs *ret_xattrs)
{
	size_t len = strlen(key);
	bool dir_key = len && key[len - 1] == '/';
	bool dir_type = dir_key ||
			is_directory_type(kvlist_get(headers, "Content-Type"));
	struct objattr attr = {.uid = defaults->uid,
			       .gid = defaults->gid,
			       .mtime_ns = last_modified_ns};
	struct kvlist s3cmd;
	const char *rdev;
	int rc;

	kvlist_init(&s3cmd);
	rc = s3cmd_read(meta, &s3cmd);
	if (rc)
		goto out;
	attr.mode = dir_type ? defaults->dir_mode : defaults->file_mode;
	attr.lacks = read_named(meta, &s3cmd, &attr);
	attr.mode = settle_type(attr.mode, dir_key, dir_type);
	read_mtime(meta, &s3cmd, &attr.mtime_ns);
	rdev = kvlist_get(meta, "vers3-rdev");
	if (rdev && is_device(attr.mode))
		read_rdev(rdev, &attr.rdev);
	read_link_id(meta, &attr);
	if (ret_xattrs)
		rc = objxattr_read(meta, ret_xattrs);
	if (!rc)
		*ret_attr = attr;
out:
	kvlist_release(&s3cmd);
	return rc;
}

/* ---- writing ---- */

static int set_own(const struct objattr *attr, struct kvlist *meta)
{
	int rc = 0;

	if (!(attr->lacks & META_I_LACKS_MODE))
		rc = set_value(meta, "file-permissions", "%07" PRIo32,
			       attr->mode);
	if (!rc && !(attr->lacks & META_I_LACKS_UID))
		rc = set_value(meta, "file-owner", "%" PRIu32, attr->uid);
	if (!rc && !(attr->lacks & META_I_LACKS_GID))
		rc = set_value(meta, "file-group", "%" PRIu32, attr->gid);
	if (!rc)
		rc = set_value(meta, "file-mtime", "%" PRId64 "ns",
			       attr->mtime_ns);
	if (!rc)
		rc = set_seconds(meta, "mtime", attr->mtime_ns);
	if (!rc && is_device(attr->mode))
		rc = set_value(meta, "vers3-rdev", "%u:%u", major(attr->rdev),
			       minor(attr->rdev));
	else
		kvlist_del(meta, "vers3-rdev");
	if (!rc && attr->link_id[0])
		rc = kvlist_set(meta, LINK_META, attr->link_id);
	else
		kvlist_del(meta, LINK_META);
	return rc;
}

/* Rewrites l's mode, if it has one, in the base that it stands in. */
static int renew_mode(struct kvlist *l, uint32_t mode)
{
	const char *old = kvlist_get(l, "mode");

	if (!old)
		return 0;
	if (mode_is_octal(old))
		return set_value(l, "mode", "%" PRIo32, mode);
	return set_value(l, "mode", "%" PRIu32, mode);
}

static int renew_id(struct kvlist *l, const char *name, uint32_t id)
{
	return kvlist_get(l, name) ? set_value(l, name, "%" PRIu32, id) : 0;
}

/*
 * The set of s3fs, and of rclone --metadata. mtime is in the own set too.
 * ctime is not ours to know, but it is never before mtime.
 */
static int renew_plain(const struct objattr *attr, struct kvlist *meta)
{
	const char *ctime = kvlist_get(meta, "ctime");
	int64_t ctime_ns;
	int rc;

	rc = renew_mode(meta, attr->mode);
	if (!rc)
		rc = renew_id(meta, "uid", attr->uid);
	if (!rc)
		rc = renew_id(meta, "gid", attr->gid);
	if (!rc && ctime && read_seconds(ctime, &ctime_ns) &&
	    ctime_ns < attr->mtime_ns)
		rc = set_seconds(meta, "ctime", attr->mtime_ns);
	return rc;
}

/* s3cmd's owner by number, and the name that goes with another number. */
static int renew_s3cmd_owner(struct kvlist *s3cmd, const char *id_name,
			     const char *word_name, uint32_t id)
{
	const char *old = kvlist_get(s3cmd, id_name);
	uint32_t old_id;

	if (!old || !read_id(old, &old_id) || old_id != id)
		kvlist_del(s3cmd, word_name);
	return renew_id(s3cmd, id_name, id);
}

static int renew_s3cmd(const struct objattr *attr, struct kvlist *meta)
{
	int64_t sec = clock_timespec(attr->mtime_ns).tv_sec;
	struct kvlist s3cmd;
	int rc;

	if (!kvlist_get(meta, "s3cmd-attrs"))
		return 0;
	kvlist_init(&s3cmd);
	rc = s3cmd_read(meta, &s3cmd);
	if (!rc)
		rc = renew_mode(&s3cmd, attr->mode);
	if (!rc)
		rc = renew_s3cmd_owner(&s3cmd, "uid", "uname", attr->uid);
	if (!rc)
		rc = renew_s3cmd_owner(&s3cmd, "gid", "gname", attr->gid);
	if (!rc && kvlist_get(&s3cmd, "mtime"))
		rc = set_value(&s3cmd, "mtime", "%" PRId64, sec);
	if (!rc)
		rc = s3cmd_write(&s3cmd, meta);
	kvlist_release(&s3cmd);
	return rc;
}

int objattr_format(const struct objattr *attr,
		   const struct objattr_xattrs *xattrs, size_t max_bytes,
		   struct kvlist *meta)
{
	struct kvlist next;
	int rc;

	kvlist_init(&next);
	rc = kvlist_copy(&next, meta);
	if (!rc)
		rc = set_own(attr, &next);
	if (!rc)
		rc = renew_plain(attr, &next);
	if (!rc)
		rc = renew_s3cmd(attr, &next);
	if (!rc)
		rc = objxattr_write(xattrs, &next);
	if (rc == -E2BIG || (!rc && objattr_bytes(&next) > max_bytes))
		rc = -ENOSPC;
	if (rc) {
		kvlist_release(&next);
		return rc;
	}
	kvlist_release(meta);
	*meta = next;
	return 0;
}

int objattr_new_content(struct kvlist *meta)
{
	struct kvlist s3cmd;
	int rc = 0;

	kvlist_del(meta, "md5chksum");
	kvlist_init(&s3cmd);
	rc = s3cmd_read(meta, &s3cmd);
	if (!rc && kvlist_get(&s3cmd, "md5")) {
		kvlist_del(&s3cmd, "md5");
		rc = s3cmd_write(&s3cmd, meta);
	}
	kvlist_release(&s3cmd);
	return rc;
}

const char *objattr_content_type(const char *key)
{
	size_t len = strlen(key);
	const char *type;

	if (len && key[len - 1] == '/')
		return "application/x-directory";
	type = mime_type(key);
	return type ? type : "binary/octet-stream";
}

size_t objattr_bytes(const struct kvlist *meta)
{
	size_t n = 0;

	for (size_t i = 0; i < meta->count; i++)
		n += strlen(meta->items[i].name) + strlen(meta->items[i].value);
	return n;
}
