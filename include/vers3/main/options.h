/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line:
 *
 *	vers3 [-f] [-d] [-o option[,option]...] BUCKET[:PREFIX] MOUNTPOINT
 *	mount.vers3 BUCKET[:PREFIX] MOUNTPOINT [-sfnv] [-o ...]
 *
 * One table in options.c makes the parser, --help and the option list of the
 * manual page. It also takes what mount(8) and fstab(5) say to any file
 * system.
 */
#ifndef VERS3_MAIN_OPTIONS_H
#define VERS3_MAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vers3/core/mount.h"
#include "vers3/s3/sse.h"
#include "vers3/util/log.h"

enum options_action {
	OPTIONS_MOUNT,
	OPTIONS_CHECK, /* mount.vers3 -f: the options were good; no mount */
	OPTIONS_REMOUNT, /* mount -o remount */
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_DUMP_ROFF, /* the manual page's list, for its maintenance */
};

enum options_fsync {
	OPTIONS_FSYNC_REMOTE,
	OPTIONS_FSYNC_LOCAL,
	OPTIONS_FSYNC_REPLICA,
};

enum options_log_format {
	OPTIONS_LOG_TEXT,
	OPTIONS_LOG_JSON,
};

#define OPTIONS_ID_NONE UINT32_MAX /* uid, gid: not given */

/* Strings are owned; NULL: not given. Paths are absolute. */
struct options {
	enum options_action action;
	bool foreground; /* -f, -d */
	bool debug; /* -d: log_level is LOG_LEVEL_DEBUG too */

	char *bucket;
	char *prefix; /* "" or ends in '/'; never starts with it */
	char *source; /* BUCKET[:PREFIX], as the mount table shows it */
	char *mountpoint;

	/* server */
	char *endpoint;
	char *region;
	bool path_style;
	char *profile;
	bool no_sign_request;
	char *ca_file;
	bool requester_pays;

	/* cache */
	char *cache_dir;
	uint64_t cache_size_bytes;
	uint64_t min_free; /* bytes, or percent of the disk */
	bool min_free_percent;
	int64_t ttl_ns;

	/* writing */
	int64_t commit_ns;
	int64_t save_after_ns; /* 0: a file that is written is not saved */
	bool sync;
	enum options_fsync fsync;
	uint64_t quota_bytes; /* 0: none */
	uint64_t max_file_bytes;
	char *storage_class;
	enum sse_mode sse;
	char *sse_kms_key, *sse_c_key_file;
	bool sse_bucket_key;
	bool read_only;

	/* network */
	unsigned retries;
	unsigned connect_timeout_s;
	unsigned read_timeout_s;

	/* ownership */
	uint32_t uid, gid; /* OPTIONS_ID_NONE: the mounting user's */
	uint32_t file_mode, dir_mode; /* umask= has been applied */
	bool allow_other, allow_root;
	bool allow_dev, allow_suid;

	/* history */
	enum mount_versions versions;
	char *versions_dir, *control_file; /* "" : not there */
	char *at; /* NULL: now */
	bool enable_versioning;
	bool adopt_cache;

	/* replica: of the bucket; NULL: none, and the mount's own */
	char *replica;
	char *replica_endpoint, *replica_region, *replica_profile;
	int64_t replica_timeout_ns; /* of an fsync */

	/* watching */
	char *log; /* NULL: stderr in the foreground, else syslog */
	enum options_log_format log_format;
	enum log_level log_level;

	/*
	 * What the FUSE mount is to be told, comma-separated: ro,
	 * allow_other, nosuid and their like. NULL: nothing.
	 */
	char *fuse_options;

	uint32_t umask; /* as given; see file_mode */
};

/*
 * Reads the command line. 0; -EINVAL with one line in reason (size bytes)
 * that names the option and what it takes; -ENOMEM. On failure *ret is
 * released. Bucket and mount point are set for OPTIONS_MOUNT, OPTIONS_CHECK
 * and OPTIONS_REMOUNT only. With remount, unknown options are no error.
 */
int options_parse(int argc, char **argv, struct options *ret, char *reason,
		  size_t size);
void options_release(struct options *o);

/* What --help prints. */
void options_print_help(FILE *out);
/* The option list of vers3(8), in man(7) macros. */
void options_print_roff(FILE *out);

#endif
