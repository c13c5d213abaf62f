/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going into the background. The first process waits for the second, which
 * does all the work from the beginning, and ends with its verdict: so no
 * thread or lock is carried over a fork, and whoever mounts learns whether
 * it worked.
 */
#ifndef VERS3_MAIN_DAEMON_H
#define VERS3_MAIN_DAEMON_H

struct daemon;

/*
 * Forks; before any thread is there. In the parent it does not return: that
 * exits with 0 once the child calls daemon_ready(), else with 1 when the
 * child ends. The child may write its reasons to stderr until then. 0 in the
 * child, or -errno.
 */
int daemon_start(struct daemon **ret_daemon);
/*
 * In the child: a session of its own, no terminal, and the word to the
 * parent. NULL does nothing, for the foreground.
 */
void daemon_ready(struct daemon *d);
/* NULL is fine. */
void daemon_free(struct daemon *d);

#endif
