/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the end of a certificate out of what curl keeps of a chain. */
#include "cert.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "vers3/util/clock.h"

#define NAME "Cert:"

int64_t cert_pem_until_ns(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int64_t until_ns = 0;
	struct tm tm;

	if (cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
		until_ns = (int64_t)timegm(&tm) * NS_PER_S;
	X509_free(cert);
	BIO_free(bio);
	return until_ns;
}

int64_t cert_until_ns(CURL *easy)
{
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) || !chain ||
	    chain->num_of_certs < 1)
		return 0;
	/* The first is the server's own. */
	for (struct curl_slist *s = chain->certinfo[0]; s; s = s->next)
		if (!strncmp(s->data, NAME, strlen(NAME)))
			return cert_pem_until_ns(s->data + strlen(NAME));
	return 0;
}
