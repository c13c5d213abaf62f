/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: the one piece of process-wide state. Safe from every thread.
 * One event is one line. Credentials are never passed to it.
 */
#ifndef VERS3_UTIL_LOG_H
#define VERS3_UTIL_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Where lines go: "stderr", "syslog" (stderr while there is no /dev/log),
 * "journal" (systemd's stderr with <N> priorities), or the path of a file to
 * append to, which is no link and no other user's file (-ELOOP, -EPERM). 0 or
 * -errno; on failure the log stays where it was. Call before threads start.
 */
int log_open(const char *target, bool json);
/* Whether lines go to stderr now. */
bool log_is_stderr(void);
/*
 * For a process that is about to let go of its stderr: what went there goes to
 * systemd's journal, where there is one and stderr was not asked for, else to a
 * copy of stderr that is a file or a terminal. A pipe is not held on to: its
 * reader waits for its end. False when lines go nowhere from here on. Any
 * thread, once.
 */
bool log_leave_stderr(void);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
