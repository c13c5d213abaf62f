/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object store: one interface with one verb.
 *
 * A request is typed, describes one S3 API call and can be sent again: its
 * inputs are only read, its reply is reset by each store that answers it.
 * store_call() blocks its caller until the reply is there; many threads may
 * call one store at a time. No lock and no LMDB transaction may be held
 * across it.
 *
 * Layers (retry, fault, metrics, trace) wrap a store and own the one below;
 * the S3 client (s3/s3.h) and the in-memory store (store/memory.h) are last.
 */
#ifndef VERS3_STORE_STORE_H
#define VERS3_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/* Each names the S3 API action that it stands for. */
enum store_op {
	STORE_HEAD_BUCKET,
	STORE_GET_VERSIONING, /* reply.body: XML document */
	STORE_PUT_VERSIONING, /* body: XML document */
	STORE_GET_LIFECYCLE, /* reply.body; -ENODATA where there is none */
	STORE_PUT_LIFECYCLE, /* body: XML document */
	STORE_DELETE_LIFECYCLE,
	STORE_GET_REPLICATION, /* reply.body; -ENODATA where there is none */
	STORE_GET_OBJECT_LOCK, /* reply.body; -ENODATA: no default retention */
	/*
	 * What an audit asks for: reply.body, -ENODATA where there is none. A
	 * server that does not know the question may answer another one.
	 */
	STORE_GET_LOCATION,
	STORE_GET_ENCRYPTION,
	STORE_GET_PUBLIC_BLOCK,
	STORE_GET_POLICY_STATUS,
	STORE_GET_ACL,
	STORE_LIST, /* ListObjectsV2, one page */
	STORE_LIST_VERSIONS, /* ListObjectVersions, one page */
	STORE_LIST_UPLOADS, /* ListMultipartUploads, one page */
	STORE_HEAD,
	STORE_GET,
	STORE_PUT,
	STORE_COPY,
	STORE_DELETE,
	STORE_DELETE_MANY, /* DeleteObjects, 1,000 keys at most */
	STORE_CREATE_UPLOAD,
	STORE_UPLOAD_PART,
	STORE_COPY_PART,
	STORE_COMPLETE_UPLOAD,
	STORE_ABORT_UPLOAD,
	STORE_LIST_PARTS, /* ListParts, one page: reply.parts_bytes */
	STORE_GET_TAGGING, /* reply.body; of key[, version_id] */
	STORE_PUT_TAGGING, /* body: XML document */
	STORE_PUT_RETENTION, /* likewise, as the next */
	STORE_PUT_LEGAL_HOLD,
	STORE_RESTORE, /* RestoreObject; body: XML document */
	STORE_OP_COUNT,
};

/* "HeadObject" and so on; the names of the S3 API reference. */
const char *store_op_name(enum store_op op);

/* What the store says of one version of one object. Strings are owned. */
struct store_object {
	char *etag; /* without its quotes; NULL if none was given */
	char *version_id; /* NULL on an unversioned bucket; may be "null" */
	uint64_t size_bytes; /* of the whole object, also for a ranged GET */
	int64_t last_modified_ns; /* since the epoch; whole s from headers */
	bool delete_marker;
	struct kvlist meta; /* x-amz-meta-*, names without that prefix */
	struct kvlist headers; /* the answer's other headers, lower case */
};

void store_object_init(struct store_object *o);
void store_object_release(struct store_object *o);

enum store_entry_kind {
	STORE_ENTRY_OBJECT, /* ListObjectsV2 Contents */
	STORE_ENTRY_VERSION, /* ListObjectVersions Version */
	STORE_ENTRY_MARKER, /* ListObjectVersions DeleteMarker */
	STORE_ENTRY_PREFIX, /* CommonPrefixes */
	STORE_ENTRY_UPLOAD, /* ListMultipartUploads Upload */
};

