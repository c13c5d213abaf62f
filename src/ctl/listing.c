/* SPDX-License-Identifier: Apache-2.0 */
/* Collects lines up to the next section, and prints that one. */
#include "listing.h"

#include <errno.h>
#include <stdio.h>

#include "control_client.h"
#include "errand.h"
#include "state.h"

#define SECTION_MAX (1 << 20)

void listing_release(struct listing *l)
{
	buf_release(&l->section);
	json_decref(l->sums_object);
	l->sums_object = NULL;
	json_decref(l->kept_items);
	l->kept_items = NULL;
}

static int give(struct listing *l, const json_t *item)
{
	if (!l->json) {
		l->print(item);
		l->count++;
		return 0;
	}
	if (!l->count)
		printf("{\n  \"%s\": [", l->list);
	fputs(l->count++ ? ",\n    " : "\n    ", stdout);
	return json_dumpf(item, stdout, CTL_JSON_DIGITS) ? -ENOMEM : 0;
}

static int keep(struct listing *l, json_t *item)
{
	int rc = 0;

	if (!l->json)
		l->print_kept(item);
	else
		rc = l->shape_kept(item);
	return rc ? rc : json_array_append(l->kept_items, item) ? -ENOMEM : 0;
}

/* What is in a section of that kind; NULL: it is of another. */
static json_t *item_of(const json_t *doc, const char *kind)
{
	const json_t *of = kind ? json_object_get(doc, kind) : NULL;

	return json_array_get(json_object_get(of, "rules"), 0);
}

/* The section that has come whole, if there is one. */
static int take_section(struct listing *l)
{
	json_t *doc = NULL, *item, *kept, *sums;
	int rc = state_parse(l->section.data, &doc);

	buf_reset(&l->section);
	if (rc)
		return rc;
	item = item_of(doc, l->item);
	kept = item_of(doc, l->kept);
	sums = json_object_get(doc, l->sums);
	if (item)
		rc = give(l, item);
	else if (kept)
		rc = keep(l, kept);
	else if (sums && !l->sums_object)
		l->sums_object = json_incref(sums);
	else if (json_object_size(doc))
		rc = -EIO;
	json_decref(doc);
	return rc;
}

static int take_line(void *listing, const char *line)
{
	struct listing *l = listing;
	int rc = *line == '[' && l->section.len ? take_section(l) : 0;

	if (!rc)
		rc = buf_puts(&l->section, line);
	return rc ? rc : buf_putc(&l->section, '\n');
}

/* {"uploads": [...], "count": N, ...} */
static int end_json(const struct listing *l)
{
	const char *name;
	json_t *value;

	if (!l->count && !l->sums_object)
		return 0;
	if (!l->count)
		printf("{\n  \"%s\": [", l->list);
	fputs(l->count ? "\n  ]" : "]", stdout);
	if (l->sums_object && l->kept &&
	    json_object_set(l->sums_object, l->kept, l->kept_items))
		return -ENOMEM;
	json_object_foreach(l->sums_object, name, value)
	{
		printf(",\n  \"%s\": ", name);
		if (json_dumpf(value, stdout,
			       JSON_ENCODE_ANY | CTL_JSON_DIGITS))
			return -ENOMEM;
	}
	puts("\n}");
	return 0;
}

int listing_run(struct listing *l, struct errand *e)
{
	bool refused = false;
	int rc, taken, ended;

	buf_init(&l->section, SECTION_MAX);
	l->sums_object = NULL;
	l->kept_items = json_array();
	l->count = 0;
	if (e->status)
		return e->status;
	rc = control_client_stream(e->target.root, e->line.data, take_line, l,
				   e->reason, sizeof(e->reason), &refused);
	taken = take_section(l);
	ended = l->json ? end_json(l) : 0;
	if (rc && refused)
		e->status = ctl_misuse("%s", e->reason);
	else if (rc)
		e->status = ctl_refuse(rc, e->reason);
	else if (taken || ended || !l->sums_object)
		e->status = ctl_fail("cannot read the answer");
	return e->status;
}
