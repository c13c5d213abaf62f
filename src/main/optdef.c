/* SPDX-License-Identifier: Apache-2.0 */
/* The table of mount options, and the reading of their values. */
#include "optdef.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/core/mount.h"
#include "vers3/net/uri.h"
#include "vers3/util/clock.h"

static_assert(sizeof(enum mount_versions) == sizeof(unsigned) &&
		      sizeof(enum log_level) == sizeof(unsigned) &&
		      sizeof(enum sse_mode) == sizeof(unsigned) &&
		      sizeof(enum options_fsync) == sizeof(unsigned) &&
		      sizeof(enum options_log_format) == sizeof(unsigned),
	      "OPT_ENUM writes an unsigned");

/* In the order of the enums. */
static const char *const fsync_words[] = {"remote", "local", "replica", NULL};
static const char *const versions_words[] = {"hidden", "visible", "off",
					     "purge", NULL};
static const char *const sse_words[] = {"bucket", "s3", "kms", "c", NULL};
static const char *const format_words[] = {"text", "json", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug",
					  NULL};
static const char *const log_words[] = {"stderr", "syslog", "journal", NULL};

/* clang-format off */
#define FIELD(f) .offset = offsetof(struct options, f)

const struct optdef optdefs[] = {
	{"Server", "endpoint", OPT_URL, FIELD(endpoint),
	 "the S3 server", .value = "URL",
	 .shown = "$AWS_ENDPOINT_URL, the profile's, else AWS's"},
	{"Server", "region", OPT_STRING, FIELD(region),
	 "region to sign for", .value = "NAME",
	 .shown = "$AWS_REGION, the profile's, else asked of the server"},
	{"Server", "path_style", OPT_FLAG, FIELD(path_style),
	 "put the bucket into the path, not into the host name"},
	{"Server", "profile", OPT_STRING, FIELD(profile),
	 "profile in ~/.aws/config and ~/.aws/credentials", .value = "NAME",
	 .shown = "$AWS_PROFILE, else \"default\""},
	{"Server", "no_sign_request", OPT_FLAG, FIELD(no_sign_request),
	 "ask without credentials, for public buckets"},
	{"Server", "ca_file", OPT_PATH, FIELD(ca_file),
	 "certificates to trust, PEM", .value = "FILE",
	 .shown = "$AWS_CA_BUNDLE, else the system's"},
	{"Server", "requester_pays", OPT_FLAG, FIELD(requester_pays),
	 "agree to pay for requests to other people's buckets"},

	{"Cache", "cache_dir", OPT_PATH, FIELD(cache_dir),
	 "where cached and unsent data is kept", .value = "DIR",
	 .shown = "$XDG_CACHE_HOME/vers3/BUCKET, "
		  "/var/cache/vers3/BUCKET for root"},
	{"Cache", "adopt_cache", OPT_FLAG, FIELD(adopt_cache),
	 "take over the cache of a server that had another name"},
	{"Cache", "cache_size", OPT_SIZE, FIELD(cache_size_bytes),
	 "most that cached data may take", .value = "SIZE",
	 .fallback = "10G", .min = "1M", .max = "1024T"},
	{"Cache", "min_free", OPT_SIZE_OR_PERCENT, FIELD(min_free),
	 "what to leave free on the cache's disk", .value = "SIZE|PERCENT%",
	 .fallback = "10%", .max = "1024T",
	 .percent_offset = offsetof(struct options, min_free_percent)},
	{"Cache", "ttl", OPT_TIME, FIELD(ttl_ns),
	 "how old an answer about names may be; 0 asks each time",
	 .value = "TIME", .fallback = "5", .max = "365d"},

	{"Writing", "commit", OPT_TIME, FIELD(commit_ns),
	 "send what was changed when it has been left alone for so long; a "
	 "file that is closed sooner, unless this is more than 2",
	 .value = "TIME", .fallback = "2", .max = "1d"},
	{"Writing", "save_after", OPT_TIME, FIELD(save_after_ns),
	 "save a file that is written without end this often; 0: when it is "
	 "closed",
	 .value = "TIME", .fallback = "5m", .max = "1d"},
	{"Writing", "sync", OPT_FLAG, FIELD(sync),
	 "close waits until the bucket has the file"},
	{"Writing", "fsync", OPT_ENUM, FIELD(fsync),
	 "what fsync waits for: the bucket, this host's disk, or the bucket and "
	 "its replica",
	 .words = fsync_words, .fallback = "remote"},
	{"Writing", "quota", OPT_SIZE, FIELD(quota_bytes),
	 "most that unsent changes may take on this disk; 0: no limit",
	 .value = "SIZE", .fallback = "0", .max = "1048576T"},
	{"Writing", "max_file_size", OPT_SIZE, FIELD(max_file_bytes),
	 "no file is made longer, but EFBIG; 5T is S3's limit",
	 .value = "SIZE", .fallback = "5T", .min = "1", .max = "5T"},
	{"Writing", "storage_class", OPT_STRING, FIELD(storage_class),
	 "class of new objects, one that the server has, as STANDARD_IA",
	 .value = "CLASS", .shown = "the bucket's"},
	{"Writing", "sse", OPT_ENUM, FIELD(sse),
	 "encryption of new objects by the server: the bucket's own, SSE-S3, "
	 "SSE-KMS, or SSE-C, by a key that is sent along",
	 .words = sse_words, .fallback = "bucket"},
	{"Writing", "sse_kms_key", OPT_STRING, FIELD(sse_kms_key),
	 "the key of sse=kms: its id, alias or ARN", .value = "KEY",
	 .shown = "the account's own for S3"},
	{"Writing", "sse_bucket_key", OPT_FLAG, FIELD(sse_bucket_key),
	 "with sse=kms, ask for a key of the bucket's: fewer calls of KMS"},
	{"Writing", "sse_c_key_file", OPT_PATH, FIELD(sse_c_key_file),
	 "keys of SSE-C, 32 bytes or base64, one a line: what is written is "
	 "under the first, what is read under any; over TLS only",
	 .value = "FILE"},
	{"Writing", "ro", OPT_FLAG, FIELD(read_only),
	 "change nothing"},

	{"Network", "retries", OPT_NUMBER, FIELD(retries),
	 "further tries of a request that failed for the moment, "
	 "connect_timeout= long at least",
	 .value = "NUMBER", .fallback = "3", .min = "0", .max = "100"},
	{"Network", "connect_timeout", OPT_SECONDS, FIELD(connect_timeout_s),
	 "give up connecting after", .value = "TIME", .fallback = "5",
	 .min = "1", .max = "1h"},
	{"Network", "read_timeout", OPT_SECONDS, FIELD(read_timeout_s),
	 "give up a request when nothing, or next to it, has come or gone for",
	 .value = "TIME", .fallback = "30", .min = "1", .max = "1h"},

	{"Ownership", "uid", OPT_USER, FIELD(uid),
	 "owner of files that name none", .value = "USER",
	 .shown = "the mounting user"},
	{"Ownership", "gid", OPT_GROUP, FIELD(gid),
	 "group of files that name none", .value = "GROUP",
	 .shown = "the mounting user's"},
	{"Ownership", "umask", OPT_MODE, FIELD(umask),
	 "permissions to leave out of the next two defaults", .value = "MODE",
	 .fallback = "022", .max = "0777"},
	{"Ownership", "file_mode", OPT_MODE, FIELD(file_mode),
	 "permissions of files that name none", .value = "MODE",
	 .shown = "0666 without umask", .max = "07777"},
	{"Ownership", "dir_mode", OPT_MODE, FIELD(dir_mode),
	 "permissions of directories that name none", .value = "MODE",
	 .shown = "0777 without umask", .max = "07777"},
	{"Ownership", "allow_other", OPT_FLAG, FIELD(allow_other),
	 "let other users in"},
	{"Ownership", "allow_root", OPT_FLAG, FIELD(allow_root),
	 "let root in, besides the mounting user"},
	{"Ownership", "allow_dev", OPT_FLAG, FIELD(allow_dev),
	 "let devices be opened, as dev does; mount(8) keeps that word to "
	 "itself"},
	{"Ownership", "allow_suid", OPT_FLAG, FIELD(allow_suid),
	 "let set-user-id programs and capabilities of files count, as suid "
	 "does"},

	{"History", "versions", OPT_ENUM, FIELD(versions),
	 "the directory .versions: there but not listed, listed, not there, or "
	 "not listed and its versions may be removed for good",
	 .words = versions_words, .fallback = "hidden"},
	{"History", "versions_dir", OPT_NAME, FIELD(versions_dir),
	 "what .versions is called; nothing: it is not there", .value = "NAME",
	 .fallback = ".versions"},
	{"History", "control_file", OPT_NAME, FIELD(control_file),
	 "what .control is called; nothing: it is not there", .value = "NAME",
	 .fallback = ".control"},
	{"History", "at", OPT_STRING, FIELD(at),
	 "show the files as they were then, read-only", .value = "TIME",
	 .shown = "now"},
	{"History", "enable_versioning", OPT_FLAG, FIELD(enable_versioning),
	 "turn the bucket's versioning on if it is not"},

	{"Replica", "replica", OPT_STRING, FIELD(replica),
	 "the bucket that this one is replicated to", .value = "BUCKET",
	 .shown = "none"},
	{"Replica", "replica_endpoint", OPT_URL, FIELD(replica_endpoint),
	 "its S3 server", .value = "URL", .shown = "the mount's own"},
	{"Replica", "replica_region", OPT_STRING, FIELD(replica_region),
	 "region to sign for there", .value = "NAME",
	 .shown = "the mount's own"},
	{"Replica", "replica_profile", OPT_STRING, FIELD(replica_profile),
	 "profile with the credentials for it", .value = "NAME",
	 .shown = "the mount's own"},
	{"Replica", "replica_timeout", OPT_TIME, FIELD(replica_timeout_ns),
	 "how long fsync=replica waits for the replica before it fails with "
	 "ETIMEDOUT",
	 .value = "TIME", .fallback = "1m", .min = "1", .max = "1d"},

	{"Watching", "log", OPT_PATH, FIELD(log),
	 "where the log goes; FILE is appended to",
	 .value = "stderr|syslog|journal|FILE", .words = log_words,
	 .shown = "syslog, stderr with -f"},
	{"Watching", "log_format", OPT_ENUM, FIELD(log_format),
	 "lines of text, or one JSON object a line", .words = format_words,
	 .fallback = "text"},
	{"Watching", "log_level", OPT_ENUM, FIELD(log_level),
	 "least grave events to log", .words = level_words,
	 .fallback = "info"},
};
/* clang-format on */

