/* SPDX-License-Identifier: Apache-2.0 */
/* The server's certificate, as a transfer has met it. Private to this room. */
#ifndef VERS3_SRC_NET_CERT_H
#define VERS3_SRC_NET_CERT_H

#include <curl/curl.h>
#include <stdint.h>

/*
 * When it ends, since the epoch; 0: there was none, or it is not known. The
 * transfer was made on a connection of its own, with CURLOPT_CERTINFO. Any
 * thread that has the handle.
 */
int64_t cert_until_ns(CURL *easy);
/* The same of a certificate in PEM; pure. */
int64_t cert_pem_until_ns(const char *pem);

#endif
