/* SPDX-License-Identifier: Apache-2.0 */
/* Signature Version 4. Secrets pass through sigv4_key() alone. */
#include "vers3/s3/sigv4.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "vers3/net/uri.h"
#include "vers3/util/clock.h"
#include "vers3/util/hex.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TEXT_MAX  ((size_t)1 << 20)
#define DATE_LEN  8 /* of "20130524" in a time */

int sigv4_key(struct sigv4_signer *signer, const char *secret_key)
{
	const struct digest *d = signer->digest;
	uint8_t *key = signer->key;
	char date[SIGV4_DATE_SIZE];
	char *start = NULL;
	int len = asprintf(&start, "AWS4%s", secret_key);
	int ret;

	if (len < 0)
		return -ENOMEM;
	clock_format_amz(signer->time_ns, date, sizeof(date));
	date[DATE_LEN] = '\0';
	ret = digest_hmac(d, start, (size_t)len, date, key);
	if (!ret)
		ret = digest_hmac(d, key, DIGEST_BYTES, signer->region, key);
	if (!ret)
		ret = digest_hmac(d, key, DIGEST_BYTES, "s3", key);
	if (!ret)
		ret = digest_hmac(d, key, DIGEST_BYTES, "aws4_request", key);
	OPENSSL_cleanse(start, (size_t)len);
	free(start);
	return ret;
}

/* By name without case, as canonical headers are ordered. */
static int header_compare(const void *a, const void *b)
{
	const struct kv *const *p = a, *const *q = b;

	return strcasecmp((*p)->name, (*q)->name);
}

static int add_lower(struct buf *b, const char *name)
{
	int ret = 0;

	for (; *name && !ret; name++) {
		char c = *name;

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		ret = buf_putc(b, c);
	}
	return ret;
}

/* The value without outer spaces, runs of inner ones being one. */
static int add_trimmed(struct buf *b, const char *value)
{
	bool space = false, any = false;
	int ret = 0;

	for (; *value && !ret; value++) {
		if (*value == ' ' || *value == '\t') {
			space = true;
			continue;
		}
		if (space && any)
			ret = buf_putc(b, ' ');
		if (!ret)
			ret = buf_putc(b, *value);
		space = false;
		any = true;
	}
	return ret;
}

