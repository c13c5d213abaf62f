/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared state of one S3 store. Locks: reload_mutex before mutex; neither
 * is held across the network, but reload_mutex is held across the files (and
 * the credential_process) that credentials come from.
 */
#include "client.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/net/http.h"
#include "vers3/s3/digest.h"
#include "vers3/s3/profile.h"
#include "vers3/s3/request.h"
#include "vers3/s3/sse.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define DEFAULT_REGION	"us-east-1"
#define EXPIRY_AHEAD_NS (120 * NS_PER_S)
#define RELOAD_EVERY_NS (5 * NS_PER_S)
#define REASON_SIZE	512

struct client {
	/* Constant after client_new(). */
	struct http *http; /* owned */
	struct digest *digest; /* owned */
	struct sse *sse; /* owned; NULL: nothing is said of encryption */
	char *bucket, *url, *profile; /* owned; the latter two may be NULL */
	bool path_style, anonymous;
	struct s3_request_config request_config;

	pthread_mutex_t reload_mutex; /* one reload at a time */
	int64_t reloaded_mono_ns; /* protected by reload_mutex */

	pthread_mutex_t mutex; /* protects the rest */
	struct endpoint *endpoint; /* owned, with its older ones */
	bool region_known;
	struct cred *cred; /* counted; NULL: anonymous */
	int64_t skew_ns; /* the server's clock minus ours */
	enum client_sums sums;
	/* The signing key of the day, for cred and key_endpoint. */
	char key_date[9]; /* "": there is none */
	const struct endpoint *key_endpoint;
	uint8_t key[DIGEST_BYTES];
};

struct http *client_http(struct client *c)
{
	return c->http;
}

const struct s3_request_config *client_request_config(const struct client *c)
{
	return &c->request_config;
}

struct sse *client_sse(struct client *c)
{
	return c->sse;
}

const struct endpoint *client_endpoint(struct client *c)
{
	const struct endpoint *e;

	pthread_mutex_lock(&c->mutex);
	e = c->endpoint;
	pthread_mutex_unlock(&c->mutex);
	return e;
}

bool client_region_known(struct client *c)
{
	bool known;

	pthread_mutex_lock(&c->mutex);
	known = c->region_known;
	pthread_mutex_unlock(&c->mutex);
	return known;
}

void client_confirm_region(struct client *c)
{
	pthread_mutex_lock(&c->mutex);
	c->region_known = true;
	pthread_mutex_unlock(&c->mutex);
}

static int make_endpoint(const struct client *c, const char *region,
			 struct endpoint **ret)
{
	const struct endpoint_config config = {
		.bucket = c->bucket,
		.url = c->url,
		.region = region,
		.path_style = c->path_style,
	};

	return endpoint_new(&config, ret);
}

int client_set_region(struct client *c, const struct endpoint *used,
		      const char *region)
{
	struct endpoint *e = NULL;
	int ret = make_endpoint(c, region, &e);

	if (ret)
		return ret;
	pthread_mutex_lock(&c->mutex);
	if (c->endpoint == used) {
		e->older = c->endpoint;
		c->endpoint = e;
		c->region_known = true;
		e = NULL;
	}
	pthread_mutex_unlock(&c->mutex);
	if (e) {
		endpoint_free(e);
		return -EALREADY;
	}
	log_info("the bucket is in region %s, not %s", region, used->region);
	return 0;
}

/* The reference in use; NULL when anonymous. */
static struct cred *current_cred(struct client *c)
{
	struct cred *cred;

	pthread_mutex_lock(&c->mutex);
	cred = c->cred ? cred_ref(c->cred) : NULL;
	pthread_mutex_unlock(&c->mutex);
	return cred;
}

/*
 * Takes cred over, under reload_mutex. True when it is another one than
 * before; the same one loaded again leaves the old one in its place.
 */
static bool swap_cred(struct client *c, struct cred *cred)
{
	struct cred *old;
	bool changed;

	pthread_mutex_lock(&c->mutex);
	old = c->cred;
	changed = !cred_equal(old, cred) || old->expires_ns != cred->expires_ns;
	if (changed) {
		c->cred = cred;
		c->key_date[0] = '\0';
	}
	pthread_mutex_unlock(&c->mutex);
	cred_unref(changed ? old : cred);
	return changed;
}

static int load_cred(const struct client *c, struct cred **ret)
{
	char reason[REASON_SIZE] = "";
	struct kvlist settings;
	int err;

	kvlist_init(&settings);
	err = cred_load(c->profile, &settings, ret, reason, sizeof(reason));
	profile_release(&settings);
	if (err)
		log_error("credentials could not be loaded again: %s",
			  *reason ? reason : strerror(-err));
	return err;
}

