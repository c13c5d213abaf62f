/* SPDX-License-Identifier: Apache-2.0 */
/* What vers3ctl says, and how. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void complain(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0)));
static void complain(const char *fmt, va_list ap)
{
	fputs("vers3ctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int ctl_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return CTL_FAILED;
}

int ctl_misuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return CTL_USAGE;
}

int ctl_refuse(int rc, const char *reason)
{
	static const int ours[] = {-EINVAL, -ENOENT, -EISDIR, -ENOTDIR,
				   -ENAMETOOLONG};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (rc == ours[i])
			return ctl_misuse("%s", reason);
	return ctl_fail("%s", reason);
}

int ctl_print_json(json_t *doc)
{
	int rc = doc ? json_dumpf(doc, stdout, JSON_INDENT(2) | CTL_JSON_DIGITS)
		     : -1;

	json_decref(doc);
	if (rc)
		return ctl_fail("cannot print: no memory");
	putchar('\n');
	return CTL_OK;
}

void ctl_size_text(long long bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1024 && i + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		i++;
	}
	snprintf(buf, size, i ? "%.1f %s" : "%.0f %s", value, units[i]);
}

void ctl_age_text(long long seconds, char *buf, size_t size)
{
	static const struct {
		long long seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	/* Two of a unit at least, so that it is not too coarse. */
	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(buf, size, "%lld %s", seconds / units[i].seconds,
		 units[i].unit);
}

json_t *ctl_json_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	/* Not UTF-8: what is not ASCII becomes a question mark. */
	copy = strdup(text);
	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	value = copy ? json_string(copy) : NULL;
	free(copy);
	return value;
}

long long ctl_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

const char *ctl_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}
