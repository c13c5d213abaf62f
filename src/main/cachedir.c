/* SPDX-License-Identifier: Apache-2.0 */
/* The cache directory: its name, its owner, its lock. */
#include "vers3/main/cachedir.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vers3/net/uri.h"
#include "vers3/util/buf.h"
#include "vers3/util/clock.h"
#include "vers3/util/hex.h"
#include "vers3/util/lock_record.h"
#include "vers3/util/safepath.h"

#define HASH_SHOWN 4 /* bytes of it in a directory's name */

#define WHY_MAX 512
#define POLL_NS (50 * NS_PER_MS)
/*
 * umount(8) returns a moment before the daemon knows, so a lock is given
 * this long to change hands even if its holder does not look like ending.
 */
#define GRACE_NS NS_PER_S

struct cachedir {
	char *path; /* owned */
	char *identity; /* owned */
	int fd; /* of the lock file; owned */
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcasecmp(s + n - m, end) == 0;
}

int cachedir_identity(const char *url, const char *bucket, const char *prefix,
		      char **ret_identity)
{
	size_t bucket_len = strlen(bucket);
	struct uri u = {.scheme = NULL};
	const char *host, *server;
	struct buf b;
	int rc;

	buf_init(&b, LOCK_RECORD_MAX / 2);
	rc = uri_split(url, &u);
	if (rc)
		goto out;
	host = u.host;
	server = u.authority;
	if (strncmp(server, bucket, bucket_len) == 0 &&
	    server[bucket_len] == '.') {
		host += bucket_len + 1;
		server += bucket_len + 1;
	}
	if (ends_with(host, ".amazonaws.com") ||
	    ends_with(host, ".amazonaws.com.cn"))
		server = "aws";
	rc = buf_printf(&b, "%s %s:", server, bucket);
	/* Encoded, since it may hold line feeds and the record may not. */
	if (!rc)
		rc = uri_encode(&b, prefix, strlen(prefix), true);
	if (rc)
		goto out;
	*ret_identity = buf_detach(&b);
	if (!*ret_identity)
		rc = -ENOMEM;
out:
	buf_release(&b);
	uri_release(&u);
	return rc;
}

int cachedir_default_base(char **ret_base)
{
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *base = NULL;
	int n;

	if (geteuid() == 0) {
		n = asprintf(&base, "/var/cache/vers3");
	} else if (xdg && xdg[0] == '/') {
		/* The XDG rules say to pass over a relative path. */
		n = asprintf(&base, "%s/vers3", xdg);
	} else {
		if (!home || home[0] != '/') {
			const struct passwd *pw = getpwuid(geteuid());

			home = pw ? pw->pw_dir : NULL;
		}
		if (!home || home[0] != '/')
			return -ENOENT;
		n = asprintf(&base, "%s/.cache/vers3", home);
	}
	if (n < 0)
		return -ENOMEM;
	*ret_base = base;
	return 0;
}

int cachedir_default(const char *base, const char *bucket, const char *identity,
		     char **ret_path)
{
	char hex[2 * HASH_SHOWN + 1];
	unsigned char hash[EVP_MAX_MD_SIZE];
	struct lock_record record;
	char *plain = NULL, *own = NULL;
	bool foreign;

	if (!EVP_Digest(identity, strlen(identity), hash, NULL, EVP_sha256(),
			NULL))
		return -ENOMEM;
	hex_write(hash, HASH_SHOWN, hex);
	if (asprintf(&plain, "%s/%s", base, bucket) < 0)
		return -ENOMEM;
	if (asprintf(&own, "%s/%s-%s", base, bucket, hex) < 0) {
		free(plain);
		return -ENOMEM;
	}
	foreign = lock_record_read(plain, &record) == 0 &&
		  strcmp(record.identity, identity) != 0;
	if (foreign || cachedir_used(own)) {
		*ret_path = own;
		free(plain);
	} else {
		*ret_path = plain;
		free(own);
	}
	return 0;
}

bool cachedir_used(const char *path)
{
	struct lock_record record;

	return lock_record_read(path, &record) == 0;
}

bool cachedir_is_renamed(const char *from, const char *to)
{
	const char *a = strchr(from, ' '), *b = strchr(to, ' ');

	return a && b && !strcmp(a, b) && strcmp(from, to) != 0;
}

int cachedir_recorded(const char *path, char **ret_identity)
{
	struct lock_record record;
	char *identity;

	if (lock_record_read(path, &record))
		return -ENOENT;
	identity = strdup(record.identity);
	if (!identity)
		return -ENOMEM;
	*ret_identity = identity;
	return 0;
}

/* mkdir -p with 0700. */
static int make_dirs(const char *path)
{
	char *copy = strdup(path);
	int rc = 0;

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; !rc; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST)
			rc = -errno;
		*p = c;
		if (c == '\0')
			break;
	}
	/* On a read-only disk mkdir says so of what is there, too. */
	if (rc && access(path, F_OK) == 0)
		rc = 0;
	free(copy);
	return rc;
}

