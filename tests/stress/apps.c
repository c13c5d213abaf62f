/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that rely on what a call has returned, under kill -9 of the daemon
 * at random moments: sqlite in its journal modes, git, a maildir, files saved
 * by a rename, a log that is appended to. A local file system undoes nothing
 * when a process dies: what had returned is there at the next mount.
 *
 * Each program makes step after step and notes the last that has returned.
 * What is found then is this step, or the one that was under way.
 *
 * sqlite's journal mode `memory` is left out: it does not survive an error in
 * the midst of a transaction on any file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

#define APPS	   8
#define MAIL_KEPT  20 /* messages; older ones are removed */
#define SAVE_BYTES 20000
#define PATH_SIZE  512

struct app {
	const char *name;
	int (*step)(struct app *a, unsigned n); /* 0: it has returned */
	int (*found)(struct app *a, unsigned *ret_n); /* 0 or -1, said why */
	int (*begin)(struct app *a); /* once, on the mount; may be NULL */
	const char *mode; /* sqlite's */
	const char *mnt;
	pthread_t thread;
	unsigned returned; /* the last step that has */
	unsigned steps; /* in all rounds */
	unsigned round;
	FILE *in, *out; /* of a sqlite3 that runs; NULL: none */
	pid_t pid;
};

static atomic_bool stopped;

static void path_of(const struct app *a, char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void path_of(const struct app *a, char *path, const char *fmt, ...)
{
	size_t len = (size_t)snprintf(path, PATH_SIZE, "%s/", a->mnt);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + len, PATH_SIZE - len, fmt, ap);
	va_end(ap);
}

static int say(const struct app *a, const char *what, unsigned n)
{
	fprintf(stderr, "%s: %s (%u); %u had returned\n", a->name, what, n,
		a->returned);
	return -1;
}

/* What content n looks like, of SAVE_BYTES at most. */
static size_t content(unsigned n, char *buf)
{
	size_t len = 0, want = 100 + n * 37 % (SAVE_BYTES - 200);

	while (len < want)
		len += (size_t)snprintf(buf + len, 20, "%u\n", n);
	return len;
}

static int write_file(const char *path, unsigned n, bool sync)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char buf[SAVE_BYTES];
	size_t len = content(n, buf);
	int rc = fd < 0 || write(fd, buf, len) != (ssize_t)len ? -1 : 0;

	if (!rc && sync)
		rc = fsync(fd);
	if (fd >= 0 && close(fd))
		rc = -1;
	return rc;
}

/* The n of a file that is whole; -1 for one that is not, -2 for none. */
static long read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char got[SAVE_BYTES + 1], want[SAVE_BYTES];
	unsigned n;
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? -2 : -1;
	len = read(fd, got, SAVE_BYTES);
	close(fd);
	got[len > 0 ? len : 0] = '\0';
	if (sscanf(got, "%u", &n) != 1)
		return -1;
	if (content(n, want) != (size_t)len || memcmp(got, want, (size_t)len))
		return -1;
	return n;
}

/* Saving by a rename. */

static int save_step(struct app *a, unsigned n)
{
	char path[PATH_SIZE], temp[PATH_SIZE];

	path_of(a, path, "saved");
	path_of(a, temp, ".saved.%u", n);
	return write_file(temp, n, n % 8 == 0) || rename(temp, path) ? -1 : 0;
}

static int save_found(struct app *a, unsigned *ret_n)
{
	char path[PATH_SIZE];
	long n;

	path_of(a, path, "saved");
	n = read_file(path);
	if (n == -1 || (n == -2 && a->returned))
		return say(a, "the file is torn or gone", a->returned);
	*ret_n = n < 0 ? 0 : (unsigned)n;
	return 0;
}

/* A log. */

#define LOG_LINE "line %8u\n"

