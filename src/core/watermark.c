/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the limits, and logs each crossing once. */
#include "vers3/core/watermark.h"

#include <inttypes.h>

#include "vers3/core/mount.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define LOOK_EVERY_NS (100 * NS_PER_MS)

const char *watermark_name(enum watermark_kind kind)
{
	return kind == WATERMARK_QUOTA ? "quota" : "min_free";
}

struct watermark watermark_of(uint64_t used_bytes, uint64_t limit_bytes)
{
	struct watermark mark = {.used_bytes = used_bytes,
				 .limit_bytes = limit_bytes};

	if (limit_bytes && used_bytes >= limit_bytes)
		mark.percent = 100;
	else if (limit_bytes)
		mark.percent = (unsigned)((double)used_bytes * 100 /
					  (double)limit_bytes);
	return mark;
}

/* Of the disk without what is to stay free. */
static struct watermark read_disk(const struct mount *mount)
{
	struct blocks_stats cached;
	uint64_t usable, used;

	space_read(mount->space, &usable, &used);
	blocks_read_stats(mount->blocks, &cached);
	/* Where all of it is to stay free, it is used up. */
	if (!usable)
		return watermark_of(1, 1);
	return watermark_of(used > cached.used_bytes ? used - cached.used_bytes
						     : 0,
			    usable);
}

struct watermark watermark_read(const struct mount *mount,
				enum watermark_kind kind)
{
	if (kind == WATERMARK_QUOTA)
		return watermark_of(staging_used_bytes(mount->staging),
				    mount->config.quota_bytes);
	return read_disk(mount);
}

bool watermark_crosses(struct watermark mark, atomic_bool *told)
{
	if (mark.percent < WATERMARK_LOW)
		atomic_store(told, false);
	return mark.percent >= WATERMARK_PERCENT &&
	       !atomic_exchange(told, true);
}

static void tell(const struct mount *mount, enum watermark_kind kind,
		 struct watermark mark)
{
	if (kind == WATERMARK_QUOTA)
		log_warning("quota= is used up to %u %%: %" PRIu64
			    " of %" PRIu64 " bytes are unsent; at 100 %% "
			    "writers wait, or fail while the bucket is not in "
			    "reach",
			    mark.percent, mark.used_bytes, mark.limit_bytes);
	else
		log_warning("the disk of the cache, %s, is used up to %u %% of "
			    "what min_free= leaves: at 100 %% writers wait, or "
			    "fail while the bucket is not in reach",
			    mount->config.cache_dir ? mount->config.cache_dir
						    : "-",
			    mark.percent);
}

void watermark_look(struct mount *mount)
{
	struct watermark_told *told = &mount->watermarks;
	int64_t now = clock_mono_ns(), last = atomic_load(&told->looked_ns);

	if (last && now - last < LOOK_EVERY_NS)
		return;
	/* One of those who come at once is enough. */
	if (!atomic_compare_exchange_strong(&told->looked_ns, &last, now))
		return;
	for (int kind = 0; kind < WATERMARKS; kind++) {
		struct watermark mark =
			watermark_read(mount, (enum watermark_kind)kind);

		if (watermark_crosses(mark, &told->told[kind]))
			tell(mount, (enum watermark_kind)kind, mark);
	}
}
