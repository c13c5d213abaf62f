/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue before the server: who is on the way, who waits, in two rows. What
 * the answers mean is limit_rule.c's.
 *
 * A turn is given by whoever ends (or comes), under the mutex, to the waiter,
 * who finds `given` when he looks. One who gives up takes himself out of his
 * row; who was given his turn before that uses it.
 */
#include "vers3/store/limit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>

#include "layer.h"
#include "limit_rule.h"
#include "vers3/store/standby.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/urgency.h"

struct turn {
	TAILQ_ENTRY(turn) entry;
	pthread_cond_t cond;
	enum urgency row;
	struct urgency_cause *cause; /* borrowed: its thread's, or NULL */
	bool given;
};

TAILQ_HEAD(turns, turn);

struct limit_store {
	struct store store;
	pthread_mutex_t mutex; /* a leaf; protects all below */
	struct limit_rule rule;
	unsigned in_flight, waiting;
	unsigned in_a_row; /* wanted ones, while a background one waited */
	struct turns rows[URGENCY_COUNT]; /* of their threads' stacks */
};

/* With the mutex held, as those that follow. */
static enum limit_verdict whose_turn(const struct limit_store *ls)
{
	const struct limit_turn t = {
		.limit = limit_rule_now(&ls->rule),
		.in_flight = ls->in_flight,
		.wanted = !TAILQ_EMPTY(&ls->rows[URGENCY_WANTED]),
		.background = !TAILQ_EMPTY(&ls->rows[URGENCY_BACKGROUND]),
		.in_a_row = ls->in_a_row,
	};

	return limit_turn(&t);
}

static void give_turns(struct limit_store *ls)
{
	enum limit_verdict v;

	while ((v = whose_turn(ls)) != LIMIT_NOBODY) {
		bool wanted = v == LIMIT_WANTED;
		struct turns *row =
			&ls->rows[wanted ? URGENCY_WANTED : URGENCY_BACKGROUND];
		struct turn *turn = TAILQ_FIRST(row);

		TAILQ_REMOVE(row, turn, entry);
		ls->waiting--;
		ls->in_flight++;
		if (wanted && !TAILQ_EMPTY(&ls->rows[URGENCY_BACKGROUND]))
			ls->in_a_row++;
		else
			ls->in_a_row = 0;
		turn->given = true;
		pthread_cond_signal(&turn->cond);
	}
}

/* 0 with a turn, or -EINTR. */
static int wait_for_turn(struct limit_store *ls)
{
	struct turn turn = {.cause = urgency_cause_current()};
	int rc = clock_cond_init(&turn.cond);

	if (rc)
		return rc;
	pthread_mutex_lock(&ls->mutex);
	/* Here, so that limit_store_hurry() misses none. */
	turn.row = urgency_current();
	TAILQ_INSERT_TAIL(&ls->rows[turn.row], &turn, entry);
	ls->waiting++;
	give_turns(ls);
	while (!rc && !turn.given) {
		if (cancel_current())
			rc = cancel_wait(&turn.cond, &ls->mutex);
		else
			pthread_cond_wait(&turn.cond, &ls->mutex);
	}
	if (turn.given) {
		rc = 0;
	} else {
		TAILQ_REMOVE(&ls->rows[turn.row], &turn, entry);
		ls->waiting--;
	}
	pthread_mutex_unlock(&ls->mutex);
	pthread_cond_destroy(&turn.cond);
	return rc;
}

/* There was too much for the server: it says so, and did nothing. */
static bool is_refusal(const struct store_reply *reply)
{
	return reply->status == 503 || reply->status == 429 ||
	       !strcmp(reply->code, "SlowDown");
}

static bool is_full(const struct limit_store *ls)
{
	unsigned limit = limit_rule_now(&ls->rule);

	return ls->waiting || ls->in_flight >= limit - limit / 8;
}