/* One item of a list, valid during the callback. Absent strings are "". */
struct store_entry {
	enum store_entry_kind kind;
	const char *key; /* decoded (url encoding-type undone), NUL-free */
	size_t key_len;
	const char *version_id; /* UPLOAD: the upload id */
	const char *etag; /* without quotes */
	const char *storage_class;
	const char *owner; /* UPLOAD: who began it, as the server calls it */
	uint64_t size_bytes;
	int64_t last_modified_ns;
	bool latest;
};

/* In the server's order. A negative return ends the list and is returned. */
typedef int (*store_entry_fn)(void *ctx, const struct store_entry *entry);

/*
 * What is sent: `length` bytes at mem (when not NULL), else of fd from
 * offset. Borrowed, and constant until store_call() returns.
 */
struct store_body {
	const void *mem;
	int fd;
	uint64_t offset;
	uint64_t length;
};

/*
 * Takes a GET's bytes as they come: `offset` counts from the range's start,
 * and starts again at 0 when a retry sends the range again. A negative
 * return ends the transfer and is returned. Called on the thread that runs
 * the transfer: must not block.
 */
typedef int (*store_sink_fn)(void *ctx, uint64_t offset, const void *data,
			     size_t len);
/*
 * What the answer says of the object, borrowed, before the first of its bytes
 * is handed out; again when a retry sends them again. As a store_sink_fn.
 */
typedef int (*store_head_fn)(void *ctx, int status,
			     const struct store_object *o);

/* What a body is compared by when it has come, beside its signature. */
enum store_sum {
	STORE_SUM_NONE,
	STORE_SUM_MD5, /* Content-MD5: forgotten then */
	STORE_SUM_CRC64NVME, /* x-amz-checksum-crc64nvme: kept, told by GET */
};

struct store_part {
	unsigned number; /* from 1 */
	const char *etag;
};

struct store_delete {
	const char *key;
	const char *version_id; /* NULL: place a delete marker */
	int result; /* out: 0 or -errno of this key */
	char *marker_version; /* out: owned by the array's owner, or NULL */
	char code[64], message[96]; /* out: the server's, where it failed */
	const char *if_match; /* an ETag without quotes; NULL: any */
};

struct store_reply {
	int status; /* HTTP status; 0 when no answer came */
	char code[64]; /* <Code> of an error document */
	char message[256]; /* <Message>, or the transport's words */
	char request_id[64]; /* x-amz-request-id */
	char region[64]; /* x-amz-bucket-region, or <Region> */
	int64_t date_ns; /* the server's Date header; 0 if none */
	/* When its certificate ends, where asked for; 0: not known. */
	int64_t cert_until_ns;
	int64_t retry_after_ns; /* Retry-After; 0 if none */
	unsigned tries; /* how often it was sent */
	bool unsure; /* it failed, but may have been carried out (retry.h) */
	struct store_object object; /* HEAD, GET, PUT, COPY, ... */
	struct buf body; /* documents */
	bool truncated; /* lists: more pages follow */
	unsigned skipped; /* lists: items with a key C cannot hold, left out */
	char *next_token; /* STORE_LIST */
	char *next_key_marker; /* STORE_LIST_VERSIONS, _UPLOADS */
	char *next_version_marker; /* or upload-id marker */
	char *upload_id; /* STORE_CREATE_UPLOAD */
	uint64_t parts_bytes; /* STORE_LIST_PARTS: of this page */
	unsigned next_part; /* likewise: the last one; where truncated */
};

struct store_request {
	enum store_op op;
	/* Sent again only where the answer shows that nothing was done. */
	bool once;
	bool asks_cert; /* reply.cert_until_ns is wanted */
	bool trial; /* a refusal is what was asked for: no error */
	/*
	 * GET, HEAD of this version (version_id, if_match) and no other, which
	 * never changes: a copy of it elsewhere will do as well.
	 */
	bool pinned;

