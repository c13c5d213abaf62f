/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a change could not be sent, and what can be done about it.
 *
 * Any thread; waits for nothing. The words are copied. S3 API: "Error
 * responses".
 */
#ifndef VERS3_SYNC_FAILURE_H
#define VERS3_SYNC_FAILURE_H

struct syncer;

#define FAILURE_WORDS 320

struct failure {
	char words[FAILURE_WORDS]; /* the server's, else the errno's */
	/* What it takes; NULL where another try may do. A constant. */
	const char *advice;
};

/*
 * Of a path whose last try ended in error (an errno). Takes meta_lock(): no
 * leaf may be held.
 */
void failure_explain(struct syncer *s, const char *path, int error,
		     struct failure *ret);

#endif
