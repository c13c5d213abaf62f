/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends requests again. Two questions decide: may it help (helps()), and is
 * it safe (safe(), or the answer shows that nothing was done).
 *
 *	answer						PUT, reads...	DELETE
 *	0, 404, 403, 400, 412...			return		return
 *	503, 429, SlowDown, no connection		again		again
 *	500, 502, 504, RequestTimeout, no whole answer	again		return
 *
 * DELETE without a version id is an unsafe one: each places a marker of its
 * own, and the second may hide what somebody else has written meanwhile. So
 * is any request whose caller says `once`.
 */
#include "vers3/store/retry.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "layer.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/hash.h"
#include "vers3/util/log.h"

#define BASE_NS		   (100 * NS_PER_MS)
#define MAX_NS		   (20 * NS_PER_S)
#define RETRY_AFTER_MAX_NS (60 * NS_PER_S)

/* A page with more entries than any server sends is not asked for again. */
#define SEEN_MAX 16384

struct retry_store {
	struct store store;
	struct retry_config config;
	struct hash_seed seed; /* of what a list has shown */
	_Atomic enum retry_mood mood;
	/* When the bucket was changed last, or the mood: monotonic. */
	atomic_int_fast64_t changed_ns;
	atomic_int_fast64_t answered_ns; /* when it last answered; likewise */
	atomic_bool down; /* no try helped for spread_ns, nor is it over */
};

/*
 * Stands between the request's callbacks and the store below, over all tries
 * of one request: notices when a callback ended the transfer (that is no
 * failure to retry), and keeps a list's entries from being handed over twice.
 */
struct watch {
	const struct store_request *r;
	int callback_err; /* what a callback returned; 0: none did */
	const struct hash_seed *seed; /* borrowed */
	uint64_t *seen; /* owned: hashes of the entries handed over */
	size_t seen_count, seen_size;
	size_t seen_before; /* of them, those of earlier tries */
};

static uint64_t entry_hash(const struct watch *w,
			   const struct store_entry *entry)
{
	unsigned char kind = (unsigned char)entry->kind;
	uint64_t hash = hash_add(w->seed, 0, &kind, 1);

	hash = hash_add(w->seed, hash, entry->version_id,
			strlen(entry->version_id));
	return hash_add(w->seed, hash, entry->key, entry->key_len);
}

static int watch_remember(struct watch *w, uint64_t hash)
{
	if (array_room(w->seen, w->seen_count, w->seen_size))
		return -ENOMEM;
	w->seen[w->seen_count++] = hash;
	return 0;
}

static int watch_entry(void *ctx, const struct store_entry *entry)
{
	struct watch *w = ctx;
	uint64_t hash = entry_hash(w, entry);
	int err;

	for (size_t i = 0; i < w->seen_before; i++)
		if (w->seen[i] == hash)
			return 0;
	err = w->r->on_entry(w->r->entry_ctx, entry);
	if (err >= 0 && w->seen_count < SEEN_MAX)
		err = watch_remember(w, hash);
	if (err < 0)
		w->callback_err = err;
	return err;
}

static int watch_sink(void *ctx, uint64_t offset, const void *data, size_t len)
{
	struct watch *w = ctx;
	int err = w->r->sink(w->r->sink_ctx, offset, data, len);

	if (err < 0)
		w->callback_err = err;
	return err;
}

static int try_once(struct store *below, struct store_request *r,
		    struct watch *w)
{
	struct store_request sub = *r;
	int err;

	w->seen_before = w->seen_count;
	if (r->on_entry) {
		sub.on_entry = watch_entry;
		sub.entry_ctx = w;
	}
	if (r->sink) {
		sub.sink = watch_sink;
		sub.sink_ctx = w;
	}
	store_reply_reset(&sub.reply);
	err = store_call(below, &sub);
	r->reply = sub.reply;
	return err;
}

/* The answer, or the lack of one, shows that nothing was carried out. */
static bool not_done(const struct store_reply *reply, int err)
{
	if (reply->status)
		return reply->status == 503 || reply->status == 429 ||
		       !strcmp(reply->code, "SlowDown");
	return err == -ECONNREFUSED || err == -EHOSTUNREACH ||
	       err == -ENETUNREACH;
}

