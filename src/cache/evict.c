/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing but the order in which blocks go; see evict.h. */
#include "evict.h"

#include <errno.h>
#include <time.h>

#include "vers3/util/log.h"

#include "size_class.h"

#define MAX_ROUNDS    16 /* of eviction without the goal reached */
#define PUNCH_RETRIES 25
#define PUNCH_WAIT_NS 2000000 /* readers hold their snapshot a reply long */
#define MAX_EXTRA     (UINT64_C(256) << 20)

uint64_t evict_used_bytes(struct size_class *const *classes)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < SIZE_CLASS_COUNT; i++)
		sum += size_class_disk_bytes(classes[i]);
	return sum;
}

static void wipe(struct size_class *s, struct evict_counts *counts)
{
	counts->wiped++;
	size_class_wipe(s);
}

/* 0, -EAGAIN when readers were in the way, -EOPNOTSUPP. */
static int punch_once(struct size_class *const *classes,
		      struct evict_counts *counts)
{
	unsigned i;
	int ret = 0;

	for (i = 0; i < SIZE_CLASS_COUNT; i++) {
		int r = 0;

		/* An emptied class needs no file at all. */
		if (size_class_disk_bytes(classes[i]) &&
		    !size_class_count(classes[i]))
			size_class_wipe(classes[i]);
		else
			r = size_class_punch(classes[i]);
		if (r == -EUCLEAN)
			wipe(classes[i], counts);
		else if (r == -EAGAIN && !ret)
			ret = r;
		else if (r && r != -EAGAIN)
			ret = -EOPNOTSUPP;
	}
	return ret;
}

static int punch(struct size_class *const *classes, struct evict_counts *counts)
{
	const struct timespec pause = {.tv_nsec = PUNCH_WAIT_NS};
	int i, r = punch_once(classes, counts);

	for (i = 0; i < PUNCH_RETRIES && r == -EAGAIN; i++) {
		nanosleep(&pause, NULL);
		r = punch_once(classes, counts);
	}
	return r;
}

/* The class with the oldest block, and how old its blocks may be to go. */
static struct size_class *pick(struct size_class *const *classes,
			       struct evict_counts *counts, uint64_t *ret_until)
{
	uint64_t oldest = UINT64_MAX, second = UINT64_MAX, stamp;
	struct size_class *found = NULL;
	unsigned i;

	for (i = 0; i < SIZE_CLASS_COUNT; i++) {
		int r = size_class_oldest(classes[i], &stamp);

		if (r == -EUCLEAN)
			wipe(classes[i], counts);
		if (r)
			continue;
		if (!found || stamp < oldest) {
			second = oldest;
			oldest = stamp;
			found = classes[i];
		} else if (stamp < second) {
			second = stamp;
		}
	}
	*ret_until = second;
	return found;
}

/* Evicts about that many bytes; how many it were. */
static uint64_t evict_bytes(struct size_class *const *classes, uint64_t bytes,
			    struct evict_counts *counts)
{
	struct size_class_loss loss = {0};
	uint64_t until;

	while (loss.bytes < bytes) {
		uint64_t before = loss.blocks;
		struct size_class *s = pick(classes, counts, &until);
		int r;

		if (!s)
			break;
		r = size_class_evict(s, until, bytes - loss.bytes, &loss);
		if (r == -EUCLEAN)
			wipe(s, counts);
		else if (r || loss.blocks == before)
			break;
	}
	counts->evicted += loss.blocks;
	return loss.bytes;
}

static void wipe_largest(struct size_class *const *classes,
			 struct evict_counts *counts)
{
	struct size_class *largest = classes[0];
	unsigned i;

	for (i = 1; i < SIZE_CLASS_COUNT; i++)
		if (size_class_disk_bytes(classes[i]) >
		    size_class_disk_bytes(largest))
			largest = classes[i];
	log_info("block cache: the limit needs a size class wiped");
	wipe(largest, counts);
}

bool evict_make_room(struct size_class *const *classes, uint64_t limit_bytes,
		     uint64_t need_bytes, struct evict_counts *counts)
{
	uint64_t used = evict_used_bytes(classes), extra = limit_bytes / 64;
	int round, r;

	if (extra > MAX_EXTRA)
		extra = MAX_EXTRA;
	for (round = 0; used && used + need_bytes > limit_bytes; round++) {
		uint64_t over = used + need_bytes - limit_bytes;

		/* A batch that cannot fit is no reason to evict. */
		if (need_bytes > limit_bytes)
			return false;
		r = punch(classes, counts);
		used = evict_used_bytes(classes);
		if (used + need_bytes <= limit_bytes)
			break;
		if (r == -EAGAIN)
			return false;
		over = used + need_bytes - limit_bytes;
		if (r || round >= MAX_ROUNDS ||
		    !evict_bytes(classes, over + extra, counts))
			wipe_largest(classes, counts);
		used = evict_used_bytes(classes);
	}
	return used + need_bytes <= limit_bytes;
}
