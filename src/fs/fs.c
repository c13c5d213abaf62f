/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a FUSE session. */
#include "vers3/fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init_reply.h"
#include "notify.h"
#include "ops.h"
#include "usermount.h"

#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/mounts.h"

#define DEFAULT_THREADS 64
/*
 * Each worker has a buffer of 1 MiB that large writes fill; those of idle
 * workers above this go back to the system.
 */
#define IDLE_THREADS   16
#define READAHEAD_KB   1024
#define FLUSH_MAX_NS   NS_PER_S
#define WAKE_SIGNAL    SIGUSR1
#define DEFAULT_OPTION "subtype=vers3,default_permissions"

struct fs {
	char *source, *mountpoint, *options; /* owned */
	char *all_options; /* owned: ours and those */
	bool by_helper; /* fusermount3 has mounted it */
	int helper_socket; /* owned: see usermount.h; -1: none */
	unsigned max_threads;
	struct fuse_session *session; /* owned */
	struct notify *notify; /* owned */
	struct ops_context ops;
	bool mounted;
	atomic_bool serving; /* the workers answer */
	pthread_t loop; /* the thread in fs_run() */
};

/* libfuse's words, in our log. */
static void take_log(enum fuse_log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void take_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	enum log_level to = LOG_LEVEL_DEBUG;
	char line[512];
	size_t len;

	if (level <= FUSE_LOG_ERR)
		to = LOG_LEVEL_ERROR;
	else if (level <= FUSE_LOG_WARNING)
		to = LOG_LEVEL_WARNING;
	vsnprintf(line, sizeof(line), fmt, ap);
	len = strlen(line);
	while (len && line[len - 1] == '\n')
		line[--len] = '\0';
	log_at(to, "%s", line);
}

static void send_inode(void *ctx, uint64_t ino)
{
	const struct fs *fs = ctx;
	int rc = fuse_lowlevel_notify_inval_inode(fs->session, ino, 0, 0);

	if (rc && rc != -ENOENT)
		log_debug("invalidation of inode %llu: %s",
			  (unsigned long long)ino, strerror(-rc));
}

/*
 * Has the kernel look the name up again, and drop it only if it has become
 * another file. Plain invalidation drops it at once, and with it the path of
 * every process whose working directory it is. (Linux 6.2; libfuse 3.15's
 * function may have either of the two forms.)
 */
static int expire_entry(const struct fs *fs, uint64_t parent, const char *name,
			size_t len)
{
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 16)
	if (fs->ops.can_expire)
		return fuse_lowlevel_notify_expire_entry(fs->session, parent,
							 name, len);
#elif FUSE_VERSION == FUSE_MAKE_VERSION(3, 14)
	if (fs->ops.can_expire)
		return fuse_lowlevel_notify_expire_entry(
			fs->session, parent, name, len, FUSE_LL_EXPIRE_ONLY);
#endif
	return fuse_lowlevel_notify_inval_entry(fs->session, parent, name, len);
}

static void send_entry(void *ctx, uint64_t parent, const char *name)
{
	const struct fs *fs = ctx;
	int rc = expire_entry(fs, parent, name, strlen(name));

	if (rc && rc != -ENOENT)
		log_debug("invalidation of an entry of %llu: %s",
			  (unsigned long long)parent, strerror(-rc));
}

/* libfuse takes its options as a command line. */
static int build_args(struct fs *fs, struct fuse_args *args)
{
	char *fsname = NULL, *all = NULL;
	int rc = -ENOMEM;

	if (asprintf(&fsname, "fsname=%s", fs->source) < 0) {
		fsname = NULL;
		goto out;
	}
	if (fuse_opt_add_opt(&all, DEFAULT_OPTION) ||
	    fuse_opt_add_opt_escaped(&all, fsname))
		goto out;
	if (fs->options && *fs->options && fuse_opt_add_opt(&all, fs->options))
		goto out;
	if (fuse_opt_add_arg(args, "vers3") || fuse_opt_add_arg(args, "-o") ||
	    fuse_opt_add_arg(args, all))
		goto out;
	fs->all_options = all;
	all = NULL;
	rc = 0;
out:
	free(all);
	free(fsname);
	return rc;
}

static int copy_config(struct fs *fs, const struct fs_config *config)
{
	fs->source = strdup(config->source);
	fs->mountpoint = strdup(config->mountpoint);
	fs->options = strdup(config->options ? config->options : "");
	fs->max_threads =
		config->max_threads ? config->max_threads : DEFAULT_THREADS;
	fs->ops.ttl_ns = config->ttl_ns;
	fs->ops.on_ready = config->on_ready;
	fs->ops.ready_ctx = config->ctx;
	return fs->source && fs->mountpoint && fs->options ? 0 : -ENOMEM;
}