const size_t optdefs_count = sizeof(optdefs) / sizeof(*optdefs);

struct unit {
	char letter;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{'K', UINT64_C(1) << 10},
	{'M', UINT64_C(1) << 20},
	{'G', UINT64_C(1) << 30},
	{'T', UINT64_C(1) << 40},
};

static const struct unit time_units[] = {
	{'s', NS_PER_S},
	{'m', 60 * NS_PER_S},
	{'h', 3600 * NS_PER_S},
	{'d', 86400 * NS_PER_S},
};

#define UNIT_COUNT 4

/* "2", "1.5G": a number in the base unit, or with a letter for another. */
static bool read_scaled(const char *s, const struct unit *units, uint64_t base,
			uint64_t *ret_number)
{
	size_t digits = strspn(s, "0123456789.");
	double number;
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	number = strtod(s, &end);
	if (end != s + digits)
		return false;
	if (*end) {
		base = 0;
		for (size_t i = 0; i < UNIT_COUNT; i++) {
			if (tolower((unsigned char)*end) ==
			    tolower((unsigned char)units[i].letter))
				base = units[i].factor;
		}
		if (!base || end[1])
			return false;
	}
	number *= (double)base;
	if (number > (double)(UINT64_C(1) << 62))
		return false;
	*ret_number = (uint64_t)(number + 0.5);
	return true;
}