/* "name:value\n" of each header, and "name;name". */
static int add_headers(struct buf *b, struct buf *names,
		       const struct kvlist *headers)
{
	size_t n = headers->count;
	const struct kv **sorted;
	int ret = 0;

	sorted = calloc(n ? n : 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &headers->items[i];
	qsort(sorted, n, sizeof(*sorted), header_compare);
	for (size_t i = 0; i < n && !ret; i++) {
		if (i)
			ret = buf_putc(names, ';');
		if (!ret)
			ret = add_lower(names, sorted[i]->name);
		if (!ret)
			ret = add_lower(b, sorted[i]->name);
		if (!ret)
			ret = buf_putc(b, ':');
		if (!ret)
			ret = add_trimmed(b, sorted[i]->value);
		if (!ret)
			ret = buf_putc(b, '\n');
	}
	free(sorted);
	return ret;
}

int sigv4_canonical(const struct sigv4_request *r, struct buf *ret_text,
		    struct buf *ret_signed_headers)
{
	int ret = buf_printf(ret_text, "%s\n%s\n%s\n", r->method, r->path,
			     r->query);

	if (!ret)
		ret = add_headers(ret_text, ret_signed_headers, r->headers);
	if (!ret)
		ret = buf_printf(ret_text, "\n%s\n%s", ret_signed_headers->data,
				 r->payload);
	return ret;
}

/* "20130524/us-east-1/s3/aws4_request" */
static int add_scope(struct buf *b, const struct sigv4_signer *signer)
{
	char date[SIGV4_DATE_SIZE];

	clock_format_amz(signer->time_ns, date, sizeof(date));
	return buf_printf(b, "%.*s/%s/s3/aws4_request", DATE_LEN, date,
			  signer->region);
}

int sigv4_string_to_sign(const struct sigv4_signer *signer,
			 const struct buf *canonical, struct buf *ret_text)
{
	char date[SIGV4_DATE_SIZE], hash[DIGEST_HEX_SIZE];
	int ret = digest_sha256(signer->digest, canonical->data, canonical->len,
				hash);

	if (ret)
		return ret;
	clock_format_amz(signer->time_ns, date, sizeof(date));
	ret = buf_printf(ret_text, ALGORITHM "\n%s\n", date);
	if (!ret)
		ret = add_scope(ret_text, signer);
	if (!ret)
		ret = buf_printf(ret_text, "\n%s", hash);
	return ret;
}

/* The signature in hexadecimal, and the headers that it covers. */
static int sign(const struct sigv4_signer *signer,
		const struct sigv4_request *r, struct buf *signed_headers,
		char hex[DIGEST_HEX_SIZE])
{
	uint8_t mac[DIGEST_BYTES];
	struct buf canonical, text;
	int ret;

	buf_init(&canonical, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	ret = sigv4_canonical(r, &canonical, signed_headers);
	if (!ret)
		ret = sigv4_string_to_sign(signer, &canonical, &text);
	if (!ret)
		ret = digest_hmac(signer->digest, signer->key, DIGEST_BYTES,
				  text.data, mac);
	if (!ret)
		hex_write(mac, sizeof(mac), hex);
	buf_release(&text);
	buf_release(&canonical);
	return ret;
}

int sigv4_authorization(const struct sigv4_signer *signer,
			const struct sigv4_request *r, struct buf *ret_value)
{
	char hex[DIGEST_HEX_SIZE];
	struct buf names;
	int ret;

	buf_init(&names, TEXT_MAX);
	ret = sign(signer, r, &names, hex);
	if (!ret)
		ret = buf_printf(ret_value, ALGORITHM " Credential=%s/",
				 signer->access_key);
	if (!ret)
		ret = add_scope(ret_value, signer);
	if (!ret)
		ret = buf_printf(ret_value, ",SignedHeaders=%s,Signature=%s",
				 names.data, hex);
	buf_release(&names);
	return ret;
}

/* The parameters that a presigned URL adds, all but the signature. */
static int presign_params(const struct sigv4_signer *signer,
			  const struct sigv4_request *r,
			  const char *session_token, unsigned seconds,
			  struct kvlist *all)
{
	char date[SIGV4_DATE_SIZE], expires[16];
	struct buf text, names;
	int ret;

	buf_init(&text, TEXT_MAX);
	buf_init(&names, TEXT_MAX);
	clock_format_amz(signer->time_ns, date, sizeof(date));
	snprintf(expires, sizeof(expires), "%u", seconds);
	ret = kvlist_add(all, "X-Amz-Algorithm", ALGORITHM);
	if (!ret)
		ret = kvlist_add(all, "X-Amz-Date", date);
	if (!ret)
		ret = kvlist_add(all, "X-Amz-Expires", expires);
	if (!ret && session_token)
		ret = kvlist_add(all, "X-Amz-Security-Token", session_token);
	if (!ret)
		ret = add_headers(&text, &names, r->headers);
	if (!ret)
		ret = kvlist_add(all, "X-Amz-SignedHeaders", names.data);
	buf_reset(&text);
	if (!ret)
		ret = buf_printf(&text, "%s/", signer->access_key);
	if (!ret)
		ret = add_scope(&text, signer);
	if (!ret)
		ret = kvlist_add(all, "X-Amz-Credential", text.data);
	buf_release(&names);
	buf_release(&text);
	return ret;
}

int sigv4_presign(const struct sigv4_signer *signer,
		  const struct sigv4_request *r, const struct kvlist *params,
		  const char *session_token, unsigned seconds,
		  struct buf *ret_query)
{
	struct sigv4_request with = *r;
	char hex[DIGEST_HEX_SIZE];
	struct buf query, names;
	struct kvlist all;
	int ret;

	kvlist_init(&all);
	buf_init(&query, TEXT_MAX);
	buf_init(&names, TEXT_MAX);
	ret = kvlist_copy(&all, params);
	if (!ret)
		ret = presign_params(signer, r, session_token, seconds, &all);
	if (!ret)
		ret = uri_query(&query, &all);
	with.query = query.data;
	if (!ret)
		ret = sign(signer, &with, &names, hex);
	if (!ret)
		ret = buf_printf(ret_query, "%s&X-Amz-Signature=%s", query.data,
				 hex);
	buf_release(&names);
	buf_release(&query);
	kvlist_release(&all);
	return ret;
}
