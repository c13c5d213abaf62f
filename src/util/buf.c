/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable byte buffer. Capacity doubles, up to the maximum and its NUL.
 *
 * An empty buffer that has not allocated points at one shared empty string,
 * which nobody writes to: `size` is 0 as long as that is so.
 */
#include "vers3/util/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64

static char empty[1];

void buf_init(struct buf *b, size_t max)
{
	b->data = empty;
	b->len = 0;
	b->size = 0;
	b->max = max;
}

void buf_release(struct buf *b)
{
	if (b->size)
		free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->size)
		b->data[0] = '\0';
}

/* Makes room for `more` bytes and the NUL behind them. */
static int buf_grow(struct buf *b, size_t more)
{
	size_t limit = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
	size_t need, size;
	char *data;

	if (b->len >= limit || more >= limit - b->len)
		return -EFBIG;
	need = b->len + more + 1;
	if (need <= b->size)
		return 0;
	size = b->size > limit / 2 ? limit : b->size * 2;
	if (size < BUF_FIRST)
		size = BUF_FIRST;
	if (size < need)
		size = need;
	if (size > limit)
		size = limit;
	data = realloc(b->size ? b->data : NULL, size);
	if (!data)
		return -ENOMEM;
	data[b->len] = '\0';
	b->data = data;
	b->size = size;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	int rc;

	if (!len)
		return 0;
	rc = buf_grow(b, len);
	if (rc)
		return rc;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_puts(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_putc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n, rc;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return -EFBIG; /* longer than an int can say */
	rc = buf_grow(b, (size_t)n);
	if (rc)
		return rc;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return rc;
}

char *buf_detach(struct buf *b)
{
	char *s = b->size ? b->data : strdup("");

	if (s)
		buf_init(b, b->max);
	return s;
}
