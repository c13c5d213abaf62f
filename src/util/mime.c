/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media types. The table is read once and never changed or freed; without
 * the file, or without memory, it is empty or short, which is no error: an
 * object without a telling type is read all the same.
 */
#include "vers3/util/mime.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/map.h"

#define MIME_FILE     "/etc/mime.types"
#define EXTENSION_MAX 32 /* longer ones are no extensions */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct map *types; /* constant after `once`; NULL without memory */

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* "type extension extension": the first type to claim an extension has it. */
static void read_line(char *line)
{
	const char *blank = " \t\r\n";
	char *save = NULL, *copy, *ext;
	const char *type;
	bool used = false;

	line[strcspn(line, "#")] = '\0';
	type = strtok_r(line, blank, &save);
	ext = type ? strtok_r(NULL, blank, &save) : NULL;
	if (!ext)
		return;
	copy = strdup(type);
	if (!copy)
		return;
	for (; ext; ext = strtok_r(NULL, blank, &save)) {
		lower(ext);
		if (!map_get(types, ext, strlen(ext)) &&
		    map_put(types, ext, strlen(ext), copy) == 0)
			used = true;
	}
	if (!used)
		free(copy);
}

static void read_types(void)
{
	FILE *f = fopen(MIME_FILE, "re");
	char *line = NULL;
	size_t size = 0;

	if (map_new(&types) == 0 && f) {
		while (getline(&line, &size, f) >= 0)
			read_line(line);
	}
	free(line);
	if (f)
		fclose(f);
}

const char *mime_type(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	const char *dot = strrchr(base, '.');
	char ext[EXTENSION_MAX + 1];

	/* ".profile" is a name, not an extension. */
	if (!dot || dot == base || !dot[1] || strlen(dot + 1) > EXTENSION_MAX)
		return NULL;
	strcpy(ext, dot + 1);
	lower(ext);
	pthread_once(&once, read_types);
	return types ? map_get(types, ext, strlen(ext)) : NULL;
}