static bool read_digits(const char *s, int base, uint64_t *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*ret_number = strtoull(s, &end, base);
	return !errno && !*end;
}

static bool find_user(const char *name, uint64_t *ret_number)
{
	const struct passwd *pw = getpwnam(name);

	if (pw)
		*ret_number = pw->pw_uid;
	return pw != NULL;
}

static bool find_group(const char *name, uint64_t *ret_number)
{
	const struct group *gr = getgrnam(name);

	if (gr)
		*ret_number = gr->gr_gid;
	return gr != NULL;
}

/* Any kind that is a number, in the unit of its field. */
static bool read_number(enum optdef_kind kind, const char *s,
			uint64_t *ret_number)
{
	switch (kind) {
	case OPT_SIZE:
	case OPT_SIZE_OR_PERCENT:
		return read_scaled(s, size_units, 1, ret_number);
	case OPT_TIME:
	case OPT_SECONDS:
		return read_scaled(s, time_units, NS_PER_S, ret_number);
	case OPT_NUMBER:
		return read_digits(s, 10, ret_number);
	case OPT_USER:
		return read_digits(s, 10, ret_number) ||
		       find_user(s, ret_number);
	case OPT_GROUP:
		return read_digits(s, 10, ret_number) ||
		       find_group(s, ret_number);
	case OPT_MODE:
		return read_digits(s, 8, ret_number);
	default:
		return false;
	}
}

