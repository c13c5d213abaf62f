/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing; see blockcheck.h. All but the last function is the child's. */
#include "blockcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "size_class.h"

#define FREE_LIST     0
#define CHILD_SECONDS 120 /* a walk that takes longer is taken as a loop */
/*
 * Pages at the end that a last transaction used and freed itself are never
 * written; the file may be that much shorter than LMDB counts.
 */
#define SHORT_PAGES 64

/* What a table's keys and values must look like. */
struct shape {
	size_t key_size;
	size_t min_value, max_value;
};

/* The map as the child sees it, to tell values that lie outside the file. */
struct extent {
	const char *map; /* NULL until the first key was seen */
	size_t page_bytes;
	uint64_t size_bytes;
};

/*
 * LMDB does not tell where its map begins, but every page begins with its
 * number, and keys lie on pages of their own kind, never on overflow pages.
 * Damaged numbers contradict each other.
 */
static bool place_map(struct extent *file, const MDB_val *key)
{
	uintptr_t at = (uintptr_t)key->mv_data;
	const char *page = (const char *)(at - at % file->page_bytes);
	size_t number = *(const size_t *)(const void *)page;
	const char *map = page - number * file->page_bytes;

	if (number >= file->size_bytes / file->page_bytes)
		return false;
	if (!file->map)
		file->map = map;
	return file->map == map;
}

static bool lies_in(const struct extent *file, const MDB_val *v)
{
	uint64_t offset = (uint64_t)((const char *)v->mv_data - file->map);

	return offset <= file->size_bytes &&
	       v->mv_size <= file->size_bytes - offset;
}

static bool walk_table(MDB_txn *txn, const char *name, struct extent *file,
		       const struct shape *shape, size_t *ret_entries)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_stat st;
	MDB_dbi dbi;
	size_t n = 0;
	int rc;

	if (mdb_dbi_open(txn, name, 0, &dbi) || mdb_stat(txn, dbi, &st) ||
	    mdb_cursor_open(txn, dbi, &cursor))
		return false;
	while (!(rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		if (++n > st.ms_entries || key.mv_size != shape->key_size ||
		    value.mv_size < shape->min_value ||
		    value.mv_size > shape->max_value ||
		    !place_map(file, &key) || !lies_in(file, &value))
			return false;
	}
	*ret_entries = n;
	return rc == MDB_NOTFOUND && n == st.ms_entries;
}

static bool walk_free_list(MDB_txn *txn, struct extent *file,
			   uint64_t last_page)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc;

	if (mdb_cursor_open(txn, FREE_LIST, &cursor))
		return false;
	while (!(rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		const size_t *pages = value.mv_data;
		size_t i;

		if (key.mv_size != sizeof(*pages) || !place_map(file, &key) ||
		    !lies_in(file, &value) || value.mv_size < sizeof(*pages) ||
		    pages[0] > value.mv_size / sizeof(*pages) - 1)
			return false;
		for (i = 1; i <= pages[0]; i++)
			if (pages[i] < 2 || pages[i] > last_page ||
			    (i > 1 && pages[i] >= pages[i - 1]))
				return false;
	}
	return rc == MDB_NOTFOUND;
}

/* Makes the file as long as LMDB counts, when little is missing. */
static bool fill_end(const char *path, const MDB_envinfo *info, size_t page)
{
	uint64_t want = (uint64_t)(info->me_last_pgno + 1) * page;
	struct stat st;

	if (stat(path, &st))
		return false;
	if ((uint64_t)st.st_size >= want)
		return true;
	if (want - (uint64_t)st.st_size > SHORT_PAGES * page)
		return false;
	return !truncate(path, (off_t)want);
}

static bool walk(const char *path, uint64_t map_bytes, size_t min_value,
		 size_t max_value)
{
	const struct shape block = {SIZE_CLASS_KEY_SIZE, min_value, max_value};
	const struct shape stamp = {SIZE_CLASS_KEY_SIZE, SIZE_CLASS_STAMP_SIZE,
				    SIZE_CLASS_STAMP_SIZE};
	const struct shape age = {SIZE_CLASS_STAMP_SIZE, SIZE_CLASS_KEY_SIZE,
				  SIZE_CLASS_KEY_SIZE};
	size_t blocks, stamps, ages;
	struct extent file = {0};
	MDB_envinfo info;
	MDB_stat st;
	MDB_env *env;
	MDB_txn *txn;

	if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 3) ||
	    mdb_env_set_mapsize(env, map_bytes) ||
	    mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK,
			 0600) ||
	    mdb_env_info(env, &info) || mdb_env_stat(env, &st) ||
	    !fill_end(path, &info, st.ms_psize) ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return false;
	file.page_bytes = st.ms_psize;
	file.size_bytes = (uint64_t)(info.me_last_pgno + 1) * st.ms_psize;
	return walk_table(txn, "block", &file, &block, &blocks) &&
	       walk_table(txn, "stamp", &file, &stamp, &stamps) &&
	       walk_table(txn, "age", &file, &age, &ages) &&
	       walk_free_list(txn, &file, info.me_last_pgno) &&
	       blocks == stamps && blocks == ages;
}

static _Noreturn void child(int fd, const char *path, uint64_t map_bytes,
			    size_t min_value, size_t max_value)
{
	const struct rlimit none = {0, 0};
	const int fatal[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGALRM};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool good;
	size_t i;

	/* The parent's handlers and standard error are not for this. */
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], SIG_DFL);
	setrlimit(RLIMIT_CORE, &none);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	alarm(CHILD_SECONDS);
	good = walk(path, map_bytes, min_value, max_value);
	_exit(good && write(fd, "k", 1) == 1 ? 0 : 1);
}

int blockcheck(const char *path, uint64_t map_bytes, size_t min_value,
	       size_t max_value)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;
	char c;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (!pid)
		child(fds[1], path, map_bytes, min_value, max_value);
	close(fds[1]);
	/* The byte counts, not the status: SIGCHLD may be ignored. */
	do
		n = read(fds[0], &c, 1);
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == 1 ? 0 : -EUCLEAN;
}
