/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, then checks, then the answer. */
#include "vers3/upkeep/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "doctor_gather.h"
#include "vers3/core/mount.h"
#include "vers3/util/errtext.h"

#define FINDING_MAX (16 << 10)

struct doctor {
	struct mount *mount; /* borrowed */
	struct doctor_facts facts;
	struct findings findings;
};

int doctor_new(struct mount *mount, struct doctor **ret_doctor)
{
	struct doctor *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->mount = mount;
	findings_init(&d->findings);
	*ret_doctor = d;
	return 0;
}

void doctor_free(void *doctor)
{
	struct doctor *d = doctor;

	if (!d)
		return;
	doctor_facts_release(&d->facts);
	findings_release(&d->findings);
	free(d);
}

/* Of a server that is away nothing can be said but that. */
static void check_server(struct doctor *d, const struct doctor_answer *head)
{
	if (!d->facts.silent)
		return;
	finding_add(&d->findings, SEVERITY_ERROR, "server",
		    "only what is cached can be read, and nothing is sent; "
		    "what the bucket would say is not known",
		    head->rc == -ENOENT ? "there is no such bucket: %s"
					: "no answer: %s",
		    head->words);
	finding_mend(&d->findings,
		     "see `vers3ctl status`, and the log, for how long");
}

static int look(struct doctor *d, struct answer_stream *answer)
{
	struct doctor_answer head = {.rc = 0};
	int rc = doctor_gather_host(d->mount, &d->facts);

	if (!rc)
		rc = answer_stream_progress(answer, "asking the server");
	if (!rc)
		rc = doctor_gather_bucket(d->mount, &d->facts, &head);
	if (rc)
		return rc;
	check_server(d, &head);
	if (!d->facts.silent) {
		doctor_check_bucket(&d->facts, &d->findings);
		doctor_check_rules(&d->facts, &d->findings);
		doctor_check_rights(&d->facts, &d->findings);
	}
	doctor_check_host(&d->facts, &d->findings);
	return d->findings.error;
}

static int write_finding(const struct finding *f, struct answer_stream *answer)
{
	struct buf out;
	int rc;

	buf_init(&out, FINDING_MAX);
	rc = finding_write(f, &out);
	if (!rc)
		rc = answer_stream_add(answer, out.data, out.len);
	buf_release(&out);
	return rc;
}

/* The worst first; of one severity in their order. */
static int write_all(const struct doctor *d, struct answer_stream *answer)
{
	const struct findings *all = &d->findings;
	int rc = 0;

	for (int s = SEVERITIES - 1; s >= 0; s--)
		for (size_t i = 0; !rc && i < all->count; i++)
			if (all->items[i].severity == (enum severity)s)
				rc = write_finding(&all->items[i], answer);
	if (rc)
		return rc;
	return answer_stream_printf(
		answer,
		"[doctor]\n\terrors = %zu\n\twarnings = %zu\n\tinfos = %zu\n"
		"\tok = %zu\n",
		findings_count(all, SEVERITY_ERROR),
		findings_count(all, SEVERITY_WARNING),
		findings_count(all, SEVERITY_INFO),
		findings_count(all, SEVERITY_OK));
}

int doctor_run(void *doctor, struct answer_stream *answer)
{
	struct doctor *d = doctor;
	int rc = look(d, answer);

	if (!rc)
		rc = write_all(d, answer);
	return rc ? answer_stream_fail(answer, rc, "doctor: %s", errtext(rc))
		  : 0;
}
