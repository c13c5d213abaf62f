/* SPDX-License-Identifier: Apache-2.0 */
/* vers3ctl usage: what the versions take in the bucket, and cost. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand.h"
#include "state.h"

#define PRICES_MAX_BYTES (64 << 10)

/* A file of prices in git-config syntax. */
static int read_prices(const char *path, json_t **ret_prices)
{
	struct stat st;
	struct buf text;
	char *room = NULL;
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int rc = fd < 0 || fstat(fd, &st) ? -errno : 0;

	buf_init(&text, PRICES_MAX_BYTES);
	if (!rc && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (!rc && st.st_size > PRICES_MAX_BYTES)
		rc = -EFBIG;
	room = rc ? NULL : malloc((size_t)st.st_size + 1);
	if (!rc)
		got = room ? read(fd, room, (size_t)st.st_size) : -1;
	if (!rc && got < 0)
		rc = room ? -errno : -ENOMEM;
	if (!rc)
		rc = buf_add(&text, room, (size_t)got);
	if (!rc)
		rc = state_parse(text.data, ret_prices);
	free(room);
	buf_release(&text);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A value as it was written, which may look like a number. */
static void text_of(const json_t *object, const char *name, char *buf,
		    size_t size)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_integer(value))
		snprintf(buf, size, "%lld",
			 (long long)json_integer_value(value));
	else
		snprintf(buf, size, "%s", ctl_text(object, name));
}

/* [class "NAME"] gibMonth, minimumBytes: price=NAME:gibMonth:minimumBytes */
static void add_price(struct errand *e, const json_t *class)
{
	char price[64], least[32], text[256];

	text_of(class, "gibMonth", price, sizeof(price));
	text_of(class, "minimumBytes", least, sizeof(least));
	snprintf(text, sizeof(text), "%s:%s%s%s", ctl_text(class, "id"), price,
		 *least ? ":" : "", least);
	errand_pair(e, "price", text);
}

static void add_prices(struct errand *e, const char *path)
{
	static const char *const names[] = {"date", "currency"};
	json_t *doc = NULL, *prices, *classes, *class;
	char text[64];
	size_t i;
	int rc = e->status ? 0 : read_prices(path, &doc);

	if (e->status)
		return;
	if (rc) {
		e->status = ctl_misuse(
			"%s: %s", path,
			rc == -EIO ? "no prices in the syntax of git-config; "
				     "see vers3ctl(1)"
				   : strerror(-rc));
		return;
	}
	prices = json_object_get(doc, "prices");
	classes = json_object_get(json_object_get(doc, "class"), "rules");
	if (!json_array_size(classes))
		e->status = ctl_misuse("%s: there is no [class \"NAME\"] with "
				       "a gibMonth in it",
				       path);
	json_array_foreach(classes, i, class) add_price(e, class);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		text_of(prices, names[i], text, sizeof(text));
		errand_pair(e, names[i], *text ? text : NULL);
	}
	json_decref(doc);
}

/* "BYTES VERSIONS SIZE PATH" */
struct file_line {
	long long bytes, versions, size;
	const char *path;
};

static bool read_file_line(const char *text, struct file_line *ret)
{
	int at = 0;

	if (sscanf(text, "%lld %lld %lld %n", &ret->bytes, &ret->versions,
		   &ret->size, &at) != 3 ||
	    !at)
		return false;
	ret->path = text + at;
	return true;
}

/* Objects in the place of the lines. */
static int expand_files(json_t *usage, const char *name)
{
	json_t *lines = json_object_get(usage, name), *line;
	json_t *list = json_array();
	size_t i;

	json_array_foreach(lines, i, line)
	{
		struct file_line f;

		if (!read_file_line(json_string_value(line), &f) ||
		    json_array_append_new(
			    list, json_pack("{s:o, s:I, s:I, s:I}", "path",
					    ctl_json_text(f.path), "bytes",
					    (json_int_t)f.bytes, "versions",
					    (json_int_t)f.versions, "size",
					    (json_int_t)f.size))) {
			json_decref(list);
			return -EIO;
		}
	}
	return json_object_set_new(usage, name, list) ? -ENOMEM : 0;
}

/* A cost as a number. */
static void make_number(json_t *object, const char *name)
{
	const char *text = ctl_text(object, name);

	if (*text)
		json_object_set_new(object, name,
				    json_real(strtod(text, NULL)));
}

static int print_json(json_t *doc)
{
	static const char *const costs[] = {"current", "noncurrent", "uploads",
					    "month"};
	json_t *usage = json_object_get(doc, "usage");
	json_t *cost = json_object_get(doc, "cost");
	json_t *classes, *class;
	size_t i;

	classes = json_object_get(json_object_get(doc, "class"), "rules");
	if (!classes)
		classes = json_array();
	else
		json_incref(classes);
	json_array_foreach(classes, i, class)
	{
		make_number(class, "cost");
	}
	for (i = 0; i < sizeof(costs) / sizeof(*costs); i++)
		make_number(cost, costs[i]);
	make_number(json_object_get(doc, "saving"), "month");
	if (expand_files(usage, "biggest") || expand_files(usage, "most") ||
	    json_object_set_new(usage, "classes", classes) ||
	    json_object_set(usage, "cost", cost) ||
	    (json_object_get(doc, "saving") &&
	     json_object_set(usage, "saving", json_object_get(doc, "saving"))))
		return ctl_fail("cannot print: no memory");
	return ctl_print_json(json_incref(usage));
}

