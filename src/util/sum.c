/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a libcrypto MAC context; sum.h says what for. */
#include "vers3/util/sum.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 32

struct sum {
	EVP_MAC *mac; /* counted */
	EVP_MAC_CTX *ctx; /* owned */
};

/* Any fixed value does; what lies on disk depends on it. */
static const unsigned char sum_key[KEY_SIZE] =
	"vers3 block cache, a checksum 1";

int sum_new(struct sum **ret_sum)
{
	struct sum *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	if (s->mac)
		s->ctx = EVP_MAC_CTX_new(s->mac);
	if (!s->ctx) {
		sum_free(s);
		return -ENOMEM;
	}
	*ret_sum = s;
	return 0;
}

void sum_free(struct sum *s)
{
	if (!s)
		return;
	EVP_MAC_CTX_free(s->ctx);
	EVP_MAC_free(s->mac);
	free(s);
}

int sum_compute(struct sum *s, const void *key, size_t key_len,
		const void *data, size_t size, uint64_t *ret_sum)
{
	unsigned char tag[EVP_MAX_MD_SIZE];
	size_t len = 0;
	uint64_t value;

	if (!EVP_MAC_init(s->ctx, sum_key, KEY_SIZE, NULL) ||
	    !EVP_MAC_update(s->ctx, key, key_len) ||
	    !EVP_MAC_update(s->ctx, data, size) ||
	    !EVP_MAC_final(s->ctx, tag, &len, sizeof(tag)) ||
	    len < sizeof(value))
		return -ENOMEM;
	memcpy(&value, tag, sizeof(value));
	*ret_sum = value;
	return 0;
}
