/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs (RFC 3986) as Signature Version 4 spells them: only the unreserved
 * characters A-Z a-z 0-9 - . _ ~ stand for themselves, hexadecimal digits
 * are upper case, and a space is %20.
 */
#ifndef VERS3_NET_URI_H
#define VERS3_NET_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/*
 * Appends the encoding of len bytes of s. keep_slash leaves '/' as it is (a
 * path). 0 or as buf_add().
 */
int uri_encode(struct buf *b, const char *s, size_t len, bool keep_slash);
/*
 * Appends what len bytes of s stand for; it may hold NUL bytes. plus_is_space
 * reads '+' as forms do (and as S3 writes keys in lists). 0, -EINVAL for a '%'
 * without two hexadecimal digits, or as buf_add(); then b is unchanged.
 */
int uri_decode(struct buf *b, const char *s, size_t len, bool plus_is_space);
/*
 * Appends "a=1&b=2": the parameters encoded, sorted by name and value, as
 * the canonical query string of SigV4 has them. 0 or -ENOMEM, -EFBIG.
 */
int uri_query(struct buf *b, const struct kvlist *params);

/* The parts of a server's URL. Strings are owned. */
struct uri {
	char *scheme; /* "http" or "https" */
	char *host; /* "[::1]" with its brackets */
	char *authority; /* host, and ":port" when not the scheme's own */
	char *path; /* without trailing '/': "" or "/base" */
	bool tls;
};

/*
 * Splits the URL of a server: http or https, no user, query or fragment. 0,
 * -EINVAL, -ENOMEM. Release with uri_release(), which also takes zeroes.
 */
int uri_split(const char *url, struct uri *ret_uri);
void uri_release(struct uri *u);
/* This machine, by a name or an address that cannot be another's? */
bool uri_host_is_here(const char *host);
/* An IPv4 or a bracketed IPv6 address, not a name? */
bool uri_host_is_ip(const char *host);

#endif
