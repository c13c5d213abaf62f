/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When keys were saved last by this mount: of the youngest few thousand, in a
 * room that does not grow. Best effort: what is not known counts as long ago.
 *
 * Any thread; a leaf lock. Times are realtime, in ns.
 */
#ifndef VERS3_JOURNAL_RECENT_SAVES_H
#define VERS3_JOURNAL_RECENT_SAVES_H

#include <stdint.h>

struct recent_saves;
/* 0 or -ENOMEM. */
int recent_saves_new(struct recent_saves **ret_saves);
/* NULL is fine. */
void recent_saves_free(struct recent_saves *r);
void recent_saves_note(struct recent_saves *r, const char *key, int64_t now_ns);
/* 0: not known. */
int64_t recent_saves_when(struct recent_saves *r, const char *key);

#endif
