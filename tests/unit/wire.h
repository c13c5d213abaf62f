/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server that plays a script, for tests: one answer a request, in
 * order, on one thread. What it was asked is kept.
 */
#ifndef VERS3_TESTS_UNIT_WIRE_H
#define VERS3_TESTS_UNIT_WIRE_H

#include <stddef.h>

enum wire_then {
	WIRE_KEEP, /* keep the connection */
	WIRE_CLOSE, /* close it after the answer */
	WIRE_STALL, /* say no more, until the client goes */
	WIRE_RESET, /* close it with a reset */
	WIRE_DRIP, /* the answer's last byte again, ten times a second */
	WIRE_FLOOD, /* the answer's last byte for ever, as fast as it goes */
	WIRE_SLOW, /* read the request at 400 kB/s; then as WIRE_CLOSE */
};

struct wire_step {
	/*
	 * The answer as it goes over the wire, with CRLF line ends; NULL: none.
	 * "%D" at its beginning stands for "HTTP/1.1 ", and "%E" anywhere for
	 * the end of the headers.
	 */
	const char *answer;
	enum wire_then then;
};

struct wire;

/* Starts it. The steps are borrowed. Fails the test when it cannot. */
struct wire *wire_new(const struct wire_step *steps, size_t count);
/* Ends it. Fails the test when steps were left over. */
void wire_free(struct wire *w);
/* "http://127.0.0.1:PORT", borrowed. */
const char *wire_url(struct wire *w);
/* The request of that step, headers and body as one string; borrowed. */
const char *wire_asked(struct wire *w, size_t step);
/* How many connections there have been. */
size_t wire_connections(struct wire *w);

#endif