bool client_reload(struct client *c, const struct cred *used, int *ret_err)
{
	struct cred *cred = NULL, *now_used;
	const char *source = NULL;
	bool changed = false;
	int err = 0;

	if (c->anonymous)
		goto out;
	pthread_mutex_lock(&c->reload_mutex);
	now_used = current_cred(c);
	if (used && now_used != used) {
		changed = true;
	} else if (!used ||
		   clock_mono_ns() - c->reloaded_mono_ns >= RELOAD_EVERY_NS) {
		err = load_cred(c, &cred);
		c->reloaded_mono_ns = clock_mono_ns();
		if (!err) {
			source = cred->source;
			changed = swap_cred(c, cred);
		}
		if (changed)
			log_info("new credentials from %s", source);
	}
	pthread_mutex_unlock(&c->reload_mutex);
	cred_unref(now_used);
out:
	if (ret_err)
		*ret_err = err;
	return changed;
}

struct cred *client_cred(struct client *c)
{
	struct cred *cred = current_cred(c);

	if (cred && cred->expires_ns &&
	    client_now_ns(c) > cred->expires_ns - EXPIRY_AHEAD_NS) {
		client_reload(c, cred, NULL);
		cred_unref(cred);
		cred = current_cred(c);
	}
	return cred;
}

enum client_sums client_sums(struct client *c)
{
	enum client_sums sums;

	pthread_mutex_lock(&c->mutex);
	sums = c->sums;
	pthread_mutex_unlock(&c->mutex);
	return sums;
}

void client_note_sums(struct client *c, enum client_sums sums)
{
	bool first;

	pthread_mutex_lock(&c->mutex);
	first = c->sums == CLIENT_SUMS_UNKNOWN;
	if (first)
		c->sums = sums;
	pthread_mutex_unlock(&c->mutex);
	if (first && sums == CLIENT_SUMS_REFUSED)
		log_info("the server does not tell the checks of objects");
}

int64_t client_now_ns(struct client *c)
{
	int64_t skew_ns;

	pthread_mutex_lock(&c->mutex);
	skew_ns = c->skew_ns;
	pthread_mutex_unlock(&c->mutex);
	return clock_real_ns() + skew_ns;
}

void client_set_skew(struct client *c, int64_t skew_ns)
{
	pthread_mutex_lock(&c->mutex);
	c->skew_ns = skew_ns;
	pthread_mutex_unlock(&c->mutex);
}

int client_signer(struct client *c, const struct cred *cred,
		  const struct endpoint *endpoint, struct sigv4_signer *ret)
{
	char date[SIGV4_DATE_SIZE];
	bool have;
	int err;

	ret->digest = c->digest;
	ret->access_key = cred->access_key;
	ret->region = endpoint->region;
	ret->time_ns = client_now_ns(c);
	clock_format_amz(ret->time_ns, date, sizeof(date));
	date[8] = '\0';
	pthread_mutex_lock(&c->mutex);
	have = c->cred == cred && c->key_endpoint == endpoint &&
	       !strcmp(c->key_date, date);
	if (have)
		memcpy(ret->key, c->key, sizeof(c->key));
	pthread_mutex_unlock(&c->mutex);
	if (have)
		return 0;
	err = sigv4_key(ret, cred->secret_key);
	if (err)
		return err;
	pthread_mutex_lock(&c->mutex);
	if (c->cred == cred) {
		memcpy(c->key, ret->key, sizeof(c->key));
		memcpy(c->key_date, date, sizeof(c->key_date));
		c->key_endpoint = endpoint;
	}
	pthread_mutex_unlock(&c->mutex);
	return 0;
}

/* Setting up. */

static int set_string(char **to, const char *from)
{
	if (from && *from) {
		*to = strdup(from);
		if (!*to)
			return -ENOMEM;
	}
	return 0;
}

/* The first that is set and not empty. */
static const char *first_of(const char *a, const char *b, const char *c,
			    const char *d)
{
	const char *const all[] = {a, b, c, d};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i] && *all[i])
			return all[i];
	return NULL;
}

static int setup_cred(struct client *c, struct kvlist *settings, char *reason,
		      size_t size)
{
	int ret;

	if (!c->anonymous)
		return cred_load(c->profile, settings, &c->cred, reason, size);
	ret = cred_settings(c->profile, settings, reason, size);
	return c->profile || ret == -ENOMEM ? ret : 0;
}

