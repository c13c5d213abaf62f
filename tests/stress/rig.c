/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "history.h"
#include "vers3/s3/s3.h"
#include "vers3/store/retry.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define MOUNT_LIMIT_NS (30 * NS_PER_S)
#define DRAIN_LIMIT_NS (60 * NS_PER_S)

void rig_sleep_ms(uint64_t ms)
{
	struct timespec left = clock_timespec((int64_t)ms * NS_PER_MS);

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

int rig_shell(const char *fmt, ...)
{
	char command[2048];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int rig_remove(const char *dir)
{
	return rig_shell("rm -rf --one-file-system '%s'", dir);
}

static const char *need_env(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value) {
		fprintf(stderr, "%s is not set; see tests/stress/run\n", name);
		exit(2);
	}
	return value;
}

static void make_store(struct rig *r)
{
	const struct s3_config s3 = {.bucket = r->bucket,
				     .endpoint = r->endpoint,
				     .region = "us-east-1",
				     .path_style = true};
	const struct retry_config retry = {.retries = 3};
	char reason[256] = "";
	struct store *s;

	if (s3_store_new(&s3, reason, sizeof(reason), &s) ||
	    retry_store_new(&retry, &s, &r->store)) {
		fprintf(stderr, "%s\n", reason);
		exit(2);
	}
}

static void read_options(struct rig *r, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:n:l")) != -1) {
		switch (c) {
		case 's':
			r->options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			r->options.rounds = (unsigned)atoi(optarg);
			break;
		case 'l':
			r->options.large = true;
			break;
		default:
			fprintf(stderr,
				"usage: %s [-s SEED] [-n ROUNDS] [-l]\n",
				argv[0]);
			exit(2);
		}
	}
}

#define LARGE_NS      NS_PER_S /* for the bytes of large files */
#define DISK_PAUSE_MS 40
#define DISK_KEEP     50 /* syncs that are remembered */
#define COMMIT_SYNCS  40 /* of some files, their directories, and LMDB's two */

/* Keeps an eye on how slow the disk is. */
static void *watch_disk(void *arg)
{
	int64_t took_ns[DISK_KEEP] = {0};
	struct rig *r = arg;
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/sync", r->work);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (unsigned i = 0; !atomic_load(&r->disk_stop); i++) {
		int64_t start_ns = clock_mono_ns(), most_ns = 0;

		if (pwrite(fd, &i, sizeof(i), 0) < 0 || fdatasync(fd))
			break;
		took_ns[i % DISK_KEEP] = clock_mono_ns() - start_ns;
		for (unsigned j = 0; j < DISK_KEEP; j++)
			if (took_ns[j] > most_ns)
				most_ns = took_ns[j];
		atomic_store(&r->disk_ns, most_ns);
		rig_sleep_ms(DISK_PAUSE_MS);
	}
	close(fd);
	return NULL;
}

int64_t rig_slack_ns(struct rig *r)
{
	int64_t slack_ns = COMMIT_SYNCS * atomic_load(&r->disk_ns);

	/* A commit waits for the data that it speaks of. */
	return r->options.large ? slack_ns + LARGE_NS : slack_ns;
}

