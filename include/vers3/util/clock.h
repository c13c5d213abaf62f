/* SPDX-License-Identifier: Apache-2.0 */
/* Time in nanoseconds, and its spellings on the wire and on disk. */
#ifndef VERS3_UTIL_CLOCK_H
#define VERS3_UTIL_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* CLOCK_MONOTONIC: for time-outs and ages within this process. */
int64_t clock_mono_ns(void);
/* CLOCK_REALTIME: for what is stored or shown. */
int64_t clock_real_ns(void);
struct timespec clock_timespec(int64_t ns);
/*
 * Seconds and nanoseconds as one number. It holds 1677 to 2262: what is before
 * or after becomes the first or last second of that.
 */
int64_t clock_from_seconds(int64_t sec, int64_t nsec);

/* "2026-11-21T23:50:08.123Z" (any or no fraction) to ns. 0 or -EINVAL. */
int clock_parse_iso8601(const char *s, int64_t *ret_ns);
/* "Fri, 24 May 2013 00:00:00 GMT" (RFC 9110 5.6.7) to ns. 0 or -EINVAL. */
int clock_parse_http(const char *s, int64_t *ret_ns);
/* "20130524T000000Z", SigV4's x-amz-date; needs 17 bytes. */
void clock_format_amz(int64_t ns, char *buf, size_t size);
/* "2026-11-21T23-50-08Z", as .versions spells it; needs 21 bytes. */
void clock_format_name(int64_t ns, char *buf, size_t size);
/* "2026-11-21T23:50:08Z"; needs 21 bytes. */
void clock_format_iso8601(int64_t ns, char *buf, size_t size);

/* A condition variable on CLOCK_MONOTONIC. 0 or -errno. */
int clock_cond_init(pthread_cond_t *cond);
/*
 * Waits on a condition of clock_cond_init(), CLOCK_LOOK_NS at most: the caller
 * looks again in a loop, as for any spurious wake-up. For conditions that
 * several threads wait on: there glibc before 2.41 may lose a wake-up
 * (sourceware.org, bug 25847), and whom it was for would wait for ever.
 */
#define CLOCK_LOOK_NS (5 * NS_PER_S)
void clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
/*
 * Waits until mono_ns (clock_mono_ns's scale); 0 when signalled or spurious,
 * -ETIMEDOUT when the time has come.
 */
int clock_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
			  int64_t mono_ns);

#endif
