/* SPDX-License-Identifier: Apache-2.0 */
/* Finds our line in utab, and has mount(8) and umount(8) write or drop it. */
#include "vers3/util/utab.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/util/clock.h"
#include "vers3/util/command.h"
#include "vers3/util/log.h"
#include "vers3/util/mounts.h"

#define UTAB	  "/run/mount/utab"
#define TARGET	  "TARGET="
#define OPTIONS	  "OPTS="
#define OURS	  "x-vers3="
#define LIMIT_NS  (5 * NS_PER_S)
#define STACK_MAX 16 /* one upon the other */

/* In place: \040 and its like are bytes. */
static void unmangle(char *text)
{
	char *to = text;

	for (const char *at = text; *at; to++) {
		char octal[4] = "";

		if (*at == '\\' && strspn(at + 1, "01234567") >= 3) {
			memcpy(octal, at + 1, 3);
			*to = (char)strtol(octal, NULL, 8);
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

/* The process that a list of options names; 0: none. */
static long pid_of(char *options)
{
	char *rest = NULL;

	for (char *o = strtok_r(options, ",", &rest); o;
	     o = strtok_r(NULL, ",", &rest))
		if (!strncmp(o, OURS, strlen(OURS)))
			return strtol(o + strlen(OURS), NULL, 10);
	return 0;
}

/* Whether a line is of the mount point; *ret_pid then, too. */
static bool parse_line(char *line, const char *mountpoint, long *ret_pid)
{
	char *rest = NULL;
	bool found = false;
	long pid = 0;

	for (char *word = strtok_r(line, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (!strncmp(word, TARGET, strlen(TARGET))) {
			unmangle(word);
			found = !strcmp(word + strlen(TARGET), mountpoint);
		} else if (!strncmp(word, OPTIONS, strlen(OPTIONS))) {
			pid = pid_of(word + strlen(OPTIONS));
		}
	}
	if (found)
		*ret_pid = pid;
	return found;
}

long utab_pid(const char *file, const char *mountpoint)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;
	long pid = 0;

	if (!f)
		return 0;
	while (getline(&line, &size, f) >= 0)
		parse_line(line, mountpoint, &pid);
	free(line);
	fclose(f);
	return pid;
}

/* 0, or -EIO, of which the log says more. */
static int run(const char *const argv[])
{
	int status, rc = command_tool(argv, LIMIT_NS, &status);

	if (rc)
		log_debug("%s: %s", argv[0], strerror(-rc));
	else if (status)
		log_debug("%s: status %d", argv[0],
			  WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return rc || status ? -EIO : 0;
}

void utab_clear(const char *mountpoint)
{
	const char *const argv[] = {"/bin/umount", "--fake",   "-c", "-i",
				    "--",	   mountpoint, NULL};

	if (geteuid() != 0)
		return;
	for (int i = 0; i < STACK_MAX; i++) {
		long pid = utab_pid(UTAB, mountpoint);

		if (pid <= 0)
			return;
		if (pid != getpid() && !(kill((pid_t)pid, 0) && errno == ESRCH))
			return;
		if (run(argv))
			return;
	}
}

void utab_add(const char *source, const char *mountpoint)
{
	char options[64];
	const char *const argv[] = {"/bin/mount", "--fake",   "-c",
				    "-i",	  "-t",	      MOUNTS_TYPE,
				    "-o",	  options,    "--",
				    source,	  mountpoint, NULL};

	if (geteuid() != 0)
		return;
	/* Of one that was killed; umount(8) would find that only. */
	utab_clear(mountpoint);
	snprintf(options, sizeof(options), "_netdev," OURS "%ld",
		 (long)getpid());
	run(argv);
}
