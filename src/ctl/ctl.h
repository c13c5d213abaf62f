/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3ctl: what its commands share. One process, one command: nothing here
 * is called by more than one thread unless it says so.
 */
#ifndef VERS3_SRC_CTL_CTL_H
#define VERS3_SRC_CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Exit statuses. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 2, /* status alone */
	CTL_WARNINGS = 3, /* doctor alone, as the next */
	CTL_ERRORS = 4
};

#define CTL_REASON_MAX 1024

/* How numbers are printed: 0.007, not 0.0070000000000000001. */
#define CTL_JSON_DIGITS JSON_REAL_PRECISION(15)

/* A command as it was called. Strings are those of argv. */
struct ctl_call {
	const char *start; /* -C: where relative paths start; NULL: here */
	bool json, force, exact, dry_run, follow, put, wait;
	const char *version, *at, *to, *older, *keep, *key, *expires;
	const char *rule, *prices; /* --if, --prices */
	const char *days, *tier, *timeout;
	bool names, quick, replica;
	/* Of verify. */
	bool deep, repair;
	const char *sample, *against, *report, *threshold, *rate, *seed;
	char **args;
	int count;
};

/* Each returns an exit status, having said what was wrong. */
int ctl_status(const struct ctl_call *c);
int ctl_versions(const struct ctl_call *c);
int ctl_restore(const struct ctl_call *c);
int ctl_undelete(const struct ctl_call *c);
int ctl_diff(const struct ctl_call *c);
int ctl_log(const struct ctl_call *c);
int ctl_purge(const struct ctl_call *c);
int ctl_thaw(const struct ctl_call *c);
int ctl_expire(const struct ctl_call *c);
int ctl_uploads(const struct ctl_call *c);
int ctl_presign(const struct ctl_call *c);
int ctl_sync(const struct ctl_call *c);
int ctl_umount(const struct ctl_call *c);
int ctl_failover(const struct ctl_call *c);
int ctl_failback(const struct ctl_call *c);
int ctl_lifecycle(const struct ctl_call *c);
int ctl_lifecycle_list(const struct ctl_call *c);
/* lifecycle preview: args[1] is the path, if it is there. */
int ctl_preview(const struct ctl_call *c);
int ctl_usage(const struct ctl_call *c);
int ctl_verify(const struct ctl_call *c);
int ctl_replication(const struct ctl_call *c);
int ctl_doctor(const struct ctl_call *c);
int ctl_replication_list(const struct ctl_call *c);

/* What stands behind `vers3ctl lifecycle`. */
#define CTL_LIFECYCLE_USAGE                                                    \
	"[list | explain PATH | preview [PATH] [--days N] [--names] | set ID " \
	"WORD... [-n] | remove ID [-n] | tidy [-n]]"

/* The same of `vers3ctl replication`. */
#define CTL_REPLICATION_USAGE                                                  \
	"[list | check [PATH] [--quick] | wait [PATH] [--timeout T]]"

struct target;
/* Whether a place was a directory at the instant. */
bool ctl_was_directory(const struct target *p, const char *at);
/* Brings a directory back as it was at c->at. An exit status. */
int ctl_restore_tree(const struct ctl_call *c, const struct target *p);

/* Prints "vers3ctl: ..." to stderr. Returns CTL_FAILED. */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, and returns CTL_USAGE. */
int ctl_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Says why a command failed: CTL_USAGE where rc (-errno) is of what it was
 * called with, else CTL_FAILED.
 */
int ctl_refuse(int rc, const char *reason);
/* Prints a document and drops the reference to it. An exit status. */
int ctl_print_json(json_t *doc);
/* "1.5 GiB"; buf needs 16 bytes. */
void ctl_size_text(long long bytes, char *buf, size_t size);
/* "5 s", "3 min", "2 h", "9 d"; buf needs 24 bytes. */
void ctl_age_text(long long seconds, char *buf, size_t size);
/* A string for JSON, whatever bytes it has. */
json_t *ctl_json_text(const char *text);
/* Members of an object; 0 and "" where there is none of that kind. */
long long ctl_number(const json_t *object, const char *name);
const char *ctl_text(const json_t *object, const char *name);

#endif
