/* SPDX-License-Identifier: Apache-2.0 */
/* The questions before a mount. */
#include "vers3/main/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlreader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/clock.h"

#define SKEW_MAX_S   (15 * 60) /* more is RequestTimeTooSkewed on AWS */
#define DOCUMENT_MAX 65536
/* Requests that did not work are sent again here, not by a retry layer:
 * somebody is waiting at a prompt. */
#define TRIES 2

#define NO_BUCKET "there is no such bucket; check its name, and endpoint="
#define SET_CLOCK "set it (timedatectl set-ntp true)"

static const char enable_document[] =
	"<VersioningConfiguration "
	"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	"<Status>Enabled</Status></VersioningConfiguration>";

/* The advice for an S3 error code. */
static const struct {
	const char *code;
	const char *text;
} by_code[] = {
	{"NoSuchBucket", NO_BUCKET},
	{"InvalidBucketName", "the server does not take that name"},
	{"InvalidAccessKeyId",
	 "the server does not know the access key; check AWS_ACCESS_KEY_ID, "
	 "~/.aws/credentials, or profile="},
	{"SignatureDoesNotMatch",
	 "the secret key is wrong; check AWS_SECRET_ACCESS_KEY, "
	 "~/.aws/credentials, or profile="},
	{"ExpiredToken", "the credentials have expired; renew them"},
	{"TokenRefreshRequired", "the credentials have expired; renew them"},
	{"InvalidToken",
	 "the session token is not valid; check AWS_SESSION_TOKEN"},
	{"RequestTimeTooSkewed", "requests are refused because this host's "
				 "clock is wrong; " SET_CLOCK},
	{"AccessDenied", "access is denied; the credentials need s3:ListBucket "
			 "and s3:GetBucketVersioning on it"},
	{"AllAccessDisabled", "the server has disabled it"},
};

/* The same for what curl says of TLS: first that is found in its words. */
static const struct {
	const char *words;
	const char *text;
} by_tls[] = {
	{"no alternative certificate subject name",
	 "the certificate is for another host name; check endpoint="},
	{"subject name", "the certificate is for another host name; check "
			 "endpoint="},
	{"expired", "the certificate has expired (or this host's clock is "
		    "wrong); the server must renew it"},
	{"not yet valid", "the certificate is not valid yet: check this host's "
			  "clock"},
	{"issuer", "the certificate is from an unknown authority; name its CA "
		   "with -o ca_file="},
	{"self-signed", "the certificate is from an unknown authority; name "
			"its CA with -o ca_file="},
	{"self signed", "the certificate is from an unknown authority; name "
			"its CA with -o ca_file="},
	{"certificate verify locations", "the CA file cannot be read"},
	{"CAfile", "the CA file cannot be read"},
	{"wrong version number", "the server does not speak TLS there; is it "
				 "http:// ?"},
};

/*
 * Whether the bucket is a part of the host's name. Where it is not, it is the
 * end of the path, and the server's own name may begin like it.
 */
static bool by_host(const struct probe_about *about)
{
	const char *host = strstr(about->url, "://");
	const char *path = strrchr(about->url, '/');
	size_t len = strlen(about->bucket);

	return host && strcmp(path + 1, about->bucket) != 0 &&
	       !strncmp(host + 3, about->bucket, len) && host[3 + len] == '.' &&
	       !strstr(host, ".amazonaws.com");
}

/* What else a wrong host may be: one that has no buckets in front of it. */
static const char *about_host(const struct probe_about *about, const char *text)
{
	return by_host(about) ? "the certificate is for another host name; "
				"check endpoint=, and add path_style where "
				"buckets are not host names"
			      : text;
}

static void explain_tls(const struct probe_about *about,
			const struct store_reply *reply, char *reason,
			size_t size)
{
	const char *text = "the TLS connection failed";
	bool name = false;

	for (size_t i = 0; i < sizeof(by_tls) / sizeof(*by_tls); i++) {
		if (strcasestr(reply->message, by_tls[i].words)) {
			text = by_tls[i].text;
			name = strstr(by_tls[i].words, "subject name");
			break;
		}
	}
	text = name ? about_host(about, text) : text;
	if (about->ca_file)
		snprintf(reason, size, "%s: %s (ca_file=%s; %s)", about->url,
			 text, about->ca_file, reply->message);
	else
		snprintf(reason, size, "%s: %s (%s)", about->url, text,
			 reply->message);
}

