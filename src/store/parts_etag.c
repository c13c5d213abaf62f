/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the MD5s of parts together, as the server does. */
#include "vers3/store/parts_etag.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "vers3/util/hex.h"

#define MD5_SIZE 16

void parts_etag(const struct store_part *parts, size_t count,
		char etag[PARTS_ETAG_SIZE])
{
	unsigned char md5[MD5_SIZE];
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	bool ok = sum && EVP_DigestInit_ex(sum, EVP_md5(), NULL);

	etag[0] = '\0';
	for (size_t i = 0; ok && i < count; i++)
		ok = hex_read(parts[i].etag, sizeof(md5), md5) &&
		     EVP_DigestUpdate(sum, md5, sizeof(md5));
	if (ok && EVP_DigestFinal_ex(sum, md5, NULL)) {
		hex_write(md5, sizeof(md5), etag);
		snprintf(etag + 2 * MD5_SIZE, PARTS_ETAG_SIZE - 2 * MD5_SIZE,
			 "-%zu", count);
	}
	EVP_MD_CTX_free(sum);
}
