/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of the file is the word that begins it, "key" and a key in
 * hexadecimal, or the word that ends it, after which the file is as good as
 * gone. Each ends with a newline: what has none was cut by a crash
 * before anybody was told that it stands there, so nothing was sent.
 */
#include "vers3/store/key_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/hex.h"
#include "vers3/util/map.h"

#define HEAD	       "vers3-failover 1 "
#define KEY	       "key "
#define END	       "end"
#define LINE_MAX_BYTES (sizeof(KEY) + 2 * KEY_JOURNAL_KEY_MAX + 2)

/* One that is to be taken; the newest first. */
struct noted {
	struct noted *next;
	char key[]; /* a string */
};

struct key_journal {
	char *path, *place; /* owned */
	pthread_mutex_t mutex;
	/* All below is protected by mutex. */
	int fd; /* -1: not begun */
	bool elsewhere; /* what was read was begun with another place */
	bool ended; /* read from the file, which was to go */
	bool lost; /* one that is in the file alone, for want of memory */
	int64_t begun_ns;
	off_t size; /* what is known to be whole */
	struct noted *noted; /* owned */
	struct map *known; /* owned: the same by key */
};

static int remember(struct key_journal *j, const char *key)
{
	size_t len = strlen(key);
	struct noted *n;

	if (map_get(j->known, key, len))
		return 0;
	n = malloc(sizeof(*n) + len + 1);
	if (!n)
		return -ENOMEM;
	memcpy(n->key, key, len + 1);
	if (map_put(j->known, key, len, n)) {
		free(n);
		return -ENOMEM;
	}
	n->next = j->noted;
	j->noted = n;
	return 0;
}

/* The names of the directory are durable, too. */
static int sync_dir(const char *path)
{
	char *copy = strdup(path);
	int fd, rc = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

static int read_key(struct key_journal *j, const char *text)
{
	char key[KEY_JOURNAL_KEY_MAX + 1];
	size_t size = strlen(text) / 2;

	if (!size || size > KEY_JOURNAL_KEY_MAX || !hex_read(text, size, key))
		return -EILSEQ;
	key[size] = '\0';
	return remember(j, key);
}

/* "vers3-failover 1 NS PLACE" */
static int read_head(struct key_journal *j, const char *line)
{
	int at = 0;

	if (strncmp(line, HEAD, strlen(HEAD)) != 0 ||
	    sscanf(line + strlen(HEAD), "%" SCNd64 " %n", &j->begun_ns, &at) !=
		    1 ||
	    !at)
		return -EILSEQ;
	j->elsewhere = strcmp(line + strlen(HEAD) + at, j->place) != 0;
	return 0;
}

static int read_lines(struct key_journal *j, FILE *f)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int rc = 0;

	j->size = 0;
	while (!rc && (len = getline(&line, &room, f)) > 0 &&
	       line[len - 1] == '\n') {
		line[len - 1] = '\0';
		if (!j->size)
			rc = read_head(j, line);
		else if (j->ended)
			rc = -EILSEQ;
		else if (!strcmp(line, END))
			j->ended = true;
		else if (strncmp(line, KEY, strlen(KEY)) != 0)
			rc = -EILSEQ;
		else
			rc = read_key(j, line + strlen(KEY));
		j->size += len;
	}
	free(line);
	if (!rc && ferror(f))
		return -EIO;
	return !rc && j->elsewhere && !j->ended ? -EXDEV : rc;
}

static void forget(struct key_journal *j)
{
	struct noted *n;

	while ((n = j->noted)) {
		j->noted = n->next;
		map_del(j->known, n->key, strlen(n->key));
		free(n);
	}
}

/* What an earlier mount has noted. */
static int load(struct key_journal *j)
{
	FILE *f = fopen(j->path, "r+e");
	int rc;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	rc = read_lines(j, f);
	/* One whose beginning is not whole had not begun. */
	if (!rc && j->ended)
		forget(j);
	else if (!rc && j->size)
		j->fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 0);
	if (!rc && !j->ended && j->size && j->fd < 0)
		rc = -errno;
	fclose(f);
	return rc;
}

int key_journal_open(const char *path, const char *place,
		     struct key_journal **ret_journal)
{
	struct key_journal *j = calloc(1, sizeof(*j));
	int rc = -ENOMEM;

	if (!j)
		return rc;
	j->fd = -1;
	pthread_mutex_init(&j->mutex, NULL);
	j->path = strdup(path);
	j->place = strdup(place);
	if (j->path && j->place)
		rc = map_new(&j->known);
	if (!rc)
		rc = load(j);
	if (rc)
		key_journal_free(j);
	else
		*ret_journal = j;
	return rc;
}

