/* SPDX-License-Identifier: Apache-2.0 */
/* The store of the replica, and the question at the mount. */
#include "vers3/main/replica.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "vers3/main/probe.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define TEXT_MAX 1024

struct replica {
	const struct options *o; /* borrowed */
	struct layers layers;
};

void replica_name_options(const char *text, char *buf, size_t size)
{
	static const char *const names[] = {"endpoint=", "region=", "profile="};
	size_t len = 0;

	buf[0] = '\0';
	while (*text && len + 1 < size) {
		const char *found = NULL;

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strncmp(text, names[i], strlen(names[i])))
				found = names[i];
		if (found) {
			len += (size_t)snprintf(buf + len, size - len,
						"replica_%s", found);
			text += strlen(found);
		} else {
			buf[len++] = *text++;
			buf[len] = '\0';
		}
	}
}

/* Of what a lower floor said: about the replica, by its options. */
static void about_replica(char *reason, size_t size)
{
	char text[TEXT_MAX];

	replica_name_options(reason, text, sizeof(text));
	snprintf(reason, size, "replica: %s", text);
}

int replica_new(const struct options *o, const char *own_url, char *reason,
		size_t size, struct replica **ret_replica)
{
	const struct s3_config s3 = {
		.bucket = o->replica,
		.endpoint =
			o->replica_endpoint ? o->replica_endpoint : o->endpoint,
		.region = o->replica_region ? o->replica_region : o->region,
		.profile = o->replica_profile ? o->replica_profile : o->profile,
		.ca_file = o->ca_file,
		.path_style = o->path_style,
		.no_sign_request = o->no_sign_request,
		.requester_pays = o->requester_pays,
		/* A key of KMS is of one region: the bucket has its own. */
		.sse =
			{
				.mode = o->sse == SSE_KMS ? SSE_BUCKET : o->sse,
				.key_file = o->sse_c_key_file,
			},
		.connect_timeout_s = o->connect_timeout_s,
		.read_timeout_s = o->read_timeout_s,
	};
	const struct retry_config retry = {
		.retries = o->retries,
		.spread_ns = (int64_t)o->connect_timeout_s * NS_PER_S,
		.patience_ns = (int64_t)o->read_timeout_s * NS_PER_S,
	};
	struct replica *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		snprintf(reason, size, "no memory");
		return -ENOMEM;
	}
	r->o = o;
	rc = layers_new(&s3, &retry, reason, size, &r->layers);
	if (rc) {
		about_replica(reason, size);
	} else if (!strcmp(s3_store_url(r->layers.s3), own_url)) {
		snprintf(reason, size,
			 "replica=%s is the bucket that is mounted; name "
			 "another, or its server with replica_endpoint=",
			 o->replica);
		rc = -EINVAL;
	}
	if (rc) {
		replica_free(r);
		return rc;
	}
	*ret_replica = r;
	return 0;
}

/* What can wait: the mount is usable without it. */
static void warn_of_absence(struct replica *r, int rc, char *reason,
			    size_t size)
{
	char why[TEXT_MAX];

	if (rc == -EINTR)
		snprintf(why, sizeof(why), "replica: %s: no answer in %u s",
			 s3_store_url(r->layers.s3),
			 r->o->connect_timeout_s + 1);
	else
		snprintf(why, sizeof(why), "%.900s", reason);
	snprintf(reason, size,
		 "%s; mounting without it, and it is asked when it is needed",
		 why);
}

int replica_probe(struct replica *r, char *reason, size_t size)
{
	const struct probe_about about = {
		.bucket = r->o->replica,
		.url = s3_store_url(r->layers.s3),
		.region = s3_store_region(r->layers.s3),
		.ca_file = r->o->ca_file,
	};
	enum probe_versioning versioning = PROBE_UNKNOWN;
	struct cancel enough, *before;
	int rc;

	cancel_init_until(&enough, cancel_current(),
			  clock_mono_ns() +
				  (r->o->connect_timeout_s + 1) * NS_PER_S);
	before = cancel_enter(&enough);
	rc = probe_bucket(r->layers.probe, &about, reason, size, &versioning);
	cancel_enter(before);
	if (rc)
		about_replica(reason, size);
	if (rc == -EINTR || (rc && probe_is_outage(rc))) {
		warn_of_absence(r, rc, reason, size);
		return 0;
	}
	if (rc)
		return rc;
	reason[0] = '\0';
	if (versioning == PROBE_UNVERSIONED || versioning == PROBE_SUSPENDED)
		snprintf(reason, size,
			 "replica: bucket %s keeps no versions: what it holds "
			 "cannot be told to be the same",
			 r->o->replica);
	return 0;
}

struct store *replica_store(struct replica *r)
{
	return r->layers.top;
}

struct store *replica_metrics(struct replica *r)
{
	return r->layers.metrics;
}

struct store *replica_s3(struct replica *r)
{
	return r->layers.s3;
}

void replica_reload(struct replica *r)
{
	int rc = s3_store_reload(r->layers.s3);

	if (rc)
		log_error("replica: credentials could not be read again: %s",
			  strerror(-rc));
}

void replica_set_ending(struct replica *r)
{
	if (r)
		retry_store_set_mood(r->layers.retry, RETRY_QUICK);
}

void replica_end(struct replica *r)
{
	if (r)
		layers_end(&r->layers);
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	layers_end(&r->layers);
	layers_release(&r->layers);
	free(r);
}
