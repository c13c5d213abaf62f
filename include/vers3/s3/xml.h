/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XML documents that S3 answers with, read by libxml2 as a stream.
 *
 * Documents are hostile until read: no network, no DTD (a DOCTYPE is refused,
 * and with it every entity), depth and lengths bounded. Namespaces are not
 * looked at, since servers differ in them; unknown elements are skipped.
 *
 * Every function is free of state and may be called by any thread. -EIO means
 * that the document is cut, damaged, too deep, or another than expected.
 */
#ifndef VERS3_S3_XML_H
#define VERS3_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/store/store.h"

/*
 * Can a parser be given this? Not with a DOCTYPE, nor with tags of more than
 * 4 KiB or 16 attributes (of 300,000 each is held against all others), nor
 * 32 deep: no document of S3 comes near. Whether it is well-formed is the
 * parser's to say.
 */
bool xml_is_tame(const char *doc, size_t len);

/* ListBucketResult, ListVersionsResult and ListMultipartUploadsResult. */
struct xml_list {
	bool truncated;
	char *next_token; /* owned; NULL if absent */
	char *next_key_marker; /* owned, decoded; NULL if absent */
	char *next_version_marker; /* owned; or the upload id marker */
	unsigned skipped; /* items left out: no key, or none C can hold */
};

/*
 * Hands the items to fn in document order. Keys are decoded when the
 * document says EncodingType url. 0, -EIO, -ENOMEM, or what fn returned;
 * what fn was given stays given. list is filled on 0 alone; release it.
 */
int xml_parse_list(const char *doc, size_t len, store_entry_fn fn, void *ctx,
		   struct xml_list *ret_list);
void xml_list_release(struct xml_list *list);

/* One <Deleted> or <Error> of a DeleteResult, valid during the callback. */
struct xml_deleted {
	const char *key; /* as it was asked for */
	const char *version_id; /* "" if absent */
	const char *marker_version; /* of a marker that was made; "" if none */
	const char *code; /* of an error; "" when it is deleted */
	const char *message;
};

typedef int (*xml_deleted_fn)(void *ctx, const struct xml_deleted *deleted);

/* 0, -EIO, -ENOMEM, or what fn returned. */
int xml_parse_deleted(const char *doc, size_t len, xml_deleted_fn fn,
		      void *ctx);

/* A page of a ListPartsResult. */
struct xml_parts {
	uint64_t bytes; /* of the parts in it */
	bool truncated;
	unsigned next; /* the number after which the next page begins */
};

/* 0, -EIO, -ENOMEM. */
int xml_parse_parts(const char *doc, size_t len, struct xml_parts *ret_parts);

/*
 * The small documents: Error, CopyObjectResult, CopyPartResult,
 * InitiateMultipartUploadResult, CompleteMultipartUploadResult. Absent or too
 * long values are "".
 */
struct xml_result {
	char root[64]; /* "Error" and so on */
	char code[64];
	char message[256];
	char region[64];
	char request_id[64];
	char etag[256]; /* without its quotes */
	char last_modified[64]; /* ISO 8601 */
	char upload_id[2048];
};

/* White space before the document (sent to keep a line open) is fine. */
int xml_parse_result(const char *doc, size_t len, struct xml_result *ret);

/*
 * Is there a Rule in this lifecycle or replication configuration? 0, -EIO or
 * -ENOMEM.
 */
int xml_has_rules(const char *doc, size_t len, bool *ret_has_rules);

/*
 * Can this key stand in an XML 1.0 document, so that DeleteObjects can name
 * it? Not with most control bytes, nor when it is not UTF-8.
 */
bool xml_can_hold(const char *key);
/* The body of DeleteObjects, for those whose keys XML can hold. */
int xml_write_deletes(struct buf *b, const struct store_delete *deletes,
		      size_t count);
/* The body of CompleteMultipartUpload. */
int xml_write_parts(struct buf *b, const struct store_part *parts,
		    size_t count);

#endif
