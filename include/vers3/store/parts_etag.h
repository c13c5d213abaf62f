/* SPDX-License-Identifier: Apache-2.0 */
/* The ETag of an object that was uploaded in parts. */
#ifndef VERS3_STORE_PARTS_ETAG_H
#define VERS3_STORE_PARTS_ETAG_H

#include "vers3/store/store.h"

#define PARTS_ETAG_SIZE 80

/*
 * What CompleteMultipartUpload gives to these parts: the MD5 of their MD5s, and
 * their number (docs: "Checking object integrity", ETags of multipart uploads).
 * "" where their own ETags are no MD5s. Pure.
 */
void parts_etag(const struct store_part *parts, size_t count,
		char etag[PARTS_ETAG_SIZE]);

#endif