static int setup_endpoint(struct client *c, const struct s3_config *config,
			  const struct kvlist *settings, char *reason,
			  size_t size)
{
	const char *region = first_of(config->region, getenv("AWS_REGION"),
				      getenv("AWS_DEFAULT_REGION"),
				      kvlist_get(settings, "region"));
	const char *url =
		first_of(config->endpoint, getenv("AWS_ENDPOINT_URL_S3"),
			 getenv("AWS_ENDPOINT_URL"),
			 kvlist_get(settings, "s3.endpoint_url"));
	const char *style = kvlist_get(settings, "s3.addressing_style");
	int ret;

	if (!url)
		url = kvlist_get(settings, "endpoint_url");
	c->path_style = config->path_style || (style && !strcmp(style, "path"));
	c->region_known = region || url;
	if (!region)
		region = DEFAULT_REGION;
	ret = set_string(&c->url, url);
	if (!ret)
		ret = make_endpoint(c, region, &c->endpoint);
	if (ret == -EINVAL)
		snprintf(reason, size,
			 "endpoint %s or region %s is malformed: give them as "
			 "-o endpoint=https://HOST[:PORT],region=NAME",
			 url ? url : "(none)", region);
	return ret;
}

static int setup_http(struct client *c, const struct s3_config *config,
		      const struct kvlist *settings, char *reason, size_t size)
{
	const char *ca_file = first_of(config->ca_file, getenv("AWS_CA_BUNDLE"),
				       kvlist_get(settings, "ca_bundle"), NULL);
	const struct http_config http = {
		.user_agent = "vers3",
		.ca_file = ca_file,
		.connect_timeout_s = config->connect_timeout_s,
		.idle_timeout_s = config->read_timeout_s,
		.max_connections = config->max_connections,
	};
	int ret;

	if (ca_file && access(ca_file, R_OK)) {
		snprintf(reason, size,
			 "the CA file %s cannot be read (%s): see -o ca_file= "
			 "and AWS_CA_BUNDLE",
			 ca_file, strerror(errno));
		return -EINVAL;
	}
	ret = digest_new(&c->digest);
	if (!ret)
		ret = http_new(&http, &c->http);
	return ret;
}

static int setup(struct client *c, const struct s3_config *config, char *reason,
		 size_t size)
{
	struct kvlist settings;
	int ret;

	if (!config->bucket || !endpoint_bucket_ok(config->bucket)) {
		snprintf(reason, size,
			 "%s cannot be a bucket's name: letters, digits, '.', "
			 "'-' and '_' make one",
			 config->bucket ? config->bucket : "(nothing)");
		return -EINVAL;
	}
	kvlist_init(&settings);
	ret = set_string(&c->bucket, config->bucket);
	if (!ret)
		ret = set_string(&c->profile, config->profile);
	if (!ret)
		ret = setup_cred(c, &settings, reason, size);
	if (!ret)
		ret = setup_endpoint(c, config, &settings, reason, size);
	if (!ret)
		ret = setup_http(c, config, &settings, reason, size);
	if (!ret)
		ret = sse_new(&config->sse, c->digest, c->endpoint->tls, reason,
			      size, &c->sse);
	profile_release(&settings);
	return ret;
}

int client_new(const struct s3_config *config, char *reason, size_t size,
	       struct client **ret_client)
{
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (size)
		reason[0] = '\0';
	if (!c) {
		snprintf(reason, size, "out of memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&c->mutex, NULL);
	pthread_mutex_init(&c->reload_mutex, NULL);
	c->reloaded_mono_ns = clock_mono_ns() - RELOAD_EVERY_NS;
	c->anonymous = config->no_sign_request;
	ret = setup(c, config, reason, size);
	if (ret) {
		if (size && !reason[0])
			snprintf(reason, size, "%s", strerror(-ret));
		client_free(c);
		return ret;
	}
	c->request_config.bucket = c->bucket;
	c->request_config.digest = c->digest;
	c->request_config.sse = c->sse;
	c->request_config.requester_pays = config->requester_pays;
	*ret_client = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	http_free(c->http);
	sse_free(c->sse);
	digest_free(c->digest);
	cred_unref(c->cred);
	while (c->endpoint) {
		struct endpoint *older = c->endpoint->older;

		endpoint_free(c->endpoint);
		c->endpoint = older;
	}
	free(c->bucket);
	free(c->url);
	free(c->profile);
	pthread_mutex_destroy(&c->reload_mutex);
	pthread_mutex_destroy(&c->mutex);
	OPENSSL_cleanse(c->key, sizeof(c->key));
	free(c);
}
