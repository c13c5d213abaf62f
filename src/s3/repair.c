/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges, and what can be put right between two of them.
 *
 *	answer						then, once each
 *	301, 307, 400 that name another region		take that region
 *	RequestTimeTooSkewed				take the server's time
 *	ExpiredToken, InvalidAccessKeyId...		load credentials anew
 *	400, 403 where a key of SSE-C may be wrong	try the next key
 *	400 to a HEAD or a GET, the first		ask for no checks
 *
 * and the request is sent again. Errors of HEAD have no document, hence no
 * code: there the headers must do. All else is for the layers above.
 */
#include "repair.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "exchange.h"
#include "vers3/s3/request.h"
#include "vers3/s3/sse.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define SKEW_MIN_NS	(60 * NS_PER_S)
#define SKEW_REFUSED_NS (15 * 60 * NS_PER_S) /* as S3 does */
/* Further off, a clock is taken from a server that TLS vouches for alone. */
#define SKEW_PLAIN_MAX_NS (24 * 3600 * NS_PER_S)

/* What has been put right for one call; nothing is tried twice. */
struct repairs {
	bool region, clock, cred, sums;
	unsigned way; /* sse_way(): how many were in vain */
};

static bool repair_region(struct client *c, const struct store_reply *reply,
			  const struct endpoint *used)
{
	int ret;

	if (!reply->region[0] || !strcmp(reply->region, used->region))
		return false;
	if (reply->status != 301 && reply->status != 307 &&
	    !(reply->status == 400 &&
	      (!reply->code[0] ||
	       !strcmp(reply->code, "AuthorizationHeaderMalformed") ||
	       !strcmp(reply->code, "IllegalLocationConstraintException"))))
		return false;
	ret = client_set_region(c, used, reply->region);
	return !ret || ret == -EALREADY;
}

/*
 * Who is on the way may write any date, and keep requests that are signed for
 * a day to come until then: without TLS a day is the most.
 */
static bool is_believed(const struct endpoint *used, int64_t off_ns)
{
	if (used->tls ||
	    (off_ns < SKEW_PLAIN_MAX_NS && off_ns > -SKEW_PLAIN_MAX_NS))
		return true;
	log_warning("this host's clock is %" PRId64 " days from the server's, "
		    "which is not believed without TLS: check both",
		    off_ns / SKEW_PLAIN_MAX_NS);
	return false;
}

static bool repair_clock(struct client *c, const struct store_reply *reply,
			 const char *code, const struct endpoint *used)
{
	int64_t off_ns;

	if (!reply->date_ns)
		return false;
	off_ns = reply->date_ns - client_now_ns(c);
	if (off_ns < 0)
		off_ns = -off_ns;
	if (!*code ? off_ns < SKEW_REFUSED_NS || reply->status != 403
		   : strcmp(code, "RequestTimeTooSkewed") != 0)
		return false;
	if (off_ns < SKEW_MIN_NS)
		return false;
	off_ns = reply->date_ns - clock_real_ns();
	if (!is_believed(used, off_ns))
		return false;
	client_set_skew(c, off_ns);
	log_warning("this host's clock is %" PRId64 " s %s the server's: "
		    "requests carry the server's time",
		    (off_ns < 0 ? -off_ns : off_ns) / NS_PER_S,
		    off_ns < 0 ? "ahead of" : "behind");
	return true;
}

static bool repair_cred(struct client *c, const struct store_reply *reply,
			const char *code, const struct cred *used)
{
	static const char *const codes[] = {
		"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId",
		"InvalidToken", "TokenRefreshRequired"};
	bool stale = false;

	if (!used)
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes) && !stale; i++)
		stale = !strcmp(codes[i], code);
	if (!*code)
		stale = reply->status == 400 || reply->status == 403;
	return stale && client_reload(c, used, NULL);
}

/* Backblaze refuses to be asked for what others overlook. */
static bool repair_sums(struct client *c, const struct store_request *r)
{
	const char *code = r->reply.code;

	return client_sums(c) == CLIENT_SUMS_UNKNOWN &&
	       s3_request_asks_sum(r) && r->reply.status == 400 &&
	       (!*code || !strcmp(code, "InvalidArgument") ||
		!strcmp(code, "InvalidRequest"));
}

