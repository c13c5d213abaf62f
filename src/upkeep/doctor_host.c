/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of the keys, of the way to the server, and of this machine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_facts.h"
#include "vers3/util/clock.h"

#define DAY_S	     86400
#define KEYS_OLD_S   (INT64_C(90) * DAY_S) /* what most audits ask for */
#define CERT_DAYS    14
#define ENDS_SOON_S  (INT64_C(15) * 60)
#define SKEW_WARN_S  60
#define SKEW_ERROR_S (15 * 60) /* S3 refuses what is signed so far off */
/* Connections, the databases, what is staged, and a file that is open each. */
#define FILES_FEW   4096
#define THREADS_FEW 768 /* all pools, and 64 long commands */

static void check_end(const struct doctor_facts *facts, struct findings *f)
{
	int64_t left_s = (facts->cred_until_ns - facts->now_ns) / NS_PER_S;
	bool renews = !strcmp(facts->cred_source, "credential_process");

	if (!facts->cred_until_ns) {
		if (facts->temporary)
			finding_add(f, SEVERITY_INFO, "credentials-end",
				    "when they end, nothing is read or saved "
				    "any more",
				    "they are temporary, and do not say until "
				    "when");
		else
			finding_add(f, SEVERITY_OK, "credentials-end", NULL,
				    "they have no end");
	} else if (left_s <= 0) {
		finding_add(f, SEVERITY_ERROR, "credentials-end",
			    "nothing can be read or saved",
			    "they ended %" PRId64 " minutes ago", -left_s / 60);
		finding_mend(f, "renew them, and send SIGHUP to vers3");
	} else if (left_s < ENDS_SOON_S && !renews) {
		finding_add(f, SEVERITY_WARNING, "credentials-end",
			    "when they end, nothing is read or saved any more",
			    "they end in %" PRId64 " minutes", left_s / 60);
		finding_mend(f, "renew them, and send SIGHUP to vers3");
	} else {
		finding_add(f, SEVERITY_OK, "credentials-end", NULL,
			    "they end in %" PRId64 " minutes%s", left_s / 60,
			    renews ? ", and are renewed then" : "");
	}
}

static void check_age(const struct doctor_facts *facts, struct findings *f)
{
	int64_t age_s = (facts->now_ns - facts->cred_changed_ns) / NS_PER_S;

	if (!facts->cred_changed_ns || facts->temporary || facts->cred_until_ns)
		return;
	finding_add(f, age_s > KEYS_OLD_S ? SEVERITY_INFO : SEVERITY_OK,
		    "credentials-age",
		    age_s > KEYS_OLD_S
			    ? "who has got hold of them meanwhile has them yet"
			    : NULL,
		    "%s has not changed for %" PRId64 " days", facts->cred_file,
		    age_s > 0 ? age_s / DAY_S : 0);
	if (age_s > KEYS_OLD_S)
		finding_mend(f, "make new keys, and send SIGHUP to vers3");
}

static void check_credentials(const struct doctor_facts *facts,
			      struct findings *f)
{
	if (facts->anonymous) {
		finding_add(f, SEVERITY_OK, "credentials", NULL,
			    "none: requests are not signed");
		return;
	}
	if (!facts->cred_source) {
		finding_add(f, SEVERITY_INFO, "credentials", NULL, "not known");
		return;
	}
	if (facts->cred_exposed) {
		finding_add(f, SEVERITY_WARNING, "credentials",
			    "whoever has an account here has the bucket",
			    "others can read %s", facts->cred_file);
		finding_mend(f, "chmod 600 %s", facts->cred_file);
	} else {
		finding_add(f, SEVERITY_OK, "credentials", NULL, "from %s%s%s",
			    facts->cred_source, *facts->cred_file ? ", " : "",
			    facts->cred_file);
	}
	check_end(facts, f);
	check_age(facts, f);
}

static void check_clock(const struct doctor_facts *facts, struct findings *f)
{
	int64_t off_s = llabs(facts->skew_ns) / NS_PER_S;

	if (off_s < SKEW_WARN_S) {
		finding_add(f, SEVERITY_OK, "clock", NULL,
			    "it goes with the server's");
		return;
	}
	finding_add(f, off_s < SKEW_ERROR_S ? SEVERITY_WARNING : SEVERITY_ERROR,
		    "clock",
		    "beyond 15 minutes S3 refuses what is signed, and files "
		    "and versions have other times",
		    "this machine's clock is %" PRId64 " s %s the server's",
		    off_s, facts->skew_ns > 0 ? "behind" : "ahead of");
	finding_mend(f, "timedatectl set-ntp true");
}

static void check_region(const struct doctor_facts *facts, struct findings *f)
{
	/* As Amazon has it: none is the first there was, EU the second. */
	const char *at = !*facts->location		  ? "us-east-1"
			 : !strcmp(facts->location, "EU") ? "eu-west-1"
							  : facts->location;

	if (doctor_unanswered(f, "region", &facts->location_answer,
			      "s3:GetBucketLocation"))
		return;
	if (facts->amazon && *facts->region && strcmp(at, facts->region) != 0) {
		finding_add(f, SEVERITY_WARNING, "region",
			    "requests go round by another region",
			    "the bucket is in %s, requests are for %s", at,
			    facts->region);
		finding_mend(f, "mount with -o region=%s", at);
	} else if (facts->amazon) {
		finding_add(f, SEVERITY_OK, "region", NULL, "%s", at);
	} else {
		finding_add(f, SEVERITY_OK, "region", NULL,
			    "the server calls it %s",
			    *facts->location ? facts->location : "nothing");
	}
}