static int log_step(struct app *a, unsigned n)
{
	char path[PATH_SIZE], line[32];
	int fd, len = snprintf(line, sizeof(line), LOG_LINE, n), rc;

	path_of(a, path, "log");
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	rc = write(fd, line, (size_t)len) == len ? 0 : -1;
	close(fd);
	return rc;
}

/*
 * The kernel hands a write that crosses a page over in two: of one that had not
 * returned, the first half may be there. Who keeps a log cuts it off.
 */
static int cut_half_line(struct app *a, const char *path, unsigned count,
			 const char *half)
{
	char next[32];

	snprintf(next, sizeof(next), LOG_LINE, count + 1);
	if (strncmp(half, next, strlen(half)) != 0)
		return say(a, "a line is not the next", count + 1);
	return truncate(path, (off_t)(count * strlen(next))) ? -errno : 0;
}

static int log_found(struct app *a, unsigned *ret_n)
{
	char path[PATH_SIZE], line[32], next[32];
	unsigned count = 0;
	bool half = false;
	FILE *f;

	path_of(a, path, "log");
	f = fopen(path, "re");
	while (f && !half && fgets(line, sizeof(line), f)) {
		snprintf(next, sizeof(next), LOG_LINE, count + 1);
		half = strcmp(line, next) != 0;
		count += !half;
	}
	if (f)
		fclose(f);
	*ret_n = count;
	return half ? cut_half_line(a, path, count, line) : 0;
}

/* A maildir: each message is delivered, and one of old removed. */

static int mail_begin(struct app *a)
{
	char path[PATH_SIZE];
	int rc;

	path_of(a, path, "mail");
	rc = mkdir(path, 0700);
	path_of(a, path, "mail/tmp");
	rc = rc ? rc : mkdir(path, 0700);
	path_of(a, path, "mail/new");
	return rc ? rc : mkdir(path, 0700);
}

static int mail_step(struct app *a, unsigned n)
{
	char from[PATH_SIZE], to[PATH_SIZE], old[PATH_SIZE];

	path_of(a, from, "mail/tmp/%u", n);
	path_of(a, to, "mail/new/%u", n);
	path_of(a, old, "mail/new/%u", n - MAIL_KEPT);
	if (n > MAIL_KEPT && unlink(old) && errno != ENOENT)
		return -1;
	return write_file(from, n, n % 2) || rename(from, to) ? -1 : 0;
}

static int mail_found(struct app *a, unsigned *ret_n)
{
	unsigned last = a->returned, first, n;
	char path[PATH_SIZE];
	long got;

	first = last > 2 * MAIL_KEPT ? last - 2 * MAIL_KEPT : 1;
	for (n = first; n <= last; n++) {
		path_of(a, path, "mail/new/%u", n);
		got = read_file(path);
		/* The step under way removes the one that is MAIL_KEPT old. */
		if (n + MAIL_KEPT <= last && got != -2)
			return say(a, "a removed message is back", n);
		if (n + MAIL_KEPT > last + 1 && got != (long)n)
			return say(a, "a message is torn or gone", n);
	}
	path_of(a, path, "mail/new/%u", last + 1);
	*ret_n = read_file(path) == (long)last + 1 ? last + 1 : last;
	return 0;
}

/* git. */

static int git_begin(struct app *a)
{
	return rig_shell("git init -q -b main '%s/repo' && cd '%s/repo' && "
			 "git config gc.auto 0 && git config user.name t && "
			 "git config user.email t@example.com && "
			 "git commit -q --allow-empty -m 0",
			 a->mnt, a->mnt);
}

static int git_step(struct app *a, unsigned n)
{
	return rig_shell("{ cd '%s/repo' && echo %u >f%u && git add . && "
			 "git commit -q -m %u; } >/dev/null 2>&1",
			 a->mnt, n, n % 7, n);
}