void rig_init(struct rig *r, int argc, char **argv, unsigned rounds)
{
	static const char *const tops[RIG_WORKERS] = {"w0", "w1", "w2"};

	memset(r, 0, sizeof(*r));
	r->options.seed = (uint64_t)clock_real_ns() / 1000 % 1000000000;
	r->options.rounds = rounds;
	read_options(r, argc, argv);
	r->program = need_env("VERS3");
	r->work = need_env("WORK");
	r->endpoint = need_env("ENDPOINT");
	r->bucket = need_env("BUCKET");
	printf("seed %llu, %u rounds%s\n", (unsigned long long)r->options.seed,
	       r->options.rounds, r->options.large ? ", large files too" : "");
	fflush(stdout);
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(r->live.mnt, sizeof(r->live.mnt), "%s/mnt", r->work);
	snprintf(r->live.log, sizeof(r->live.log), "%s/vers3.log", r->work);
	snprintf(r->check.mnt, sizeof(r->check.mnt), "%s/check", r->work);
	snprintf(r->check.log, sizeof(r->check.log), "%s/check.log", r->work);
	snprintf(r->cache, sizeof(r->cache), "%s/cache", r->work);
	mkdir(r->live.mnt, 0755);
	mkdir(r->check.mnt, 0755);
	make_store(r);
	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		struct model_config c = {.seed = r->options.seed + i * 7919,
					 .top = tops[i],
					 .mnt = r->live.mnt,
					 .large = r->options.large};

		if (model_init(&r->models[i], &c))
			exit(2);
	}
	if (map_new(&r->seen) ||
	    pthread_create(&r->disk_thread, NULL, watch_disk, r))
		exit(2);
}

void rig_release(struct rig *r)
{
	atomic_store(&r->disk_stop, true);
	pthread_join(r->disk_thread, NULL);
	if (r->live.pid)
		rig_kill(&r->live);
	if (r->check.pid)
		rig_kill(&r->check);
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		model_release(&r->models[i]);
	map_free(r->seen);
	store_free(r->store);
}

static bool is_mounted(const char *mnt)
{
	char parent[256];
	struct stat a, b;

	snprintf(parent, sizeof(parent), "%s/..", mnt);
	return !stat(mnt, &a) && !lstat(parent, &b) && a.st_dev != b.st_dev;
}

/* The daemon's process: does not return. */
static void run_daemon(const struct rig *r, const struct daemon *d,
		       const char *options)
{
	int fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND, 0644);

	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setpgid(0, 0);
	execl(r->program, r->program, "-f", "-o", options, r->bucket, d->mnt,
	      (char *)NULL);
	_exit(127);
}

static int start_daemon(struct rig *r, struct daemon *d, const char *endpoint,
			const char *cache, const char *options)
{
	char all[1024];

	snprintf(all, sizeof(all), "endpoint=%s,path_style,cache_dir=%s,%s%s%s",
		 endpoint ? endpoint : r->endpoint, cache, options,
		 getenv("VERS3_OPTIONS") ? "," : "",
		 getenv("VERS3_OPTIONS") ? getenv("VERS3_OPTIONS") : "");
	d->pid = fork();
	if (d->pid < 0)
		return -errno;
	if (d->pid == 0)
		run_daemon(r, d, all);
	return 0;
}

int rig_mount(struct rig *r, struct daemon *d, const char *endpoint,
	      const char *cache, const char *options)
{
	int64_t until = clock_mono_ns() + MOUNT_LIMIT_NS;
	int rc = start_daemon(r, d, endpoint, cache, options);

	if (rc)
		return rc;
	while (!is_mounted(d->mnt)) {
		int status;

		if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
			d->pid = 0;
			fprintf(stderr, "vers3 ended before the mount\n");
			rig_shell("tail -n 3 '%s' >&2", d->log);
			return -EIO;
		}
		if (clock_mono_ns() > until)
			return -ETIMEDOUT;
		rig_sleep_ms(10);
	}
	return 0;
}

int rig_flash(struct rig *r, struct daemon *d, const char *cache,
	      const char *options, uint64_t ms)
{
	int rc = start_daemon(r, d, NULL, cache, options);

	if (rc)
		return rc;
	rig_sleep_ms(ms);
	rig_end(d);
	if (is_mounted(d->mnt) || access(d->mnt, F_OK))
		rig_detach(d);
	return 0;
}

static int detach(const char *mnt, bool lazy)
{
	if (geteuid() == 0)
		return umount2(mnt, lazy ? MNT_DETACH : 0) ? -errno : 0;
	return rig_shell("fusermount3 -u%s '%s' 2>/dev/null", lazy ? "z" : "",
			 mnt)
		       ? -EBUSY
		       : 0;
}

