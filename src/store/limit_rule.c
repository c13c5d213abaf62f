/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of the limit, and whose turn it is. Pure. */
#include "limit_rule.h"

#include <string.h>

#include "vers3/util/clock.h"

#define PERIOD_NS (60 * NS_PER_S)
#define HALVE_NS  NS_PER_S /* not again so soon, */
#define HOLD_NS	  (500 * NS_PER_MS) /* nor growth */
#define TURN_NS	  (50 * NS_PER_MS) /* by one in no less, when it comes back */
#define REST_NS	  (10 * NS_PER_S) /* without any: it may double again */
#define SLACK_NS  (4 * NS_PER_MS) /* of any answer, on a busy machine */
#define IN_A_ROW  7

void limit_rule_init(struct limit_rule *r)
{
	memset(r, 0, sizeof(*r));
	r->limit = LIMIT_START;
	r->ramping = true;
}

unsigned limit_rule_now(const struct limit_rule *r)
{
	return (unsigned)r->limit;
}

static int64_t lesser(const int64_t of[2])
{
	if (!of[0] || !of[1])
		return of[0] ? of[0] : of[1];
	return of[0] < of[1] ? of[0] : of[1];
}

int64_t limit_rule_least_ns(const struct limit_rule *r)
{
	return lesser(r->net_ns);
}

static void note_least(int64_t of[2], int64_t ns)
{
	if (!of[0] || ns < of[0])
		of[0] = ns;
}

static void begin_period(struct limit_rule *r, int64_t now)
{
	if (now - r->period_ns < PERIOD_NS)
		return;
	r->period_ns = now;
	r->net_ns[1] = r->net_ns[0];
	r->net_ns[0] = 0;
	for (int op = 0; op < STORE_OP_COUNT; op++)
		for (int band = 0; band < LIMIT_BANDS; band++) {
			int64_t *least = r->least_ns[op][band];

			least[1] = least[0];
			least[0] = 0;
		}
}

/* Its time depends on the network and on how busy the server is. */
static bool is_telling(enum store_op op)
{
	switch (op) {
	case STORE_HEAD:
	case STORE_GET:
	case STORE_PUT:
	case STORE_COPY:
	case STORE_DELETE:
	case STORE_UPLOAD_PART:
	case STORE_GET_TAGGING:
	case STORE_PUT_TAGGING:
		return true;
	default:
		return false;
	}
}

static unsigned band_of(uint64_t bytes)
{
	if (bytes <= (UINT64_C(64) << 10))
		return 0;
	if (bytes <= (UINT64_C(1) << 20))
		return 1;
	return bytes <= (UINT64_C(4) << 20) ? 2 : 3;
}

/* More than that no network with such a round trip needs. */
static double most(const struct limit_rule *r)
{
	double n = (double)limit_rule_least_ns(r) * LIMIT_RATE / NS_PER_S;

	if (n < LIMIT_START)
		return LIMIT_START;
	return n < LIMIT_MAX ? n : LIMIT_MAX;
}

static void refused(struct limit_rule *r, const struct limit_answer *a)
{
	double n = a->in_flight < r->limit ? a->in_flight : r->limit;

	r->ramping = false;
	/* What was sent before the last one tells nothing new. */
	if (r->halvings &&
	    (a->sent_ns < r->halved_ns || a->now_ns - r->halved_ns < HALVE_NS))
		return;
	r->halved_ns = a->now_ns;
	if (r->limit < 2)
		return;
	r->halvings++;
	r->limit = n / 2 < 1 ? 1 : n / 2;
}

/* The answers of a round trip are there: were they slow? */
static void end_round(struct limit_rule *r, int64_t now, int64_t took_ns)
{
	bool slow = r->prompt * 2 < r->answers;

	if (r->answers < 8 || now - r->round_ns < took_ns)
		return;
	r->round_ns = now;
	r->answers = r->prompt = 0;
	if (!slow)
		return;
	r->ramping = false;
	if (r->limit <= LIMIT_START)
		return;
	r->limit -= r->limit / 8;
	if (r->limit < LIMIT_START)
		r->limit = LIMIT_START;
}

static void grow(struct limit_rule *r, const struct limit_answer *a)
{
	double top = most(r), by = 1;
	int64_t took_ns = a->now_ns - a->sent_ns;

	if (r->halvings && a->now_ns - r->halved_ns < HOLD_NS)
		return;
	if (!r->ramping)
		by /= r->limit;
	if (!r->ramping && took_ns < TURN_NS)
		by *= (double)took_ns / TURN_NS;
	r->limit += by;
	if (r->limit > top)
		r->limit = top;
}

void limit_rule_answer(struct limit_rule *r, const struct limit_answer *a)
{
	int64_t took_ns = a->now_ns - a->sent_ns, least;
	int64_t *of;
	bool prompt;

	begin_period(r, a->now_ns);
	if (a->refused) {
		refused(r, a);
		return;
	}
	if (!a->answered)
		return;
	if (!is_telling(a->op)) {
		/* Where there are no others, it comes back by these. */
		if (r->limit < LIMIT_START && a->full)
			grow(r, a);
		return;
	}
	of = r->least_ns[a->op][band_of(a->bytes)];
	note_least(of, took_ns);
	note_least(r->net_ns, took_ns);
	least = lesser(of);
	prompt = took_ns <= 2 * least + SLACK_NS;
	/* Nothing to do for a while: what there is next may double it. */
	if (a->now_ns - r->round_ns > REST_NS &&
	    (!r->halvings || a->now_ns - r->halved_ns > REST_NS)) {
		r->ramping = true;
		r->round_ns = a->now_ns;
		r->answers = r->prompt = 0;
	}
	r->answers++;
	r->prompt += prompt;
	/* After a refusal it comes back also where all is slow. */
	if ((prompt || r->limit < LIMIT_START) && a->full)
		grow(r, a);
	end_round(r, a->now_ns, took_ns);
}

enum limit_verdict limit_turn(const struct limit_turn *t)
{
	unsigned kept = t->limit / 8;

	if (t->in_flight >= t->limit)
		return LIMIT_NOBODY;
	if (t->wanted && !(t->background && t->in_a_row >= IN_A_ROW))
		return LIMIT_WANTED;
	/* One that has its turn before a wanted one may take what is kept. */
	if (t->background && (t->wanted || t->in_flight < t->limit - kept))
		return LIMIT_BACKGROUND;
	return LIMIT_NOBODY;
}
