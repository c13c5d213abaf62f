/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first that holds counts.
 *
 *	its turn						verdict
 *	a job is at it						leave
 *	it is not due, and nobody waits, or it pauses		leave
 *	a killed mount's request may come yet			postpone
 *	it waits for another key, and somebody waits for it	follow
 *	it waits for another key				held
 *	else							go on
 *
 *	its request						verdict
 *	somebody writes to it, or fills the directory		postpone
 *	drop							drop
 *	delete, the batches are full, many were passed over	tired
 *	delete, and the batches are full			leave
 *	delete							delete
 *	another, and all jobs are taken				full
 *	upload, theirs are taken, many were passed over, and
 *	somebody waits for it					tired
 *	upload, theirs are taken, many were passed over		postpone
 *	upload, and theirs are taken				leave
 *	another							send
 */
#include "examine.h"

enum examine_verdict examine_turn(const struct examine_turn *f,
				  int64_t *ret_until_ns)
{
	if (f->busy)
		return EXAMINE_LEAVE;
	if (f->due_ns > f->now_ns && (!f->forced || f->pauses))
		return EXAMINE_LEAVE;
	if (f->settles_ns) {
		*ret_until_ns = f->settles_ns;
		return EXAMINE_POSTPONE;
	}
	if (!f->held)
		return EXAMINE_GO_ON;
	if (f->forced)
		return EXAMINE_FOLLOW;
	*ret_until_ns = f->now_ns + EXAMINE_RECHECK_NS;
	return EXAMINE_HELD;
}

enum examine_verdict examine_request(const struct examine_request *f,
				     int64_t *ret_until_ns)
{
	if (f->quiet_ns > f->now_ns) {
		*ret_until_ns = f->quiet_ns;
		return EXAMINE_POSTPONE;
	}
	switch (f->action) {
	case RECONCILE_DROP:
		return EXAMINE_DROP;
	case RECONCILE_DELETE:
		/* What is no delete may stand behind them. */
		if (!f->batch_full)
			return EXAMINE_DELETE;
		return f->tired ? EXAMINE_TIRED : EXAMINE_LEAVE;
	case RECONCILE_UPLOAD:
		/* As well: they take long, and small ones may stand behind. */
		if (!f->large_full || f->jobs_full)
			break;
		if (!f->tired)
			return EXAMINE_LEAVE;
		if (f->forced)
			return EXAMINE_TIRED;
		*ret_until_ns = f->now_ns + EXAMINE_STEP_BACK_NS;
		return EXAMINE_POSTPONE;
	default:
		break;
	}
	return f->jobs_full ? EXAMINE_FULL : EXAMINE_SEND;
}

enum reconcile_action examine_action(const struct reconcile_in *in,
				     const char *tried)
{
	static const struct meta_version none;
	enum reconcile_action action = reconcile(in);
	struct reconcile_in blank = *in;

	if (action != RECONCILE_DROP || !tried[0])
		return action;
	blank.known = &none;
	return in->inode ? reconcile(&blank) : RECONCILE_DELETE;
}