static bool in_range(const struct optdef *d, uint64_t number)
{
	uint64_t limit;

	if (d->min && read_number(d->kind, d->min, &limit) && number < limit)
		return false;
	if (d->max && read_number(d->kind, d->max, &limit) && number > limit)
		return false;
	return (d->kind != OPT_USER && d->kind != OPT_GROUP) ||
	       number < OPTIONS_ID_NONE;
}

static int set_percent(const struct optdef *d, const char *value,
		       struct options *o)
{
	bool *percent = (bool *)((char *)o + d->percent_offset);
	size_t len = strlen(value);
	char digits[4];
	uint64_t number;

	if (len < 2 || len > sizeof(digits))
		return -EINVAL;
	memcpy(digits, value, len - 1);
	digits[len - 1] = '\0';
	if (!read_digits(digits, 10, &number) || number > 100)
		return -EINVAL;
	*(uint64_t *)((char *)o + d->offset) = number;
	*percent = true;
	return 0;
}

static int set_number(const struct optdef *d, const char *value,
		      struct options *o)
{
	void *field = (char *)o + d->offset;
	size_t len = strlen(value);
	uint64_t number;

	if (d->kind == OPT_SIZE_OR_PERCENT && len && value[len - 1] == '%')
		return set_percent(d, value, o);
	if (!read_number(d->kind, value, &number) || !in_range(d, number))
		return -EINVAL;
	switch (d->kind) {
	case OPT_SIZE_OR_PERCENT:
		*(bool *)((char *)o + d->percent_offset) = false;
		*(uint64_t *)field = number;
		break;
	case OPT_SIZE:
		*(uint64_t *)field = number;
		break;
	case OPT_TIME:
		*(int64_t *)field = (int64_t)number;
		break;
	case OPT_SECONDS:
		*(unsigned *)field =
			(unsigned)((number + NS_PER_S - 1) / NS_PER_S);
		break;
	default:
		*(uint32_t *)field = (uint32_t)number;
		break;
	}
	return 0;
}

/* Index of the word, or -1. */
static int find_word(const char *const *words, const char *value)
{
	for (int i = 0; words && words[i]; i++) {
		if (strcmp(words[i], value) == 0)
			return i;
	}
	return -1;
}

/* The process changes its directory later: a path has to stand alone. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX];
	char *s;

	if (path[0] == '/')
		return strdup(path);
	if (!getcwd(cwd, sizeof(cwd)) || asprintf(&s, "%s/%s", cwd, path) < 0)
		return NULL;
	return s;
}

static int set_string(const struct optdef *d, const char *value,
		      struct options *o)
{
	char **field = (char **)((char *)o + d->offset);
	struct uri uri;
	char *s;
	int rc;

	if (!*value && d->kind != OPT_NAME)
		return -EINVAL;
	if (d->kind == OPT_NAME && *value && !mount_name_ok(NULL, value))
		return -EINVAL;
	if (d->kind == OPT_URL) {
		rc = uri_split(value, &uri);
		if (rc)
			return rc;
		uri_release(&uri);
	}
	if (d->kind == OPT_PATH && find_word(d->words, value) < 0)
		s = absolute(value);
	else
		s = strdup(value);
	if (!s)
		return -ENOMEM;
	free(*field);
	*field = s;
	return 0;
}

static int set_enum(const struct optdef *d, const char *value,
		    struct options *o)
{
	int i = find_word(d->words, value);

	/* As many other programs spell it. */
	if (i < 0 && d->words == level_words && !strcmp(value, "warn"))
		i = LOG_LEVEL_WARNING;
	if (i < 0)
		return -EINVAL;
	*(unsigned *)((char *)o + d->offset) = (unsigned)i;
	return 0;
}

