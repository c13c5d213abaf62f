/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of the in-memory store: keys, each with its versions, and
 * multipart uploads. For the files memory*.c only.
 *
 * All of it is protected by the store's mutex, which the callers hold; the
 * exception is blobs, which never change once made and are counted.
 */
#ifndef VERS3_SRC_STORE_MEMORY_BUCKET_H
#define VERS3_SRC_STORE_MEMORY_BUCKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vers3/store/store.h"

#define MEM_ID_SIZE   40
#define MEM_ETAG_SIZE 64 /* a digest, "-" and any count */
#define MEM_MAX_PARTS 10000

/* Headers of versions in an archive. */
#define MEM_RESTORE   "x-amz-restore"
#define MEM_ARCHIVED  "x-amz-archive-status"
#define MEM_UNDER_WAY "ongoing-request=\"true\""

/* Immutable bytes. */
struct mem_blob {
	unsigned refs; /* atomic */
	uint64_t size;
	unsigned char data[];
};

struct mem_version {
	char id[MEM_ID_SIZE]; /* "null" when written without versioning */
	uint64_t seq; /* larger is newer */
	bool marker;
	struct mem_blob *blob; /* counted; NULL for a marker */
	char etag[MEM_ETAG_SIZE];
	int64_t modified_ns; /* whole ms */
	struct kvlist meta;
	struct kvlist headers;
	char *tagging; /* owned document; NULL: no tags */
	unsigned thaw_days; /* that were asked for */
};

struct mem_key {
	char *name; /* owned */
	struct mem_version **versions; /* owned; newest first */
	size_t count, size;
};

struct mem_part {
	unsigned number;
	struct mem_blob *blob; /* counted */
	char etag[MEM_ETAG_SIZE];
};

struct mem_upload {
	char id[MEM_ID_SIZE];
	char *key; /* owned */
	int64_t initiated_ns;
	struct mem_version *draft; /* owned; all but its bytes */
	struct mem_part *parts; /* owned; ascending */
	size_t part_count, part_size;
	bool sum; /* a check of the whole is kept */
};

enum mem_versioning {
	MEM_UNVERSIONED,
	MEM_ENABLED,
	MEM_SUSPENDED,
};

struct memory_store {
	struct store store;
	pthread_mutex_t mutex; /* protects all below */
	enum mem_versioning versioning;
	struct mem_key **keys; /* owned; ascending bytewise */
	size_t key_count, key_size;
	struct mem_upload **uploads; /* owned; by key, then by age */
	size_t upload_count, upload_size;
	char *lifecycle; /* owned document; NULL: none */
	char *replication; /* likewise */
	struct kvlist headers; /* of HeadBucket */
	uint64_t seq; /* last number given out */
	uint64_t requests;
};

/* NULL without memory; bytes are the caller's to fill before sharing. */
struct mem_blob *mem_blob_new(uint64_t size);
struct mem_blob *mem_blob_ref(struct mem_blob *b);
void mem_blob_unref(struct mem_blob *b);
/* Reads a request's body. 0 or -errno. */
int mem_blob_read(const struct store_body *body, struct mem_blob **ret_blob);
/* MD5 in hex, the ETag of what was sent in one piece. 0 or -EIO. */
int mem_blob_etag(const struct mem_blob *b, char *etag);
/* MD5 of the parts' MD5s, "-" and their number. 0 or -EIO. */
int mem_parts_etag(const struct mem_part *const *parts, size_t count,
		   char *etag);

/* A version without a place yet. NULL without memory. */
struct mem_version *mem_version_new(void);
void mem_version_free(struct mem_version *v);

/* Index of the first key >= name. */
size_t mem_key_index(const struct memory_store *ms, const char *name);
/* NULL if there is none. */
struct mem_key *mem_key_find(const struct memory_store *ms, const char *name);
/* The newest version if it is no delete marker, else NULL. */
struct mem_version *mem_key_current(const struct mem_key *k);
struct mem_version *mem_key_version(const struct mem_key *k, const char *id);
/*
 * Makes v (taken over, also on failure) the newest version of a key, under
 * an id as the bucket's versioning has it: a new one, or "null", replacing
 * the null version that was. 0 or -ENOMEM.
 */
int mem_key_push(struct memory_store *ms, const char *name,
		 struct mem_version *v);
/* Removes a version, and its key with the last one. */
void mem_key_remove(struct memory_store *ms, struct mem_key *k,
		    struct mem_version *v);