static void end_turn(struct limit_store *ls, const struct store_request *r,
		     int err, uint64_t received_bytes, int64_t sent_ns)
{
	struct limit_answer a = {
		.op = r->op,
		.bytes = r->body.length + received_bytes,
		.sent_ns = sent_ns,
		.now_ns = clock_mono_ns(),
		.refused = err && is_refusal(&r->reply),
		.answered = !err || (r->reply.status == 404 && err == -ENOENT),
	};
	uint64_t before;
	unsigned limit;
	bool halved;

	pthread_mutex_lock(&ls->mutex);
	a.in_flight = ls->in_flight;
	a.full = is_full(ls);
	before = ls->rule.halvings;
	limit_rule_answer(&ls->rule, &a);
	halved = ls->rule.halvings != before;
	limit = limit_rule_now(&ls->rule);
	ls->in_flight--;
	give_turns(ls);
	pthread_mutex_unlock(&ls->mutex);
	if (halved)
		log_info("s3: the server has too much to do: no more than %u "
			 "requests at once",
			 limit);
}

static int limit_call(struct store *s, struct store_request *r)
{
	struct limit_store *ls = (struct limit_store *)s;
	uint64_t received_bytes;
	int64_t sent_ns;
	int err = wait_for_turn(ls);

	if (err) {
		store_reply_reset(&r->reply);
		return err;
	}
	sent_ns = clock_mono_ns();
	err = layer_call_counted(s, r, &received_bytes);
	end_turn(ls, r, err, received_bytes, sent_ns);
	return err;
}

static void limit_free(struct store *s)
{
	struct limit_store *ls = (struct limit_store *)s;

	pthread_mutex_destroy(&ls->mutex);
	layer_free(s);
}

static const struct store_ops limit_ops = {
	.name = "limit",
	.call = limit_call,
	.free = limit_free,
};

int limit_store_new(struct store **below, struct store **ret_store)
{
	struct limit_store *ls = layer_new(sizeof(*ls), &limit_ops, below);

	if (!ls)
		return -ENOMEM;
	pthread_mutex_init(&ls->mutex, NULL);
	limit_rule_init(&ls->rule);
	for (int u = 0; u < URGENCY_COUNT; u++)
		TAILQ_INIT(&ls->rows[u]);
	*ret_store = &ls->store;
	return 0;
}

static struct limit_store *find_layer(struct store *s)
{
	while (s && s->ops != &limit_ops)
		s = s->below;
	return (struct limit_store *)s;
}

void limit_store_read(struct store *s, struct limit_snapshot *ret)
{
	struct limit_store *ls = find_layer(s);

	memset(ret, 0, sizeof(*ret));
	if (!ls)
		return;
	pthread_mutex_lock(&ls->mutex);
	ret->limit = limit_rule_now(&ls->rule);
	ret->in_flight = ls->in_flight;
	ret->waiting = ls->waiting;
	ret->least_ns = limit_rule_least_ns(&ls->rule);
	ret->halvings = ls->rule.halvings;
	pthread_mutex_unlock(&ls->mutex);
}

unsigned limit_store_now(struct store *s)
{
	struct limit_snapshot now;

	limit_store_read(standby_store_goes_to(s), &now);
	return now.limit;
}

unsigned limit_store_width(struct store *s)
{
	unsigned limit = limit_store_now(s), width;

	width = limit + (limit + 1) / 2;
	if (width < LIMIT_START)
		return LIMIT_START;
	return width < LIMIT_MAX ? width : LIMIT_MAX;
}

void limit_store_hurry(struct store *s)
{
	struct limit_store *ls = find_layer(standby_store_goes_to(s));
	struct turn *turn, *next;

	if (!ls)
		return;
	pthread_mutex_lock(&ls->mutex);
	turn = TAILQ_FIRST(&ls->rows[URGENCY_BACKGROUND]);
	for (; turn; turn = next) {
		next = TAILQ_NEXT(turn, entry);
		if (!urgency_cause_is_wanted(turn->cause))
			continue;
		TAILQ_REMOVE(&ls->rows[turn->row], turn, entry);
		turn->row = URGENCY_WANTED;
		TAILQ_INSERT_TAIL(&ls->rows[turn->row], turn, entry);
	}
	give_turns(ls);
	pthread_mutex_unlock(&ls->mutex);
}
