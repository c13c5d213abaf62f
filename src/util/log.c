/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log. A line is put together in memory and leaves in one write(2), so
 * lines of several threads, or of several processes with one log file, never
 * mix. Text that came from outside cannot start a line of its own: control
 * bytes are escaped.
 */
#include "vers3/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "vers3/util/buf.h"
#include "vers3/util/clock.h"

#define LINE_MAX_BYTES 16384 /* longer messages are cut */
#define SYSLOG_SOCKET  "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/stdout" /* a service's stderr */

enum log_sink {
	SINK_STDERR,
	SINK_SYSLOG,
	SINK_JOURNAL,
	SINK_FILE,
};

static const struct {
	const char *name;
	int priority; /* syslog's, and the journal's <N> */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

#define LEVEL_COUNT (sizeof(levels) / sizeof(*levels))

/*
 * The process's log. Written by log_open only, before threads start; but for
 * what is atomic.
 */
static struct {
	enum log_sink sink;
	atomic_int spare; /* enum log_sink, of fd: while there is no syslog */
	bool json;
	atomic_int fd; /* owned unless it is stderr; -1: nowhere */
	atomic_int level; /* may change at any time */
} the_log = {
	.sink = SINK_STDERR,
	.spare = SINK_STDERR,
	.fd = STDERR_FILENO,
	.level = LOG_LEVEL_INFO,
};

/*
 * A file that is nobody else's to choose: not through a link, nor one that
 * somebody has placed there, or has made one of ours known by another name.
 */
static int open_file(const char *path, int *ret_fd)
{
	/* The kernel's own links are to what is open here already. */
	int follow = strncmp(path, "/proc/", 6) ? O_NOFOLLOW : 0;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | follow,
		      0640);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		rc = -errno;
	else if (S_ISREG(st.st_mode) &&
		 ((st.st_uid != 0 && st.st_uid != geteuid()) ||
		  st.st_nlink != 1))
		rc = -EPERM;
	if (rc)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

int log_open(const char *target, bool json)
{
	enum log_sink sink = SINK_FILE;
	int fd = STDERR_FILENO;

	if (strcmp(target, "stderr") == 0)
		sink = SINK_STDERR;
	else if (strcmp(target, "journal") == 0)
		sink = SINK_JOURNAL;
	else if (strcmp(target, "syslog") == 0)
		sink = SINK_SYSLOG;
	if (sink == SINK_FILE) {
		int rc = open_file(target, &fd);

		if (rc)
			return rc;
	}
	if (the_log.fd > STDERR_FILENO)
		close(the_log.fd);
	if (the_log.sink == SINK_SYSLOG)
		closelog();
	if (sink == SINK_SYSLOG)
		openlog("vers3", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	the_log.sink = sink;
	the_log.spare = sink == SINK_SYSLOG ? SINK_STDERR : sink;
	the_log.fd = fd;
	the_log.json = json;
	return 0;
}

/* It may come and go while we run. */
static enum log_sink sink_now(void)
{
	if (the_log.sink == SINK_SYSLOG && !access(SYSLOG_SOCKET, W_OK))
		return SINK_SYSLOG;
	return (enum log_sink)the_log.spare;
}

bool log_is_stderr(void)
{
	return sink_now() != SINK_SYSLOG && the_log.fd == STDERR_FILENO;
}

/* A stream as systemd gives to a service as its stderr; -1: no journal. */
static int open_journal(void)
{
	/* Identifier, unit, priority, <N> is read, and goes nowhere else. */
	static const char head[] = "vers3\n\n6\n1\n0\n0\n0\n";
	const struct sockaddr_un to = {.sun_family = AF_UNIX,
				       .sun_path = JOURNAL_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!connect(fd, (const struct sockaddr *)&to, sizeof(to)) &&
	    send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL) ==
		    (ssize_t)sizeof(head) - 1)
		return fd;
	close(fd);
	return -1;
}

bool log_leave_stderr(void)
{
	enum log_sink spare = (enum log_sink)the_log.spare;
	struct stat st;
	int fd = -1;

	if (the_log.fd != STDERR_FILENO)
		return true;
	if (spare == SINK_JOURNAL || the_log.sink == SINK_SYSLOG)
		fd = open_journal();
	if (fd >= 0)
		the_log.spare = SINK_JOURNAL;
	else if (!fstat(STDERR_FILENO, &st) &&
		 (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	the_log.fd = fd;
	return fd >= 0 || sink_now() == SINK_SYSLOG;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&the_log.level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&the_log.level,
						    memory_order_relaxed);
}

/* Adds s with control bytes, and all but ASCII if asked, as \xNN. */
static int add_escaped(struct buf *b, const char *s, bool ascii_only)
{
	int rc = 0;

	for (; *s && !rc; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || (ascii_only && c >= 0x80))
			rc = buf_printf(b, "\\x%02x", c);
		else
			rc = buf_putc(b, (char)c);
	}
	return rc;
}

/* One JSON object: time, level, message. */
static int add_json(struct buf *b, enum log_level level, const char *when,
		    const char *message)
{
	json_t *text = json_string(message);
	json_t *event = NULL;
	struct buf plain;
	char *dump = NULL;
	int rc = -ENOMEM;

	buf_init(&plain, LINE_MAX_BYTES);
	if (!text && add_escaped(&plain, message, true) == 0)
		text = json_string(plain.data); /* it was not UTF-8 */
	if (!text)
		goto out;
	event = json_pack("{s:s, s:s, s:O}", "time", when, "level",
			  levels[level].name, "message", text);
	if (event)
		dump = json_dumps(event, JSON_COMPACT);
	if (dump)
		rc = buf_puts(b, dump);
out:
	free(dump);
	json_decref(event);
	json_decref(text);
	buf_release(&plain);
	return rc;
}

static void build_line(struct buf *b, enum log_sink sink, enum log_level level,
		       const char *message)
{
	char when[24];

	clock_format_iso8601(clock_real_ns(), when, sizeof(when));
	if (sink == SINK_JOURNAL)
		buf_printf(b, "<%d>", levels[level].priority);
	if (the_log.json && add_json(b, level, when, message) == 0)
		return;
	if (sink == SINK_STDERR)
		buf_printf(b, "vers3: %s: ", levels[level].name);
	if (sink == SINK_FILE)
		buf_printf(b, "%s %s: ", when, levels[level].name);
	add_escaped(b, message, false);
}

/* There is nobody to tell when the log itself cannot be written. */
static void write_line(const char *data, size_t len)
{
	int fd = the_log.fd;

	while (len && fd >= 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char message[LINE_MAX_BYTES / 4]; /* escaped, it still fits */
	enum log_sink sink;
	int saved = errno;
	struct buf line;
	va_list ap;

	if (level > log_get_level())
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);

	buf_init(&line, LINE_MAX_BYTES + 256);
	sink = sink_now();
	build_line(&line, sink, level, message);
	if (sink == SINK_SYSLOG)
		syslog(levels[level].priority, "%s", line.data);
	else if (buf_putc(&line, '\n') == 0)
		write_line(line.data, line.len);
	buf_release(&line);
	errno = saved;
}
