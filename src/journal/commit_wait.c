/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first that holds counts.
 *
 *	a change						wait
 *	of no file; of attributes alone; at a temporary name	commit=
 *	where commit= is longer than the usual			commit=
 *	at a key that was saved less than twice commit= before	commit=
 *	else							least, paced
 *
 * Saved before: what is written every second makes a version soon, and then
 * as many as it always did. That bounds what the short wait costs, whatever
 * programs do: one version more for each time that they begin.
 *
 * Paced: whoever writes a small file makes a few calls for it, and a few more
 * by its name once it is closed. Where the first have taken long, as the
 * machine is busy or the disk is, so will those. Eight times as long as they
 * have taken is waited for; of a large file, as a MiB of it has.
 */
#include "vers3/journal/commit_wait.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "vers3/meta/inode.h"

#define PACE	     8
#define PACE_BYTES   (UINT64_C(1) << 20)
#define RANDOM_LEN   6 /* of mkstemp(3) */
#define RANDOM_LEAST 2 /* kinds of letters in it: a word has one */
#define HEX_LEN	     8 /* Excel's, and rpm's behind a semicolon at least */
#define N(rows)	     (sizeof(rows) / sizeof(*(rows)))

static bool starts(const char *name, const char *with)
{
	return !strncasecmp(name, with, strlen(with));
}

static bool ends(const char *name, const char *with)
{
	size_t len = strlen(name), n = strlen(with);

	return len > n && !strcasecmp(name + len - n, with);
}

/* Whether the six letters are such as mkstemp(3) draws, and no word. */
static bool is_random(const char *six)
{
	bool upper = false, lower = false, digit = false;

	for (int i = 0; i < RANDOM_LEN; i++) {
		unsigned char c = (unsigned char)six[i];

		if (!isalnum(c))
			return false;
		/* A word may begin with a capital. */
		upper = upper || (i && isupper(c));
		lower = lower || islower(c);
		digit = digit || isdigit(c);
	}
	return upper + lower + digit >= RANDOM_LEAST;
}

/* Eight digits and capitals to F, of both kinds: Excel's, without an ending. */
static bool is_office(const char *name)
{
	return strlen(name) == HEX_LEN &&
	       strspn(name, "0123456789ABCDEF") == HEX_LEN &&
	       strpbrk(name, "ABCDEF") && strpbrk(name, "0123456789");
}

/* NAME;5f3a09c1 */
static bool is_rpm(const char *name)
{
	const char *at = strrchr(name, ';');

	return at && strlen(at + 1) >= HEX_LEN &&
	       !at[1 + strspn(at + 1, "0123456789abcdef")];
}

/*
 * rsync's .NAME.XXXXXX, whatever it draws; that of mktemp(1), KDE and GLib,
 * where it does not look like a word.
 */
static bool has_random(const char *name)
{
	/* binutils, zip, gcc, perl -i */
	static const char *const two[] = {"st", "zi", "cc", "XX"};
	size_t len = strlen(name);
	const char *six = name + len - RANDOM_LEN;

	if (len <= RANDOM_LEN)
		return false;
	if (name[0] == '.' && len > RANDOM_LEN + 2 && six[-1] == '.')
		return strspn(six, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
		       RANDOM_LEN;
	if (strchr(".-_", six[-1]))
		return is_random(six);
	if (!is_random(six))
		return false;
	/* patch's NAME.oXXXXXX, sed's, and those of two letters. */
	if (six[-1] == 'o' && len > RANDOM_LEN + 1 && six[-2] == '.')
		return true;
	if (len == 3 + RANDOM_LEN)
		return starts(name, "sed");
	for (size_t i = 0; i < N(two); i++)
		if (len == 2 + RANDOM_LEN && !strncmp(name, two[i], 2))
			return true;
	return false;
}

static bool is_name_temporary(const char *name)
{
	static const char *const starting[] = {"tmp",
					       ".tmp",
					       "~$",
					       "~wr",
					       ".~",
					       ".#",
					       "#",
					       ".nfs",
					       "conftest",
					       "confdefs",
					       "cmtc_",
					       "cmakescratch",
					       "cmaketmp",
					       ".goutputstream-",
					       ".fuse_hidden",
					       ".syncthing.",
					       "~syncthing~"};
	static const char *const ending[] = {
		"~",	       ".temp",	      ".part",	   ".partial",
		".crdownload", ".opdownload", ".download", ".filepart",
		".aria2",      ".ytdl",	      ".swp",	   ".swo",
		".swx",	       ".swpx",	      ".kate-swp", ".lock",
		".lck",	       ".new",	      "-new",	   ".tpo",
		".dpkg-tmp",   ".dpkg-new",   ".keep"};
	static const char *const whole[] = {
		"4913", /* vim looks with it whether it may write */
		"partial", /* apt's directory */
	};

	for (size_t i = 0; i < N(whole); i++)
		if (!strcmp(name, whole[i]))
			return true;
	for (size_t i = 0; i < N(starting); i++)
		if (starts(name, starting[i]))
			return true;
	for (size_t i = 0; i < N(ending); i++)
		if (ends(name, ending[i]))
			return true;
	return strcasestr(name, ".tmp") || strstr(name, ".pyc.") ||
	       is_office(name) || is_rpm(name) || has_random(name);
}

bool commit_wait_is_temporary(const char *path)
{
	char name[META_NAME_MAX + 1];

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len <= META_NAME_MAX) {
			memcpy(name, path, len);
			name[len] = '\0';
			if (is_name_temporary(name))
				return true;
		}
		path += len + (path[len] == '/');
	}
	return false;
}

int64_t commit_wait(const struct commit_wait_in *in)
{
	int64_t took = in->changed_ns - in->since_ns, wait;
	int64_t mib = 1 + (int64_t)(in->size_bytes / PACE_BYTES);

	if (!in->file || !in->content || in->commit_ns > COMMIT_WAIT_USUAL_NS)
		return in->commit_ns;
	if (in->saved_ns && in->since_ns - in->saved_ns < 2 * in->commit_ns)
		return in->commit_ns;
	/* Clocks may be set. */
	if (took < 0 || took / mib >= in->commit_ns / PACE)
		return in->commit_ns;
	if (commit_wait_is_temporary(in->path))
		return in->commit_ns;
	wait = PACE * (took / mib);
	if (wait < COMMIT_WAIT_LEAST_NS)
		wait = COMMIT_WAIT_LEAST_NS;
	return wait < in->commit_ns ? wait : in->commit_ns;
}
