/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server can do beyond what every S3 server can: conditions on
 * requests that change a key (S3 user guide, "Conditional requests"), and a
 * check of what is sent that stays with the object ("Checking object
 * integrity"). It is tried out on a scratch object, since a server that does
 * not know such a header carries the request out without it, and remembered
 * for a day. In a bucket that retains whatever is written to it nothing is
 * tried: the scratch object would stay.
 *
 * Any thread. Stores and metas are borrowed for the call. A probe waits for the
 * server, so no lock is held; with a store of NULL nothing waits.
 */
#ifndef VERS3_CORE_CAPS_H
#define VERS3_CORE_CAPS_H

#include <stdbool.h>

#include "vers3/meta/meta.h"
#include "vers3/store/store.h"

struct caps {
	/* PutObject and CompleteMultipartUpload: */
	bool if_none_match; /* If-None-Match: * */
	bool if_match; /* If-Match: ETAG */
	bool copy; /* CopyObject: both */
	bool remove; /* DeleteObject: If-Match; DeleteObjects: ETag */
	/*
	 * PutObject, UploadPart: x-amz-checksum-crc64nvme is looked at, and the
	 * object's kept.
	 */
	bool checksum;
	/* The bucket retains by default: what has no digest may be refused. */
	bool retains;
	/*
	 * CopyObject: one with new metadata keeps the tags (Ceph drops them).
	 */
	bool keeps_tags;
};

/* A server that does all of it. */
#define CAPS_ALL                                                               \
	{                                                                      \
		true, true, true, true, true, false, true                      \
	}

/*
 * Whether url is Amazon's own S3, which needs no trial (a policy that cannot
 * delete versions could not clear it away): PutObject,
 * CompleteMultipartUpload, DeleteObject and DeleteObjects know conditions,
 * CopyObject answers them with 501 (S3 user guide, "Conditional requests").
 * All of its checks are known, too.
 */
bool caps_known(const char *url, struct caps *ret);

/*
 * Tries it out on an object in the directory `dir` below prefix, the name of
 * .versions, which no mount shows; its versions are all deleted again. 0; or
 * why nothing could be learnt, with *ret as if the server could do nothing.
 * What the server refuses counts as what it cannot do.
 */
int caps_probe(struct store *store, const char *prefix, const char *dir,
	       struct caps *ret);

/*
 * What is remembered, and if that is over a day old, what a probe finds; with
 * a store of NULL nothing is asked. Never fails: what cannot be learnt is
 * taken as absent. Takes meta_lock(). encrypts: whether the store was told to
 * encrypt: its copies are others then, and what they do is kept apart.
 */
void caps_learn(struct meta *meta, struct store *store, const char *prefix,
		const char *dir, bool encrypts, struct caps *ret);

/*
 * Whether objects can have a storage class: an upload is begun with it, below
 * prefix, and aborted; what the server takes is remembered for a day. 0 also
 * where nothing can be learnt; -EINVAL: there is no such class. Takes
 * meta_lock(). Blocks.
 */
int caps_class(struct meta *meta, struct store *store, const char *prefix,
	       const char *class);

/*
 * Whether new objects are encrypted as the store was told to have them: an
 * upload is begun below prefix, and aborted. 0 also where nothing can be
 * learnt; -EINVAL: the server refuses that or overlooks it, and why (size
 * bytes) says so in its words. Blocks. S3 API: CreateMultipartUpload.
 */
int caps_encryption(struct store *store, const char *prefix, char *why,
		    size_t size);

/*
 * Uploads in parts take no check of the whole here, though objects that are
 * sent as one do (MinIO): learnt from an upload that was sent in vain and one
 * that ended without, and remembered for a month. Both take meta_lock().
 */
bool caps_no_whole_sum(struct meta *meta);
void caps_note_no_whole_sum(struct meta *meta);

/* What goes along with the bytes of a PutObject or an UploadPart. */
enum store_sum caps_sum(const struct caps *caps);

#endif
