/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: comparisons, and the rule who is right. */
#include "integrity.h"

#include <string.h>

#include "vers3/core/etag.h"

/* Of the whole object; the strongest first. */
static const char *const sums[] = {
	"x-amz-checksum-sha256",    "x-amz-checksum-sha1",
	"x-amz-checksum-crc64nvme", "x-amz-checksum-crc32c",
	"x-amz-checksum-crc32",
};

static const struct kvlist nothing;

static const struct kvlist *headers_of(const struct fact *f)
{
	return f->headers ? f->headers : &nothing;
}

/* A check of the checks of parts has a dash, as their ETag has. */
const char *fact_sum(const struct fact *f, const char *header)
{
	const char *text = kvlist_get(headers_of(f), header);
	const char *type = kvlist_get(headers_of(f), "x-amz-checksum-type");

	if (!text || strchr(text, '-') || (type && !strcmp(type, "COMPOSITE")))
		return NULL;
	return text;
}

static enum integrity compare_sums(const struct fact *a, const struct fact *b)
{
	for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
		const char *one = fact_sum(a, sums[i]),
			   *two = fact_sum(b, sums[i]);

		if (one && two)
			return strcmp(one, two) ? INTEGRITY_CHECKSUM
						: INTEGRITY_SAME;
	}
	return INTEGRITY_UNCLEAR;
}

enum integrity integrity_compare(const struct fact *a, const struct fact *b)
{
	const char *one = a->etag ? a->etag : "", *two = b->etag ? b->etag : "";
	unsigned char md5[2][ETAG_MD5_BYTES];

	if (!a->there || !b->there)
		return INTEGRITY_MISSING;
	if (a->size_bytes != b->size_bytes)
		return INTEGRITY_SIZE;
	if (*one && !strcmp(one, two))
		return INTEGRITY_SAME;
	if (etag_md5(one, headers_of(a), md5[0]) &&
	    etag_md5(two, headers_of(b), md5[1]))
		return memcmp(md5[0], md5[1], sizeof(md5[0])) ? INTEGRITY_ETAG
							      : INTEGRITY_SAME;
	return compare_sums(a, b);
}

const char *integrity_word(enum integrity i)
{
	static const char *const words[] = {
		[INTEGRITY_SAME] = "same",
		[INTEGRITY_MISSING] = "missing",
		[INTEGRITY_SIZE] = "size",
		[INTEGRITY_ETAG] = "etag",
		[INTEGRITY_CHECKSUM] = "checksum",
		[INTEGRITY_CONTENT] = "content",
		[INTEGRITY_BLOCK] = "cached block",
		[INTEGRITY_UNCLEAR] = "unclear",
	};

	return words[i];
}

enum proof integrity_proof(unsigned agree, unsigned differ, bool meta_agrees)
{
	if (agree && differ)
		return PROOF_NONE;
	if (differ)
		return PROOF_WRONG;
	return agree || meta_agrees ? PROOF_RIGHT : PROOF_NONE;
}

enum right_side integrity_right_side(bool bucket_there, enum proof bucket,
				     bool other_there, enum proof other)
{
	if (bucket_there && bucket == PROOF_RIGHT)
		return RIGHT_BUCKET;
	if (bucket_there && bucket != PROOF_WRONG)
		return RIGHT_NONE;
	return other_there && other == PROOF_RIGHT ? RIGHT_OTHER : RIGHT_NONE;
}
