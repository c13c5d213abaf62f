/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media types. The system's table is read once and never changed or freed;
 * without it, or without memory, a short one of our own has to do: browsers
 * that read the bucket go by the type.
 */
#include "vers3/util/mime.h"

#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/map.h"
#include "vers3/util/path.h"

#define MIME_FILE     "/etc/mime.types"
#define EXTENSION_MAX 32 /* longer ones are no extensions */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct map *types; /* constant after `once`; NULL without memory */

/* Media types of IANA's registry that are met most often. */
static const struct {
	const char *ext, *type;
} common[] = {
	{"7z", "application/x-7z-compressed"},
	{"aac", "audio/aac"},
	{"avif", "image/avif"},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"css", "text/css"},
	{"csv", "text/csv"},
	{"doc", "application/msword"},
	{"docx", "application/vnd.openxmlformats-officedocument."
		 "wordprocessingml.document"},
	{"eot", "application/vnd.ms-fontobject"},
	{"epub", "application/epub+zip"},
	{"flac", "audio/flac"},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"htm", "text/html"},
	{"html", "text/html"},
	{"ico", "image/vnd.microsoft.icon"},
	{"ics", "text/calendar"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "text/javascript"},
	{"json", "application/json"},
	{"md", "text/markdown"},
	{"mjs", "text/javascript"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"mpeg", "video/mpeg"},
	{"odp", "application/vnd.oasis.opendocument.presentation"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"ogg", "audio/ogg"},
	{"otf", "font/otf"},
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptx", "application/vnd.openxmlformats-officedocument."
		 "presentationml.presentation"},
	{"rtf", "application/rtf"},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"ttf", "font/ttf"},
	{"txt", "text/plain"},
	{"wasm", "application/wasm"},
	{"wav", "audio/x-wav"},
	{"webm", "video/webm"},
	{"webp", "image/webp"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"xhtml", "application/xhtml+xml"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsx", "application/vnd.openxmlformats-officedocument."
		 "spreadsheetml.sheet"},
	{"xml", "application/xml"},
	{"xz", "application/x-xz"},
	{"yaml", "application/yaml"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

const char *mime_common_type(const char *ext)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		if (!strcmp(ext, common[i].ext))
			return common[i].type;
	return NULL;
}

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
	const char *base = path_base(name);
	const char *dot = strrchr(base, '.'), *type;
	char ext[EXTENSION_MAX + 1];

	/* ".profile" is a name, not an extension. */
	if (!dot || dot == base || !dot[1] || strlen(dot + 1) > EXTENSION_MAX)
		return NULL;
	strcpy(ext, dot + 1);
	lower(ext);
	pthread_once(&once, read_types);
	type = types ? map_get(types, ext, strlen(ext)) : NULL;
	return type ? type : mime_common_type(ext);
}
