/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time in nanoseconds since the epoch, as an int64_t: 1677 to 2262.
 * Spellings are read by strptime_l in the C locale, so that LC_TIME has no
 * say in what a server's date means.
 */
#include "vers3/util/clock.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdbool.h>

#define SEC_MAX (INT64_MAX / NS_PER_S) /* 2262 */

int64_t clock_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_from_seconds(int64_t sec, int64_t nsec)
{
	int64_t ns;

	if (!__builtin_mul_overflow(sec, NS_PER_S, &ns) &&
	    !__builtin_add_overflow(ns, nsec, &ns))
		return ns;
	return sec < 0 ? -SEC_MAX * NS_PER_S : SEC_MAX * NS_PER_S;
}

struct timespec clock_timespec(int64_t ns)
{
	struct timespec ts = {.tv_sec = ns / NS_PER_S,
			      .tv_nsec = ns % NS_PER_S};

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += NS_PER_S;
	}
	return ts;
}

/*
 * strptime in the C locale; the end of what it read, or NULL. The C locale
 * object is glibc's own constant: making it allocates nothing.
 */
static const char *parse_c(const char *s, const char *fmt, struct tm *tm)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	const char *end;

	if (!c)
		return NULL;
	end = strptime_l(s, fmt, tm, c);
	freelocale(c);
	return end;
}

/* A UTC calendar time and a fraction to ns; refuses 31 February. */
static int tm_to_ns(const struct tm *tm, int64_t frac_ns, int64_t *ret_ns)
{
	struct tm day = *tm;
	int64_t ns;

	/* Seconds apart: 23:59:60 is a time, and ends on the next day. */
	day.tm_sec = 0;
	ns = timegm(&day);
	if (day.tm_mday != tm->tm_mday || day.tm_mon != tm->tm_mon)
		return -EINVAL;
	ns += tm->tm_sec;
	if (__builtin_mul_overflow(ns, NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, frac_ns, &ns))
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

/* strptime takes "7-1-1" for a date: hold s against digits and marks. */
static bool has_shape(const char *s, const char *shape)
{
	for (; *shape; shape++, s++) {
		if (*shape == '0' ? !isdigit((unsigned char)*s) : *s != *shape)
			return false;
	}
	return true;
}

int clock_parse_iso8601(const char *s, int64_t *ret_ns)
{
	struct tm tm = {0};
	int64_t frac = 0, unit = NS_PER_S;
	const char *p;

	if (!has_shape(s, "0000-00-00T00:00:00"))
		return -EINVAL;
	p = parse_c(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		return -EINVAL;
	if (*p == '.') {
		p++;
		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		for (; isdigit((unsigned char)*p); p++) {
			unit /= 10; /* 0 behind the ninth digit */
			frac += (*p - '0') * unit;
		}
	}
	if (p[0] != 'Z' || p[1])
		return -EINVAL;
	return tm_to_ns(&tm, frac, ret_ns);
}

int clock_parse_http(const char *s, int64_t *ret_ns)
{
	/* The three that RFC 9110 wants every recipient to take. */
	static const char *const formats[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct tm tm = {0};
		const char *end = parse_c(s, formats[i], &tm);

		if (end && !*end)
			return tm_to_ns(&tm, 0, ret_ns);
	}
	return -EINVAL;
}

static struct tm utc(int64_t ns)
{
	struct timespec ts = clock_timespec(ns);
	struct tm tm;

	gmtime_r(&ts.tv_sec, &tm);
	return tm;
}

void clock_format_amz(int64_t ns, char *buf, size_t size)
{
	struct tm tm = utc(ns);

	strftime(buf, size, "%Y%m%dT%H%M%SZ", &tm);
}

void clock_format_name(int64_t ns, char *buf, size_t size)
{
	struct tm tm = utc(ns);

	strftime(buf, size, "%Y-%m-%dT%H-%M-%SZ", &tm);
}

void clock_format_iso8601(int64_t ns, char *buf, size_t size)
{
	struct tm tm = utc(ns);

	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc;

	rc = pthread_condattr_init(&attr);
	if (rc)
		return -rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!rc)
		rc = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return -rc;
}

void clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	clock_cond_wait_until(cond, mutex, clock_mono_ns() + CLOCK_LOOK_NS);
}

int clock_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
			  int64_t mono_ns)
{
	struct timespec ts = clock_timespec(mono_ns > 0 ? mono_ns : 0);

	return -pthread_cond_timedwait(cond, mutex, &ts);
}