static void print_row(const char *name, long long count, const char *unit,
		      long long bytes, const char *cost, const char *currency)
{
	char size[16];

	ctl_size_text(bytes, size, sizeof(size));
	printf("%-20s %12lld %-9s %11s", name, count, unit, size);
	if (*cost)
		printf(" %12s %s", cost, currency);
	putchar('\n');
}

static void print_files(const json_t *usage, const char *name,
			const char *title)
{
	const json_t *lines = json_object_get(usage, name), *line;
	size_t i;

	if (!json_array_size(lines))
		return;
	printf("\n%s\n", title);
	json_array_foreach(lines, i, line)
	{
		struct file_line f;
		char size[16];

		if (!read_file_line(json_string_value(line), &f))
			continue;
		ctl_size_text(f.bytes, size, sizeof(size));
		printf("  %11s %8lld %-9s %s\n", size, f.versions,
		       f.versions == 1 ? "version" : "versions", f.path);
	}
}

static void print_classes(const json_t *doc, const char *currency)
{
	const json_t *classes, *class;
	size_t i;

	classes = json_object_get(json_object_get(doc, "class"), "rules");
	if (!json_array_size(classes))
		return;
	puts("\nstorage classes, current and old versions and uploads");
	json_array_foreach(classes, i, class)
	{
		print_row(ctl_text(class, "id"),
			  ctl_number(class, "objects") +
				  ctl_number(class, "noncurrent") +
				  ctl_number(class, "uploads"),
			  "",
			  ctl_number(class, "bytes") +
				  ctl_number(class, "noncurrentBytes") +
				  ctl_number(class, "uploadBytes"),
			  ctl_text(class, "cost"), currency);
	}
}

static void print_saving(const json_t *saving, const char *currency)
{
	char size[16];

	if (!saving)
		return;
	ctl_size_text(ctl_number(saving, "bytes"), size, sizeof(size));
	printf("\nnoncurrent=%lldd", ctl_number(saving, "noncurrentDays"));
	if (ctl_number(saving, "keepVersions"))
		printf(",keep=%lld", ctl_number(saving, "keepVersions"));
	printf(" would remove %lld versions, %s: %s %s a month\n",
	       ctl_number(saving, "versions"), size, ctl_text(saving, "month"),
	       currency);
}

static void print_table(const json_t *doc)
{
	const json_t *usage = json_object_get(doc, "usage");
	const json_t *cost = json_object_get(doc, "cost");
	const char *currency = ctl_text(cost, "currency");
	const char *date = ctl_text(cost, "date");

	print_row("current", ctl_number(usage, "objects"), "objects",
		  ctl_number(usage, "bytes"), ctl_text(cost, "current"),
		  currency);
	print_row("old", ctl_number(usage, "noncurrent"), "versions",
		  ctl_number(usage, "noncurrentBytes"),
		  ctl_text(cost, "noncurrent"), currency);
	if (*ctl_text(usage, "uploadsError"))
		printf("%-20s %s\n", "unfinished uploads",
		       ctl_text(usage, "uploadsError"));
	else
		print_row("unfinished uploads", ctl_number(usage, "uploads"),
			  "uploads", ctl_number(usage, "uploadBytes"),
			  ctl_text(cost, "uploads"), currency);
	printf("%-20s %12lld\n", "delete markers",
	       ctl_number(usage, "markers"));
	print_row("of vers3 itself", ctl_number(usage, "own"), "versions",
		  ctl_number(usage, "ownBytes"), "", "");
	print_row("not sent yet", ctl_number(usage, "unsent"), "changes",
		  ctl_number(usage, "unsentBytes"), "", "");
	print_classes(doc, currency);
	printf("\n%s %s a month by prices%s%s, without requests and transfers\n",
	       ctl_text(cost, "month"), currency, *date ? " of " : "", date);
	print_saving(json_object_get(doc, "saving"), currency);
	print_files(usage, "biggest", "the biggest, with their old versions");
	print_files(usage, "most", "those with the most versions");
}

static int show(const struct ctl_call *c, json_t *doc)
{
	if (c->json)
		return print_json(doc);
	print_table(doc);
	return CTL_OK;
}

/* usage "PATH" "if=RULE" "price=CLASS:PRICE"... */
int ctl_usage(const struct ctl_call *c)
{
	struct errand e;
	json_t *doc = NULL;
	int rc;

	errand_begin(&e, c, c->count ? c->args[0] : NULL, "usage");
	if (!e.status && c->count)
		target_leave_history(&e.target);
	/* Without a path it is the whole mount. */
	if (c->count)
		errand_path(&e);
	else
		errand_word(&e, "/");
	errand_pair(&e, "if", c->rule);
	if (c->prices)
		add_prices(&e, c->prices);
	errand_stream(&e);
	rc = errand_document(&e, "cost", &doc);
	if (!rc)
		rc = show(c, doc);
	json_decref(doc);
	errand_end(&e);
	return rc;
}
