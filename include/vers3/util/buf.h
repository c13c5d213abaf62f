/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer with a mandatory maximum.
 *
 * `data` always ends in a NUL byte that `len` does not count, so it can be
 * used as a string. Every call that grows returns 0, -ENOMEM, or -EFBIG when
 * the maximum would be passed; on failure the buffer is unchanged.
 * Not thread-safe: one owner at a time.
 */
#ifndef VERS3_UTIL_BUF_H
#define VERS3_UTIL_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* owned; never NULL after buf_init */
	size_t len; /* bytes used */
	size_t size; /* bytes allocated; 0 while data is the shared "" */
	size_t max; /* len never passes this */
};

/* Starts an empty buffer that may grow to max bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Frees the content; the buffer is as after buf_init. */
void buf_release(struct buf *b);
/* Forgets the content and keeps the memory. */
void buf_reset(struct buf *b);
int buf_add(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Hands the content over as a malloc'd string; NULL without memory. */
char *buf_detach(struct buf *b);

#endif