/* What an option takes, for the one line about a value that is wrong. */
static void takes_text(const struct optdef *d, char *buf, size_t size)
{
	static const char *const texts[] = {
		[OPT_STRING] = "a text",
		[OPT_NAME] = "a file's name, or nothing",
		[OPT_PATH] = "a path",
		[OPT_URL] = "a URL as https://host or http://host:port, "
			    "without user and password",
		[OPT_SIZE] = "bytes, or a number with K, M, G or T",
		[OPT_SIZE_OR_PERCENT] = "a percentage as 10%, bytes, or a "
					"number with K, M, G or T",
		[OPT_TIME] = "seconds, or a number with s, m, h or d",
		[OPT_SECONDS] = "seconds, or a number with s, m or h",
		[OPT_NUMBER] = "a number",
		[OPT_USER] = "a user's name or number, as id(1) shows them",
		[OPT_GROUP] = "a group's name or number, as id(1) shows them",
		[OPT_MODE] = "permissions in octal, as 0640",
	};
	const char *text;

	if (d->kind == OPT_ENUM || d->kind == OPT_PATH) {
		optdef_value_text(d, buf, size);
		return;
	}
	text = texts[d->kind];
	if (d->min && d->max)
		snprintf(buf, size, "%s, from %s to %s", text, d->min, d->max);
	else if (d->max)
		snprintf(buf, size, "%s, at most %s", text, d->max);
	else
		snprintf(buf, size, "%s", text);
}

const struct optdef *optdef_find(const char *name)
{
	for (size_t i = 0; i < optdefs_count; i++) {
		if (strcmp(optdefs[i].name, name) == 0)
			return &optdefs[i];
	}
	return NULL;
}

static int set_value(const struct optdef *d, const char *value,
		     struct options *o)
{
	switch (d->kind) {
	case OPT_STRING:
	case OPT_NAME:
	case OPT_PATH:
	case OPT_URL:
		return set_string(d, value, o);
	case OPT_ENUM:
		return set_enum(d, value, o);
	default:
		return set_number(d, value, o);
	}
}

int optdef_set(const struct optdef *d, const char *value, struct options *o,
	       char *reason, size_t size)
{
	char takes[160];
	int rc;

	if (d->kind == OPT_FLAG) {
		if (value) {
			snprintf(reason, size, "option %s takes no value",
				 d->name);
			return -EINVAL;
		}
		*(bool *)((char *)o + d->offset) = true;
		return 0;
	}
	rc = value ? set_value(d, value, o) : -EINVAL;
	if (rc != -EINVAL)
		return rc;
	takes_text(d, takes, sizeof(takes));
	/* A URL that is wrong may be so by having a password in it. */
	if (!value || !*value)
		snprintf(reason, size, "option %s needs a value: %s", d->name,
			 takes);
	else if (d->kind == OPT_URL)
		snprintf(reason, size, "option %s takes %s", d->name, takes);
	else
		snprintf(reason, size,
			 "option %s=%s is not understood: "
			 "it takes %s",
			 d->name, value, takes);
	return rc;
}

void optdef_value_text(const struct optdef *d, char *buf, size_t size)
{
	size_t len = 0;

	if (d->kind == OPT_FLAG) {
		snprintf(buf, size, "%s", "");
		return;
	}
	if (d->kind != OPT_ENUM) {
		snprintf(buf, size, "%s", d->value);
		return;
	}
	for (int i = 0; d->words[i] && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					i ? "|" : "", d->words[i]);
}