void key_journal_free(struct key_journal *j)
{
	if (!j)
		return;
	forget(j);
	map_free(j->known);
	if (j->fd >= 0)
		close(j->fd);
	pthread_mutex_destroy(&j->mutex);
	free(j->path);
	free(j->place);
	free(j);
}

bool key_journal_is_begun(struct key_journal *j)
{
	return key_journal_begun_ns(j) != 0;
}

int64_t key_journal_begun_ns(struct key_journal *j)
{
	int64_t ns;

	pthread_mutex_lock(&j->mutex);
	ns = j->fd >= 0 ? j->begun_ns : 0;
	pthread_mutex_unlock(&j->mutex);
	return ns;
}

/* Behind what is whole: what a failure or a crash has left there goes. */
static int append(struct key_journal *j, const char *line, size_t len)
{
	size_t done = 0;

	if (ftruncate(j->fd, j->size))
		return -errno;
	while (done < len) {
		ssize_t n = pwrite(j->fd, line + done, len - done,
				   j->size + (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fdatasync(j->fd))
		return -errno;
	j->size += (off_t)len;
	return 0;
}

static int begin(struct key_journal *j)
{
	char *line = NULL;
	int rc, len;

	j->begun_ns = clock_real_ns();
	len = asprintf(&line, HEAD "%" PRId64 " %s\n", j->begun_ns, j->place);
	if (len < 0)
		return -ENOMEM;
	/* What is there had not begun, or has ended. */
	j->fd = open(j->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = j->fd < 0 ? -errno : 0;
	j->size = 0;
	if (!rc)
		rc = append(j, line, (size_t)len);
	if (!rc)
		rc = sync_dir(j->path);
	free(line);
	if (rc && j->fd >= 0) {
		unlink(j->path);
		close(j->fd);
		j->fd = -1;
	}
	return rc;
}

int key_journal_begin(struct key_journal *j)
{
	int rc;

	pthread_mutex_lock(&j->mutex);
	rc = j->fd >= 0 ? -EALREADY : begin(j);
	pthread_mutex_unlock(&j->mutex);
	return rc;
}

int key_journal_note(struct key_journal *j, const char *key)
{
	char line[LINE_MAX_BYTES];
	size_t len = strlen(key);
	int rc = 0;

	if (!len || len > KEY_JOURNAL_KEY_MAX)
		return -EINVAL;
	pthread_mutex_lock(&j->mutex);
	if (j->fd < 0)
		rc = -EINVAL;
	else if (!map_get(j->known, key, len)) {
		strcpy(line, KEY);
		hex_write(key, len, line + strlen(KEY));
		strcat(line, "\n");
		rc = append(j, line, strlen(line));
		if (!rc)
			rc = remember(j, key);
	}
	pthread_mutex_unlock(&j->mutex);
	return rc;
}

size_t key_journal_count(struct key_journal *j)
{
	size_t count;

	pthread_mutex_lock(&j->mutex);
	count = map_count(j->known);
	pthread_mutex_unlock(&j->mutex);
	return count;
}

bool key_journal_take(struct key_journal *j, char *buf)
{
	struct noted *n;

	pthread_mutex_lock(&j->mutex);
	n = j->noted;
	if (n) {
		j->noted = n->next;
		map_del(j->known, n->key, strlen(n->key));
		strcpy(buf, n->key);
		free(n);
	}
	pthread_mutex_unlock(&j->mutex);
	return n != NULL;
}

void key_journal_again(struct key_journal *j, const char *key)
{
	pthread_mutex_lock(&j->mutex);
	if (j->fd >= 0 && remember(j, key))
		j->lost = true;
	pthread_mutex_unlock(&j->mutex);
}

int key_journal_end(struct key_journal *j)
{
	int rc = 0;

	pthread_mutex_lock(&j->mutex);
	if (j->noted)
		rc = -EBUSY;
	else if (j->lost)
		rc = -ENOMEM;
	else if (j->fd >= 0)
		rc = append(j, END "\n", strlen(END "\n"));
	/*
	 * Over, whether its name goes or not, or comes back after a crash: who
	 * took it for one that is on would show what is older than the bucket.
	 */
	if (!rc && j->fd >= 0) {
		unlink(j->path);
		close(j->fd);
		j->fd = -1;
	}
	pthread_mutex_unlock(&j->mutex);
	return rc;
}
