/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeros that the server copies: parts of an upload that are nothing but a hole
 * do not cross the line. A part of an upload that is not complete cannot be
 * copied, so the zeros are objects of their own, in the directory of .versions,
 * which no mount shows:
 *
 *	.versions/zeros-8388608		sent once a bucket and prefix
 *	.versions/zeros-16777216	twice that one, copied by the server;
 *	...				for parts of that size
 *
 * Anyone may have written something else there, which stays, so nobody believes
 * them: the ETag of each part that was copied has to be the MD5 of as many
 * zeros. Where it is not (also where ETags are no MD5s: KMS), or copies are
 * refused, zeros are sent. So they are in a bucket that retains what is written
 * to it.
 */
#ifndef VERS3_SRC_SYNC_ZEROS_H
#define VERS3_SRC_SYNC_ZEROS_H

#include "vers3/store/store.h"

struct syncer;

struct zeros;

int zeros_new(struct syncer *s, struct zeros **ret_zeros);
/* NULL is fine. */
void zeros_free(struct zeros *z);
/*
 * Has the server make a part of zeros; r is a STORE_COPY_PART that lacks its
 * source alone. total: how many bytes of them the upload is to have, for what
 * is worth an object. 0; -EOPNOTSUPP: they are to be sent, as the same part;
 * or r's -errno, with the code NoSuchUpload. Blocks.
 */
int zeros_copy(struct zeros *z, struct store_request *r, uint64_t length,
	       uint64_t total);

#endif