/* A number that a command prints. */
static int ask(unsigned *ret_n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int ask(unsigned *ret_n, const char *fmt, ...)
{
	char command[PATH_SIZE * 2];
	va_list ap;
	FILE *p;
	int rc;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	p = popen(command, "re");
	if (!p)
		return -1;
	rc = fscanf(p, "%u", ret_n) == 1 ? 0 : -1;
	return pclose(p) ? -1 : rc;
}

static int git_found(struct app *a, unsigned *ret_n)
{
	unsigned n = 0;

	/* git leaves its locks when it is interrupted. */
	rig_shell("cd '%s/repo' && find .git -name '*.lock' -delete", a->mnt);
	if (rig_shell("cd '%s/repo' && git fsck --strict --no-dangling "
		      ">/dev/null",
		      a->mnt))
		return say(a, "the repository is damaged", 0);
	if (ask(&n, "cd '%s/repo' && git log -1 --format=%%s", a->mnt))
		return say(a, "no head", 0);
	/* What was under way may have left anything in the work tree. */
	if (rig_shell("cd '%s/repo' && git reset -q --hard", a->mnt))
		return say(a, "no reset", n);
	*ret_n = n;
	return 0;
}

/* sqlite. */

static int db_begin(struct app *a)
{
	return rig_shell("sqlite3 -batch '%s/%s.db' "
			 "'CREATE TABLE t(i INTEGER PRIMARY KEY, s TEXT);'",
			 a->mnt, a->mode);
}

/* A sqlite3 that goes on, as a program that has the database open does. */
static int db_open(struct app *a)
{
	int to[2], from[2];
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s.db", a->mnt, a->mode);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	a->pid = fork();
	if (a->pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("sqlite3", "sqlite3", "-batch", "-bail", path,
		       (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	a->in = fdopen(to[1], "w");
	a->out = fdopen(from[0], "r");
	if (a->pid < 0 || !a->in || !a->out)
		return -1;
	/* Most rounds without syncs: a kill of ours needs none. */
	fprintf(a->in, "PRAGMA journal_mode=%s; PRAGMA synchronous=%s;\n",
		a->mode, a->round % 4 ? "OFF" : "FULL");
	return 0;
}

static void db_close(struct app *a)
{
	if (a->in)
		fclose(a->in);
	if (a->out)
		fclose(a->out);
	a->in = a->out = NULL;
	if (a->pid > 0)
		waitpid(a->pid, NULL, 0);
	a->pid = 0;
}

static int db_step(struct app *a, unsigned n)
{
	char line[128];

	if (!a->in && db_open(a))
		return -1;
	fprintf(a->in,
		"BEGIN; INSERT INTO t VALUES(%u, hex(randomblob(700)));\n"
		"UPDATE t SET s = hex(randomblob(300)) WHERE i = %u;\n"
		"COMMIT;\nSELECT 'step %u';\n",
		n, n / 2, n);
	if (fflush(a->in))
		return -1;
	while (fgets(line, sizeof(line), a->out))
		if (!strncmp(line, "step ", 5))
			return (unsigned)atoi(line + 5) == n ? 0 : -1;
	return -1;
}

static int db_found(struct app *a, unsigned *ret_n)
{
	unsigned n = 0, count = 0;

	if (rig_shell("test \"$(sqlite3 -batch '%s/%s.db' "
		      "'PRAGMA integrity_check;')\" = ok",
		      a->mnt, a->mode))
		return say(a, "the database is damaged", 0);
	if (ask(&count, "sqlite3 -batch '%s/%s.db' 'SELECT count(*) FROM t;'",
		a->mnt, a->mode))
		return say(a, "no rows can be counted", 0);
	if (ask(&n,
		"sqlite3 -batch '%s/%s.db' "
		"'SELECT coalesce(max(i), 0) FROM t;'",
		a->mnt, a->mode) ||
	    n != count)
		return say(a, "rows are missing", count);
	*ret_n = n;
	return 0;
}

#define SQLITE(m)                                                              \
	{                                                                      \
		.name = "sqlite " m, .step = db_step, .found = db_found,       \
		.begin = db_begin, .mode = m                                   \
	}

static struct app apps[APPS] = {
	{.name = "save", .step = save_step, .found = save_found},
	{.name = "log", .step = log_step, .found = log_found},
	{.name = "mail",
	 .step = mail_step,
	 .found = mail_found,
	 .begin = mail_begin},
	{.name = "git",
	 .step = git_step,
	 .found = git_found,
	 .begin = git_begin},
	SQLITE("delete"),
	SQLITE("truncate"),
	SQLITE("persist"),
	SQLITE("wal"),
};

static void *run_app(void *arg)
{
	struct app *a = arg;

	while (!atomic_load(&stopped) && !a->step(a, a->returned + 1)) {
		a->returned++;
		a->steps++;
	}
	return NULL;
}

/* What had returned is there, and at most the step that was under way. */
static int check(struct app *a)
{
	unsigned n = 0;

	if (a->found(a, &n))
		return -1;
	if (n != a->returned && n != a->returned + 1)
		return say(a,
			   n < a->returned ? "steps are undone"
					   : "steps from nowhere",
			   n);
	a->returned = n;
	return 0;
}

static int check_all(void)
{
	int rc = 0;

	for (unsigned i = 0; i < APPS; i++)
		if (check(&apps[i]))
			rc = -1;
	return rc;
}

/*
 * Works, dies in the middle of it, perhaps again in the midst of coming back.
 */
static int one_round(struct rig *r, unsigned round, const char *options)
{
	int rc = 0;

	atomic_store(&stopped, false);
	for (unsigned i = 0; i < APPS; i++) {
		apps[i].round = round;
		if (pthread_create(&apps[i].thread, NULL, run_app, &apps[i]))
			return -EAGAIN;
	}
	rig_sleep_ms(100 + model_random(&r->models[0], 700));
	rig_end(&r->live);
	atomic_store(&stopped, true);
	/* While it is mounted: below it there is nothing, which is no error. */
	for (unsigned i = 0; i < APPS; i++) {
		pthread_join(apps[i].thread, NULL);
		db_close(&apps[i]);
	}
	rig_detach(&r->live);
	while (model_random(&r->models[0], 3) == 0)
		rig_flash(r, &r->live, r->cache, options,
			  model_random(&r->models[0], 250));
	rc = rig_mount(r, &r->live, NULL, r->cache, options);
	return rc ? rc : check_all();
}

static int begin(struct rig *r, const char *options)
{
	int rc = rig_mount(r, &r->live, NULL, r->cache, options);

	for (unsigned i = 0; !rc && i < APPS; i++) {
		apps[i].mnt = r->live.mnt;
		if (apps[i].begin)
			rc = apps[i].begin(&apps[i]);
	}
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const options[] = {"commit=1,fsync=local",
					      "commit=30,fsync=local",
					      "commit=0,fsync=local",
					      "commit=0"};
	struct rig r;
	unsigned i;
	int rc;

	rig_init(&r, argc, argv, 16);
	if (rig_shell("command -v sqlite3 git >/dev/null")) {
		printf("SKIP: no sqlite3 or no git\n");
		return RIG_SKIP;
	}
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("HOME", r.work, 1);
	rc = begin(&r, options[0]);
	for (i = 0; !rc && i < r.options.rounds; i++)
		rc = one_round(&r, i, options[i % 4]);
	/* And all of it from the bucket. */
	if (!rc)
		rc = rig_unmount(&r.live);
	rig_remove(r.cache);
	if (!rc)
		rc = rig_mount(&r, &r.live, NULL, r.cache, options[0]);
	if (!rc)
		rc = check_all();
	if (!rc)
		rc = rig_unmount(&r.live);
	for (unsigned k = 0; k < APPS; k++)
		printf("%s: %u steps\n", apps[k].name, apps[k].steps);
	printf("%s: %u rounds, nothing undone\n", rc ? "FAIL" : "PASS", i);
	rig_release(&r);
	return rc ? 1 : 0;
}