/* What no S3 code tells: the transport, and answers without a document. */
static void explain_errno(const struct probe_about *about, int rc,
			  const struct store_reply *reply, char *reason,
			  size_t size)
{
	const char *words = reply->message[0] ? reply->message : strerror(-rc);

	switch (-rc) {
	case ECONNREFUSED:
		snprintf(reason, size,
			 "%s: connection refused; is the server running there? "
			 "Check endpoint=",
			 about->url);
		break;
	case ETIMEDOUT:
		snprintf(reason, size,
			 "%s: no answer in time; check endpoint=, the network "
			 "and firewalls",
			 about->url);
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
		snprintf(reason, size,
			 "%s: cannot be reached: %s; check endpoint= and the "
			 "network%s",
			 about->url, words,
			 by_host(about) ? ", and add path_style where buckets "
					  "are not host names"
					: "");
		break;
	case EPROTO:
		explain_tls(about, reply, reason, size);
		break;
	case ENOENT:
		snprintf(reason, size, "bucket %s: " NO_BUCKET, about->bucket);
		break;
	case EACCES:
		snprintf(reason, size,
			 "bucket %s: access is denied (HTTP %d); the "
			 "credentials need s3:ListBucket and "
			 "s3:GetBucketVersioning on it",
			 about->bucket, reply->status);
		break;
	default:
		snprintf(reason, size, "%s: bucket %s: %s%s%s", about->url,
			 about->bucket, reply->code, reply->code[0] ? ": " : "",
			 words);
	}
}

void probe_explain(const struct probe_about *about, int rc,
		   const struct store_reply *reply, char *reason, size_t size)
{
	bool elsewhere =
		reply->status == 301 || reply->status == 307 ||
		strcmp(reply->code, "AuthorizationHeaderMalformed") == 0 ||
		strcmp(reply->code, "IllegalLocationConstraintException") == 0;

	for (size_t i = 0; i < sizeof(by_code) / sizeof(*by_code); i++) {
		if (strcmp(reply->code, by_code[i].code) == 0) {
			snprintf(reason, size, "bucket %s: %s", about->bucket,
				 by_code[i].text);
			return;
		}
	}
	if (elsewhere && reply->region[0])
		snprintf(reason, size,
			 "bucket %s is in region %s; mount with -o region=%s",
			 about->bucket, reply->region, reply->region);
	else if (elsewhere)
		snprintf(reason, size,
			 "bucket %s is in another region than %s; name it with "
			 "-o region=",
			 about->bucket,
			 about->region && about->region[0] ? about->region
							   : "the default");
	else
		explain_errno(about, rc, reply, reason, size);
}

bool probe_is_outage(int rc)
{
	/* Somebody is there who can put the certificates right. */
	return store_is_outage(rc) && rc != -EPROTO;
}

/*
 * The document's own name, or the operation's, as a server has it (moto) that
 * is made from S3's description. Another document says nothing: that a bucket
 * keeps no versions is never taken from the page of a proxy.
 */
static bool is_versioning(const xmlChar *root)
{
	return xmlStrEqual(root, BAD_CAST "VersioningConfiguration") ||
	       xmlStrEqual(root, BAD_CAST "GetBucketVersioningResponse");
}

int probe_parse_versioning(const char *doc, size_t len,
			   enum probe_versioning *ret)
{
	const int options =
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	enum probe_versioning found = PROBE_UNVERSIONED;
	xmlTextReaderPtr r;
	bool root = false;
	int more;

