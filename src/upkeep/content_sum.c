/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the digests that a fact can be compared by, and SHA-256. */
#include "content_sum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "part_sizes.h"
#include "vers3/core/etag.h"
#include "vers3/util/crc.h"
#include "vers3/util/hex.h"

#define SHA256_BYTES 32
#define BASE64_SIZE  (4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1)

enum digest_kind {
	KIND_SHA256, /* always, as two copies are compared by it */
	KIND_MD5,
	KIND_SHA1,
	KIND_COUNT,
};

static const char *const crc_headers[CRC_COUNT] = {
	[CRC_32] = "x-amz-checksum-crc32",
	[CRC_32C] = "x-amz-checksum-crc32c",
	[CRC_64NVME] = "x-amz-checksum-crc64nvme",
};

struct content_sum {
	const struct fact *fact; /* borrowed */
	uint64_t size_bytes; /* that came */
	EVP_MD_CTX *digests[KIND_COUNT]; /* owned; NULL: not wanted */
	unsigned char bytes[KIND_COUNT][EVP_MAX_MD_SIZE]; /* at the end */
	unsigned len[KIND_COUNT];
	bool wants_crc[CRC_COUNT];
	uint64_t crc[CRC_COUNT];
	struct part_sizes *parts; /* owned; NULL: not wanted */
	bool parts_agree;
	uint64_t part_bytes;
};

/* Whether the ETag is the MD5 of the bytes, as far as is known. */
static bool is_md5(const struct fact *f, unsigned char md5[ETAG_MD5_BYTES])
{
	static const struct kvlist none;

	return etag_md5(f->etag, f->headers ? f->headers : &none, md5);
}

/* base64 of rclone, "md5:HEX" among s3cmd's; "": neither. */
static void meta_md5(const struct fact *f, char hex[2 * ETAG_MD5_BYTES + 1])
{
	const char *text = f->meta ? kvlist_get(f->meta, "md5chksum") : NULL;
	unsigned char bytes[BASE64_SIZE];

	hex[0] = '\0';
	if (text && strlen(text) == 24 &&
	    EVP_DecodeBlock(bytes, (const unsigned char *)text, 24) == 18) {
		hex_write(bytes, ETAG_MD5_BYTES, hex);
		return;
	}
	text = f->meta ? kvlist_get(f->meta, "s3cmd-attrs") : NULL;
	text = text ? strstr(text, "md5:") : NULL;
	if (text)
		snprintf(hex, 2 * ETAG_MD5_BYTES + 1, "%s", text + 4);
}

static int begin_digest(struct content_sum *s, enum digest_kind kind,
			const EVP_MD *md)
{
	s->digests[kind] = EVP_MD_CTX_new();
	return s->digests[kind] &&
			       EVP_DigestInit_ex2(s->digests[kind], md, NULL)
		       ? 0
		       : -ENOMEM;
}

static int begin_digests(struct content_sum *s)
{
	const struct fact *f = s->fact;
	unsigned char md5[ETAG_MD5_BYTES];
	char hex[2 * ETAG_MD5_BYTES + 1];
	int rc = begin_digest(s, KIND_SHA256, EVP_sha256());

	meta_md5(f, hex);
	/* FIPS: without one nothing is compared by it. */
	if (!rc && (is_md5(f, md5) || *hex) &&
	    begin_digest(s, KIND_MD5, EVP_md5())) {
		EVP_MD_CTX_free(s->digests[KIND_MD5]);
		s->digests[KIND_MD5] = NULL;
	}
	if (!rc && fact_sum(f, "x-amz-checksum-sha1"))
		rc = begin_digest(s, KIND_SHA1, EVP_sha1());
	for (int i = 0; i < CRC_COUNT; i++)
		s->wants_crc[i] = fact_sum(f, crc_headers[i]) != NULL;
	return rc;
}

int content_sum_new(const struct fact *fact, struct content_sum **ret_sum)
{
	struct content_sum *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->fact = fact;
	rc = begin_digests(s);
	if (!rc)
		rc = part_sizes_new(fact->size_bytes, fact->etag, &s->parts);
	if (rc)
		content_sum_free(s);
	else
		*ret_sum = s;
	return rc;
}