/* Before others: what an answer says of a key it may say of all else, too. */
static bool repair_key(struct client *c, const struct store_request *r,
		       struct repairs *done)
{
	if (!sse_is_refusal(&r->reply) ||
	    done->way + 1 >= sse_ways(client_sse(c), r))
		return false;
	done->way++;
	return true;
}

static bool repair_others(struct client *c, const struct store_request *r,
			  const struct endpoint *endpoint,
			  const struct cred *cred, struct repairs *done)
{
	const struct store_reply *reply = &r->reply;

	if (!done->region && repair_region(c, reply, endpoint))
		return done->region = true;
	if (!done->clock && repair_clock(c, reply, reply->code, endpoint))
		return done->clock = true;
	if (!done->cred && repair_cred(c, reply, reply->code, cred))
		return done->cred = true;
	if (!done->sums && repair_sums(c, r))
		return done->sums = true;
	return false;
}

static bool repair(struct client *c, const struct store_request *r,
		   const struct endpoint *endpoint, const struct cred *cred,
		   struct repairs *done)
{
	bool all;

	/* Another region says so, whatever the key. */
	if (!r->reply.region[0] && repair_key(c, r, done))
		return true;
	all = repair_others(c, r, endpoint, cred, done);
	if (all)
		done->way = 0; /* none of them was in vain, it may be */
	return all || (r->reply.region[0] && repair_key(c, r, done));
}

/*
 * An object that none of our keys opens may not be read: no bad request. Ceph
 * 16 decrypts the source of a copied part with the key of what it becomes:
 * from one key to another it cannot copy.
 */
static int explain_key(struct client *c, const struct store_request *r, int rc)
{
	bool keys = sse_has_keys(client_sse(c));

	if (r->op == STORE_GET && sse_is_kms(&r->reply)) {
		if (!r->trial)
			log_warning("%s cannot be read: its key of KMS cannot "
				    "be used (%s: %s); have it enabled, and "
				    "open to these credentials (kms:Decrypt)",
				    r->key, r->reply.code, r->reply.message);
		return -EACCES;
	}
	if (!sse_is_told(&r->reply))
		return rc;
	if (r->op == STORE_COPY || r->op == STORE_COPY_PART)
		return -EXDEV;
	if (r->op != STORE_GET)
		return rc;
	if (!r->trial)
		log_warning("%s cannot be read: it is under SSE-C, %s", r->key,
			    keys ? "by a key that is not in sse_c_key_file="
				 : "and no key was given by sse_c_key_file=");
	return -EACCES;
}

int repair_call(struct client *c, struct store_request *r)
{
	const enum client_sums known = client_sums(c);
	struct repairs done = {.sums = known == CLIENT_SUMS_REFUSED};
	struct sse *sse = client_sse(c);
	const unsigned first = sse_first(sse, r);
	unsigned tries = 0, way;
	bool again;
	int ret;

	do {
		const struct endpoint *endpoint = client_endpoint(c);
		struct cred *cred = client_cred(c);

		way = sse_way(first, done.way);
		ret = exchange(c, endpoint, cred, done.sums, way, r);
		r->reply.tries = ++tries;
		again = ret && r->reply.status >= 300 &&
			repair(c, r, endpoint, cred, &done);
		cred_unref(cred);
	} while (again);
	if (!ret && !client_region_known(c))
		client_confirm_region(c);
	if (!ret)
		sse_note(sse, r, way);
	/* No mount finds it out while the server is away. */
	if (!ret && sse_is_overlooked(sse, r))
		log_error("%s is stored, but the server does not say that it "
			  "is encrypted as sse= has it: umount, and mount "
			  "again to be told more",
			  r->key);
	if (!ret && known == CLIENT_SUMS_UNKNOWN && s3_request_asks_sum(r))
		client_note_sums(c, done.sums ? CLIENT_SUMS_REFUSED
					      : CLIENT_SUMS_TAKEN);
	return ret ? explain_key(c, r, ret) : 0;
}
