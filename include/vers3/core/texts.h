/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that the bucket holds under their digests: those that were sent or read
 * of late, since many files have the same, and who is sending one. In memory
 * only. Any thread; a leaf lock.
 */
#ifndef VERS3_CORE_TEXTS_H
#define VERS3_CORE_TEXTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vers3/util/buf.h"

#define TEXTS_DIGEST 64 /* hex digits of a SHA-256 */
#define TEXTS_MAX    ((size_t)512 << 10) /* bytes of one */

struct texts;

int texts_new(struct texts **ret_texts);
/* NULL is fine. */
void texts_free(struct texts *t);

/* Best effort. version_id NULL: nothing is said of the bucket. */
void texts_note(struct texts *t, const char *digest, const char *version_id,
		const struct buf *text);
/* Whether the text is known; appended. */
bool texts_get(struct texts *t, const char *digest, struct buf *text);
/*
 * Whether the bucket had it no longer than age_ns ago; then version_id, of
 * META_VERSION_MAX + 1 bytes, is set.
 */
bool texts_is_there(struct texts *t, const char *digest, int64_t age_ns,
		    char *version_id);

/* Who sends: others that have the same to send wait for it. */
struct texts_sender {
	const char *digest; /* borrowed */
	LIST_ENTRY(texts_sender) entry; /* the texts' own */
};
/* s stays in use until texts_end_send(). Waits while another one sends. */
void texts_begin_send(struct texts *t, struct texts_sender *s);
void texts_end_send(struct texts *t, struct texts_sender *s);

/*
 * One could not be read; answered: the server said so. Whether that is news:
 * false where it is known of it.
 */
bool texts_miss(struct texts *t, const char *digest, bool answered);
/* Whether the server said so of it no longer than age_ns ago. */
bool texts_is_missed(struct texts *t, const char *digest, int64_t age_ns);

#endif