static void check_cert(const struct doctor_facts *facts, struct findings *f)
{
	int64_t days =
		(facts->cert_until_ns - facts->now_ns) / NS_PER_S / DAY_S;

	if (!facts->cert_until_ns) {
		finding_add(f, SEVERITY_OK, "tls", NULL, "%s", facts->url);
	} else if (facts->cert_until_ns <= facts->now_ns) {
		finding_add(f, SEVERITY_ERROR, "tls",
			    "nobody can tell the server from another by it",
			    "the certificate of %s ended %" PRId64 " days ago",
			    facts->url, -days);
		finding_mend(f, "have the server's certificate renewed");
	} else if (days >= CERT_DAYS) {
		finding_add(f, SEVERITY_OK, "tls", NULL,
			    "%s, with a certificate for %" PRId64 " days more",
			    facts->url, days);
	} else {
		finding_add(f, SEVERITY_WARNING, "tls",
			    "when it has ended, nothing is read or saved any "
			    "more",
			    "the certificate of %s ends in %" PRId64 " days",
			    facts->url, days);
		finding_mend(f, "have the server's certificate renewed");
	}
}

static void check_tls(const struct doctor_facts *facts, struct findings *f)
{
	if (!*facts->url)
		return;
	if (facts->tls)
		check_cert(facts, f);
	else if (facts->server_is_here)
		finding_add(f, SEVERITY_OK, "tls", NULL,
			    "not encrypted, and the server is this machine");
	else {
		finding_add(f, SEVERITY_WARNING, "tls",
			    "whoever is on the way can read and change what "
			    "is sent",
			    "%s is not encrypted", facts->url);
		finding_mend(f, "mount with -o endpoint=https://...");
	}
}

static void check_kernel(const struct doctor_facts *facts, struct findings *f)
{
	if (*facts->fuse_lacks)
		finding_add(f, SEVERITY_INFO, "kernel",
			    "some requests take more steps",
			    "Linux %s with FUSE %s lacks: %s", facts->kernel,
			    facts->fuse, facts->fuse_lacks);
	else
		finding_add(f, SEVERITY_OK, "kernel", NULL,
			    "Linux %s with FUSE %s", facts->kernel,
			    *facts->fuse ? facts->fuse : "not known");
}

static void check_disk(const struct doctor_facts *facts, struct findings *f)
{
	if (facts->disk == DISK_MEMORY)
		finding_add(f, SEVERITY_WARNING, "cache-disk",
			    "what is not sent yet is lost with the power",
			    "%s is in memory", facts->cache_dir);
	else if (facts->disk == DISK_REMOTE)
		finding_add(f, SEVERITY_WARNING, "cache-disk",
			    "its databases are not safe there",
			    "%s is on another machine", facts->cache_dir);
	else
		finding_add(f, SEVERITY_OK, "cache-disk", NULL, "%s",
			    facts->cache_dir);
	if (facts->disk != DISK_USUAL)
		finding_mend(f, "mount with -o cache_dir= on a disk of this "
				"machine");
}

static void check_marks(const struct doctor_facts *facts, struct findings *f)
{
	for (int i = 0; i < WATERMARKS; i++) {
		const struct watermark *m = &facts->marks[i];
		const char *name = watermark_name((enum watermark_kind)i);

		if (!m->limit_bytes)
			continue;
		if (m->percent < WATERMARK_PERCENT) {
			finding_add(f, SEVERITY_OK, name, NULL,
				    "%u %% of the room is used", m->percent);
			continue;
		}
		finding_add(
			f, m->percent < 100 ? SEVERITY_WARNING : SEVERITY_ERROR,
			name,
			"at 100 % writers wait, or fail while the bucket "
			"is not in reach",
			"%u %% of the room is used: %" PRIu64 " of %" PRIu64
			" bytes",
			m->percent, m->used_bytes, m->limit_bytes);
		if (i == WATERMARK_QUOTA)
			finding_mend(f, "vers3ctl sync, or mount with a larger "
					"quota=");
		else
			finding_mend(f,
				     "make room on the disk of %s, or mount "
				     "with another cache_dir=",
				     facts->cache_dir);
	}
}

static void check_limits(const struct doctor_facts *facts, struct findings *f)
{
	if (facts->open_files && facts->open_files < FILES_FEW) {
		finding_add(f, SEVERITY_WARNING, "open-files",
			    "beyond them no file can be opened or sent",
			    "vers3 may have %" PRIu64 " files open at once",
			    facts->open_files);
		finding_mend(f, "LimitNOFILE=65536 in the unit, or ulimit -n "
				"65536 before the mount");
	} else if (facts->open_files) {
		finding_add(f, SEVERITY_OK, "open-files", NULL,
			    "%" PRIu64 " at once", facts->open_files);
	}
	if (facts->threads && facts->threads < THREADS_FEW) {
		finding_add(f, SEVERITY_WARNING, "threads",
			    "without a thread requests are not served",
			    "vers3 may have %" PRIu64 " threads",
			    facts->threads);
		finding_mend(f, "TasksMax=4096 in the unit, or ulimit -u "
				"before the mount");
	} else if (facts->threads) {
		finding_add(f, SEVERITY_OK, "threads", NULL,
			    "%" PRIu64 " at once", facts->threads);
	}
}

void doctor_check_host(const struct doctor_facts *facts, struct findings *f)
{
	check_credentials(facts, f);
	check_clock(facts, f);
	check_region(facts, f);
	check_tls(facts, f);
	check_kernel(facts, f);
	check_disk(facts, f);
	check_marks(facts, f);
	check_limits(facts, f);
}