void content_sum_free(struct content_sum *s)
{
	if (!s)
		return;
	for (int i = 0; i < KIND_COUNT; i++)
		EVP_MD_CTX_free(s->digests[i]);
	part_sizes_free(s->parts);
	free(s);
}

int content_sum_add(struct content_sum *s, const void *data, size_t size)
{
	s->size_bytes += size;
	for (int i = 0; i < KIND_COUNT; i++)
		if (s->digests[i] &&
		    !EVP_DigestUpdate(s->digests[i], data, size))
			return -ENOMEM;
	for (int i = 0; i < CRC_COUNT; i++)
		if (s->wants_crc[i])
			s->crc[i] = crc_add((enum crc_kind)i, s->crc[i], data,
					    size);
	return s->parts ? part_sizes_add(s->parts, data, size) : 0;
}

int content_sum_end(struct content_sum *s)
{
	for (int i = 0; i < KIND_COUNT; i++)
		if (s->digests[i] &&
		    !EVP_DigestFinal_ex(s->digests[i], s->bytes[i], &s->len[i]))
			return -ENOMEM;
	return s->parts ? part_sizes_end(s->parts, s->fact->etag,
					 &s->parts_agree, &s->part_bytes)
			: 0;
}

/* One check that the server keeps. */
static void weigh(bool agrees, unsigned *agree, unsigned *differ)
{
	if (agrees)
		++*agree;
	else
		++*differ;
}

static void weigh_digest(const struct content_sum *s, enum digest_kind kind,
			 const char *header, unsigned *agree, unsigned *differ)
{
	const char *said = fact_sum(s->fact, header);
	char text[BASE64_SIZE];

	if (!said || !s->digests[kind])
		return;
	EVP_EncodeBlock((unsigned char *)text, s->bytes[kind],
			(int)s->len[kind]);
	weigh(!strcmp(text, said), agree, differ);
}

static bool meta_agrees(const struct content_sum *s)
{
	char said[2 * ETAG_MD5_BYTES + 1], text[2 * EVP_MAX_MD_SIZE + 1];

	meta_md5(s->fact, said);
	if (!*said || !s->digests[KIND_MD5])
		return false;
	hex_write(s->bytes[KIND_MD5], s->len[KIND_MD5], text);
	return !strcasecmp(text, said);
}

enum proof content_sum_proves(const struct content_sum *s)
{
	const struct fact *f = s->fact;
	unsigned agree = 0, differ = 0;
	unsigned char md5[ETAG_MD5_BYTES];
	char text[CRC_TEXT_SIZE];

	if (s->size_bytes != f->size_bytes)
		return PROOF_WRONG;
	if (s->digests[KIND_MD5] && is_md5(f, md5))
		weigh(!memcmp(md5, s->bytes[KIND_MD5], sizeof(md5)), &agree,
		      &differ);
	weigh_digest(s, KIND_SHA256, "x-amz-checksum-sha256", &agree, &differ);
	weigh_digest(s, KIND_SHA1, "x-amz-checksum-sha1", &agree, &differ);
	for (int i = 0; i < CRC_COUNT; i++) {
		if (!s->wants_crc[i])
			continue;
		crc_text((enum crc_kind)i, s->crc[i], text);
		weigh(!strcmp(text, fact_sum(f, crc_headers[i])), &agree,
		      &differ);
	}
	/* With parts of another size it is another one, of the same bytes. */
	agree += s->parts_agree;
	return integrity_proof(agree, differ, meta_agrees(s));
}

uint64_t content_sum_part_bytes(const struct content_sum *s)
{
	return s->parts_agree ? s->part_bytes : 0;
}

bool content_sum_same(const struct content_sum *a, const struct content_sum *b)
{
	return a->size_bytes == b->size_bytes &&
	       !memcmp(a->bytes[KIND_SHA256], b->bytes[KIND_SHA256],
		       SHA256_BYTES);
}
