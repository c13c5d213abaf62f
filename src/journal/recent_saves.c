/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of as many places as a key's hash has. Whoever comes to a place takes
 * it: the one before is forgotten.
 */
#include "vers3/journal/recent_saves.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/hash.h"

#define PLACES 4096

struct recent_saves {
	struct hash_seed seed;
	pthread_mutex_t mutex;
	/* Under mutex; the whole hash stands for the key: */
	struct {
		uint64_t hash;
		int64_t ns;
	} at[PLACES];
};

int recent_saves_new(struct recent_saves **ret_saves)
{
	struct recent_saves *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	hash_seed_draw(&r->seed);
	pthread_mutex_init(&r->mutex, NULL);
	*ret_saves = r;
	return 0;
}

void recent_saves_free(struct recent_saves *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

static uint64_t hash_of(const struct recent_saves *r, const char *key)
{
	return hash_add(&r->seed, 0, key, strlen(key));
}

void recent_saves_note(struct recent_saves *r, const char *key, int64_t now_ns)
{
	uint64_t hash = hash_of(r, key);

	pthread_mutex_lock(&r->mutex);
	r->at[hash % PLACES].hash = hash;
	r->at[hash % PLACES].ns = now_ns;
	pthread_mutex_unlock(&r->mutex);
}

int64_t recent_saves_when(struct recent_saves *r, const char *key)
{
	uint64_t hash = hash_of(r, key);
	int64_t ns = 0;

	pthread_mutex_lock(&r->mutex);
	if (r->at[hash % PLACES].hash == hash)
		ns = r->at[hash % PLACES].ns;
	pthread_mutex_unlock(&r->mutex);
	return ns;
}
