/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a command of the user's and reading what it prints, and running a
 * program of the system's.
 *
 * The user's command gets nothing of this process but its environment and its
 * standard error: no other descriptor, an empty standard input, signals as a
 * shell has them, a process group of its own, and an umask that lets nobody
 * else at the files it makes. At a terminal it keeps input and group, since it
 * may have to ask something.
 */
#ifndef VERS3_UTIL_COMMAND_H
#define VERS3_UTIL_COMMAND_H

#include <stddef.h>
#include <stdint.h>

/*
 * Runs it with /bin/sh and waits for its end, at most limit_ns. text (size
 * bytes, no NUL is added) gets its standard output; *ret_status what
 * waitpid(2) gives. 0; -ETIMEDOUT, and -EMSGSIZE when it prints more than
 * fits: then it and what it has started are killed; -errno when it could not
 * be started. What a process prints that it leaves behind is not waited for.
 * From any thread.
 */
int command_read(const char *command, int64_t limit_ns, char *text, size_t size,
		 size_t *ret_len, int *ret_status);

/*
 * Runs the program argv[0], a path, with these arguments (the last one NULL)
 * and waits for its end, at most limit_ns. It gets no descriptor of this
 * process, no word of its environment, and nobody hears what it says.
 * *ret_status is what waitpid(2) gives. 0; -ETIMEDOUT: it was killed; -errno
 * when it could not be started. From any thread.
 */
int command_tool(const char *const argv[], int64_t limit_ns, int *ret_status);

#endif
