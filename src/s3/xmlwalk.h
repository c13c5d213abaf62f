/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over a bounded XML document; private to the XML readers here. */
#ifndef VERS3_SRC_S3_XMLWALK_H
#define VERS3_SRC_S3_XMLWALK_H

#include <stdbool.h>
#include <stddef.h>

/* The text of an element, as its end tag is met. */
struct xmlwalk_text {
	const char *data; /* NUL-terminated, white space kept */
	size_t len;
	bool damaged; /* held characters that XML cannot carry */
};

/* Depth counts from 0, the root. A negative return ends the walk. */
struct xmlwalk_ops {
	int (*start)(void *ctx, unsigned depth, const char *name);
	int (*end)(void *ctx, unsigned depth, const char *name,
		   const struct xmlwalk_text *text);
};

/*
 * 0 when the whole document was walked, -EIO when it is not well-formed, too
 * deep or has a DOCTYPE, -ENOMEM, or what a callback returned.
 *
 * One fault is let pass: a reference to a character that XML 1.0 forbids
 * (gateways write control bytes of keys so). The text is then `damaged`.
 */
int xmlwalk(const char *doc, size_t len, const struct xmlwalk_ops *ops,
	    void *ctx);

#endif
