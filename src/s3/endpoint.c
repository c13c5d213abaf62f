/* SPDX-License-Identifier: Apache-2.0 */
/* Path-style and virtual-hosted-style URLs, and AWS's own names. */
#include "vers3/s3/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/net/uri.h"

#define BUCKET_MAX 255
#define LABEL_MAX  63

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool endpoint_bucket_ok(const char *bucket)
{
	size_t len = strlen(bucket);

	if (!len || len > BUCKET_MAX || !strcmp(bucket, ".") ||
	    !strcmp(bucket, ".."))
		return false;
	for (const char *p = bucket; *p; p++)
		if (!is_lower_or_digit(*p) && !(*p >= 'A' && *p <= 'Z') &&
		    *p != '.' && *p != '-' && *p != '_')
			return false;
	return true;
}

/*
 * Can the bucket be the first label of a host name? One with dots fits no
 * wildcard certificate.
 */
static bool is_label(const char *bucket)
{
	size_t len = strlen(bucket);

	if (len > LABEL_MAX || bucket[0] == '-' || bucket[len - 1] == '-')
		return false;
	for (const char *p = bucket; *p; p++)
		if (!is_lower_or_digit(*p) && *p != '-')
			return false;
	return true;
}

static int aws_url(const char *region, char **ret_url)
{
	bool china = !strncmp(region, "cn-", 3);

	if (asprintf(ret_url, "https://s3.%s.amazonaws.com%s", region,
		     china ? ".cn" : "") < 0) {
		*ret_url = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* A region goes into a host name and into signatures. */
static bool region_ok(const char *region)
{
	size_t len = strlen(region);

	if (!len || len > LABEL_MAX)
		return false;
	for (const char *p = region; *p; p++)
		if (!is_lower_or_digit(*p) && !(*p >= 'A' && *p <= 'Z') &&
		    *p != '-' && *p != '_')
			return false;
	return true;
}

static int fill(struct endpoint *e, const struct endpoint_config *config,
		const struct uri *server)
{
	const char *bucket = config->bucket;
	bool in_path = config->path_style || uri_host_is_ip(server->host) ||
		       !strcmp(server->host, "localhost") || !is_label(bucket);

	e->tls = server->tls;
	e->region = strdup(config->region);
	if (asprintf(&e->authority, "%s%s%s", in_path ? "" : bucket,
		     in_path ? "" : ".", server->authority) < 0)
		e->authority = NULL;
	if (asprintf(&e->base, "%s%s%s", server->path, in_path ? "/" : "",
		     in_path ? bucket : "") < 0)
		e->base = NULL;
	if (!e->region || !e->authority || !e->base)
		return -ENOMEM;
	if (asprintf(&e->url, "%s://%s%s", server->scheme, e->authority,
		     e->base) < 0) {
		e->url = NULL;
		return -ENOMEM;
	}
	return 0;
}

int endpoint_new(const struct endpoint_config *config,
		 struct endpoint **ret_endpoint)
{
	struct endpoint *e = calloc(1, sizeof(*e));
	char *aws = NULL;
	struct uri server;
	int ret = -ENOMEM;

	memset(&server, 0, sizeof(server));
	if (!e)
		goto out;
	ret = region_ok(config->region) ? 0 : -EINVAL;
	if (!ret && !config->url)
		ret = aws_url(config->region, &aws);
	if (!ret)
		ret = uri_split(aws ? aws : config->url, &server);
	if (!ret)
		ret = fill(e, config, &server);
out:
	uri_release(&server);
	free(aws);
	if (ret)
		endpoint_free(e);
	else
		*ret_endpoint = e;
	return ret;
}

void endpoint_free(struct endpoint *e)
{
	if (!e)
		return;
	free(e->region);
	free(e->authority);
	free(e->base);
	free(e->url);
	free(e);
}

bool endpoint_is_amazon(const char *url)
{
	static const char *const domains[] = {"amazonaws.com",
					      "amazonaws.com.cn"};
	struct uri u;
	bool known = false;

	if (uri_split(url, &u))
		return false;
	for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
		size_t host = strlen(u.host), len = strlen(domains[i]);

		known = known || (host > len && u.host[host - len - 1] == '.' &&
				  !strcasecmp(u.host + host - len, domains[i]));
	}
	uri_release(&u);
	return known;
}
