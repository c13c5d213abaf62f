/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The count of holders for each version, and the list that a purge has
 * announced: each side looks at the other's under one mutex.
 */
#include "vers3/core/pins.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"
#include "vers3/util/map.h"

#define HOLD_KEY (META_KEY_MAX + 1 + META_VERSION_MAX)

struct pins {
	pthread_mutex_t mutex; /* a leaf */
	/* All below is protected by mutex. */
	struct map *holds; /* owned: how many hold a version */
	const struct pin *going; /* borrowed until pins_end() */
	size_t count;
	bool present; /* the one that goes is a present version */
};

int pins_new(struct pins **ret_pins)
{
	struct pins *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	rc = map_new(&p->holds);
	if (rc) {
		free(p);
		return rc;
	}
	pthread_mutex_init(&p->mutex, NULL);
	*ret_pins = p;
	return 0;
}

void pins_free(struct pins *p)
{
	if (!p)
		return;
	map_free(p->holds);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* Path and id with a NUL between: no path has one. */
static size_t hold_key(const char *path, const char *version_id, char *key)
{
	size_t path_len = strlen(path), id_len = strlen(version_id);

	memcpy(key, path, path_len + 1);
	memcpy(key + path_len + 1, version_id, id_len);
	return path_len + 1 + id_len;
}

bool pin_is(const struct pin *pin, const struct meta_version *version)
{
	if (strcmp(version->key, pin->path) != 0)
		return false;
	if (version->version_id[0])
		return !strcmp(version->version_id, pin->version_id);
	return !strcmp(version->etag, pin->etag);
}

static int compare_path(const void *path, const void *pin)
{
	return strcmp(path, ((const struct pin *)pin)->path);
}

size_t pins_find(const struct pin *pins, size_t count, const char *path)
{
	const struct pin *pin =
		array_find(path, pins, count, sizeof(*pins), compare_path);

	while (pin && pin > pins && !strcmp(pin[-1].path, path))
		pin--;
	return pin ? (size_t)(pin - pins) : count;
}

int pins_hold(struct pins *p, const struct meta_version *version)
{
	char key[HOLD_KEY + 1];
	size_t len = hold_key(version->key, version->version_id, key);
	uintptr_t holds;
	int rc = 0;

	pthread_mutex_lock(&p->mutex);
	for (size_t i = pins_find(p->going, p->count, version->key);
	     i < p->count && !strcmp(p->going[i].path, version->key); i++)
		if (pin_is(&p->going[i], version))
			rc = -EBUSY;
	holds = (uintptr_t)map_get(p->holds, key, len);
	if (!rc)
		rc = map_put(p->holds, key, len, (void *)(holds + 1));
	pthread_mutex_unlock(&p->mutex);
	return rc;
}

void pins_drop(struct pins *p, const struct meta_version *version)
{
	char key[HOLD_KEY + 1];
	size_t len = hold_key(version->key, version->version_id, key);
	uintptr_t holds;

	pthread_mutex_lock(&p->mutex);
	holds = (uintptr_t)map_get(p->holds, key, len);
	/* What is there already is replaced: no memory is needed. */
	if (holds > 1)
		map_put(p->holds, key, len, (void *)(holds - 1));
	else
		map_del(p->holds, key, len);
	pthread_mutex_unlock(&p->mutex);
}

bool pins_present_goes(struct pins *p, const char *path)
{
	bool goes;

	pthread_mutex_lock(&p->mutex);
	goes = p->count && p->present && !strcmp(p->going[0].path, path);
	pthread_mutex_unlock(&p->mutex);
	return goes;
}

void pins_begin(struct pins *p, struct pin *going, size_t count)
{
	char key[HOLD_KEY + 1];

	pthread_mutex_lock(&p->mutex);
	p->going = going;
	p->count = count;
	for (size_t i = 0; i < count; i++) {
		size_t len = hold_key(going[i].path, going[i].version_id, key);

		going[i].held = map_get(p->holds, key, len) != NULL;
	}
	pthread_mutex_unlock(&p->mutex);
}

void pins_set_present(struct pins *p, bool present)
{
	pthread_mutex_lock(&p->mutex);
	p->present = present;
	pthread_mutex_unlock(&p->mutex);
}

void pins_end(struct pins *p)
{
	pthread_mutex_lock(&p->mutex);
	p->going = NULL;
	p->count = 0;
	p->present = false;
	pthread_mutex_unlock(&p->mutex);
}

const char *pins_check(struct pins *p)
{
	const char *words = NULL;

	pthread_mutex_lock(&p->mutex);
	if (map_count(p->holds))
		words = "pins: a version is held";
	else if (p->going || p->count || p->present)
		words = "pins: a version is going";
	pthread_mutex_unlock(&p->mutex);
	return words;
}
