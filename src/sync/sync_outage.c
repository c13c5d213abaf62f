/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	            no outage			outage
 *	a request   begins one, since now	goes on
 *	fails so
 *	another     nothing			ends it: `over`, if it was of
 *	outcome					some length, and the last that
 *						counted was a minute ago
 *	a job alone nothing			one more probe in vain
 *	in vain
 */
#include "sync_outage.h"

#include <errno.h>

#include "vers3/store/store.h"

/*
 * After an outage nothing waits for its next try; but one key that breaks the
 * connection, while others do not, does not get rid of its backoff so.
 */
void sync_outage_set(struct sync_outage *o, bool on, int64_t now_ns)
{
	if (on && !o->on)
		o->since_ns = now_ns;
	if (!on && sync_outage_lasts(o, SYNC_OUTAGE_MIN_NS, now_ns) &&
	    (!o->over_ns || now_ns - o->over_ns > SYNC_OUTAGE_AGAIN_NS)) {
		o->over = true;
		o->over_ns = now_ns;
	}
	o->on = on;
}

bool sync_outage_probed(struct sync_outage *o, int rc, bool alone)
{
	bool unanswered = store_is_unanswered(rc);

	if (o->on && alone && unanswered) {
		o->probes++;
		o->probe_error = rc;
		return true;
	}
	if (!unanswered && rc != -EAGAIN)
		o->probes = 0;
	return false;
}

bool sync_outage_take_over(struct sync_outage *o)
{
	bool over = o->over;

	o->over = false;
	return over;
}

bool sync_outage_lasts(const struct sync_outage *o, int64_t ns, int64_t now_ns)
{
	return o->on && now_ns - o->since_ns > ns;
}

int sync_outage_error(const struct sync_outage *o, unsigned *from,
		      unsigned most)
{
	if (o->probes < *from)
		*from = o->probes;
	return o->on && o->probes - *from >= most ? o->probe_error : 0;
}