/* Another try may end differently. */
static bool helps(const struct store_reply *reply, int err)
{
	static const char *const codes[] = {
		"ConditionalRequestConflict", /* 409: likewise, of this key */
		"InternalError",
		"OperationAborted", /* 409: another change under way */
		"ConcurrentModification", /* 409: likewise, of Ceph */
		"RequestTimeout", /* 400: the body came too slowly */
		"ServiceUnavailable",
		"SlowDown",
	};

	if (not_done(reply, err))
		return true;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (!strcmp(reply->code, codes[i]))
			return true;
	switch (reply->status) {
	case 500:
	case 502:
	case 504:
		return true;
	}
	switch (err) {
	case -ETIMEDOUT:
	case -ECONNRESET:
	case -ECONNABORTED:
	case -EPIPE:
	case -ENETDOWN:
		return true;
	case -EIO:
		/* An answer of success that broke off or made no sense. */
		return reply->status < 300;
	}
	return false;
}

/* Carried out twice, the request leaves what it leaves carried out once. */
static bool safe(const struct store_request *r)
{
	if (r->once)
		return false;
	switch (r->op) {
	case STORE_DELETE:
		return r->version_id != NULL;
	case STORE_DELETE_MANY:
		for (size_t i = 0; i < r->delete_count; i++)
			if (!r->deletes[i].version_id)
				return false;
		return true;
	default:
		return true;
	}
}

static bool again(const struct store_request *r, const struct watch *w, int err)
{
	if (!err || w->callback_err || w->seen_count == SEEN_MAX)
		return false;
	return helps(&r->reply, err) && (safe(r) || not_done(&r->reply, err));
}

/* Uniform in [0, limit_ns]. */
static int64_t jitter_ns(int64_t limit_ns)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = (uint64_t)clock_mono_ns();
	return (int64_t)(random % ((uint64_t)limit_ns + 1));
}

static int64_t wait_ns(const struct retry_config *config, unsigned tries,
		       int64_t retry_after_ns)
{
	int64_t limit_ns = config->base_ns;
	int64_t ns;

	for (unsigned i = 1; i < tries && limit_ns < config->max_ns; i++)
		limit_ns *= 2;
	if (limit_ns > config->max_ns)
		limit_ns = config->max_ns;
	ns = jitter_ns(limit_ns);
	if (retry_after_ns > RETRY_AFTER_MAX_NS)
		retry_after_ns = RETRY_AFTER_MAX_NS;
	return ns > retry_after_ns ? ns : retry_after_ns;
}

/*
 * What a wait has to be at least, so that all of them come to spread_ns, up to
 * an eighth more: the first is short, since most troubles are over at once, and
 * each later one three times the one before.
 */
static int64_t spread_wait_ns(const struct retry_config *config, unsigned tries)
{
	int64_t ns = config->spread_ns;

	if (config->retries > 1 && ns > config->base_ns)
		ns -= config->base_ns;
	if (tries == 1 && config->retries > 1)
		ns = config->base_ns < ns ? config->base_ns : ns;
	/* From the last one, which is two thirds of the rest, down to it. */
	for (unsigned i = config->retries; tries > 1 && i > tries; i--)
		ns /= 3;
	if (tries > 2)
		ns -= ns / 3;
	return ns + jitter_ns(ns / 8);
}

static void log_retry(const struct store_request *r, int err, unsigned tries,
		      int64_t ns)
{
	const struct store_reply *reply = &r->reply;

	const char *key = r->key ? r->key : "";

	log_info("s3: %s%s%s%s failed (%d %s: %s); try %u in %.0f ms",
		 store_op_name(r->op), *key ? " of '" : "", key,
		 *key ? "'" : "", reply->status,
		 reply->code[0] ? reply->code : strerror(-err),
		 reply->message[0] ? reply->message : "no message", tries + 1,
		 (double)ns / 1e6);
}

static bool changes(const struct store_request *r)
{
	switch (r->op) {
	case STORE_PUT:
	case STORE_COPY:
	case STORE_DELETE:
	case STORE_DELETE_MANY:
	case STORE_UPLOAD_PART:
	case STORE_COPY_PART:
	case STORE_COMPLETE_UPLOAD:
		return true;
	default:
		return false;
	}
}

/* Notes how one try ended. */
static void note_answer(struct retry_store *rs, const struct store_request *r,
			int err)
{
	if (err && (!r->reply.status || helps(&r->reply, err)))
		return;
	atomic_store(&rs->answered_ns, clock_mono_ns());
	atomic_store(&rs->down, false);
}

/*
 * How long to wait before the next try, the last one having taken so long. To
 * outlast a short trouble is tried until one was too long for that; a daemon
 * that ends has no time for it.
 */
static int64_t pause_ns(struct retry_store *rs, const struct store_request *r,
			enum retry_mood mood, unsigned tries, int64_t took_ns)
{
	int64_t ns = wait_ns(&rs->config, tries, r->reply.retry_after_ns);
	int64_t spread_ns = spread_wait_ns(&rs->config, tries);