	/* Inputs: borrowed, read only. NULL or 0 where not used. */
	const char *key;
	const char *version_id;
	uint64_t range_offset, range_length; /* GET, COPY_PART; 0 = all */
	const char *if_match; /* an ETag without quotes, or "*" */
	const char *if_none_match; /* likewise */
	const char *source_key, *source_version; /* COPY, COPY_PART */
	const char *source_if_match; /* ETag of the source */
	const struct kvlist *meta; /* x-amz-meta-*, without the prefix */
	bool replace_meta; /* COPY: meta and headers replace */
	const struct kvlist *headers; /* content-type, x-amz-storage-class… */
	struct store_body body;
	enum store_sum sum; /* PUT, UPLOAD_PART; CREATE_UPLOAD: its parts' */
	const char *md5; /* PUT: the body's, in hex, where that is known */
	const char *prefix, *delimiter;
	const char *start_after, *token; /* STORE_LIST */
	const char *key_marker, *version_marker; /* LIST_VERSIONS, _UPLOADS */
	unsigned max_keys; /* 0: the server's 1,000 */
	store_entry_fn on_entry;
	void *entry_ctx;
	struct store_delete *deletes; /* DELETE_MANY; results written */
	size_t delete_count;
	const char *upload_id;
	unsigned part_number; /* LIST_PARTS: those after it */
	const struct store_part *parts; /* COMPLETE_UPLOAD, ascending */
	size_t part_count;
	store_sink_fn sink; /* GET; without one the body is dropped */
	void *sink_ctx;
	store_head_fn head; /* GET; may be NULL */
	void *head_ctx;

	struct store_reply reply; /* owned by the request */
};

/* Zeroes the request and makes an empty reply. */
void store_request_init(struct store_request *r, enum store_op op);
void store_request_release(struct store_request *r);
/* Empties the reply, for a store that is about to answer. */
void store_reply_reset(struct store_reply *reply);

struct store;
struct store_ops {
	const char *name;
	/* See store_call(). */
	int (*call)(struct store *s, struct store_request *r);
	/* Ends threads, frees the store and the stores that it wraps. */
	void (*free)(struct store *s);
};

/* Embedded first in each implementation's own struct. */
struct store {
	const struct store_ops *ops;
	struct store *below; /* owned; NULL in the last layer */
};

/*
 * Carries the request out. 0, or:
 *  -ENOENT no such key, or a delete marker (reply.object.delete_marker)
 *  -EACCES not allowed, bad or expired credentials
 *  -ENODATA no such configuration
 *  -EBUSY a condition failed (412) or a conflict (409)
 *  -EREMOTE archived and not restored
 *  -ERANGE the range lies outside (416)
 *  -EIO the server failed, or the answer could not be understood
 *  -ETIMEDOUT, -EHOSTUNREACH, -ECONNRESET... no whole answer came
 *  -EINVAL the server calls the request bad
 *  -EOPNOTSUPP the server does not know the action (405, 501)
 *  -EDQUOT the server's quota is used up
 *  -EXDEV the server cannot copy from this key of SSE-C to that one
 *  or what a callback returned.
 */
int store_call(struct store *s, struct store_request *r);
/*
 * Makes r a HEAD of a key, or of one version of it (NULL or "": the newest),
 * and carries it out. The caller releases r, whatever it comes to.
 */
int store_head(struct store *s, struct store_request *r, const char *key,
	       const char *version_id);
/*
 * Whether no server has answered: it is out of reach, or what is there is not
 * let pass by TLS (-EPROTO). Of store_call()'s errors; pure.
 */
bool store_is_unanswered(int rc);
/* Whether it may all be different in a minute: that, or the server fails. */
bool store_is_outage(int rc);
/*
 * How a request that ended in err (-errno) was refused, as one line: operation
 * and the server's status, code, message and request id; or why it gave none.
 */
void store_describe(const struct store_request *r, int err, char *words,
		    size_t size);
/* Frees a whole stack. NULL is fine. */
void store_free(struct store *s);

#endif
