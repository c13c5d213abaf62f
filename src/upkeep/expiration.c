/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: a header is read. */
#include "expiration.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "vers3/net/uri.h"
#include "vers3/util/clock.h"

/* The value of name="..." in a text, not NUL-terminated; NULL: none. */
static const char *quoted(const char *text, const char *name, size_t *ret_len)
{
	const char *at = strstr(text, name), *end;

	if (!at)
		return NULL;
	at += strlen(name);
	end = strchr(at, '"');
	if (!end)
		return NULL;
	*ret_len = (size_t)(end - at);
	return at;
}

int expiration_parse(const char *text, struct expiration *ret_expiration)
{
	struct expiration e = {.when_ns = 0};
	size_t date_len = 0, rule_len = 0;
	const char *date = quoted(text, "expiry-date=\"", &date_len);
	const char *rule = quoted(text, "rule-id=\"", &rule_len);
	char when[64];
	struct buf id;
	int rc;

	if (!date || !rule || date_len >= sizeof(when))
		return -EINVAL;
	memcpy(when, date, date_len);
	when[date_len] = '\0';
	if (clock_parse_http(when, &e.when_ns))
		return -EINVAL;
	/* Not every server encodes it. */
	buf_init(&id, sizeof(e.rule) - 1);
	rc = uri_decode(&id, rule, rule_len, false);
	if (rc)
		rc = buf_add(&id, rule, rule_len);
	if (!rc)
		memcpy(e.rule, id.data, id.len);
	buf_release(&id);
	if (rc)
		return -EINVAL;
	*ret_expiration = e;
	return 0;
}

int expiration_ask(struct store *store, const char *key,
		   struct expiration *ret_expiration)
{
	struct store_request r;
	const char *text;
	int rc = store_head(store, &r, key, NULL);

	text = kvlist_get(&r.reply.object.headers, "x-amz-expiration");
	if (!rc && text)
		expiration_parse(text, ret_expiration);
	store_request_release(&r);
	return rc == -ENOENT ? 0 : rc;
}