	if (len > DOCUMENT_MAX)
		return -EIO;
	r = xmlReaderForMemory(doc, (int)len, NULL, NULL, options);
	if (!r)
		return -EIO;
	while ((more = xmlTextReaderRead(r)) == 1) {
		const xmlChar *name = xmlTextReaderConstLocalName(r);
		xmlChar *text;

		if (xmlTextReaderNodeType(r) == XML_READER_TYPE_DOCUMENT_TYPE)
			break;
		if (xmlTextReaderNodeType(r) != XML_READER_TYPE_ELEMENT)
			continue;
		if (xmlTextReaderDepth(r) == 0)
			root = is_versioning(name);
		if (xmlTextReaderDepth(r) != 1 ||
		    !xmlStrEqual(name, BAD_CAST "Status"))
			continue;
		text = xmlTextReaderReadString(r);
		if (xmlStrEqual(text, BAD_CAST "Enabled"))
			found = PROBE_VERSIONED;
		else if (xmlStrEqual(text, BAD_CAST "Suspended"))
			found = PROBE_SUSPENDED;
		xmlFree(text);
	}
	xmlFreeTextReader(r);
	if (more != 0 || !root)
		return -EIO;
	*ret = found;
	return 0;
}

/* store_call() with another try where the first met a passing trouble. */
static int ask(struct store *store, struct store_request *r)
{
	const struct timespec pause = clock_timespec(300 * NS_PER_MS);
	int rc = 0;

	for (int i = 0; i < TRIES; i++) {
		if (i)
			nanosleep(&pause, NULL);
		rc = store_call(store, r);
		if (rc != -EIO && rc != -ECONNRESET)
			break;
	}
	return rc;
}

static int check_clock(const struct store_reply *reply, char *reason,
		       size_t size)
{
	int64_t off_s;

	if (!reply->date_ns)
		return 0;
	off_s = (clock_real_ns() - reply->date_ns) / NS_PER_S;
	if (llabs(off_s) <= SKEW_MAX_S)
		return 0;
	snprintf(
		reason, size,
		"this host's clock is %lld minutes %s the server's; " SET_CLOCK,
		(llabs(off_s) + 30) / 60, off_s < 0 ? "behind" : "ahead of");
	return -ESTALE;
}

/* GetBucketVersioning; also for its error document. */
static int ask_versioning(struct store *store, const struct probe_about *about,
			  char *reason, size_t size, enum probe_versioning *ret)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_GET_VERSIONING);
	rc = ask(store, &r);
	if (rc == -EOPNOTSUPP || rc == -ENODATA) {
		*ret = PROBE_UNVERSIONED;
		rc = 0;
	} else if (rc) {
		probe_explain(about, rc, &r.reply, reason, size);
	} else {
		rc = probe_parse_versioning(r.reply.body.data, r.reply.body.len,
					    ret);
		if (rc)
			snprintf(reason, size,
				 "%s does not answer as S3 does; check "
				 "endpoint=",
				 about->url);
	}
	store_request_release(&r);
	return rc;
}

int probe_bucket(struct store *store, const struct probe_about *about,
		 char *reason, size_t size, enum probe_versioning *ret)
{
	enum probe_versioning versioning = PROBE_UNKNOWN;
	struct store_request head;
	int rc, second = 0;

	store_request_init(&head, STORE_HEAD_BUCKET);
	rc = ask(store, &head);
	if (rc)
		probe_explain(about, rc, &head.reply, reason, size);
	if (rc && (probe_is_outage(rc) || !head.reply.status))
		goto out;
	/* The answer to a HEAD has no document to say what was wrong. */
	second = ask_versioning(store, about, reason, size, &versioning);
	if (rc && !second)
		probe_explain(about, rc, &head.reply, reason, size);
	if (rc)
		goto out;
	if (second == -EACCES)
		second = 0; /* the bucket is fine: only this is not allowed */
	rc = second ? second : check_clock(&head.reply, reason, size);
	if (!rc)
		*ret = versioning;
out:
	/* A server that answers, and not as S3 does, is no outage. */
	if (rc == -EIO && head.reply.status && head.reply.status < 500)
		rc = -EINVAL;
	store_request_release(&head);
	return rc;
}

int probe_enable_versioning(struct store *store,
			    const struct probe_about *about, char *reason,
			    size_t size)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_PUT_VERSIONING);
	r.body.mem = enable_document;
	r.body.length = sizeof(enable_document) - 1;
	rc = ask(store, &r);
	if (rc == -EACCES)
		snprintf(reason, size,
			 "versioning of bucket %s cannot be enabled: the "
			 "credentials need s3:PutBucketVersioning on it",
			 about->bucket);
	else if (rc)
		probe_explain(about, rc, &r.reply, reason, size);
	store_request_release(&r);
	return rc;
}
