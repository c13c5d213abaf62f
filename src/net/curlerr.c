/* SPDX-License-Identifier: Apache-2.0 */
/* The table from CURLcode to errno, and what lies behind a failed connect. */
#include "curlerr.h"

#include <errno.h>

static int errno_of_connect(CURL *easy)
{
	long err = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &err);
	switch (err) {
	case ETIMEDOUT:
		return -ETIMEDOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
		return -EHOSTUNREACH;
	case ECONNRESET:
		return -ECONNRESET;
	default:
		return -ECONNREFUSED;
	}
}

int curlerr_errno(CURL *easy, CURLcode code)
{
	long sent = 0;

	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return errno_of_connect(easy);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return -ECONNRESET;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EPROTO;
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* After a request it is the answer that is not HTTP. */
		curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
		return sent ? -EIO : -EINVAL;
	default:
		return -EIO;
	}
}