/* Looks at the directory before anything is written to it. */
static int check_dir(const char *path, char *reason, size_t size)
{
	struct stat st;

	if (lstat(path, &st)) {
		int rc = -errno;

		snprintf(reason, size, "cache directory %s: %s", path,
			 strerror(-rc));
		return rc;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(reason, size,
			 "cache directory %s is not a directory; name another "
			 "with -o cache_dir=",
			 path);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid()) {
		snprintf(reason, size,
			 "cache directory %s belongs to uid %lu, not to you; "
			 "name another with -o cache_dir=",
			 path, (unsigned long)st.st_uid);
		return -EPERM;
	}
	if (safepath_is_shared(&st)) {
		snprintf(reason, size,
			 "cache directory %s can be written by %s; chmod 700 "
			 "it, or name another with -o cache_dir=",
			 path, st.st_mode & S_IWOTH ? "everyone" : "its group");
		return -EPERM;
	}
	return 0;
}

/* Takes the lock, waiting as cachedir_open() says. */
static int take_lock(struct cachedir *d, unsigned wait_ms, char *reason,
		     size_t size)
{
	const struct timespec pause = clock_timespec(POLL_NS);
	int64_t start = clock_mono_ns();
	int64_t limit = (int64_t)wait_ms * NS_PER_MS;
	int64_t grace = limit < GRACE_NS ? limit : GRACE_NS;
	struct lock_record record;

	while (flock(d->fd, LOCK_EX | LOCK_NB)) {
		int64_t waited = clock_mono_ns() - start;
		bool ending;

		if (errno != EWOULDBLOCK && errno != EINTR) {
			int rc = -errno;

			snprintf(reason, size, "cannot lock %s/%s: %s", d->path,
				 LOCK_RECORD_NAME, strerror(-rc));
			return rc;
		}
		ending = lock_record_read_fd(d->fd, &record) == 0 &&
			 strcmp(record.state, LOCK_MOUNTED) != 0;
		if (waited >= (ending ? limit : grace)) {
			snprintf(reason, size,
				 "cache directory %s is in use by process "
				 "%ld%s; %s",
				 d->path, record.pid,
				 ending ? ", which still sends what it has"
					: "",
				 ending ? "wait for it to end"
					: "unmount what that has mounted, or "
					  "name another with -o cache_dir=");
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int open_lock(struct cachedir *d, unsigned wait_ms, char *reason,
		     size_t size)
{
	struct lock_record record;
	char *name = NULL;
	int rc;

	if (asprintf(&name, "%s/" LOCK_RECORD_NAME, d->path) < 0)
		return -ENOMEM;
	d->fd = open(name,
		     O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		     0600);
	rc = d->fd < 0 ? -errno : 0;
	free(name);
	if (rc) {
		snprintf(reason, size, "cannot write to cache directory %s: %s",
			 d->path, strerror(-rc));
		return rc;
	}
	rc = take_lock(d, wait_ms, reason, size);
	if (rc)
		return rc;
	if (lock_record_read_fd(d->fd, &record) == 0 &&
	    strcmp(record.identity, d->identity) != 0) {
		snprintf(reason, size,
			 "cache directory %s belongs to %s, not to %s; name "
			 "another with -o cache_dir=%s",
			 d->path, record.identity, d->identity,
			 cachedir_is_renamed(record.identity, d->identity)
				 ? ", or if the server was renamed, take this "
				   "one over with -o adopt_cache"
				 : "");
		return -EXDEV;
	}
	rc = lock_record_write(d->fd, LOCK_MOUNTED, d->identity);
	if (rc)
		snprintf(reason, size, "cannot write to cache directory %s: %s",
			 d->path, strerror(-rc));
	return rc;
}

int cachedir_open(const char *path, const char *identity, unsigned wait_ms,
		  char *reason, size_t size, struct cachedir **ret_dir)
{
	struct cachedir *d = calloc(1, sizeof(*d));
	char why[WHY_MAX];
	int rc = -ENOMEM;

	snprintf(reason, size, "no memory");
	if (!d)
		return rc;
	d->fd = -1;
	d->identity = strdup(identity);
	if (!d->identity)
		goto out;
	rc = safepath_resolve(path, why, sizeof(why), &d->path);
	if (rc) {
		snprintf(reason, size,
			 "cache directory %s: %s; name another with "
			 "-o cache_dir=",
			 path, why);
		goto out;
	}
	rc = make_dirs(d->path);
	if (rc) {
		snprintf(reason, size,
			 "cannot make cache directory %s: %s; name another "
			 "with -o cache_dir=",
			 path, strerror(-rc));
		goto out;
	}
	rc = check_dir(d->path, reason, size);
	if (rc)
		goto out;
	rc = open_lock(d, wait_ms, reason, size);
out:
	if (rc) {
		cachedir_close(d);
		return rc;
	}
	*ret_dir = d;
	return 0;
}

int cachedir_rename(struct cachedir *d, const char *identity)
{
	char *copy = strdup(identity);
	int rc;

	if (!copy)
		return -ENOMEM;
	free(d->identity);
	d->identity = copy;
	rc = lock_record_write(d->fd, LOCK_LEFT, d->identity);
	if (!rc && fsync(d->fd))
		rc = -errno;
	return rc;
}

const char *cachedir_path(const struct cachedir *d)
{
	return d->path;
}

void cachedir_set_ending(struct cachedir *d)
{
	/* A courtesy: without it the next mount merely does not wait. */
	(void)!lock_record_write(d->fd, LOCK_ENDING, d->identity);
}

void cachedir_set_ended(struct cachedir *d, bool all_sent)
{
	(void)!lock_record_write(d->fd, all_sent ? LOCK_SENT : LOCK_LEFT,
				 d->identity);
}

void cachedir_close(struct cachedir *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	free(d->identity);
	free(d->path);
	free(d);
}