/* An id that tells nothing of its order to those who do not ask for it. */
void mem_id_format(uint64_t seq, char *id);
/* The number behind an id; false if it is none of ours. */
bool mem_id_parse(const char *id, uint64_t *ret_seq);

void mem_upload_free(struct mem_upload *u);

/* In an archive class, restored or not; being restored; closed to readers. */
bool mem_is_cold(const struct mem_version *v);
bool mem_is_thawing(const struct mem_version *v);
bool mem_is_archived(const struct mem_version *v);

/* Fills the reply in as an error and returns err. */
int mem_fail(struct store_request *r, int err, int status, const char *code);

/*
 * The S3 calls, one function each. body is the request's, read into memory
 * and borrowed; NULL for calls without one. Called with the mutex held,
 * unless it says "unlocked".
 */
typedef int (*mem_call_fn)(struct memory_store *ms, struct store_request *r,
			   struct mem_blob *body);

/* memory_list.c: unlocked */
int mem_list(struct memory_store *ms, struct store_request *r,
	     struct mem_blob *body);
int mem_list_versions(struct memory_store *ms, struct store_request *r,
		      struct mem_blob *body);
int mem_list_uploads(struct memory_store *ms, struct store_request *r,
		     struct mem_blob *body);

/* memory_upload.c */
int mem_create_upload(struct memory_store *ms, struct store_request *r,
		      struct mem_blob *body);
int mem_upload_part(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body);
int mem_copy_part(struct memory_store *ms, struct store_request *r,
		  struct mem_blob *body);
int mem_complete_upload(struct memory_store *ms, struct store_request *r,
			struct mem_blob *body);
int mem_abort_upload(struct memory_store *ms, struct store_request *r,
		     struct mem_blob *body);
int mem_list_parts(struct memory_store *ms, struct store_request *r,
		   struct mem_blob *body);

/* memory_read.c; mem_get() is unlocked */
int mem_head(struct memory_store *ms, struct store_request *r,
	     struct mem_blob *body);
int mem_get(struct memory_store *ms, struct store_request *r,
	    struct mem_blob *body);
int mem_get_tagging(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body);
int mem_put_tagging(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body);
/* memory_lock.c: they hold nothing, but are told by HEAD */
int mem_put_retention(struct memory_store *ms, struct store_request *r,
		      struct mem_blob *body);
int mem_put_legal_hold(struct memory_store *ms, struct store_request *r,
		       struct mem_blob *body);

/* memory_archive.c */
int mem_restore(struct memory_store *ms, struct store_request *r,
		struct mem_blob *body);
/* As memory_store_end_restores(). */
unsigned mem_end_restores(struct memory_store *ms, bool in_vain);

/* memory_write.c */
int mem_put(struct memory_store *ms, struct store_request *r,
	    struct mem_blob *body);
int mem_copy(struct memory_store *ms, struct store_request *r,
	     struct mem_blob *body);
int mem_delete(struct memory_store *ms, struct store_request *r,
	       struct mem_blob *body);
int mem_delete_many(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body);

/* Shared by them. Each fills the reply in when it fails. */

/* What key (and version_id) name, markers being an error. */
int mem_find(struct memory_store *ms, struct store_request *r,
	     struct mem_version **ret_version);
/* What source_key and source_version name, if it may be copied. */
int mem_copy_source(struct memory_store *ms, struct store_request *r,
		    struct mem_version **ret_version);
/* Key and metadata within the limits of S3, headers kept in v. */
int mem_check_key(struct store_request *r);
int mem_set_attrs(struct store_request *r, const struct kvlist *meta,
		  const struct kvlist *headers, struct mem_version *v);
/*
 * Compares v's bytes with the check that was sent with them, and keeps it; or,
 * when it is wanted, makes it.
 */
int mem_take_sum(struct store_request *r, bool wanted, struct mem_version *v);
/* The request's if_match and if_none_match against the current version. */
int mem_check_write(struct memory_store *ms, struct store_request *r);
/* Stores v (taken over) as the key's newest version and tells the reply. */
int mem_store_version(struct memory_store *ms, struct store_request *r,
		      struct mem_version *v);
/* The bytes that the request's range names; a whole blob without one. */
struct mem_slice {
	uint64_t offset, length;
};
bool mem_slice(const struct store_request *r, uint64_t size,
	       struct mem_slice *ret_slice);
/* The part of the reply that tells which version it is about. */
int mem_tell_version(const struct memory_store *ms, const char *id,
		     struct store_reply *reply);

#endif