int fs_new(const struct fs_config *config, struct vfs *vfs, char *reason,
	   size_t size, struct fs **ret_fs)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct notify_sink sink = {.inode = send_inode, .entry = send_entry};
	struct fs *fs = calloc(1, sizeof(*fs));
	int rc = -ENOMEM;

	if (!fs)
		goto out;
	pthread_rwlock_init(&fs->ops.gate, NULL);
	handles_init(&fs->ops.handles);
	fs->helper_socket = -1;
	fs->ops.vfs = vfs;
	rc = copy_config(fs, config);
	if (!rc)
		rc = build_args(fs, &args);
	if (rc)
		goto out;
	fs->session = fuse_session_new(&args, &ops_table, sizeof(ops_table),
				       &fs->ops);
	if (!fs->session) {
		rc = -EINVAL;
		goto out;
	}
	fs->ops.session = fs->session;
	sink.ctx = fs;
	rc = notify_new(&sink, &fs->notify);
	if (!rc)
		rc = interrupts_new(vfs, &fs->ops.interrupts);
out:
	fuse_opt_free_args(&args);
	if (rc) {
		if (rc == -EINVAL)
			snprintf(reason, size,
				 "libfuse does not take the mount options %s",
				 config->options ? config->options : "");
		else
			snprintf(reason, size, "cannot make a session: %s",
				 strerror(-rc));
		fs_free(fs);
		return rc;
	}
	*ret_fs = fs;
	return 0;
}

/*
 * The kernel reads ahead 128 KiB whatever a FUSE session asks for, unless
 * its device says more, which only root may write. What statx() gives here
 * is in the kernel already: a request would wait for a reply of ours.
 */
static void widen_readahead(const struct fs *fs)
{
	struct statx stx;
	char path[64], text[16];
	int fd, len;

	if (geteuid() != 0)
		return;
	if (statx(AT_FDCWD, fs->mountpoint, AT_STATX_DONT_SYNC, STATX_TYPE,
		  &stx))
		return;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb",
		 stx.stx_dev_major, stx.stx_dev_minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = snprintf(text, sizeof(text), "%d", READAHEAD_KB);
	if (write(fd, text, (size_t)len) != len)
		log_debug("%s: %s", path, strerror(errno));
	close(fd);
}

/* By way of fusermount3; why: the device is not ours to open. */
static int mount_by_helper(struct fs *fs, int why, char *reason, size_t size)
{
	char device[32];
	int fd, rc = usermount_mount(fs->all_options, fs->mountpoint, &fd,
				     &fs->helper_socket);

	if (!rc) {
		snprintf(device, sizeof(device), "/dev/fd/%d", fd);
		fs->by_helper = true;
		rc = fuse_session_mount(fs->session, device) ? -EIO : 0;
		if (rc) {
			usermount_unmount(fs->mountpoint, fd);
			close(fd);
		}
	}
	if (rc)
		snprintf(
			reason, size,
			"/dev/fuse: %s, and fusermount3 %s %s; %s",
			strerror(-why),
			rc == -ENOENT ? "is not here to mount on"
				      : "cannot mount on",
			fs->mountpoint,
			why == -EACCES
				? "have root let you open it (chmod 666 /dev/fuse)"
				: "the kernel module fuse is missing, or this "
				  "container is not given the device");
	return rc;
}

int fs_mount(struct fs *fs, char *reason, size_t size)
{
	int rc = usermount_device();

	/* What libraries have opened is not for fusermount3 to inherit. */
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	/* Until now libfuse speaks to stderr, where a person is waiting. */
	if (rc) {
		rc = mount_by_helper(fs, rc, reason, size);
	} else if (fuse_session_mount(fs->session, fs->mountpoint)) {
		snprintf(reason, size,
			 "cannot mount on %s: the line before says why",
			 fs->mountpoint);
		rc = -EIO;
	}
	if (rc)
		return rc;
	fs->mounted = true;
	fuse_set_log_func(take_log);
	rc = init_reply_watch(&fs->ops);
	if (rc && rc != -ENOTSUP)
		log_debug("replies to INIT: %s", strerror(-rc));
	widen_readahead(fs);
	return 0;
}

static void begin_writeback(struct fs *fs)
{
	uint64_t *inos;
	size_t count;

	if (handles_written(&fs->ops.handles, &inos, &count))
		log_warning("%s: no memory to write what is mapped",
			    fs->mountpoint);
	else
		writeback_start(&fs->ops.writeback, fs->mountpoint, inos,
				count);
	free(inos);
}

/*
 * Ends the loop, when what is mapped was written; a second signal does not
 * wait for that. The invalidation under way goes first: the kernel may hold
 * it until one of the workers, which still run, has answered a read.
 * Repeated, since libfuse's loop looks at its flag and then sleeps, and a
 * wake between the two is lost.
 */
