/* SPDX-License-Identifier: Apache-2.0 */
/* contrib/faultproxy in front of the server; FAULTPROXY names the program. */
#ifndef VERS3_TESTS_STRESS_PROXY_H
#define VERS3_TESTS_STRESS_PROXY_H

#include "rig.h"

struct proxy {
	const char *program;
	char dir[256];
	char url[256];
};

/*
 * 0; RIG_SKIP where the packages that it needs are missing; 1 where it does not
 * start, or is not named: a run without it would say nothing. It has said why.
 */
int proxy_start(struct proxy *p, const struct rig *r);
void proxy_stop(struct proxy *p);
/*
 * The fault of the moment, in faultproxy's words. 0, or -EIO when it is not
 * taken: a run without its faults tells nothing.
 */
int proxy_fault(const struct proxy *p, const char *what)
	__attribute__((warn_unused_result));

#endif