	if (atomic_load(&rs->down) || mood != RETRY_AS_SET)
		return ns;
	/* Time counts from the first failure on. */
	if (tries > 1)
		spread_ns -= took_ns;
	return ns > spread_ns ? ns : spread_ns;
}

/* Notes how a call ended that began then; tells when it is of no use. */
static void judge(struct retry_store *rs, const struct store_request *r,
		  int err, int64_t began_ns)
{
	int64_t changed_ns = atomic_load(&rs->changed_ns);

	/* One that may not be sent again tells nothing so soon. */
	if (err && helps(&r->reply, err) &&
	    clock_mono_ns() - began_ns >= rs->config.spread_ns &&
	    atomic_load(&rs->answered_ns) < began_ns)
		atomic_store(&rs->down, true);
	if (!err && changes(r)) {
		atomic_store(&rs->changed_ns, clock_mono_ns());
		return;
	}
	if (!err || !rs->config.on_hopeless || !helps(&r->reply, err) ||
	    atomic_load(&rs->mood) != RETRY_QUICK)
		return;
	if ((err == -ETIMEDOUT && changed_ns < began_ns) ||
	    clock_mono_ns() - changed_ns > rs->config.patience_ns)
		rs->config.on_hopeless(rs->config.hopeless_ctx);
}

static bool is_in_the_mood(enum retry_mood mood, int err)
{
	switch (mood) {
	case RETRY_NEVER:
		return false;
	case RETRY_QUICK:
		return err != -ETIMEDOUT;
	default:
		return true;
	}
}

/*
 * Sits out a pause that was reckoned in that mood. Whoever is in a hurry since
 * then does not: the mood of the reckoning counts, not the one of now.
 */
static void sleep_in(struct retry_store *rs, enum retry_mood mood, int64_t ns)
{
	const int64_t until = clock_mono_ns() + ns;

	if (rs->config.sleep) {
		rs->config.sleep(rs->config.sleep_ctx, ns);
		return;
	}
	while (atomic_load(&rs->mood) == mood && mood != RETRY_NEVER) {
		int64_t left = until - clock_mono_ns();

		if (left > CANCEL_POLL_MS * NS_PER_MS)
			left = CANCEL_POLL_MS * NS_PER_MS;
		if (left <= 0 || cancel_sleep(left))
			return;
	}
}

static int retry_call(struct store *s, struct store_request *r)
{
	struct retry_store *rs = (struct retry_store *)s;
	struct watch w = {.r = r, .seed = &rs->seed};
	int64_t began_ns = clock_mono_ns(), ns;
	unsigned tries = 0;
	int err;

	for (;;) {
		int64_t sent_ns = clock_mono_ns();
		enum retry_mood mood;

		err = try_once(s->below, r, &w);
		note_answer(rs, r, err);
		tries++;
		r->reply.tries = tries;
		mood = atomic_load(&rs->mood);
		if (tries > rs->config.retries || !again(r, &w, err) ||
		    !is_in_the_mood(mood, err))
			break;
		ns = pause_ns(rs, r, mood, tries, clock_mono_ns() - sent_ns);
		log_retry(r, err, tries, ns);
		sleep_in(rs, mood, ns);
		/* It ended early where nobody waits for the answer any more. */
		if (cancel_asked() || atomic_load(&rs->mood) == RETRY_NEVER)
			break;
	}
	judge(rs, r, err, began_ns);
	r->reply.unsure = err && !safe(r) && helps(&r->reply, err) &&
			  !not_done(&r->reply, err);
	free(w.seen);
	return err;
}

static const struct store_ops retry_ops = {
	.name = "retry",
	.call = retry_call,
	.free = layer_free,
};

int retry_store_new(const struct retry_config *config, struct store **below,
		    struct store **ret_store)
{
	struct retry_store *rs = layer_new(sizeof(*rs), &retry_ops, below);

	if (!rs)
		return -ENOMEM;
	rs->config = *config;
	hash_seed_draw(&rs->seed);
	if (!rs->config.base_ns)
		rs->config.base_ns = BASE_NS;
	if (!rs->config.max_ns)
		rs->config.max_ns = MAX_NS;
	*ret_store = &rs->store;
	return 0;
}

void retry_store_set_mood(struct store *s, enum retry_mood mood)
{
	struct retry_store *rs = (struct retry_store *)s;

	/* The time that there is for it begins now. */
	if (mood == RETRY_QUICK)
		atomic_store(&rs->changed_ns, clock_mono_ns());
	atomic_store(&rs->mood, mood);
}