int rig_unmount(struct daemon *d)
{
	int64_t until = clock_mono_ns() + DRAIN_LIMIT_NS;
	int status, rc;

	for (int i = 0; (rc = detach(d->mnt, false)) == -EBUSY && i < 100; i++)
		rig_sleep_ms(50);
	if (rc) {
		fprintf(stderr, "umount of %s: %s\n", d->mnt, strerror(-rc));
		return rc;
	}
	while (waitpid(d->pid, &status, WNOHANG) == 0) {
		if (clock_mono_ns() > until) {
			fprintf(stderr, "the daemon does not end\n");
			rig_shell("gdb -batch -p %d -ex 'thread apply all bt' "
				  ">&2 2>/dev/null",
				  (int)d->pid);
			return -ETIMEDOUT;
		}
		rig_sleep_ms(5);
	}
	d->pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "the daemon ended with %s %d\n",
			WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status)
					  : WTERMSIG(status));
		return -EIO;
	}
	return 0;
}

void rig_end(struct daemon *d)
{
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	d->pid = 0;
}

void rig_detach(struct daemon *d)
{
	detach(d->mnt, true);
}

void rig_kill(struct daemon *d)
{
	rig_end(d);
	rig_detach(d);
}

int rig_begin(struct rig *r)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < RIG_WORKERS; i++)
		rc = model_begin(&r->models[i]);
	return rc;
}

struct run {
	struct model *m;
	uint64_t calls;
};

static void *run_model(void *arg)
{
	struct run run = *(struct run *)arg;

	free(arg);
	model_run(run.m, run.calls);
	return NULL;
}

int rig_start(struct rig *r, uint64_t calls)
{
	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		struct run *run = malloc(sizeof(*run));

		if (!run)
			return -ENOMEM;
		*run = (struct run){&r->models[i], calls};
		atomic_store(&r->models[i].stop, false);
		if (pthread_create(&r->threads[i], NULL, run_model, run))
			return -EAGAIN;
	}
	return 0;
}

void rig_stop(struct rig *r)
{
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		atomic_store(&r->models[i].stop, true);
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		pthread_join(r->threads[i], NULL);
}

/* A disk that goes away is EIO, and EROFS where ext4 sees its journal gone. */
static bool is_of_dead(int error)
{
	return error == ENOTCONN || error == ECONNABORTED || error == EIO ||
	       error == EROFS || error == EINTR;
}

int rig_check_workers(struct rig *r, bool dead)
{
	int rc = 0;

	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		const struct model *m = &r->models[i];

		if (!m->error || (dead && is_of_dead(m->error)))
			continue;
		fprintf(stderr, "%s: %s: %s\n", m->config.top, m->error_call,
			strerror(m->error));
		rc = -EIO;
	}
	return rc;
}

int rig_verdict(struct rig *r, int rc, unsigned rounds)
{
	bool failed = rc || r->extra_versions || r->extra_markers;
	uint64_t calls = 0;

	for (unsigned i = 0; i < RIG_WORKERS; i++)
		calls += r->models[i].calls;
	printf("%s: %u rounds, %llu calls, %llu versions, %llu extra, %llu "
	       "extra markers\n",
	       failed ? "FAIL" : "PASS", rounds, (unsigned long long)calls,
	       (unsigned long long)r->versions,
	       (unsigned long long)r->extra_versions,
	       (unsigned long long)r->extra_markers);
	return failed ? 1 : 0;
}

int rig_verify(struct rig *r)
{
	char cache[256];
	size_t behind;
	int rc, one;

	snprintf(cache, sizeof(cache), "%s/checkcache", r->work);
	rig_remove(cache);
	rc = rig_mount(r, &r->check, NULL, cache, "ro,ttl=0");
	if (rc)
		return rc;
	for (unsigned i = 0; i < RIG_WORKERS; i++) {
		one = model_verify(&r->models[i], r->check.mnt, &behind);
		rc = rc ? rc : one;
	}
	one = rig_unmount(&r->check);
	rc = rc ? rc : one;
	one = history_verify(r);
	return rc ? rc : one;
}
