/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An integrity sweep: what the mount knows of objects, or what another bucket
 * has of them, is compared with what the mount's bucket has, by sizes, ETags
 * and checksums, or byte by byte.
 *
 * Any thread, no lock held. 0 or -errno. Sizes in bytes.
 */
#ifndef VERS3_UPKEEP_VERIFY_H
#define VERS3_UPKEEP_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct verify;
struct view;

/*
 * What is to be looked at: path, "" for all, is copied; the rest is borrowed. The
 * words:
 *
 *	sample=1%		so many of the versions, by a hash
 *	against=cache		what this mount knows; or replica, or both
 *	deep			reads all bytes
 *	repair			sends again what is proven
 *	threshold=0.5%		more mismatches than that are a failure
 *	rate=32M		bytes a second that are read at most; or none
 *	seed=NUMBER		of the hash
 *	resume=TEXT		from a checkpoint of an answer
 *
 * -EINVAL with one line in reason (size bytes) that names the word that is
 * wrong; -EROFS where a repair would change a mount that is read-only.
 */
int verify_new(struct mount *mount, struct view *view, const char *path,
	       char *const *words, size_t count, struct verify **ret_verify,
	       char *reason, size_t size);
/* Whether it is one of these words, right or wrong. Pure. */
bool verify_is_word(const char *word);
/*
 * Looks and answers: a run of struct long_command; verify is one of those.
 * -ENOENT where the path never was.
 */
int verify_run(void *verify, struct answer_stream *answer);
void verify_free(void *verify);

#endif
