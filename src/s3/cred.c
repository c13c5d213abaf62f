/* SPDX-License-Identifier: Apache-2.0 */
/* Finding credentials. No function here logs, and no reason quotes a value. */
#include "vers3/s3/cred.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vers3/s3/profile.h"
#include "vers3/util/clock.h"
#include "vers3/util/command.h"

#define PROCESS_MAX   ((size_t)64 << 10)
#define PROCESS_S     30u
#define PROCESS_TTY_S 300u /* somebody may be asked for a code */

#define PATHS_MAX 300

static void wipe(char *s)
{
	if (!s)
		return;
	OPENSSL_cleanse(s, strlen(s));
	free(s);
}

struct cred *cred_ref(struct cred *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void cred_unref(struct cred *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	wipe(c->access_key);
	wipe(c->secret_key);
	wipe(c->session_token);
	free(c);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool cred_equal(const struct cred *a, const struct cred *b)
{
	return same(a->access_key, b->access_key) &&
	       same(a->secret_key, b->secret_key) &&
	       same(a->session_token, b->session_token);
}

static int cred_new(const char *access_key, const char *secret_key,
		    const char *token, const char *source, struct cred **ret)
{
	struct cred *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->refs = 1;
	c->source = source;
	c->access_key = strdup(access_key);
	c->secret_key = strdup(secret_key);
	if (token && *token)
		c->session_token = strdup(token);
	if (!c->access_key || !c->secret_key ||
	    (token && *token && !c->session_token)) {
		cred_unref(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

/* -ENOKEY when the environment has none, or only half. */
static int from_environment(struct cred **ret, char *reason, size_t size)
{
	const char *access_key = getenv("AWS_ACCESS_KEY_ID");
	const char *secret_key = getenv("AWS_SECRET_ACCESS_KEY");
	bool have_access = access_key && *access_key;
	bool have_secret = secret_key && *secret_key;

	if (have_access && have_secret)
		return cred_new(access_key, secret_key,
				getenv("AWS_SESSION_TOKEN"), "environment",
				ret);
	if (!have_access && !have_secret)
		return -ENOENT;
	snprintf(reason, size, "%s is set without %s: set both or neither",
		 have_access ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
		 have_access ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	return -ENOKEY;
}

/* jansson frees without wiping: the bytes are ours to overwrite first. */
static void wipe_json(json_t *root, const char *name)
{
	json_t *value = json_object_get(root, name);

	if (json_is_string(value))
		OPENSSL_cleanse((char *)json_string_value(value),
				json_string_length(value));
}

int cred_parse_process(const char *json, size_t len, struct cred **ret)
{
	const char *access_key = NULL, *secret_key = NULL, *token = NULL;
	const char *expiration = NULL;
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	struct cred *c = NULL;
	int version = 0, err = -EINVAL;

	if (!root ||
	    json_unpack(root, "{s:i, s:s, s:s, s?s, s?s}", "Version", &version,
			"AccessKeyId", &access_key, "SecretAccessKey",
			&secret_key, "SessionToken", &token, "Expiration",
			&expiration) ||
	    version != 1)
		goto out;
	err = cred_new(access_key, secret_key, token, "credential_process", &c);
	if (!err && expiration)
		err = clock_parse_iso8601(expiration, &c->expires_ns);
	if (err)
		goto out;
	*ret = c;
	c = NULL;
out:
	cred_unref(c);
	wipe_json(root, "SecretAccessKey");
	wipe_json(root, "SessionToken");
	json_decref(root);
	return err;
}

/* Runs the command and reads what it prints. */
static int from_process(const char *command, struct cred **ret, char *reason,
			size_t size)
{
	char *text = malloc(PROCESS_MAX);
	unsigned limit_s = isatty(STDIN_FILENO) ? PROCESS_TTY_S : PROCESS_S;
	size_t len = 0;
	int err, status = 0;

	if (!text)
		return -ENOMEM;
	err = command_read(command, limit_s * NS_PER_S, text, PROCESS_MAX, &len,
			   &status);
	if (err == -ETIMEDOUT)
		snprintf(reason, size,
			 "the profile's credential_process took more than %u s "
			 "and was ended: run it by hand to see why",
			 limit_s);
	else if (err == -EMSGSIZE)
		snprintf(reason, size,
			 "the profile's credential_process printed too much");
	else if (err)
		snprintf(reason, size,
			 "the profile's credential_process cannot be run: %s",
			 strerror(-err));
	else if (status)
		snprintf(reason, size,
			 "the profile's credential_process failed "
			 "(wait status %d): run it by hand to see why",
			 status);
	if (err || status)
		err = -ENOKEY;
	else
		err = cred_parse_process(text, len, ret);
	if (err == -EINVAL) {
		snprintf(reason, size,
			 "the profile's credential_process did not print "
			 "credentials as JSON, version 1");
		err = -ENOKEY;
	}
	OPENSSL_clear_free(text, PROCESS_MAX);
	return err;
}

/* A profile that gets its keys in a way that is not read here? */
static const char *foreign_source(const struct kvlist *settings)
{
	static const char *const names[] = {"role_arn", "sso_session",
					    "sso_start_url", "login_session"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (kvlist_get(settings, names[i]))
			return names[i];
	return NULL;
}

/* That a profile has no keys, or half of them, and where it would have. */
static void explain_none(const char *name, const struct kvlist *settings,
			 char *reason, size_t size)
{
	bool access = kvlist_get(settings, "aws_access_key_id");
	bool secret = kvlist_get(settings, "aws_secret_access_key");
	char where[PATHS_MAX];

	profile_where("and", where, sizeof(where));
	if (access != secret)
		snprintf(reason, size,
			 "profile %s has %s without %s: add that to it (%s)",
			 name,
			 access ? "aws_access_key_id" : "aws_secret_access_key",
			 access ? "aws_secret_access_key" : "aws_access_key_id",
			 where);
	else
		snprintf(reason, size,
			 "no credentials for profile %s in %s: run `aws "
			 "configure`, or set AWS_ACCESS_KEY_ID and "
			 "AWS_SECRET_ACCESS_KEY, or name another profile with "
			 "-o profile=NAME, or use -o no_sign_request for a "
			 "public bucket",
			 name, where);
}

static int from_profile(const char *name, const struct kvlist *settings,
			struct cred **ret, char *reason, size_t size)
{
	const char *access_key = kvlist_get(settings, "aws_access_key_id");
	const char *secret_key = kvlist_get(settings, "aws_secret_access_key");
	const char *command = kvlist_get(settings, "credential_process");
	const char *foreign = foreign_source(settings);

	if (access_key && secret_key && *access_key && *secret_key)
		return cred_new(access_key, secret_key,
				kvlist_get(settings, "aws_session_token"),
				"profile", ret);
	if (command && *command && profile_distrusts(settings, reason, size))
		return -ENOKEY;
	if (command && *command)
		return from_process(command, ret, reason, size);
	if (foreign)
		snprintf(reason, size,
			 "profile %s uses %s: add to a profile of your own "
			 "the line credential_process = aws configure "
			 "export-credentials --profile %s --format process",
			 name, foreign, name);
	else
		explain_none(name, settings, reason, size);
	return -ENOKEY;
}

/* AWS_PROFILE is a default, not a wish: keys in the environment go first. */
static const char *profile_name(const char *asked)
{
	const char *name = asked ? asked : getenv("AWS_PROFILE");

	return name && *name ? name : "default";
}

int cred_settings(const char *profile, struct kvlist *settings, char *reason,
		  size_t size)
{
	const char *name = profile_name(profile);
	char where[PATHS_MAX];
	int ret = profile_load(name, settings, reason, size);

	if (ret == -ENOMEM || ret == -E2BIG || ret == -EINVAL)
		return ret;
	if (ret == -ENOENT && (profile || strcmp(name, "default"))) {
		profile_where("nor", where, sizeof(where));
		snprintf(reason, size,
			 "profile %s is in neither %s: see `aws configure "
			 "list-profiles`",
			 name, where);
		return -ENOKEY;
	}
	return ret && ret != -ENOENT ? -EINVAL : 0;
}

int cred_load(const char *profile, struct kvlist *settings, struct cred **ret,
	      char *reason, size_t size)
{
	int found = -ENOENT;
	int err = cred_settings(profile, settings, reason, size);

	if (!profile)
		found = from_environment(ret, reason, size);
	/* With keys at hand, a missing AWS_PROFILE costs settings only. */
	if (found != -ENOENT)
		return found;
	if (err)
		return err;
	err = from_profile(profile_name(profile), settings, ret, reason, size);
	if (err == -ENOMEM)
		snprintf(reason, size, "out of memory");
	return err;
}
