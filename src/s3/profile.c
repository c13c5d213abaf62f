/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader for AWS's dialect of INI files, which no INI library reads:
 *
 *	[profile work]		; sections are "default", "profile NAME",
 *	region = eu-west-1	; "services NAME", or NAME in credentials
 *	s3 =			# an empty value opens a nested block
 *	  addressing_style = path
 *
 * Comments take a whole line, or follow white space. Whole files are held in
 * memory that is overwritten before it is freed.
 */
#include "vers3/s3/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX       ((size_t)1 << 20)
#define NAME_MAX_BYTES 256
#define COMMAND	       "credential_process"
/* A setting of ours: the file that COMMAND stands in, if it is not trusted. */
#define DISTRUSTED "credential_process file"

struct reader {
	const char *path; /* for reason */
	const char *section; /* the one that is wanted */
	struct kvlist *settings;
	unsigned line;
	bool in_section; /* any section has begun */
	bool wanted; /* the current section is the one */
	bool found;
	bool trusted; /* nobody else may have written it */
	char parent[NAME_MAX_BYTES]; /* open nested block, or "" */
	char *reason;
	size_t reason_size;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the white space off both ends, in place. */
static char *trim(char *s)
{
	size_t len;

	while (is_space(*s))
		s++;
	for (len = strlen(s); len && is_space(s[len - 1]); len--)
		s[len - 1] = '\0';
	return s;
}

/* Ends the text where a comment begins: '#' or ';' behind white space. */
static void cut_comment(char *s)
{
	for (char *p = s; *p; p++)
		if ((*p == '#' || *p == ';') && p > s && is_space(p[-1])) {
			*p = '\0';
			return;
		}
}

static int refuse(struct reader *rd, const char *what)
{
	snprintf(rd->reason, rd->reason_size, "%s, line %u: %s", rd->path,
		 rd->line, what);
	return -EINVAL;
}

/* "profile  'x y'" in the file is the section "profile x y". */
static int read_section(struct reader *rd, char *line)
{
	char *end = strchr(line, ']');
	char *name, *to;
	bool space = false;

	if (!end)
		return refuse(rd, "a section without ']'");
	*end = '\0';
	name = trim(line + 1);
	to = name;
	for (const char *from = name; *from; from++) {
		if (*from == '"' || *from == '\'')
			continue;
		if (is_space(*from) && space)
			continue;
		space = is_space(*from);
		*to++ = space ? ' ' : *from;
	}
	*to = '\0';
	if (!*name)
		return refuse(rd, "a section without a name");
	rd->in_section = true;
	rd->parent[0] = '\0';
	rd->wanted = !strcmp(name, rd->section) ||
		     (!strcmp(name, "profile default") &&
		      !strcmp(rd->section, "default"));
	rd->found = rd->found || rd->wanted;
	return 0;
}

static int read_setting(struct reader *rd, char *line, bool nested)
{
	char full[2 * NAME_MAX_BYTES + 2];
	char *equals = strchr(line, '=');
	char *name, *value;

	if (!equals)
		return refuse(rd, "neither a section nor name = value");
	*equals = '\0';
	name = trim(line);
	cut_comment(equals + 1);
	value = trim(equals + 1);
	if (!*name || strlen(name) >= NAME_MAX_BYTES)
		return refuse(rd, "a setting without a usable name");
	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	if (!nested)
		snprintf(rd->parent, sizeof(rd->parent), "%s",
			 *value ? "" : name);
	if (!rd->wanted)
		return 0;
	snprintf(full, sizeof(full), "%s%s%s", nested ? rd->parent : "",
		 nested ? "." : "", name);
	if (!strcmp(full, COMMAND)) {
		int ret = 0;

		kvlist_del(rd->settings, DISTRUSTED);
		if (!rd->trusted)
			ret = kvlist_set(rd->settings, DISTRUSTED, rd->path);
		if (ret)
			return ret;
	}
	return kvlist_set(rd->settings, full, value);
}

static int read_line(struct reader *rd, char *line)
{
	bool indented = is_space(*line);
	char *text = trim(line);

	rd->line++;
	if (!*text || *text == '#' || *text == ';')
		return 0;
	if (*text == '[' && !indented)
		return read_section(rd, text);
	if (!rd->in_section)
		return refuse(
			rd,
			"a setting before the first section: begin the file with "
			"[default]");
	if (!indented)
		return read_setting(rd, text, false);
	/* Without an open block it goes on with the value before: not ours. */
	return rd->parent[0] ? read_setting(rd, text, true) : 0;
}

/* Whether a command in this file is this user's own, or root's. */
static bool is_trusted(const struct stat *st)
{
	uid_t me = geteuid();

	if (st->st_uid != 0 && st->st_uid != me)
		return false;
	return me != 0 || !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* The whole file with a NUL behind it; /dev/null and pipes are files too. */
static int read_file(const char *path, char **ret_text, size_t *ret_size,
		     bool *ret_trusted)
{
	struct stat st;
	char *text = NULL;
	size_t have = 0, size = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > FILE_MAX)
		ret = -EFBIG;
	if (ret)
		goto out;
	size = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : FILE_MAX + 1;
	text = malloc(size);
	if (!text)
		ret = -ENOMEM;
	while (!ret && got > 0 && have < size - 1) {
		got = read(fd, text + have, size - 1 - have);
		if (got > 0)
			have += (size_t)got;
		else if (got < 0)
			ret = -errno;
	}
	if (!ret && have == FILE_MAX)
		ret = -EFBIG;
	if (ret)
		goto out;
	text[have] = '\0';
	*ret_text = text;
	*ret_size = size;
	*ret_trusted = is_trusted(&st);
	text = NULL;
out:
	if (text)
		OPENSSL_clear_free(text, size);
	close(fd);
	return ret;
}

int profile_read(const char *path, const char *section, struct kvlist *settings,
		 char *reason, size_t size)
{
	struct reader rd = {
		.path = path,
		.section = section,
		.settings = settings,
		.reason = reason,
		.reason_size = size,
	};
	char *text = NULL, *next;
	size_t text_size = 0;
	int ret = read_file(path, &text, &text_size, &rd.trusted);

	if (ret) {
		if (ret != -ENOENT)
			snprintf(reason, size, "%s: %s", path, strerror(-ret));
		return ret;
	}
	next = text;
	while (next && !ret) {
		char *line = strsep(&next, "\n");

		ret = read_line(&rd, line);
	}
	OPENSSL_cleanse(text, text_size);
	free(text);
	if (!ret && !rd.found)
		ret = -ENOENT;
	return ret;
}

/* Where a shared file is: the variable's value, else in ~/.aws. */
static int shared_path(const char *variable, const char *name, char **ret_path)
{
	const char *value = getenv(variable), *home = getenv("HOME");
	char room[4096];
	struct passwd pw, *found = NULL;

	if (value && *value) {
		*ret_path = strdup(value);
		return *ret_path ? 0 : -ENOMEM;
	}
	if (!home || !*home) {
		getpwuid_r(getuid(), &pw, room, sizeof(room), &found);
		home = found ? found->pw_dir : "/";
	}
	if (asprintf(ret_path, "%s/.aws/%s", home, name) < 0) {
		*ret_path = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int load_config(const char *name, struct kvlist *settings, char *reason,
		       size_t size)
{
	char *path = NULL, *section = NULL;
	const char *services;
	int ret = shared_path("AWS_CONFIG_FILE", "config", &path);

	if (ret)
		goto out;
	if (asprintf(&section, "%s%s",
		     strcmp(name, "default") ? "profile " : "", name) < 0) {
		section = NULL;
		ret = -ENOMEM;
		goto out;
	}
	ret = profile_read(path, section, settings, reason, size);
	services = kvlist_get(settings, "services");
	if (ret || !services)
		goto out;
	/* Endpoints by service: its nested s3.endpoint_url is of interest. */
	free(section);
	if (asprintf(&section, "services %s", services) < 0) {
		section = NULL;
		ret = -ENOMEM;
		goto out;
	}
	ret = profile_read(path, section, settings, reason, size);
	if (ret == -ENOENT)
		ret = 0;
out:
	free(section);
	free(path);
	return ret;
}

static int load_credentials(const char *name, struct kvlist *settings,
			    char *reason, size_t size)
{
	char *path = NULL;
	int ret = shared_path("AWS_SHARED_CREDENTIALS_FILE", "credentials",
			      &path);

	if (!ret)
		ret = profile_read(path, name, settings, reason, size);
	free(path);
	return ret;
}

int profile_load(const char *name, struct kvlist *settings, char *reason,
		 size_t size)
{
	int config = load_config(name, settings, reason, size);
	int credentials;

	if (config && config != -ENOENT)
		return config;
	credentials = load_credentials(name, settings, reason, size);
	if (credentials == -ENOENT)
		return config;
	return credentials;
}

int profile_keys_path(char **ret_path)
{
	return shared_path("AWS_SHARED_CREDENTIALS_FILE", "credentials",
			   ret_path);
}

void profile_where(const char *between, char *text, size_t size)
{
	char *config = NULL, *credentials = NULL;
	int rc = shared_path("AWS_CONFIG_FILE", "config", &config);

	if (!rc)
		rc = shared_path("AWS_SHARED_CREDENTIALS_FILE", "credentials",
				 &credentials);
	snprintf(text, size, "%s %s %s",
		 rc ? "~/.aws/credentials" : credentials, between,
		 rc ? "~/.aws/config" : config);
	free(credentials);
	free(config);
}

bool profile_distrusts(const struct kvlist *settings, char *reason, size_t size)
{
	const char *path = kvlist_get(settings, DISTRUSTED);

	if (path)
		snprintf(reason, size,
			 "the " COMMAND " in %s is not run, since another user "
			 "may have written it: let the file belong to you, "
			 "with mode 600",
			 path);
	return path;
}

void profile_release(struct kvlist *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		OPENSSL_cleanse(settings->items[i].value,
				strlen(settings->items[i].value));
	kvlist_release(settings);
}
