/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding, canonical queries, and servers' URLs split by libcurl. */
#include "vers3/net/uri.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int uri_encode(struct buf *b, const char *s, size_t len, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t plain = 0;
	int ret;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char code[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (is_unreserved(c) || (c == '/' && keep_slash))
			continue;
		ret = buf_add(b, s + plain, i - plain);
		if (!ret)
			ret = buf_add(b, code, sizeof(code));
		if (ret)
			return ret;
		plain = i + 1;
	}
	return buf_add(b, s + plain, len - plain);
}

int uri_decode(struct buf *b, const char *s, size_t len, bool plus_is_space)
{
	char *out = malloc(len + 1);
	size_t n = 0;
	int ret = -EINVAL;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (s[i] == '+' && plus_is_space) {
			out[n++] = ' ';
			continue;
		}
		if (s[i] != '%') {
			out[n++] = s[i];
			continue;
		}
		if (len - i < 3)
			goto out;
		high = hex_value(s[i + 1]);
		low = hex_value(s[i + 2]);
		if (high < 0 || low < 0)
			goto out;
		out[n++] = (char)(high << 4 | low);
		i += 2;
	}
	ret = buf_add(b, out, n);
out:
	free(out);
	return ret;
}

/* One parameter, encoded: both strings stand in the same allocation. */
struct param {
	char *name; /* owned; the value follows its NUL */
	const char *value;
};

static int param_compare(const void *a, const void *b)
{
	const struct param *p = a, *q = b;
	int order = strcmp(p->name, q->name);

	return order ? order : strcmp(p->value, q->value);
}

static int param_encode(struct param *p, const struct kv *kv)
{
	struct buf b;
	size_t name_len = 0;
	int ret;

	buf_init(&b, (size_t)1 << 20);
	ret = uri_encode(&b, kv->name, strlen(kv->name), false);
	if (!ret) {
		name_len = b.len;
		ret = buf_putc(&b, '\0');
	}
	if (!ret)
		ret = uri_encode(&b, kv->value, strlen(kv->value), false);
	if (!ret) {
		p->name = buf_detach(&b);
		if (!p->name)
			ret = -ENOMEM;
		else
			p->value = p->name + name_len + 1;
	}
	buf_release(&b);
	return ret;
}

int uri_query(struct buf *b, const struct kvlist *params)
{
	struct param *sorted;
	size_t n = params->count;
	int ret = 0;

	if (!n)
		return 0;
	sorted = calloc(n, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n && !ret; i++)
		ret = param_encode(&sorted[i], &params->items[i]);
	if (ret)
		goto out;
	qsort(sorted, n, sizeof(*sorted), param_compare);
	for (size_t i = 0; i < n && !ret; i++)
		ret = buf_printf(b, "%s%s=%s", i ? "&" : "", sorted[i].name,
				 sorted[i].value);
out:
	for (size_t i = 0; i < n; i++)
		free(sorted[i].name);
	free(sorted);
	return ret;
}

/* A part of the URL as a string of our own; "" where it has none. */
static int url_part(CURLU *url, CURLUPart what, char **ret_part)
{
	char *text = NULL;
	CURLUcode rc = curl_url_get(url, what, &text, 0);

	if (rc == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	*ret_part = strdup(text ? text : "");
	curl_free(text);
	return *ret_part ? 0 : -ENOMEM;
}

static bool url_has(CURLU *url, CURLUPart what)
{
	char *text = NULL;
	CURLUcode rc = curl_url_get(url, what, &text, 0);

	curl_free(text);
	return rc == CURLUE_OK;
}

static int url_authority(CURLU *url, struct uri *u)
{
	char *port = NULL;
	CURLUcode rc =
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
	int n;

	if (rc == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	n = asprintf(&u->authority, "%s%s%s", u->host, port ? ":" : "",
		     port ? port : "");
	curl_free(port);
	if (n < 0) {
		u->authority = NULL;
		return -ENOMEM;
	}
	return 0;
}

int uri_split(const char *text, struct uri *ret_uri)
{
	struct uri u;
	CURLU *url = curl_url();
	size_t len;
	int ret = -ENOMEM;

	memset(&u, 0, sizeof(u));
	if (!url)
		goto out;
	ret = -EINVAL;
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD) ||
	    url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT))
		goto out;
	ret = url_part(url, CURLUPART_SCHEME, &u.scheme);
	if (!ret)
		ret = url_part(url, CURLUPART_HOST, &u.host);
	if (!ret)
		ret = url_part(url, CURLUPART_PATH, &u.path);
	if (!ret)
		ret = url_authority(url, &u);
	if (ret)
		goto out;
	u.tls = !strcmp(u.scheme, "https");
	if (!u.tls && strcmp(u.scheme, "http"))
		ret = -EINVAL;
	if (!*u.host)
		ret = -EINVAL;
	for (len = strlen(u.path); len && u.path[len - 1] == '/'; len--)
		u.path[len - 1] = '\0';
out:
	curl_url_cleanup(url);
	if (ret)
		uri_release(&u);
	else
		*ret_uri = u;
	return ret;
}

void uri_release(struct uri *u)
{
	free(u->scheme);
	free(u->host);
	free(u->authority);
	free(u->path);
	memset(u, 0, sizeof(*u));
}

bool uri_host_is_ip(const char *host)
{
	struct in_addr a4;

	return host[0] == '[' || inet_pton(AF_INET, host, &a4) == 1;
}

bool uri_host_is_here(const char *host)
{
	struct in_addr v4;

	if (!strcasecmp(host, "localhost") || !strcmp(host, "[::1]"))
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 &&
	       ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
}
