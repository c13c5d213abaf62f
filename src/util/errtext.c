/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errnos that say a user what he can do, beside strerror(3). */
#include "vers3/util/errtext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 160
#define AWAY                                                                   \
	"the server cannot be reached; try again when `vers3ctl status` "      \
	"shows no outage any more"

static const struct {
	int error;
	const char *todo;
} known[] = {
	{ECONNREFUSED, AWAY},
	{ECONNRESET, AWAY},
	{ETIMEDOUT, AWAY},
	{EHOSTUNREACH, AWAY},
	{ENETUNREACH, AWAY},
	{EIO, "the mount's log says of what"},
	{ENOTCONN, "the mount is dead; mount it again"},
};

const char *errtext(int rc)
{
	static _Thread_local char text[TEXT_MAX];
	int error = abs(rc);

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].error != error)
			continue;
		snprintf(text, sizeof(text), "%s: %s", strerror(error),
			 known[i].todo);
		return text;
	}
	return strerror(error);
}