static bool end_loop(void *ctx, int sig)
{
	struct fs *fs = ctx;
	struct writeback *w = &fs->ops.writeback;
	bool first = atomic_exchange(&fs->serving, false);

	if (first)
		begin_writeback(fs);
	if ((first || !sig) && !writeback_is_over(w))
		return true;
	writeback_end(w);
	notify_stop(fs->notify);
	/* Nobody's call keeps the workers; its caller sees the mount go. */
	interrupts_end(fs->ops.interrupts);
	fuse_session_exit(fs->session);
	pthread_kill(fs->loop, WAKE_SIGNAL);
	return true;
}

static void wake_up(int sig)
{
	(void)sig;
}

int fs_run(struct fs *fs, struct signals *signals)
{
	struct sigaction wake = {.sa_handler = wake_up};
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int rc;

	if (!config)
		return -ENOMEM;
	sigaction(WAKE_SIGNAL, &wake, NULL);
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, fs->max_threads);
	fuse_loop_cfg_set_idle_threads(config, IDLE_THREADS);
	fs->loop = pthread_self();
	atomic_store(&fs->serving, true);
	signals_attach(signals, end_loop, fs);
	rc = fuse_session_loop_mt(fs->session, config);
	atomic_store(&fs->serving, false);
	fuse_loop_cfg_destroy(config);
	notify_stop(fs->notify);
	writeback_end(&fs->ops.writeback);
	/*
	 * Positive: a signal. The end of the connection is ENODEV, which is 0
	 * here, or ECONNABORTED to a thread that had just taken a request when
	 * it came (fuse_dev_do_read() of Linux).
	 */
	return rc < 0 && rc != -ECONNABORTED ? rc : 0;
}

void fs_unmount(struct fs *fs)
{
	if (!fs->mounted)
		return;
	notify_stop(fs->notify);
	interrupts_end(fs->ops.interrupts);
	pthread_rwlock_wrlock(&fs->ops.gate);
	fs->ops.closed = true;
	pthread_rwlock_unlock(&fs->ops.gate);
	if (fs->by_helper)
		usermount_unmount(fs->mountpoint, fuse_session_fd(fs->session));
	else
		fuse_session_unmount(fs->session);
	fs->mounted = false;
	handles_end(&fs->ops.handles, fs->ops.vfs);
}

void fs_free(struct fs *fs)
{
	if (!fs)
		return;
	fs_unmount(fs);
	notify_free(fs->notify);
	interrupts_free(fs->ops.interrupts);
	if (fs->session)
		fuse_session_destroy(fs->session);
	handles_release(&fs->ops.handles);
	pthread_rwlock_destroy(&fs->ops.gate);
	if (fs->helper_socket >= 0)
		close(fs->helper_socket);
	free(fs->all_options);
	free(fs->options);
	free(fs->mountpoint);
	free(fs->source);
	free(fs);
}

static void hook_inode(void *ctx, uint64_t ino)
{
	const struct fs *fs = ctx;

	notify_inode(fs->notify, ino);
}

static void hook_entry(void *ctx, uint64_t parent, const char *name)
{
	const struct fs *fs = ctx;

	notify_entry(fs->notify, parent, name);
}

static void hook_flush(void *ctx)
{
	const struct fs *fs = ctx;

	notify_flush(fs->notify, FLUSH_MAX_NS);
}

/*
 * Dropping pages writes those that are dirty. For lseek() the kernel holds a
 * lock of the inode that neither needs.
 */
static bool hook_write_back(void *ctx, uint64_t ino)
{
	const struct fs *fs = ctx;
	uint64_t dropped = notify_dropped(fs->notify);

	notify_inode(fs->notify, ino);
	return notify_flush(fs->notify, FLUSH_MAX_NS) &&
	       notify_dropped(fs->notify) == dropped;
}

/* As the kernel tells without being asked for anything in the mount. */
static bool hook_read_only(void *ctx)
{
	const struct fs *fs = ctx;
	struct mounts_entry e;
	bool read_only;

	if (mounts_find(MOUNTS_TABLE, fs->mountpoint, &e))
		return false;
	read_only = mounts_option(e.options, "ro");
	mounts_release(&e);
	return read_only;
}

static void hook_features(void *ctx, char *agreed, char *lacks, size_t size)
{
	const struct fs *fs = ctx;

	ops_features(&fs->ops, agreed, lacks, size);
}

void fs_notify_hooks(struct fs *fs, struct mount_notify *ret_notify)
{
	*ret_notify = (struct mount_notify){
		.inval_inode = hook_inode,
		.inval_entry = hook_entry,
		.flush = hook_flush,
		.write_back = hook_write_back,
		.features = hook_features,
		.read_only = hook_read_only,
		.forgets = true,
		.ctx = fs,
	};
}
