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

int sweep_part_open(struct sweep_part *p, const char *report, const char *words,
		    struct buf *found, char *reason, size_t size)
{
	long end;
	int rc = 0;

	*p = (struct sweep_part){.path = NULL};
	if (asprintf(&p->path, "%s.part", report) < 0) {
		p->path = NULL;
		snprintf(reason, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	p->file = fopen(p->path, "a+e");
	rc = p->file ? 0 : -errno;
	/* It goes with the descriptor. */
	if (!rc && flock(fileno(p->file), LOCK_EX | LOCK_NB)) {
		snprintf(reason, size, "%s: another sweep writes it", p->path);
		return -EBUSY;
	}
	if (!rc) {
		rewind(p->file);
		end = read_part(p, words, found);
		if (ftruncate(fileno(p->file), end))
			rc = -errno;
		clearerr(p->file);
		/* It is written at its end, wherever that is. */
		if (!rc && !end &&
		    (fprintf(p->file, MAGIC "%s\n", words) < 0 ||
		     fflush(p->file)))
			rc = -errno;
	}
	if (rc)
		snprintf(reason, size, "%s: %s", p->path, strerror(-rc));
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
