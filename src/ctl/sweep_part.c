/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns FILE.part: its first line has the words of the sweep, each "@" a
 * checkpoint, and all else is what was found. What comes after the last
 * checkpoint is found again, so it is cut off.
 */
#include "sweep_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define MAGIC "vers3 verify 1 "

/* Whether it is somebody's, and no sweep's; a kill may have cut it off. */
static bool is_foreign(FILE *file)
{
	char text[sizeof(MAGIC)];
	size_t len;

	rewind(file);
	len = fread(text, 1, strlen(MAGIC), file);
	rewind(file);
	return memcmp(text, MAGIC, len) != 0;
}

/* Where the last checkpoint's line ends; 0: it is of another sweep. */
static long read_part(struct sweep_part *p, const char *words,
		      struct buf *found)
{
	size_t room = 0, kept = 0, from = found->len;
	char *line = NULL;
	long end = 0;
	bool first = true;
	ssize_t len;

	while ((len = getline(&line, &room, p->file)) > 0 &&
	       line[len - 1] == '\n') {
		line[len - 1] = '\0';
		if (first) {
			first = false;
			if (strncmp(line, MAGIC, strlen(MAGIC)) != 0 ||
			    strcmp(line + strlen(MAGIC), words) != 0)
				break;
			end = ftell(p->file);
		} else if (*line == '@') {
			char *resume = strdup(line + 1);

			if (!resume)
				break;
			free(p->resume);
			p->resume = resume;
			kept = found->len - from;
			end = ftell(p->file);
		} else if (buf_puts(found, line) || buf_putc(found, '\n')) {
			break;
		}
	}
	free(line);
	/* What was found after it is found again. */
	found->len = from + kept;
	if (found->len)
		found->data[found->len] = '\0';
	return end;
}

/* It is ours, and goes on behind the last checkpoint. */
static int begin(struct sweep_part *p, const char *words, struct buf *found)
{
	long end = read_part(p, words, found);

	if (ftruncate(fileno(p->file), end))
		return -errno;
	clearerr(p->file);
	/* It is written at its end, wherever that is. */
	if (!end &&
	    (fprintf(p->file, MAGIC "%s\n", words) < 0 || fflush(p->file)))
		return -errno;
	return 0;
}

int sweep_part_open(struct sweep_part *p, const char *report, const char *words,
		    struct buf *found, char *reason, size_t size)
{
	const char *why = NULL;
	int rc = 0;

	*p = (struct sweep_part){.path = NULL};
	if (asprintf(&p->path, "%s.part", report) < 0) {
		p->path = NULL;
		snprintf(reason, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	p->file = fopen(p->path, "a+e");
	if (!p->file) {
		rc = -errno;
	} else if (flock(fileno(p->file), LOCK_EX | LOCK_NB)) {
		/* It goes with the descriptor. */
		rc = -EBUSY;
		why = "another sweep writes it";
	} else if (is_foreign(p->file)) {
		/* Data first: what is no sweep's would be cut off. */
		rc = -EEXIST;
		why = "it is there, and is not of a sweep: move it away, or "
		      "name another report";
	} else {
		rc = begin(p, words, found);
	}
	if (!rc)
		return 0;
	snprintf(reason, size, "%s: %s", p->path, why ? why : strerror(-rc));
	if (p->file)
		fclose(p->file);
	p->file = NULL;
	return rc;
}

int sweep_part_add(struct sweep_part *p, const char *line)
{
	return p->file && fprintf(p->file, "%s\n", line) < 0 ? -EIO : 0;
}

int sweep_part_checkpoint(struct sweep_part *p, const char *resume)
{
	if (!p->file)
		return 0;
	return fprintf(p->file, "@%s\n", resume) < 0 || fflush(p->file) ? -EIO
									: 0;
}

void sweep_part_remove(struct sweep_part *p)
{
	if (p->file)
		unlink(p->path);
}

void sweep_part_close(struct sweep_part *p)
{
	if (p->file)
		fclose(p->file);
	free(p->path);
	free(p->resume);
}
