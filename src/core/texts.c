/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two small rings, of texts that are known and of digests that were missed,
 * and the list of those who are sending a text just now.
 */
#include "vers3/core/texts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/meta/inode.h"
#include "vers3/util/clock.h"

#define KNOWN 8

struct known {
	char digest[TEXTS_DIGEST + 1]; /* "" : none */
	char version_id[META_VERSION_MAX + 1];
	int64_t seen_ns; /* monotonic: the bucket had it; 0: not known */
	struct buf text;
};

struct missed {
	char digest[TEXTS_DIGEST + 1]; /* "" : none */
	int64_t asked_ns; /* monotonic: the server said no; 0: it did not */
};

struct texts {
	pthread_mutex_t mutex; /* a leaf */
	pthread_cond_t sent;
	/* All below is protected by mutex. */
	LIST_HEAD(, texts_sender) senders; /* on their threads' stacks */
	struct known known[KNOWN];
	unsigned next; /* goes next */
	struct missed missed[KNOWN]; /* each was logged */
	unsigned next_missed; /* likewise */
};

int texts_new(struct texts **ret_texts)
{
	struct texts *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->mutex, NULL);
	clock_cond_init(&t->sent);
	for (size_t i = 0; i < KNOWN; i++)
		buf_init(&t->known[i].text, TEXTS_MAX);
	*ret_texts = t;
	return 0;
}

void texts_free(struct texts *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < KNOWN; i++)
		buf_release(&t->known[i].text);
	pthread_cond_destroy(&t->sent);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

/* With the mutex held. */
static struct known *find(struct texts *t, const char *digest)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (!strcmp(t->known[i].digest, digest))
			return &t->known[i];
	return NULL;
}

/* With the mutex held. */
static struct missed *find_missed(struct texts *t, const char *digest)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (!strcmp(t->missed[i].digest, digest))
			return &t->missed[i];
	return NULL;
}

void texts_note(struct texts *t, const char *digest, const char *version_id,
		const struct buf *text)
{
	struct missed *m;
	struct known *k;

	pthread_mutex_lock(&t->mutex);
	m = find_missed(t, digest);
	if (m)
		m->asked_ns = 0;
	k = find(t, digest);
	if (!k) {
		k = &t->known[t->next++ % KNOWN];
		buf_reset(&k->text);
		k->seen_ns = 0;
		strcpy(k->digest, digest);
		if (buf_add(&k->text, text->data, text->len))
			k->digest[0] = '\0';
	}
	if (version_id) {
		strcpy(k->version_id, version_id);
		k->seen_ns = clock_mono_ns();
	}
	pthread_mutex_unlock(&t->mutex);
}

bool texts_get(struct texts *t, const char *digest, struct buf *text)
{
	const struct known *k;
	bool found;

	pthread_mutex_lock(&t->mutex);
	k = find(t, digest);
	found = k && !buf_add(text, k->text.data, k->text.len);
	pthread_mutex_unlock(&t->mutex);
	return found;
}

bool texts_is_there(struct texts *t, const char *digest, int64_t age_ns,
		    char *version_id)
{
	const struct known *k;
	bool there;

	pthread_mutex_lock(&t->mutex);
	k = find(t, digest);
	there = k && k->seen_ns && clock_mono_ns() - k->seen_ns < age_ns;
	if (there)
		strcpy(version_id, k->version_id);
	pthread_mutex_unlock(&t->mutex);
	return there;
}

void texts_begin_send(struct texts *t, struct texts_sender *s)
{
	const struct texts_sender *other;

	pthread_mutex_lock(&t->mutex);
	do {
		LIST_FOREACH(other, &t->senders, entry)
			if (!strcmp(other->digest, s->digest))
				break;
		if (other)
			clock_cond_wait(&t->sent, &t->mutex);
	} while (other);
	LIST_INSERT_HEAD(&t->senders, s, entry);
	pthread_mutex_unlock(&t->mutex);
}

void texts_end_send(struct texts *t, struct texts_sender *s)
{
	pthread_mutex_lock(&t->mutex);
	LIST_REMOVE(s, entry);
	pthread_cond_broadcast(&t->sent);
	pthread_mutex_unlock(&t->mutex);
}

bool texts_miss(struct texts *t, const char *digest, bool answered)
{
	struct missed *m;
	bool news;

	pthread_mutex_lock(&t->mutex);
	m = find_missed(t, digest);
	news = !m;
	if (!m)
		m = &t->missed[t->next_missed++ % KNOWN];
	strcpy(m->digest, digest);
	m->asked_ns = answered ? clock_mono_ns() : 0;
	pthread_mutex_unlock(&t->mutex);
	return news;
}

bool texts_is_missed(struct texts *t, const char *digest, int64_t age_ns)
{
	const struct missed *m;
	bool missed;

	pthread_mutex_lock(&t->mutex);
	m = find_missed(t, digest);
	missed = m && m->asked_ns && clock_mono_ns() - m->asked_ns < age_ns;
	pthread_mutex_unlock(&t->mutex);
	return missed;
}
