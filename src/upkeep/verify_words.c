/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a sweep. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify_impl.h"
#include "vers3/upkeep/verify.h"
#include "vers3/util/bytesize.h"

/* Each takes what stands behind the '=', and says what it wants. */
static int take_sample(struct verify *v, const char *text)
{
	int rc = sampling_parse_share(text, &v->sampling.ppm);

	return rc || !v->sampling.ppm ? -EINVAL : 0;
}

static int take_against(struct verify *v, const char *text)
{
	bool both = !strcmp(text, "both");

	v->against[VERIFY_CACHE] = both || !strcmp(text, "cache");
	v->against[VERIFY_REPLICA] = both || !strcmp(text, "replica");
	return v->against[VERIFY_CACHE] || v->against[VERIFY_REPLICA] ? 0
								      : -EINVAL;
}

static int take_threshold(struct verify *v, const char *text)
{
	v->has_threshold = true;
	return sampling_parse_share(text, &v->threshold_ppm);
}

static int take_rate(struct verify *v, const char *text)
{
	int rc = 0;

	v->rate_bytes = 0;
	if (strcmp(text, "none") != 0)
		rc = bytesize_parse(text, &v->rate_bytes);
	return rc || (!v->rate_bytes && strcmp(text, "none") != 0) ? -EINVAL
								   : 0;
}

static int take_seed(struct verify *v, const char *text)
{
	char *end;

	errno = 0;
	v->sampling.seed = strtoull(text, &end, 10);
	return errno || *end || !isdigit((unsigned char)*text) ||
			       v->sampling.seed > INT64_MAX
		       ? -EINVAL
		       : 0;
}

static int take_deep(struct verify *v, const char *text)
{
	(void)text;
	v->deep = true;
	return 0;
}

static int take_repair(struct verify *v, const char *text)
{
	(void)text;
	v->repair = true;
	return 0;
}

static const struct word {
	const char *name; /* with its '=', if it has a value */
	int (*take)(struct verify *v, const char *text);
	const char *want;
} table[] = {
	{"sample=", take_sample, "want a share such as 1% or 100%"},
	{"against=", take_against, "want cache, replica or both"},
	{"deep", take_deep, ""},
	{"repair", take_repair, ""},
	{"threshold=", take_threshold, "want a share such as 0.5%"},
	{"rate=", take_rate, "want bytes a second such as 32M, or none"},
	{"seed=", take_seed, "want a number"},
	{"resume=", verify_take_checkpoint,
	 "want what a checkpoint of an answer says"},
};

/* *ret_value: what stands behind its '='. NULL: there is no such word. */
static const struct word *find_word(const char *text, const char **ret_value)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct word *w = &table[i];
		size_t len = strlen(w->name);
		bool valued = w->name[len - 1] == '=';

		*ret_value = text + len;
		if (valued ? !strncmp(text, w->name, len)
			   : !strcmp(text, w->name))
			return w;
	}
	return NULL;
}

bool verify_is_word(const char *word)
{
	const char *value;

	return find_word(word, &value) != NULL;
}

static int take_word(struct verify *v, const char *text, const char **ret_want)
{
	const char *value;
	const struct word *w = find_word(text, &value);

	*ret_want = w ? w->want
		      : "want sample=, against=, deep, repair, threshold=, "
			"rate=, seed= or resume=";
	return w ? w->take(v, value) : -EINVAL;
}

int verify_take_words(struct verify *v, char *const *words, size_t count,
		      char *reason, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		const char *want;

		if (take_word(v, words[i], &want)) {
			snprintf(reason, size, "%.100s: %s", words[i], want);
			return -EINVAL;
		}
	}
	if (v->against[VERIFY_REPLICA] && !v->mount->replica) {
		snprintf(reason, size,
			 "against=replica: the mount has no replica=");
		return -EINVAL;
	}
	if (v->against[VERIFY_REPLICA] && mount_replica_stands_in(v->mount)) {
		snprintf(reason, size,
			 "against=replica: the replica stands in for the "
			 "bucket: there are no two to compare before vers3ctl "
			 "failback");
		return -EINVAL;
	}
	if (v->repair && !v->against[VERIFY_REPLICA]) {
		snprintf(reason, size,
			 "repair: want against=replica or both, which has "
			 "something to send");
		return -EINVAL;
	}
	if (v->repair && !mount_takes_changes(v->mount)) {
		snprintf(reason, size,
			 "repair: the mount is read-only: mount it without ro "
			 "for that, or remount it rw");
		return -EROFS;
	}
	return 0;
}
